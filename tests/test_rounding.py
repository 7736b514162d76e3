"""Nothing is decided by the last bit: data, stations and operators moved by 1 ± 1e-15 give the same decisions.

Another processor's BLAS does the same to a computation. What is refused, chosen, said or flagged must not change.
"""

import numpy as np
import pytest

import bayesjoint as bj

from .agreement.pairs import two_gravity
from .linear import make

SHIFTS = (1, 2, 3)


def shaken(values, seed):
    """Values, each moved by up to 1e-15 of itself."""
    values = np.asarray(values, dtype=float)
    return values * (1 + 1e-15 * np.random.default_rng(seed).choice([-1.0, 1.0], values.shape))


def shaken_problem(problem, seed):
    """The same with data and noise moved, and matrices where operators are matrices."""
    surveys = []
    for k, m in enumerate(problem.modalities):
        forward = m.forward
        if not hasattr(forward, "mesh") and hasattr(forward, "A"):
            forward = shaken(forward.A, seed + k)
        noise = bj.DiagonalNoise(shaken(m.noise.std, seed + 7 * k))
        surveys.append(m.replace(data=shaken(m.data, seed + 3 * k).reshape(m.data_shape), noise=noise, forward=forward))
    return problem.replace(modalities=surveys)


def statuses(post):
    return [(a.name, a.status) for a in post.approximations]


def of_engine(method, **options):
    def decide(problem):
        post = bj.posterior(problem, method=method, **options)
        return post.method, statuses(post), float(f"{post.chi2()[problem.modalities[0].name]:.6g}")

    return decide


def of_map(problem):
    found = bj.find_map(problem)
    return found.converged, found.method


def of_laplace(problem):
    post = bj.posterior(problem, method="laplace", at=bj.find_map(problem, method="map"))
    return statuses(post)


def of_temper(problem):
    found = bj.temper(problem)
    return {name: float(f"{w:.4g}") for name, w in found.weights.items()}, sorted(found.verdict)


def of_fit(problem):
    found = bj.fit_hyperparameters(problem)
    assert found.converged
    return {name: float(f"{value:.2g}") for name, value in found.estimate.items()}, found.table["identified"].tolist()


def of_assimilate(problem):
    post = bj.assimilate(problem)
    return post.method, statuses(post)


def of_information(problem):
    found = bj.identifiability(problem)
    return found.seen_directions.values.tolist(), found.informative_directions.values.tolist()


def of_comparison(problem):
    post = bj.posterior(problem, method="dense")
    found = bj.compare(post, post.separate())
    return {name: np.nan_to_num(values.values.astype(float), nan=-9).round(6).tolist()
            for name, values in found.data_vars.items() if values.dtype.kind in "fi"}


def tied():
    return make(names=("density", "susceptibility"), correlation=0.6)[0]


def flat():
    """A level that the data alone hold, one survey's column being nearly that of the field."""
    level = bj.Parameter("level", 1)
    slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    rows = np.column_stack([np.ones(4), 1 + 1e-3 * np.arange(4)])
    line = bj.Modality("line", rows, [1.0, 1.1, 1.2, 1.3], bj.DiagonalNoise(np.full(4, 1e-4)), ("level", "slope"))
    return bj.JointProblem([level, slope], [line])


CASES = {
    "dense": (tied, of_engine("dense")), "flat": (flat, of_engine("dense")),
    "flat, solves": (flat, of_engine("iterative")),
    "iterative": (lambda: two_gravity((2, 6, 6)), of_engine("iterative")),
    "low rank": (lambda: two_gravity((2, 6, 6)), of_engine("lowrank")),
    "which engine": (tied, of_engine("auto")), "MAP": (tied, of_map), "laplace": (tied, of_laplace),
    "tempering": (lambda: two_gravity((2, 5, 6)), of_temper), "fit": (lambda: two_gravity((2, 5, 6)), of_fit),
    "one after another": (tied, of_assimilate), "information": (lambda: two_gravity((2, 4, 5)), of_information),
    "comparison": (tied, of_comparison),
}  # fmt: skip


@pytest.mark.parametrize(("build", "decide"), CASES.values(), ids=list(CASES))
def test_decisions_do_not_hang_on_the_last_bit(build, decide):
    problem = build()
    wanted = decide(problem)
    for seed in SHIFTS:
        assert decide(shaken_problem(problem, 100 * seed)) == wanted


@pytest.mark.parametrize("seed", SHIFTS)
def test_a_lattice_is_seen_with_coordinates_that_rounding_has_moved(seed):
    axis = np.arange(8) * 100.0 + 50.0
    data = np.random.default_rng(0).standard_normal((8, 8))
    kinds = []
    for easting, northing in ((axis, axis), (shaken(axis, seed), shaken(axis, seed + 1))):
        survey = bj.Survey("gravity", data, easting, northing, shaken(np.full((8, 8), 10.0), seed), std=0.1)
        mesh = bj.Mesh.from_surveys([survey], depth=500.0, layers=3)
        parameter = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=300.0, extent="continued"))
        kinds.append((type(survey.modality(parameter).forward).__name__, mesh.shape))
    assert kinds[0] == kinds[1]
