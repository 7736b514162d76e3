"""Which hyperparameters a problem has, where they may go, and the problem a vector stands for."""

import numpy as np
import pytest
from scipy.integrate import quad

import bayesjoint as bj
from bayesjoint.hyperparameters._coordinates import Coordinate
from bayesjoint.hyperparameters._penalty import TAIL, log_prior
from bayesjoint.hyperparameters._vector import HyperVector
from tests.hyperparameters.fields import gravity_problem, joint_problem
from tests.linear import make
from tests.refusals import refused


def test_ranges_are_tied_where_fields_share_a_correlation_function():
    assert HyperVector(joint_problem(0)).names == ["density_std", "susceptibility_std", "range", "correlation",
                                                   "gravity_noise", "magnetic_noise"]
    apart = HyperVector(joint_problem(0).replace(couplings=[]), ranges="layered")
    assert apart.names[2:6] == ["density_range_vertical", "density_range_horizontal", "susceptibility_range_vertical",
                                "susceptibility_range_horizontal"]


def test_a_vector_rebuilds_the_problem_it_stands_for():
    vector = HyperVector(joint_problem(0, stated=0.2), ranges="axes")
    theta = vector.start + np.linspace(-0.4, 0.5, vector.size)
    values, problem = vector.values(theta), vector.rebuild(theta)
    for p in problem.parameters:
        assert p.prior.std == pytest.approx(values[f"{p.name}_std"])
        assert p.prior.ranges() == pytest.approx([values[f"range_{a}"] for a in ("upward", "northing", "easting")])
    assert problem.couplings[0].correlation == pytest.approx(values["correlation"])
    for m in problem.modalities:
        assert m.noise.std == pytest.approx(np.full(m.size, values[f"{m.name}_noise"]))


def test_the_problems_own_vector_is_the_problem():
    problem = make(correlation=0.4, layered=True)[0]
    vector = HyperVector(problem)
    same = vector.rebuild(vector.start)
    for a, b in zip(problem.parameters, same.parameters, strict=True):
        assert a.prior.ranges() == pytest.approx(b.prior.ranges())
        np.testing.assert_allclose(a.prior.std, b.prior.std)


def test_what_is_not_free_stays():
    vector = HyperVector(joint_problem(0), free=["range"])
    problem = vector.rebuild(vector.start + 1)
    assert vector.names == ["range"]
    assert problem.modalities[0].noise is vector.problem.modalities[0].noise
    assert problem.parameters[0].prior.std == 100.0
    assert problem.parameters[0].prior.range == pytest.approx(200 * np.e)


def test_default_bounds_hold_the_stated_values_and_follow_the_geometry():
    vector = HyperVector(gravity_problem(0))
    known = vector.known()
    assert (known["density_range"].low, known["density_range"].high) == (50.0, 2000.0)
    size = np.sqrt(np.mean(vector.problem.modalities[0].data ** 2))
    assert known["gravity_noise"].low == pytest.approx(1e-3 * size)
    far = HyperVector(gravity_problem(0, stated=(1e-6, 9e4, 99.0)))
    for c in far.coordinates:
        assert c.low < c.value < c.high


def test_bounds_may_be_given():
    vector = HyperVector(gravity_problem(0), bounds={"density_range": (100.0, 400.0)})
    assert np.exp(vector.bounds[1]) == pytest.approx([100.0, 400.0])
    assert np.exp(vector.start[1]) == pytest.approx(400.0)  # the stated 500 m lies outside


KINDS = {
    "std": Coordinate(name="a", kind="std", targets=(), value=1, low=0.1, high=10, scale=3.0),
    "noise": Coordinate(name="a", kind="noise", targets=(), value=1, low=0.1, high=10, scale=0.2),
    "range": Coordinate(name="a", kind="range", targets=(), value=1, low=0.1, high=10, scale=50.0),
    "noise_range": Coordinate(name="a", kind="noise_range", targets=(), value=1, low=0.1, high=10, scale=5.0),
    "correlation": Coordinate(name="a", kind="correlation", targets=(), value=0, low=-0.9, high=0.9),
}


@pytest.mark.parametrize("c", KINDS.values(), ids=KINDS)
def test_weak_priors_are_densities_with_the_tail_they_state_and_right_derivatives(c):
    def density(t):
        return np.exp(log_prior(c, t)[0])

    middle = 0.0 if c.kind == "correlation" else np.log(c.scale)
    below, above = quad(density, middle - 30, middle)[0], quad(density, middle, middle + 30)[0]
    assert below + above == pytest.approx(1, abs=1e-6)
    tail = {"std": above, "noise": above, "range": below, "noise_range": below, "correlation": TAIL}[c.kind]
    assert tail == pytest.approx(TAIL, abs=1e-6)
    t, h = middle + 0.4, 1e-5
    high, low = log_prior(c, t + h), log_prior(c, t - h)
    assert log_prior(c, t)[1] == pytest.approx((high[0] - low[0]) / (2 * h), abs=1e-8)
    assert log_prior(c, t)[2] == pytest.approx((high[1] - low[1]) / (2 * h), abs=1e-8)


def test_a_correlation_is_uniform():
    c = KINDS["correlation"]
    rho = np.array([-0.9, 0.0, 0.5])
    density = [np.exp(log_prior(c, np.arctanh(r))[0]) / (1 - r**2) for r in rho]
    assert density == pytest.approx([0.5] * 3)


def test_a_std_that_runs_to_zero_costs_a_nat_for_every_factor_e():
    c = KINDS["noise"]
    assert log_prior(c, np.log(1e-6))[1] == pytest.approx(1.0, abs=1e-4)
    assert log_prior(KINDS["range"], np.log(1e8))[1] == pytest.approx(-1.5, abs=1e-3)


def test_bad_settings_are_refused():
    problem = gravity_problem(0)
    refused(lambda: HyperVector(problem, free=["density_sdt"]), "free")
    refused(lambda: HyperVector(problem, free=[]), "free")
    refused(lambda: HyperVector(problem, bounds={"noise": (1, 2)}), "bounds")
    refused(lambda: HyperVector(problem, bounds={"gravity_noise": (2, 1)}), r"bounds\['gravity_noise'\]")
    refused(lambda: HyperVector(problem, bounds={"gravity_noise": (0, 1)}), r"bounds\['gravity_noise'\]")
    refused(lambda: HyperVector(joint_problem(0), bounds={"correlation": (0, 1)}), r"bounds\['correlation'\]")
    refused(lambda: HyperVector(problem, ranges="both"), "ranges")
    slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    line = bj.Modality("line", np.ones((2, 1)), [1.0, 3.0], bj.DiagonalNoise([1.0, 1.0]), "slope")
    assert HyperVector(bj.JointProblem([slope], [line])).names == ["line_noise"]
