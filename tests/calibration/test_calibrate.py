"""Calibration passes what is right and flags what is wrong."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.engines.dense import DensePosterior

from ..linear import make
from ..refusals import refused

CASES = {
    "coupled": {"correlation": 0.7, "mean": True},
    "dense noise, known cells, a vector": {"dense": True, "known": (0, 5), "vector": True, "shared": True},
    "exponents, bias": {"weights": {"survey_density": 0.3}, "bias": True, "layered": True},
}  # fmt: skip


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_the_exact_engine_is_calibrated(options):
    found = bj.calibrate(make(**options)[0], n=200, draws=39)
    assert found.verdict == "calibrated"
    assert np.all(found.inside == 1)
    assert np.all(found.p_value > 0.01 / found.functional.size)
    assert found.ranks.shape == (found.functional.size, 200)
    assert {"density_excess_mass", "susceptibility_depth_to_top"} <= set(found.functional.values)
    assert float(found.coverage.mean("functional").sel(probability=0.9)) == pytest.approx(0.9, abs=0.03)
    assert found.refitted == 0


def test_the_iterative_engine_is_calibrated():
    found = bj.calibrate(make(correlation=0.7, mean=True, counts=(9, 8))[0], n=200, method="iterative", draws=19)
    assert found.engine == "iterative"
    assert found.verdict == "calibrated"
    assert np.all(found.inside == 1)


class Narrow(DensePosterior):
    """Draws that vary half as much as they should."""

    def state_draws(self, rng, count):
        return self.state_mean() + 0.5 * (super().state_draws(rng, count) - self.state_mean())


class NarrowStd(DensePosterior):
    """A stated std that is half of what it should be, beside draws that are right."""

    def state_variance(self):
        return 0.25 * super().state_variance()


class Shifted(DensePosterior):
    """A mean one posterior std off."""

    def mean_response(self, data):
        return super().mean_response(data) + np.sqrt(self.state_variance())[:, None]


class Overconfident(DensePosterior):
    """A product with the covariance that is a quarter of what it should be."""

    def state_product(self, v):
        return 0.25 * super().state_product(v)


class OffDraws(DensePosterior):
    """Draws half a posterior std off whatever the data are, beside a mean that is right."""

    share = 0.5

    def joint_draws(self, rng, count):
        draws, clean = super().joint_draws(rng, count)
        return draws + self.share * np.sqrt(self.state_variance()), clean


class Biased(OffDraws):
    """The mean too."""

    def state_mean(self):
        return super().state_mean() + self.share * np.sqrt(self.state_variance())


class Stretched(DensePosterior):
    """A mean too far from the prior by a share of itself, beside draws and a response that are right."""

    def state_mean(self):
        return 1.3 * super().state_mean()


@pytest.mark.parametrize("engine", [Narrow, NarrowStd, Shifted, Overconfident, Biased, OffDraws, Stretched])
def test_a_wrong_engine_is_flagged(engine):
    found = bj.calibrate(make(correlation=0.7)[0], method=engine, draws=19)
    assert found.verdict.startswith("not calibrated: ")
    if engine is Shifted:  # what it says of data is right, but not its response to other data
        assert "its own response" in found.verdict and found.refitted == 1
    else:
        assert found.flagged.sum() > 0


def test_a_wrong_noise_is_no_calibration_s_business():
    """The data of the problem play no part."""
    problem = make()[0]
    other = problem.replace(modalities=[m.replace(data=1e6 + m.data) for m in problem.modalities])
    np.testing.assert_array_equal(bj.calibrate(problem, n=20).ranks, bj.calibrate(other, n=20).ranks)


def test_questions_of_one_s_own():
    found = bj.calibrate(make()[0], n=50, functionals={"largest": lambda m: m["density"].max(axis=(1, 2, 3))})
    assert found.functional.values.tolist() == ["largest"]
    assert np.isnan(found.coverage_closed_form).all()


def small_laplace():
    a = bj.Parameter("a", 3, prior=bj.GaussianPrior([1.0, 0.0, -1.0], [1.0, 4.0, 2.0]))
    rows = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, 1.0]])
    return bj.JointProblem([a], [bj.Modality("d", rows, [0.0, 0.0], bj.DiagonalNoise([0.5, 1.0]), "a")])


def test_engines_whose_covariance_depends_on_data_are_refitted():
    with ThreadPoolExecutor(2) as pool:
        found = bj.calibrate(small_laplace(), n=60, method="laplace", executor=pool)
    assert found.refitted == 1
    assert found.engine == "laplace"
    assert found.verdict == "calibrated"
    alone = bj.calibrate(small_laplace(), n=60, executor=_Serial())
    assert alone.engine == "dense"
    assert alone.verdict == "calibrated"


def test_the_prior_is_held_while_maps_are_found():
    """α moved to fit each simulated data set would be another prior than the one that the truths came from."""
    m = bj.Parameter("m", 4, prior=bj.Focusing(2.0, p=2, depth_exponent=0))
    data = np.full(12, 0.5)
    problem = bj.JointProblem([m], [bj.Modality("d", np.repeat(np.eye(4), 3, axis=0), data, bj.DiagonalNoise(data),
                                                "m")])
    seen = []

    def engine(given, **options):
        seen.append(given)
        return bj.posterior(given, "laplace", at=bj.find_map(given, method="map", discrepancy=False))

    own = bj.calibrate(problem, n=20, method=engine, executor=_Serial(), seed=2)
    found = bj.calibrate(problem, n=20, method="laplace", executor=_Serial(), seed=2)
    assert len(seen) == 20
    np.testing.assert_array_equal(found.ranks, own.ranks)


class _Serial:
    map = staticmethod(map)


def test_truths_may_be_given():
    p = bj.Parameter("m", 1, prior=bj.GaussianPrior(0.0, 1.0), bounds=(-8.0, 8.0))
    problem = bj.JointProblem([p], [bj.Modality("d", [[1.0]], [0.0], bj.DiagonalNoise([1.0]), "m")])
    found = bj.calibrate(problem, n=100, method="laplace",
                         truths=lambda rng, count: {"m": rng.standard_normal((count, 1))})
    assert found.verdict == "calibrated"
    wrong = bj.calibrate(problem, n=100, method="laplace",
                         truths=lambda rng, count: {"m": 3 + rng.standard_normal((count, 1))})
    assert wrong.verdict.startswith("not calibrated")


def test_truths_between_bounds_come_from_chains_without_data():
    p = bj.Parameter("m", 3, prior=bj.GaussianPrior(0.2, 0.5 + 0.5 * np.eye(3)), bounds=(0.0, None))
    A = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, -1.0]])
    problem = bj.JointProblem([p], [bj.Modality("d", A, [0.0, 0.0], bj.DiagonalNoise([0.5, 0.5]), "m")])

    def chains(given, seed):
        return bj.posterior(given, "truncated", draws=100, chains=2, thin=5, seed=seed)

    found = bj.calibrate(problem, n=200, method=chains, seed=1)
    assert found.verdict == "calibrated", found
    unbounded = problem.replace(parameters=[p.replace(bounds=None)])
    wrong = bj.calibrate(problem, n=400, method=lambda given: bj.posterior(
        unbounded.replace(modalities=given.modalities)), seed=1)
    assert wrong.verdict.startswith("not calibrated")


def test_the_same_seed_gives_the_same_ranks():
    problem = make()[0]
    np.testing.assert_array_equal(bj.calibrate(problem, n=20, seed=4).ranks, bj.calibrate(problem, n=20, seed=4).ranks)


def test_refusals():
    problem = make()[0]
    refused(lambda: bj.calibrate(problem, n=3), "n")
    refused(lambda: bj.calibrate(problem, draws=2), "draws")
    refused(lambda: bj.calibrate(problem, functionals=[1]), "functionals", TypeError)
    refused(lambda: bj.calibrate(problem, functionals={"a": 3}), "functionals", TypeError)
    flat = bj.JointProblem([bj.Parameter("m", 1)], [bj.Modality("d", [[1.0]], [0.0], bj.DiagonalNoise([1.0]), "m")])
    refused(lambda: bj.calibrate(flat), "prior")
