"""Std and range of every part of a sum of Matérns, by the evidence."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.hyperparameters._dense_evidence import DenseEvidence
from bayesjoint.hyperparameters._doubts import vanishing
from bayesjoint.hyperparameters._large_evidence import LargeEvidence
from bayesjoint.hyperparameters._order import alike, in_order, log_orders, turned
from bayesjoint.hyperparameters._search import Optimum
from bayesjoint.hyperparameters._vector import HyperVector
from bayesjoint.hyperparameters._whittle import WhittleEvidence
from tests.hyperparameters.test_dense import away, difference
from tests.sums import sum_problem

TIED = ["density_std_1", "density_std_2", "susceptibility_std_1", "susceptibility_std_2", "range", "density_range_2",
        "susceptibility_range_2", "correlation", "gravity_noise", "magnetic_noise"]
CASES = {"tied": ("mesh", -0.6), "apart": ("mesh", None), "tied, continued": ("continued", 0.5),
         "apart, continued": ("continued", None)}


def field_of(*parts, names=None, shape=(3, 12, 12), noise=0.01, seed=1, truth=None, extent="mesh"):
    """Gravity drawn from one sum and the problem that states another."""
    mesh = bj.Mesh.regular(shape, (50.0, 100.0, 100.0))
    operator = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=10.0)
    fields = [bj.Parameter("density", mesh, prior=bj.SumOfMaterns([bj.Matern(*p, extent=extent) for p in each]))
              for each in (truth or parts, parts)]
    rng = np.random.default_rng(seed)
    values = fields[0].from_hat(fields[0].bound_prior.covariance.sample(rng, 1)[0])
    data = operator.predict(values) + noise * rng.standard_normal(operator.data_shape)
    survey = bj.Modality("gravity", operator, data, bj.DiagonalNoise(np.full(data.shape, noise)), "density")
    return bj.JointProblem([fields[1]], [survey])


def test_names_of_tied_sums():
    assert HyperVector(sum_problem("mesh", -0.6)).names == TIED


def test_names_of_sums_apart():
    names = HyperVector(sum_problem("mesh", None), ranges="layered").names
    assert names[4:8] == ["density_range_vertical_1", "density_range_horizontal_1", "density_range_vertical_2",
                          "density_range_horizontal_2"]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_dense_evidence_is_that_of_the_rebuilt_problem_and_its_gradient_that_of_differences(case):
    vector = HyperVector(sum_problem(*case), ranges="axes" if case[0] == "mesh" else "common")
    evidence, theta = DenseEvidence(vector), away(vector)
    value, gradient = evidence.evaluate(theta)
    stated = float(bj.posterior(vector.rebuild(theta), "dense").log_evidence())
    # continued: the search's torus is not quite that of the rebuilt problem
    assert value == pytest.approx(stated, abs=1e-8 if case[0] == "mesh" else 1e-3 * abs(stated))
    assert gradient == pytest.approx(difference(evidence, theta), abs=2e-6, rel=1e-7)


@pytest.mark.parametrize("correlation", [0.5, None])
def test_the_large_evidence_is_the_dense_one_within_its_error(correlation):
    vector = HyperVector(sum_problem("continued", correlation))
    dense, large, theta = DenseEvidence(vector), LargeEvidence(vector, probes=64), away(vector)
    value, gradient = dense.evaluate(theta)
    found = large.log_evidence(theta)
    assert abs(found - value) < 4 * found.error + abs(found.bias) + 1e-6
    slope, error, _ = large.slope(theta)
    assert np.abs(slope - gradient).max() < 5 * error.max() + 1e-4 * np.abs(gradient).max()


@pytest.mark.parametrize("case", [("continued", 0.5), ("continued", None)])
def test_the_whittle_gradient_is_that_of_differences(case):
    vector = HyperVector(sum_problem(*case, shape=(2, 6, 7)))
    whittle, theta = WhittleEvidence(vector), away(vector)
    found = whittle.evaluate(theta)[1]
    # ranges by one-sided differences of 1e-3
    assert found == pytest.approx(difference(whittle, theta), rel=5e-3, abs=2e-3 * np.abs(found).max())


def test_whittle_of_parts_of_one_range_is_that_of_one_field():
    problem = sum_problem("continued", None, names=("density",), shape=(2, 6, 7))
    values = []
    for prior in (bj.Matern(60.0, 300.0, extent="continued") + bj.Matern(80.0, 300.0, extent="continued"),
                  bj.Matern(100.0, 300.0, extent="continued")):
        vector = HyperVector(problem.replace(parameters=[problem.parameters[0].replace(prior=prior)]))
        values.append(WhittleEvidence(vector).evaluate(vector.start)[0])
    assert values[0] == pytest.approx(values[1], rel=1e-10)


PARTS = (80.0, 800.0), (80.0, 60.0)
TWO = ["density_std_1", "density_std_2", "density_range_1", "density_range_2"]


def test_like_parts_trade_places_without_changing_the_evidence():
    problem = field_of((70.0, 900.0), (50.0, 200.0), shape=(2, 5, 5))
    vector = HyperVector(problem)
    assert vector.names == ["density_std_1", "density_std_2", "density_range_1", "density_range_2", "gravity_noise"]
    assert [rows.tolist() for rows in alike(vector)] == [[[1, 3], [0, 2]]]
    assert log_orders(vector) == pytest.approx(np.log(2))
    evidence, swapped = DenseEvidence(vector), vector.start[[1, 0, 3, 2, 4]]
    assert evidence.evaluate(swapped)[0] == pytest.approx(evidence.evaluate(vector.start)[0], abs=1e-9)
    assert turned(vector, vector.start).tolist() == [0, 1, 2, 3, 4]
    optimum = Optimum(theta=swapped, value=0.0, converged=True, message="")
    assert in_order(vector, optimum).theta == pytest.approx(vector.start)


@pytest.mark.parametrize(("parts", "free"), [
    (((70.0, 900.0), (50.0, 200.0, 0.5)), None),
    (((70.0, 900.0), ([50.0, 20.0], 200.0)), None),
    (((70.0, 900.0), (50.0, (100.0, 200.0, 200.0))), None),
    (((70.0, 900.0), (50.0, 200.0)), ["density_std_1", "density_range_1", "density_range_2"]),
])  # fmt: skip
def test_unlike_parts_keep_their_places(parts, free):
    vector = HyperVector(field_of(*parts, shape=(2, 5, 5)), free=free)
    assert alike(vector) == []
    assert turned(vector, vector.start[::-1]).tolist() == list(range(vector.size))


def test_the_shared_part_is_not_one_of_those_that_trade_places():
    assert alike(HyperVector(sum_problem("mesh", -0.6))) == []


def test_a_part_takes_its_own_hyperparameters_with_it():
    vector = HyperVector(sum_problem("mesh", -0.6))
    gone = [[vector.names[i] for i in vanishing(vector, "density", place)] for place in (0, 1)]
    assert gone == [["density_std_1", "correlation"], ["density_std_2", "density_range_2"]]


@pytest.fixture(scope="module")
def fitted():
    problem = field_of((60.0, 1500.0), (90.0, 150.0), truth=PARTS)
    return bj.fit_hyperparameters(problem, free=TWO, thin=1, curve=False)


def test_two_scales_are_found(fitted):
    assert fitted.converged
    assert fitted.estimate["density_range_1"] > 3 * fitted.estimate["density_range_2"]
    off = fitted.theta - np.log([80.0, 80.0, 800.0, 60.0])
    assert np.all(np.abs(off) < 3 * np.sqrt(np.diag(fitted.covariance)))
    assert np.all(np.isfinite([fitted.table["no_field"][i] for i in (0, 1)]))
    assert all("identif" in v or "known" in v for v in fitted.table["verdict"])


def test_they_beat_one_range(fitted):
    problem = fitted.vector.problem
    single = problem.replace(parameters=[problem.parameters[0].replace(prior=bj.Matern(100.0, 300.0))])
    one = bj.fit_hyperparameters(single, free=["density_std", "density_range"], thin=1, curve=False)
    assert float(fitted.log_evidence) > float(one.log_evidence) + 3


def test_a_part_that_the_data_do_without_is_doubted():
    problem = field_of((60.0, 900.0), (60.0, 150.0), truth=((60.0, 250.0), (80.0, 250.0)), shape=(2, 7, 7))
    fit = bj.fit_hyperparameters(problem, free=TWO, thin=1, curve=False)
    assert "of no part" in " ".join(fit.table["verdict"])
    assert not fit.table["identified"].all()
