"""Posteriors between bounds: against exact sweeps, at survey size, and of the paper's own problem.

python bounded.py PART ...    # see below; each writes its part of bounded.json

middle: 5,060 cells x 506 data, against Gibbs sweeps with the dense precision; rate: its effective draws a second.
large: 40,500 cells, two starts.
cubes: the two cubes of Vatankhah et al. (2022) under focusing priors, a Gramian and bounds, beside the converged MAP;
cubes_weak under a twentieth of its alpha, cubes_alone without the Gramian.
sbc: 200 truths of the prior between bounds, 96 cells.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from numba import njit

import bayesjoint as bj
from bayesjoint.engines._truncated_normal import draw

FILE = Path(__file__).parent / "bounded.json"
FIELD = {"intensity": 50_000.0, "inclination": 60.0, "declination": 10.0}
REACH, SPREAD = 300.0, 0.02


def survey_problem(shape, step=(1, 1), noise=5.0, seed=0):
    """Magnetics at every `step`-th cell centre, 30 m up, over Matérn susceptibility >= 0; a body of 0.05 SI."""
    mesh = bj.Mesh.regular(shape, (100.0, 100.0, 100.0))
    body = np.zeros(shape)
    top, north, east = (n // 3 for n in shape)
    body[top : 2 * top + 1, north : north + 3, east : east + 3] = 0.05
    operator = bj.MagneticOperator(mesh, mesh.easting, mesh.northing, 30.0, **FIELD)
    matrix = operator.to_dense().reshape(shape[1], shape[2], -1)[:: step[0], :: step[1]].reshape(-1, mesh.size)
    data = matrix @ body.ravel() + noise * np.random.default_rng(seed).standard_normal(len(matrix))
    p = bj.Parameter("susceptibility", mesh, prior=bj.Matern(std=SPREAD, range=REACH), bounds=(0, None))
    return bj.JointProblem([p], [bj.Modality("magnetic", matrix, data, bj.DiagonalNoise(np.full(len(matrix), noise)),
                                             "susceptibility")])


@njit
def dense_sweeps(precision, left, x, u, sums, means):
    """Gibbs sweeps with the whole precision matrix; `left` is the gradient of the log density."""
    for k in range(u.shape[0]):
        for i in range(x.size):
            scale = 1 / np.sqrt(precision[i, i])
            mean = x[i] + left[i] * scale**2
            change = mean + scale * draw(u[k, i], -mean / scale, np.inf) - x[i]
            x[i] += change
            for j in range(x.size):
                left[j] -= precision[i, j] * change
        sums[k] = x.sum()
        means += x


def summary(post, seconds):
    sums = post.chains.sum(axis=2)
    from arviz_stats.base import array_stats

    ess = float(array_stats.ess(sums, chain_axis=0, draw_axis=1, method="bulk"))
    rhat, slowest, least, rarest = post.mixing.worst
    return {"unknowns": post.problem.size, "data": post.problem.data_size, "chains": post.chains.shape[0],
            "draws": post.chains.shape[1], "pairs of sweeps a draw": post.thin, "CPU seconds": seconds,
            "sum": float(sums.mean()), "std of sum": float(sums.std()), "sum of each chain": sums.mean(axis=1).tolist(),
            "Monte Carlo error of sum": float(sums.std() / np.sqrt(ess)), "ESS of sum": ess,
            "ESS of sum a CPU second": ess / seconds, "largest R-hat": [rhat, slowest], "smallest ESS": [least, rarest],
            "passed": post.mixing.passed}


def middle():
    problem = survey_problem((10, 22, 23), step=(1, 1))
    began = time.process_time()
    post = bj.posterior(problem, draws=500)
    found = summary(post, time.process_time() - began)
    found["neighbours change"] = vars(post.neighbour_error)
    matrix = problem.operator(0).matrix() / 5.0
    precision = np.linalg.inv(problem.prior.gaussian_moments()[1].dense()) + matrix.T @ matrix
    rng, x = np.random.default_rng(1), post.chains[0, 0].copy()
    left = matrix.T @ (problem.modalities[0].data / 5.0) - precision @ x
    sums, means, kept = np.empty(0), np.zeros(x.size), 0
    began = time.process_time()
    for part in range(30):
        new, each = np.empty(100), np.zeros(x.size)
        dense_sweeps(precision, left, x, rng.random((100, x.size)), new, each)
        if part >= 2:
            sums, means, kept = np.append(sums, new), means + each, kept + 100
    found["dense sweeps"] = {"CPU seconds": time.process_time() - began, "sweeps": kept, "sum": float(sums.mean()),
                             "std of sum": float(sums.std()),
                             "error": float(sums.reshape(28, 100).mean(axis=1).std(ddof=1) / np.sqrt(28))}
    off = (post.state_mean() - means / kept) / np.sqrt(post.state_variance())
    found["cell means off, in std"] = {"rms": float(np.sqrt(np.mean(off**2))), "largest": float(np.abs(off).max())}
    return found


def rate():
    """The problem of `middle`, one pair of sweeps a draw: what a processor second gives."""
    bj.posterior(survey_problem((2, 4, 4)), draws=100, chains=2, thin=1)  # so that all is compiled
    problem, began = survey_problem((10, 22, 23)), time.process_time()
    return summary(bj.posterior(problem, draws=500, thin=1), time.process_time() - began)


def large():
    problem = survey_problem((10, 54, 75), step=(2, 2))
    began = time.process_time()
    post = bj.posterior(problem, draws=400, chains=2, warmup=300, thin=2)
    found = summary(post, time.process_time() - began)
    found["neighbours change"] = vars(post.neighbour_error)
    first, second = post.chains.sum(axis=2)
    from arviz_stats.base import array_stats

    errors = [one.std() / np.sqrt(float(array_stats.ess(one[None], chain_axis=0, draw_axis=1, method="mean")))
              for one in (first, second)]
    found["difference of the two starts, in Monte Carlo errors"] = float(
        (first.mean() - second.mean()) / np.hypot(*errors))
    return found


def two_cubes(factor, tied):
    """The paper's density at its best pair: the converged MAP, and chains under `factor` times its alpha."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "two_cubes"))
    import converged
    from run import errors, geometry

    setting = geometry()
    truth = setting[2]
    result = bj.find_map(converged.ask(0, setting), method="map", target=converged.TARGET)
    problem = result.problem.replace(
        parameters=[p.replace(prior=bj.Focusing(factor * p.prior.alpha)) for p in result.problem.parameters],
        **({} if tied else {"couplings": []}))
    began = time.process_time()
    post = bj.posterior(problem, method="gibbs", draws=500, chains=4, thin=1)
    seconds = time.process_time() - began
    held = {key: {place: float(np.mean((low <= truth[key]) & (truth[key] <= high), where=where))
                  for place, where in (("inside", truth[key] > 0), ("outside", truth[key] == 0))}
            for key, (low, high) in post.interval(0.9).items()}
    chi2 = [post.problem.chi2(x) for x in post.chains[:, ::50].reshape(-1, problem.size)]
    return {"MAP": {"RE": errors(result.model, truth), "chi2": result.chi2, "seconds": result.seconds,
                    "alpha": [p.prior.alpha for p in result.problem.parameters]},
            "alpha over that of the MAP": factor, "Gramian": tied, "RE of the mean": errors(post.mean(), truth),
            "size of the mean over that of the truth": {
                key: float(np.linalg.norm(m) / np.linalg.norm(truth[key])) for key, m in post.mean().items()},
            "held by 90 % intervals": held, "chi2 of draws": {k: float(np.mean([c[k] for c in chi2])) for k in chi2[0]},
            "largest R-hat": post.mixing.worst, "passed": post.mixing.passed, "CPU seconds": seconds}


def cubes():
    return two_cubes(1.0, tied=True)


def cubes_weak():
    return two_cubes(0.05, tied=True)


def cubes_alone():
    return two_cubes(1.0, tied=False)


def sbc():
    mesh = bj.Mesh.regular((3, 4, 8), (100.0, 100.0, 100.0))
    operator = bj.MagneticOperator(mesh, mesh.easting, mesh.northing, 20.0, **FIELD)
    spread = SPREAD * float(np.sqrt(np.mean(np.sum(operator.to_dense() ** 2, axis=1))))
    p = bj.Parameter("susceptibility", mesh, prior=bj.Matern(std=SPREAD, range=200.0), bounds=(0, None))
    problem = bj.JointProblem([p], [bj.Modality("magnetic", operator, np.zeros(operator.shape[0]), bj.DiagonalNoise(
        np.full(operator.shape[0], 0.05 * spread)), "susceptibility")])

    def sampler(given, seed):
        return bj.posterior(given, "truncated", draws=400, chains=4, thin=4, seed=seed)

    began = time.process_time()
    record = bj.calibrate(problem, n=200, method=sampler, seed=11)
    return {"verdict": record.verdict, "coverage": record.coverage.values.tolist(),
            "functionals": [str(f) for f in record.functional.values], "inside": record.inside.values.tolist(),
            "p": record.p_value.values.tolist(), "CPU seconds": time.process_time() - began}


if __name__ == "__main__":
    for part in sys.argv[1:] or ("middle", "rate", "large", "cubes", "cubes_weak", "cubes_alone", "sbc"):
        figures = globals()[part]()
        table = json.loads(FILE.read_text()) if FILE.exists() else {}
        FILE.write_text(json.dumps(table | {part: figures}, indent=1, default=float) + "\n")
        print(part, json.dumps(figures, indent=1, default=float), flush=True)
