"""A survey's bias as a parameter: columns, adjoint, marginalisation, refusals."""

from copy import deepcopy

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse import random as sparse_random
from scipy.sparse.linalg import LinearOperator

import bayesjoint as bj
from bayesjoint.augment._bias import biases_of, held_by_biases
from bayesjoint.augment._bias_basis import bias_basis
from bayesjoint.testing import assert_adjoint

from ..linear import make, small_mesh
from ..refusals import refused


def field_problem():
    mesh = small_mesh()
    operator = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=10.0)
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=200.0))
    rng = np.random.default_rng(0)
    survey = bj.Modality("gravity", operator, rng.standard_normal(12), bj.DiagonalNoise(np.full(12, 0.1)), "density")
    return bj.JointProblem([density], [survey], weights={"gravity": 0.5})


@pytest.mark.parametrize(("basis", "powers"), [
    ("constant", [(0, 0)]), ("linear", [(0, 0), (0, 1), (1, 0)]),
    ("quadratic", [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0)])])
def test_polynomials_in_the_stations(basis, powers):
    problem = bj.add_bias(field_problem(), "gravity", basis, std=2.0)
    easting, northing, _ = problem.modalities[0].forward.coordinates()
    e, n = (np.interp(c, [c.min(), c.max()], [-1, 1]) for c in (easting, northing))
    wanted = np.stack([e**i * n**j for i, j in powers], axis=1)
    coefficients = np.eye(len(powers))
    found = np.stack([problem.operator("gravity").matvec(problem.pack({"density": 0.0, "gravity_bias": c}))
                      for c in coefficients], axis=1)  # fmt: skip
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    assert np.abs(wanted).max(axis=0) == pytest.approx(1.0)


def test_what_the_bias_keeps():
    before = field_problem()
    after = bj.add_bias(before, "gravity", "linear", std=[2.0, 1.0, 0.5])
    survey = after.modalities[0]
    assert survey.parameters == ("density", "gravity_bias")
    assert (survey.units, survey.kind, survey.data_shape) == ("mGal", "gravity", (3, 4))
    assert after.parameters[1].units == "mGal" and after.weights == {"gravity": 0.5}
    np.testing.assert_allclose(after.parameters[1].bound_prior.covariance.diagonal(), [4.0, 1.0, 0.25])
    assert before.modalities[0].parameters == ("density",)  # the original is what it was
    assert_adjoint(after.operator("gravity"))
    x = np.random.default_rng(0).standard_normal((27, 3))
    np.testing.assert_allclose(after.operator(0).matmat(x)[:, 1], after.operator(0).matvec(x[:, 1]), rtol=1e-12)
    y = np.random.default_rng(0).standard_normal((12, 3))
    np.testing.assert_allclose(after.operator(0).rmatmat(y)[:, 1], after.operator(0).rmatvec(y[:, 1]), rtol=1e-12)


def test_a_bias_is_noise_along_its_columns():
    """Marginalised over b ~ N(0, σ²), data have the noise C + B σ² Bᵀ: the same posterior, the same evidence."""
    problem, _ = make()
    rng, survey = np.random.default_rng(4), problem.modalities[0]
    columns, std = rng.standard_normal((5, 2)), np.array([2.0, 0.7])
    biased = bj.posterior(bj.add_bias(problem, survey.name, columns, std))
    wide = survey.replace(noise=bj.DenseNoise(survey.noise.covariance() + (columns * std**2) @ columns.T))
    noisy = bj.posterior(problem.replace(modalities=[wide, problem.modalities[1]]))
    for name in noisy.mean():
        np.testing.assert_allclose(biased.mean()[name], noisy.mean()[name], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(biased.std()[name], noisy.std()[name], rtol=1e-9)
    assert biased.log_evidence() == pytest.approx(noisy.log_evidence(), abs=1e-9)


def test_a_nonlinear_model_takes_a_bias_too():
    model = bj.ForwardModel(lambda m: m[0] * np.exp(-m[1] * np.arange(4.0)), (4, 2), typical=1.0)
    values = bj.Parameter("values", 2, prior=bj.GaussianPrior(0.0, 1.0))
    survey = bj.Modality("decay", model, np.ones(4), bj.DiagonalNoise(np.ones(4)), "values")
    biased = bj.add_bias(bj.JointProblem([values], [survey]), "decay", {"datum": np.ones(4)}, std=3.0)
    m, forward = np.array([1.5, 0.3, -2.0]), biased.modalities[0].forward
    np.testing.assert_allclose(biased.predict("decay", m), model.predict(m[:2]) - 2.0)
    wanted = np.column_stack([model.linearise(m[:2]) @ np.eye(2), np.ones(4)])
    np.testing.assert_allclose(biased.operators_at(m)[0] @ np.eye(3), wanted)
    tangent = biased.linearised(m)
    np.testing.assert_allclose(tangent.modalities[0].data - tangent.predict("decay", m),
                               1 - biased.predict("decay", m), atol=1e-12)
    assert forward is model
    assert 0 < forward.jacobian_error(biased.physical("decay", m)) < 1e-6


def test_an_operator_of_the_users_may_have_any_attribute():
    """An operator that bears `basis` and `forward` for its own ends once was taken for one with bias columns."""
    class Own(LinearOperator):
        basis = forward = "mine"

        def __init__(self):
            super().__init__(float, (4, 2))

        def _matmat(self, x):
            return np.arange(8.0).reshape(4, 2) @ x

        def _rmatmat(self, y):
            return np.arange(8.0).reshape(4, 2).T @ y

    values = bj.Parameter("values", 2, prior=bj.GaussianPrior(0.0, 1.0))
    made = [bj.JointProblem([values], [bj.Modality("own", forward, np.ones(4), bj.DiagonalNoise(np.ones(4)), "values")])
            for forward in (Own(), np.arange(8.0).reshape(4, 2))]
    for each in (lambda p: p, lambda p: bj.add_bias(p, "own", {"datum": np.ones(4)}, std=3.0)):
        one, other = (bj.posterior(each(problem)) for problem in made)
        np.testing.assert_allclose(one.mean()["values"], other.mean()["values"], rtol=1e-10)
    assert bj.fit_hyperparameters(made[0], free=["own_noise"], curve=False).estimate["own_noise"] > 0


def test_terms_add_up_and_have_the_transpose():
    rng = np.random.default_rng(4)
    a, b, c = (bj.Parameter(n, k, prior=bj.GaussianPrior(0.0, 1.0)) for n, k in zip("abc", (3, 2, 4), strict=True))
    dense, sparse = rng.standard_normal((5, 2)), sparse_random(5, 4, 0.5, random_state=1, format="csr")
    noise = bj.DiagonalNoise(np.ones(5))
    survey = bj.Modality("survey", rng.standard_normal((5, 3)), rng.standard_normal(5), noise, "a")
    problem = bj.JointProblem([a, b, c], [survey.with_term("b", dense).with_term("c", sparse)])
    x, whole = rng.standard_normal(9), np.hstack([survey.forward @ np.eye(3), dense, sparse.toarray()])
    np.testing.assert_allclose(problem.predict("survey", x), whole @ x, rtol=1e-12)
    assert_adjoint(problem.operator("survey"))
    np.testing.assert_allclose(problem.operator("survey").rmatmat(np.eye(5)), whole.T, rtol=1e-12)
    left = problem.modalities[0].without_term("b")
    assert left.parameters == ("a", "c") and left.seen == ("a",) and left.replace(units="nT").terms == left.terms
    with pytest.raises(ValueError, match="one row for each of the 5 data"):
        survey.with_term("b", np.ones((4, 2)))
    with pytest.raises(ValueError, match="one column for each value"):
        bj.JointProblem([a, b], [survey.with_term("b", np.ones((5, 3)))])
    for columns, words in ((np.full((5, 2), np.nan), "must hold finite"), ([1.0, 2.0], "must have|must be"),
                           (sparse * np.inf, "must hold")):
        with pytest.raises(ValueError, match=words):
            survey.with_term("b", columns)
    with pytest.raises(ValueError, match="parameter must be one of the terms"):
        left.without_term("b")
    with pytest.raises(TypeError, match="terms must be a list"):
        survey.replace(terms=None)
    listed = survey.with_term("b", dense.tolist()).with_term("c", sparse.tocoo())
    np.testing.assert_array_equal(listed.terms[0].columns, dense)
    assert deepcopy(listed).parameters == listed.parameters
    with pytest.raises(ValueError, match="different parameters"):
        survey.with_term("a", np.ones((5, 3)))


def test_a_term_of_a_field_leaves_air_out():
    mesh = bj.Mesh.regular((2, 3, 3), (10.0, 10.0, 10.0)).with_active(np.arange(18).reshape(2, 3, 3) < 15)
    rng = np.random.default_rng(2)
    one, other = (bj.Parameter(n, mesh, prior=bj.Matern(1.0, 20.0), scale=1.0, units="1") for n in ("one", "other"))
    a, b = rng.standard_normal((2, 4, 18))
    noise = bj.DiagonalNoise(np.ones(4))
    for columns in (b, csr_array(b)):
        survey = bj.Modality("s", a, np.ones(4), noise, "one").with_term("other", columns)
        both = bj.Modality("s", np.hstack([a, b]), np.ones(4), noise, ("one", "other"))
        apart, joined = (bj.JointProblem([one, other], [m]) for m in (survey, both))
        x = rng.standard_normal(36)
        np.testing.assert_allclose(apart.predict("s", x), joined.predict("s", x), rtol=1e-12)
        np.testing.assert_allclose(apart.operator("s").rmatvec(np.ones(4)), joined.operator("s").rmatvec(np.ones(4)),
                                   rtol=1e-12)
        assert np.all(apart.operator("s").rmatvec(np.ones(4))[-3:] == 0)


def evidence_of(problem, survey, basis, std):
    return float(bj.posterior(bj.add_bias(problem, survey, basis, std)).log_evidence())


def test_the_std_by_evidence_is_where_the_evidence_is_largest():
    problem, _ = make(weights={"survey_density": 0.6})
    rng = np.random.default_rng(8)
    columns = rng.standard_normal((5, 3))
    survey = problem.modalities[0].replace(data=problem.modalities[0].data + columns @ [6.0, -9.0, 7.0])
    problem = problem.replace(modalities=[survey, problem.modalities[1]])
    found = bj.add_bias(problem, survey.name, columns, "evidence").by_name["survey_density_bias"].prior.evidence
    none = float(bj.posterior(problem).log_evidence())
    for k in (10, 50, 70, 90):
        wanted = evidence_of(problem, survey.name, columns, found.std[k]) - none
        assert found.log_evidence[k] == pytest.approx(wanted, abs=1e-8)
    top = evidence_of(problem, survey.name, columns, found.value)
    assert all(evidence_of(problem, survey.name, columns, found.value * f) < top for f in (0.97, 1.03))
    assert found.low < found.value < found.high and 0 < found.log_error < 1.5
    assert "nats above no bias" in found.verdict and str(problem.replace().parameters) == str(problem.parameters)


def test_the_std_by_evidence_of_one_coefficient_has_a_closed_form():
    """b̂ ~ N(0, τ² + s²) for one datum seen by nothing else: τ̂² = b̂² − s²."""
    m = bj.Parameter("m", 1, prior=bj.GaussianPrior(0.0, 9.0))
    survey = bj.Modality("a", [[1.0]], [13.0], bj.DiagonalNoise([4.0]), "m")
    found = bj.add_bias(bj.JointProblem([m], [survey]), "a", {"datum": [1.0]}, "evidence").by_name["a_bias"].prior
    assert found.std[0] == pytest.approx(np.sqrt(13.0**2 - 25.0), rel=1e-6)
    quiet = bj.JointProblem([m], [survey.replace(data=[2.0])])
    found = bj.add_bias(quiet, "a", {"datum": [1.0]}, "evidence").by_name["a_bias"].prior
    assert found.std[0] == found.evidence.high > 0 and found.evidence.low == 0
    assert "largest without any bias" in str(found)


def test_the_std_by_evidence_with_a_flat_prior_is_the_restricted_one():
    """Ten equal data with a common flat mean and one level each of two lines: balanced, so τ̂² is known."""
    m = bj.Parameter("m", 1)
    rng = np.random.default_rng(0)
    data = rng.standard_normal(10) + np.repeat([5.0, -5.0], 5)
    survey = bj.Modality("a", np.ones((10, 1)), data, bj.DiagonalNoise(np.ones(10)), "m")
    found = bj.add_bias(bj.JointProblem([m], [survey]), "a", [1] * 5 + [2] * 5, "evidence").by_name["a_bias"].prior
    difference = data[:5].mean() - data[5:].mean()  # ~ N(0, 2 τ² + 2/5)
    assert found.std[0] == pytest.approx(np.sqrt(difference**2 / 2 - 0.2), rel=1e-6)
    refused(lambda: bj.add_bias(bj.JointProblem([m], [survey]), "a", np.ones((10, 1)), "evidence"), "basis")


def test_coefficients_keep_their_names():
    biased = bj.add_bias(field_problem(), "gravity", "linear", std=[2.0, 1.0, 0.5])
    bias = biased.by_name["gravity_bias"]
    assert bias.labels == bias.replace(units="mGal").labels == ("constant", "north", "east")
    tree = bj.posterior(biased).to_datatree(draws=10, chains=2)
    assert tree["posterior"]["gravity_bias"].gravity_bias_id.values.tolist() == ["constant", "north", "east"]
    assert "std 0.5 to 2" in tree["posterior"]["gravity_bias"].attrs["prior"]


def test_two_surveys_may_each_have_one():
    problem, _ = make()
    both = bj.add_bias(problem, "survey_density", np.ones((5, 1)), 1.0)
    both = bj.add_bias(both, "survey_susceptibility", np.ones((6, 1)), 1.0)
    assert [p.name for p in both.parameters][2:] == ["survey_density_bias", "survey_susceptibility_bias"]
    refused(lambda: bj.add_bias(both, "survey_density", np.ones((5, 1)), 1.0), "survey")


def test_a_second_bias_has_a_name_of_its_own_and_is_what_one_of_both_would_be():
    problem, _ = make()
    columns = np.random.default_rng(3).standard_normal((5, 3))
    whole = bj.add_bias(problem, "survey_density", columns, [2.0, 1.0, 0.5])
    parts = bj.add_bias(bj.add_bias(problem, "survey_density", columns[:, :1], 2.0), "survey_density", columns[:, 1:],
                        [1.0, 0.5], name="drift")
    assert parts.modalities[0].parameters[-2:] == ("survey_density_bias", "drift")
    one, other = bj.posterior(whole), bj.posterior(parts)
    assert other.log_evidence() == pytest.approx(float(one.log_evidence()), abs=1e-9)
    found = np.concatenate([other.std()["survey_density_bias"], other.std()["drift"]])
    np.testing.assert_allclose(found, one.std()["survey_density_bias"], rtol=1e-9)
    assert other.nuisances()["drift_value"].sizes == {"drift_id": 2}
    refused(lambda: bj.add_bias(parts, "survey_density", columns, 1.0, name="drift"), "name")
    refused(lambda: bj.add_bias(parts, "survey_density", columns, 1.0, name="a drift"), "name", TypeError)


COLUMN = np.ones((12, 1))
BAD = {
    "survey": ({"survey": "gravty"}, "survey", ValueError),
    "no std": ({"std": None}, "std", ValueError),
    "std zero": ({"std": 0.0}, "std", ValueError),
    "std negative": ({"std": -1.0}, "std", ValueError),
    "std word": ({"std": "auto"}, "std", ValueError),
    "std bool": ({"std": True}, "std", TypeError),
    "std too many": ({"basis": COLUMN, "std": [1.0, 2.0]}, "std", ValueError),
    "basis": ({"basis": "cubic"}, "basis", ValueError),
    "basis vector": ({"basis": np.ones(12)}, "basis", ValueError),
    "basis short": ({"basis": np.ones((11, 1))}, "basis", ValueError),
    "basis nan": ({"basis": COLUMN * np.nan}, "basis", ValueError),
    "basis without columns": ({"basis": np.ones((12, 0))}, "basis", ValueError),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "argument", "error"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(changes, argument, error):
    given = {"survey": "gravity", "basis": "constant", "std": 1.0} | changes
    refused(lambda: bj.add_bias(field_problem(), **given), argument, error)


def test_polynomials_need_stations():
    refused(lambda: bj.add_bias(make()[0], "survey_density", "constant", 1.0), "basis")


def test_what_biases_hold_is_part_of_the_model():
    problem = bj.add_bias(field_problem(), "gravity", "constant", std=2.0)
    columns, _ = bias_basis(problem.modalities[0], "linear")
    assert held_by_biases(field_problem(), "gravity", columns).tolist() == [False] * 3
    assert held_by_biases(problem, "gravity", columns).tolist() == [True, False, False]
    tilted = bj.add_bias(problem, "gravity", {"slope": columns[:, 1] + 0.5}, 1.0, name="gravity_tilt")
    assert held_by_biases(tilted, "gravity", columns).tolist() == [True, True, False]
    assert [p.name for p in biases_of(tilted, "gravity")] == ["gravity_bias", "gravity_tilt"]
