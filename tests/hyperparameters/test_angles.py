"""Strike and dip by the evidence."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.hyperparameters._dense_evidence import DenseEvidence
from bayesjoint.hyperparameters._vector import HyperVector
from bayesjoint.hyperparameters._whittle import WhittleEvidence

from ..priors.test_orientation import field, surveyed
from ..refusals import refused

LAW = (80.0, 400.0, 250.0), 30.0, 50.0
ALL = ["density_std", "susceptibility_std", "range", "correlation", "gravity_noise", "magnetic_noise", "strike", "dip"]


def problem(extent="mesh"):
    return surveyed(lambda std: field(LAW, std, extent=extent), bj.Mesh.regular((3, 7, 8), (100, 100, 100)))


@pytest.mark.parametrize("extent", ["mesh", "continued"])
def test_slopes_of_the_evidence_are_those_of_differences(extent):
    vector = HyperVector(problem(extent), free=ALL)
    evidence, theta = DenseEvidence(vector), vector.start + 0.02
    slopes, step = evidence.evaluate(theta)[1], 1e-5
    for k in range(vector.size):
        ends = [evidence.evaluate(theta + side * step * np.eye(vector.size)[k])[0] for side in (1, -1)]
        assert slopes[k] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5, abs=1e-4)


def test_slopes_of_the_whittle_likelihood():
    vector = HyperVector(problem("continued"), free=ALL)
    evidence, theta = WhittleEvidence(vector), vector.start + 0.02
    slopes, step = evidence.evaluate(theta)[1], 1e-4
    for k in (vector.names.index(name) for name in ("range", "strike", "dip")):
        ends = [evidence.evaluate(theta + side * step * np.eye(vector.size)[k])[0] for side in (1, -1)]
        assert slopes[k] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=2e-2, abs=0.05)


def test_angles_are_held_unless_they_are_asked_for():
    assert not {"strike", "dip"} & set(HyperVector(problem()).names)
    vector = HyperVector(problem(), free=["strike", "dip"])
    assert vector.natural(vector.start) == pytest.approx({"strike": 30.0, "dip": 50.0})
    assert np.degrees(vector.bounds) == pytest.approx(np.array([[-60.0, 120.0], [0.0, 90.0]]))
    assert vector.log_prior_mass() == 0.0
    assert vector.log_prior(vector.start)[0] == pytest.approx(-np.log(np.pi) - np.log(np.pi / 2))
    found = vector.rebuild(np.radians([-100.0, 80.0])).parameters
    assert [p.prior.orientation() for p in found] == [(pytest.approx(-100.0), pytest.approx(80.0))] * 2
    narrow = HyperVector(problem(), free=["dip"], bounds={"dip": (20.0, 90.0)})
    assert np.degrees(narrow.bounds) == pytest.approx(np.array([[20.0, 90.0]]))
    refused(lambda: HyperVector(problem(), free=["dip"], bounds={"dip": (20.0, 100.0)}), r"bounds\[.dip.\]")


def test_intervals_hold_the_angles():
    """Truths of random strike and dip; the 99.9 % band of twelve 95 % intervals is 8 to 12."""
    rng, mesh = np.random.default_rng(5), bj.Mesh.regular((4, 9, 9), (100, 100, 100))
    operator = bj.MagneticOperator(mesh, mesh.easting, mesh.northing, height=50.0, inclination=90.0)
    held = {"susceptibility_strike": 0, "susceptibility_dip": 0}
    noise = bj.DiagonalNoise(np.full(81, 2.0))
    for _ in range(12):
        angles = {"susceptibility_strike": rng.uniform(-60, 60), "susceptibility_dip": rng.uniform(10, 80)}
        truth = bj.Parameter("susceptibility", mesh, prior=field(((100.0, 600.0, 400.0), *angles.values()), 0.02))
        data = operator @ (truth.bound_prior.covariance.sample(rng, 1)[0] * truth.scale) + 2 * rng.standard_normal(81)
        stated = truth.replace(prior=field(((100.0, 600.0, 400.0), 0.0, 45.0), 0.02))
        asked = bj.JointProblem([stated], [bj.Modality("m", operator, data, noise, "susceptibility")])
        fit = bj.fit_hyperparameters(asked, free=[*held], curve=False)
        for name, low, high in zip(fit.table["name"], fit.table["low"], fit.table["high"], strict=True):
            held[name] += not (angles[name] < low or angles[name] > high)  # NaN: open on that side
    assert all(8 <= count <= 12 for count in held.values()), held
