"""The joint problem: Φ against plain algebra, its derivatives, its state vector, its relatives, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bayesjoint as bj
from bayesjoint.testing import assert_adjoint, check_gradient

from ..linear import joined, make, small_mesh
from ..refusals import refused

OPTIONS = st.fixed_dictionaries({}, optional={
    "names": st.sampled_from([("density",), ("density", "susceptibility")]), "dense": st.booleans(),
    "correlation": st.floats(-0.8, 0.8), "known": st.sampled_from([(), (0, 5, 23)]), "bias": st.booleans(),
    "vector": st.booleans(), "shared": st.booleans(), "mean": st.booleans(), "seed": st.integers(0, 99),
    "weights": st.just({"survey_density": 0.3}),
})  # fmt: skip


def built(options):
    if options.get("names") == ("density",):
        options = {k: v for k, v in options.items() if k != "correlation"}
    return make(**options)


def state(problem, reference, rng):
    """A state near the prior, known cells at their values."""
    x = problem.pack({p.name: p.from_hat(np.zeros(p.size)) for p in problem.parameters})
    x = x + rng.standard_normal(problem.size) * problem.pack(physical(problem, reference.scale))
    return np.where(problem.free, x, problem.start())


def physical(problem, flat):
    return {p.name: flat[problem.slices[p.name]].reshape(p.shape) for p in problem.parameters}


@given(OPTIONS)
def test_phi_is_the_negative_log_posterior(options):
    """Differences of Φ are differences of the Gaussian's exponent, known cells at their values."""
    problem, reference = built(options)
    rng = np.random.default_rng(0)
    scale = reference.scale
    covariance = reference.covariance / np.outer(scale, scale)
    free = reference.free
    precision = np.linalg.inv(covariance[np.ix_(free, free)])

    def exponent(x):
        deviation = ((joined(problem, problem.unpack(x)) - reference.mean) / scale)[free]
        return 0.5 * deviation @ precision @ deviation

    a, b = state(problem, reference, rng), state(problem, reference, rng)
    wanted = exponent(a) - exponent(b)
    assert problem.value(a) - problem.value(b) == pytest.approx(wanted, rel=1e-6, abs=1e-6 * problem.value(a))


@given(OPTIONS)
def test_derivatives(options):
    problem, reference = built(options)
    rng = np.random.default_rng(1)
    x = state(problem, reference, rng)
    unit = problem.pack(physical(problem, reference.scale)) * problem.free  # steps of the size of each unknown
    check_gradient(lambda y: problem.value(x + unit * y), lambda y: unit * problem.gradient(x + unit * y),
                   np.zeros(x.size))  # fmt: skip
    v, h = unit * rng.standard_normal(x.size), 1e-3
    numeric = (problem.gradient(x + h * v) - problem.gradient(x - h * v)) / (2 * h)
    product = problem.hessian_product(x, v)
    np.testing.assert_allclose(unit * product, unit * numeric, rtol=1e-6, atol=1e-6 * np.abs(unit * product).max())
    assert np.all(problem.gradient(x)[~problem.free] == 0) and np.all(product[~problem.free] == 0)
    w = unit * rng.standard_normal(x.size)
    assert w @ product == pytest.approx(v @ problem.hessian_product(x, w), rel=1e-7, abs=1e-7 * abs(v @ product))
    assert v @ product > 0


@given(OPTIONS)
def test_gradient_vanishes_at_the_mean(options):
    problem, reference = built(options)
    center = problem.pack(physical(problem, reference.mean))
    unit = problem.pack(physical(problem, reference.scale))
    here = unit * problem.gradient(center)
    away = unit * problem.gradient(np.where(problem.free, center + unit, center))
    assert np.abs(here).max() < 1e-7 * np.abs(away).max()


def test_derivatives_with_penalties(rng):
    mesh = small_mesh()
    fixed = np.where(np.arange(24).reshape(mesh.shape) == 5, 0.3, np.nan)
    parameters = [
        bj.Parameter("density", mesh, prior=bj.Focusing(alpha=2.0, p=1, epsilon=0.1, depth_exponent=0.8), scale=1.0),
        bj.Parameter("susceptibility", mesh, prior=bj.MinimumLength(alpha=0.5, depth_exponent=1.0), fixed=fixed)]
    surveys = [bj.Modality(f"s{k}", rng.standard_normal((6, 24)), rng.standard_normal(6), bj.DiagonalNoise(np.ones(6)),
                           p.name) for k, p in enumerate(parameters)]  # fmt: skip
    problem = bj.JointProblem(parameters, surveys, [bj.Gramian(weight=0.7)])
    x = np.where(problem.free, rng.standard_normal(48), problem.start())
    terms = problem.terms(x)
    assert list(terms) == ["misfit s0", "misfit s1", "prior density", "prior susceptibility", "coupling 0"]
    assert problem.value(x) == pytest.approx(sum(terms.values()), rel=1e-14) and not problem.linear_gaussian
    check_gradient(lambda y: problem.value(np.where(problem.free, y, x)), problem.gradient, x)
    v = rng.standard_normal(48) * problem.free
    numeric = (problem.gradient(x + 1e-5 * v) - problem.gradient(x - 1e-5 * v)) / 2e-5
    np.testing.assert_allclose(problem.hessian_product(x, v), numeric, rtol=1e-5, atol=1e-5 * np.abs(numeric).max())


def test_misfit_terms(rng):
    problem, reference = make(dense=True, weights={"survey_susceptibility": 0.3})
    x = state(problem, reference, rng)
    residual = reference.matrix @ joined(problem, problem.unpack(x)) - reference.data
    np.testing.assert_allclose(np.concatenate(problem.residuals(x)), residual, rtol=1e-12, atol=1e-12)
    first, second = residual[:5], residual[5:]
    chi2 = problem.chi2(x)
    assert chi2["survey_density"] == pytest.approx(first @ np.linalg.solve(reference.noise[:5, :5], first))
    raw = second @ np.linalg.solve(0.3 * reference.noise[5:, 5:], second)  # χ² leaves the exponent out
    assert chi2["survey_susceptibility"] == pytest.approx(raw)
    assert problem.terms(x)["misfit survey_susceptibility"] == pytest.approx(0.15 * raw)


@given(OPTIONS, st.integers(0, 2**32 - 1))
def test_pack_and_unpack(options, seed):
    problem, _ = built(options)
    x = np.random.default_rng(seed).standard_normal(problem.size)
    arrays = problem.unpack(x)
    assert {k: v.shape for k, v in arrays.items()} == {p.name: p.shape for p in problem.parameters}
    np.testing.assert_allclose(problem.pack(arrays), x, rtol=1e-14)
    stacked = problem.unpack(np.stack([[x, 2 * x, 3 * x]]))
    for p in problem.parameters:
        assert stacked[p.name].shape == (1, 3, *p.shape)
        np.testing.assert_allclose(stacked[p.name][0, 2], 3 * arrays[p.name], rtol=1e-14)
    for k, m in enumerate(problem.modalities):
        assert_adjoint(problem.operator(k))
        assert problem.operator(m.name) is problem.operator(k)


def test_start():
    mesh = small_mesh()
    fixed = np.full(mesh.shape, np.nan)
    fixed[0, 0, 0] = 7.0
    bounded = bj.Parameter("density", mesh, bounds=(5.0, 10.0), reference=np.linspace(0, 23, 24).reshape(mesh.shape),
                           fixed=fixed)  # fmt: skip
    free = bj.Parameter("H0", 2, reference=70.0)
    survey = bj.Modality("a", np.ones((1, 26)), [1.0], bj.DiagonalNoise([1.0]), ("density", "H0"))
    problem = bj.JointProblem([bounded, free], [survey])
    wanted = np.clip(np.arange(24.0), 5, 10)
    wanted[0] = 7.0
    np.testing.assert_allclose(problem.unpack(problem.start())["density"].ravel(), wanted)
    np.testing.assert_array_equal(problem.unpack(problem.start())["H0"], [70.0, 70.0])
    np.testing.assert_allclose(problem.lower, [*np.full(24, 0.005), -np.inf, -np.inf])
    np.testing.assert_allclose(problem.upper, [*np.full(24, 0.01), np.inf, np.inf])
    assert problem.bounded and not problem.linear_gaussian
    np.testing.assert_array_equal(np.flatnonzero(~problem.free), [0])


def test_a_survey_reads_its_parameters_in_its_own_order(rng):
    a, b = bj.Parameter("a", 2, scale=10.0), bj.Parameter("b", 3)
    matrix = rng.standard_normal((4, 5))
    survey = bj.Modality("s", matrix, np.zeros(4), bj.DiagonalNoise(np.ones(4)), ("b", "a"))
    problem = bj.JointProblem([a, b], [survey])
    values = {"a": [1.0, 2.0], "b": [3.0, 4.0, 5.0]}
    np.testing.assert_allclose(problem.operator("s") @ problem.pack(values), matrix @ [3.0, 4.0, 5.0, 1.0, 2.0])


def test_separate():
    problem, _ = make(correlation=0.5, vector=True, weights={"survey_density": 0.3})
    alone = problem.separate()
    assert list(alone) == ["survey_density", "survey_susceptibility"]
    first, second = alone.values()
    assert list(first.by_name) == ["density"] and list(second.by_name) == ["susceptibility", "datum"]
    assert first.weights == {"survey_density": 0.3} and second.weights == {"survey_susceptibility": 1.0}
    assert first.couplings == () and second.parameters[0] is problem.parameters[1]


def test_replace():
    problem, _ = make(correlation=0.5, weights={"survey_density": 0.3})
    assert problem.replace(couplings=()).weights == problem.weights
    one = problem.replace(modalities=problem.modalities[:1])
    assert one.weights == {"survey_density": 0.3} and len(one.couplings) == 1
    assert problem.replace(weights=None).weights == {"survey_density": 1.0, "survey_susceptibility": 1.0}
    assert problem.weights["survey_density"] == 0.3
    with pytest.raises(TypeError, match="modality"):
        problem.replace(modality=[])


def test_settings_are_text_and_numbers():
    settings = make(correlation=0.5, bias=True, vector=True)[0].settings()
    assert all(isinstance(v, (str, int, float)) and not isinstance(v, bool) for v in settings.values())
    assert "Coregionalization" in settings["couplings"] and settings["survey_density: data"] == 5
    assert "density" in repr(make()[0])


def parts(**changes):
    mesh = small_mesh()
    given = {
        "parameters": [bj.Parameter("density", mesh), bj.Parameter("H0", 2)],
        "modalities": [modality("g", 24, "density"), modality("h", 2, "H0")],
    } | changes
    return bj.JointProblem(**given)


def modality(name, columns, parameter):
    return bj.Modality(name, np.ones((3, columns)), np.ones(3), bj.DiagonalNoise(np.ones(3)), parameter)


def cells():
    return bj.Parameter("density", small_mesh())


BAD = {
    "no parameters": (lambda: parts(parameters=[]), "parameters", ValueError),
    "parameters alone": (lambda: parts(parameters=cells()), "parameters", TypeError),
    "parameters twice": (lambda: parts(parameters=[cells(), cells()]), "parameters", ValueError),
    "parameter a name": (lambda: parts(parameters=["density"]), "parameters", TypeError),
    "no modalities": (lambda: parts(modalities=[]), "modalities", ValueError),
    "modality alone": (lambda: parts(modalities=modality("g", 24, "density")), "modalities", TypeError),
    "modalities twice": (lambda: parts(modalities=[modality("g", 24, "density")] * 2), "modalities", ValueError),
    "modality a parameter": (lambda: parts(modalities=[cells()]), "modalities", TypeError),
    "unknown parameter": (lambda: parts(modalities=[modality("g", 24, "velocity")]), "parameter of modality 'g'",
                          ValueError),
    "columns": (lambda: parts(modalities=[modality("g", 23, "density")]), "forward of modality 'g'", ValueError),
    "columns of two": (lambda: parts(modalities=[modality("g", 24, ("density", "H0"))]), "forward of modality 'g'",
                       ValueError),
    "coupling alone": (lambda: parts(couplings=bj.Coregionalization(0.5)), "couplings", TypeError),
    "coupling a number": (lambda: parts(couplings=[0.5]), "couplings", TypeError),
    "weights key": (lambda: parts(weights={"gravity": 1.0}), "weights", ValueError),
    "weights list": (lambda: parts(weights=[1.0, 1.0]), "weights", TypeError),
    "weight zero": (lambda: parts(weights={"g": 0.0}), r"weights\['g'\]", ValueError),
    "weight negative": (lambda: parts(weights={"g": -1.0}), r"weights\['g'\]", ValueError),
    "weight nan": (lambda: parts(weights={"g": np.nan}), r"weights\['g'\]", ValueError),
    "weight bool": (lambda: parts(weights={"g": True}), r"weights\['g'\]", TypeError),
    "weight text": (lambda: parts(weights={"g": "1"}), r"weights\['g'\]", TypeError),
    "operator name": (lambda: parts().operator("k"), "k", ValueError),
    "operator index": (lambda: parts().operator(2), "k", ValueError),
    "operator bool": (lambda: parts().operator(True), "k", ValueError),
    "pack too little": (lambda: parts().pack({"density": 1.0}), "physical", ValueError),
    "pack too much": (lambda: parts().pack({"density": 1.0, "H0": 1.0, "w": 2.0}), "physical", ValueError),
    "pack shape": (lambda: parts().pack({"density": np.ones(24), "H0": 1.0}), "density", ValueError),
    "pack nan": (lambda: parts().pack({"density": np.nan, "H0": 1.0}), "density", ValueError),
}  # fmt: skip


@pytest.mark.parametrize(("call", "argument", "error"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(call, argument, error):
    refused(call, argument, error)
