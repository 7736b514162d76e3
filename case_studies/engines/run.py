"""Every engine against the dense one, and the calibration of each.

python run.py                        # all of it: results.json
python run.py against magnetic       # 1,500 data x 15,000 cells: one survey; also gravity, joint
python run.py evidence joint         # log evidence of that, by Lanczos; also magnetic, gravity
python run.py lowrank                # 20 trials of its error bound at that size
python run.py lowrank 5 6 7          # these trials only, put among the others
python run.py calibration            # 200 simulated truths for each engine
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

import bayesjoint as bj
from bayesjoint.gaussian import linear_gaussian

HERE = Path(__file__).parent
STD = {"density": 100.0, "susceptibility": 0.02}
KIND = {"gravity": "density", "magnetic": "susceptibility"}
SURVEYS = {"magnetic": ("magnetic",), "gravity": ("gravity",), "joint": ("gravity", "magnetic")}
INSIDE = 8  # columns from the edge
CONTRASTS, DRAWS, TRIALS = 400, 2000, 20
EVIDENCE_ERROR, EVIDENCE_PROBES = 0.2, 1024  # nats; random vectors at most


def problem(kinds, shape=(10, 30, 50), reach=400.0, noise=0.03, extent="continued", correlation=0.7, seed=0):
    """Stations at the centres of all columns, 100 m cubes, data of a truth drawn from the prior."""
    mesh = bj.Mesh.regular(shape, (100.0, 100.0, 100.0))
    operators = {"gravity": lambda: bj.GravityOperator(mesh, mesh.easting, mesh.northing, 20.0),
                 "magnetic": lambda: bj.MagneticOperator(mesh, mesh.easting, mesh.northing, 20.0, inclination=60.0,
                                                         declination=20.0)}
    rng = np.random.default_rng(seed)
    parameters = {kind: bj.Parameter(KIND[kind], mesh, prior=bj.Matern(STD[KIND[kind]], reach, extent=extent))
                  for kind in kinds}
    ties = [bj.Coregionalization(correlation)] if len(kinds) > 1 else []
    fields = {kind: operators[kind]() for kind in kinds}
    surveys = [bj.Modality(kind, operator, np.zeros(operator.shape[0]), bj.DiagonalNoise(np.ones(operator.shape[0])),
                           KIND[kind]) for kind, operator in fields.items()]
    model = linear_gaussian(bj.JointProblem(list(parameters.values()), surveys, ties))
    clean = model.draw(rng, 1)[1][0]
    for k, where in enumerate(model.data_slices):
        std = noise * clean[where].std()
        surveys[k] = bj.Modality(kinds[k], fields[kinds[k]], clean[where] + std * rng.standard_normal(mesh.shape[1] *
                                 mesh.shape[2]), bj.DiagonalNoise(np.full(surveys[k].size, std)), KIND[kinds[k]])
    return bj.JointProblem(list(parameters.values()), surveys, ties)


def against(kinds):
    """The other engines beside the dense one."""
    asked = problem(kinds)
    seconds, posts = {}, {}
    for method, options in (("dense", {}), ("spectral", {"checks": 160}), ("iterative", {})):
        began = time.perf_counter()
        posts[method] = bj.posterior(asked, method=method, **options)
        posts[method].std()
        seconds[method] = time.perf_counter() - began
    dense, spectral, iterative = posts.values()
    std = np.sqrt(dense.state_variance())
    row = {"data": sum(m.size for m in asked.modalities), "unknowns": asked.size, "seconds": seconds}
    off = np.sqrt(spectral.state_variance()) / std - 1
    blocks = off.reshape(len(kinds), *asked.parameters[0].shape)[..., INSIDE:-INSIDE, INSIDE:-INSIDE]
    row["spectral"] = {"inside_worst": float(np.abs(blocks).max()), "inside_rms": float(np.sqrt(np.mean(blocks**2))),
                       "within_two_stated": within(spectral, std)}
    scale = np.linalg.norm(dense.state_mean() - dense.prior_state_mean())
    row["iterative"] = {"mean_relative": float(np.linalg.norm(iterative.state_mean() - dense.state_mean()) / scale),
                        "within_two_stated": within(iterative, std),
                        "std_error_median": float(np.median(iterative.state_std_error() / std))}
    row["draws"] = covariance(iterative, dense)
    return row


def evidence(kinds):
    """Log evidence without matrices against the exact one."""
    asked = problem(kinds)
    exact = bj.posterior(asked, method="dense").log_evidence()
    post, began = bj.posterior(asked, method="iterative"), time.perf_counter()
    found = post.log_evidence(error=EVIDENCE_ERROR, most=EVIDENCE_PROBES)
    return {"dense": float(exact), "lanczos": float(found), "difference": float(found - exact),
            "stated_error": found.error, "stated_bias": found.bias, "method": found.method,
            "seconds": time.perf_counter() - began}


def within(post, std):
    """Share of cells whose standard deviation is within two stated errors of the exact one."""
    return float(np.mean(np.abs(np.sqrt(post.state_variance()) - std) <= 2 * post.state_std_error()))


def covariance(post, dense):
    """Variances of random contrasts among exact draws against the exact ones: z-scores of their ratio."""
    draws = post.state_draws(np.random.default_rng(5), DRAWS)
    rng = np.random.default_rng(6)
    contrasts = rng.standard_normal((dense.problem.size, CONTRASTS)) * (rng.random((dense.problem.size, 1)) < 0.3)
    contrasts /= np.sqrt(dense.prior_state_variance())[:, None]
    exact = np.einsum("ij,ij->j", contrasts, dense.state_product(contrasts))
    values = (draws - post.state_mean()) @ contrasts
    z = (np.mean(values**2, axis=0) / exact - 1) / np.sqrt(2 / DRAWS)
    return {"draws": DRAWS, "contrasts": CONTRASTS, "z_mean": float(z.mean()), "z_std": float(z.std()),
            "z_worst": float(np.abs(z).max()), "largest_residual": float(post.draw_residuals.max())}


def lowrank(trial):
    """Reported trace error against the true one at 1,500 data x 15,000 cells, over surveys, ranges, noise, extents."""
    kind, extent = ("gravity", "magnetic")[trial % 2], "mesh" if trial % 5 == 0 else "continued"
    reach, noise = (150.0, 300.0, 600.0)[trial % 3], (0.1, 0.03)[trial // 4 % 2]
    tolerance = (0.3, 0.1, 0.03)[trial // 6 % 3]
    asked = problem((kind,), reach=reach, noise=noise, extent=extent, seed=trial)
    began = time.perf_counter()
    post = bj.posterior(asked, method="lowrank", tolerance=tolerance, seed=trial)
    taken = time.perf_counter() - began
    true, rounding = left_out(asked, post)
    return {"trial": trial, "survey": kind, "extent": extent, "range": reach, "noise": noise, "tolerance": tolerance,
            "data": asked.modalities[0].size, "unknowns": asked.size, "rank": post.rank,
            "reported": float(post.trace_error), "true": true, "rounding": rounding,
            "ratio": float(post.trace_error) / true, "seconds": taken}


def left_out(asked, post):
    """(trace of the variance that the low rank leaves out, its rounding), from all eigenvectors of the whitened data.

    With S̃ = UΛUᵀ the whole reduction is Σ_i |G̃uᵢ|² / (1 + λᵢ), summed over cells; what is kept is the engine's own.
    """
    model = linear_gaussian(asked)
    gain, signal = post._subspace.gain_and_signal(np.eye(model.data_size))
    values, vectors = np.linalg.eigh(0.5 * (signal + signal.T))
    whole = float(np.sum(np.sum((gain @ vectors) ** 2, axis=0) / (1 + values)))
    return whole - post.retained_trace, whole * model.data_size * np.finfo(float).eps


def calibration():
    """Coverage and ranks over 200 simulated truths for every engine of linear-Gaussian problems."""
    out = {}
    for method, options in (("dense", {}), ("iterative", {}), ("spectral", {"checks": 160}),
                            ("lowrank", {"tolerance": 0.05})):
        found = bj.calibrate(problem(("gravity", "magnetic"), shape=(5, 24, 26)), n=200, method=method, seed=3,
                             **options)
        out[method] = {"verdict": found.verdict, "functionals": [str(f) for f in found.functional.values],
                       "coverage": found.coverage.values.tolist(), "p_value": found.p_value.values.tolist(),
                       "band": [found.coverage_lower.values.tolist(), found.coverage_upper.values.tolist()],
                       "inside": int(found.inside.sum()), "of": int(found.inside.size)}
    return out


def store(key, found):
    """Put an answer among the others, a trial among the trials."""
    file = HERE / "results.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    if key == "lowrank":
        known = {r["trial"]: r for r in (*results.get(key, {}).get("trials", ()), found)}
        ratios = [r["ratio"] for r in known.values()]
        found = {"trials": [known[k] for k in sorted(known)], "covered": sum(r >= 1 for r in ratios),
                 "least_ratio": min(ratios), "largest_ratio": max(ratios)}
    print(key, json.dumps(found), flush=True)
    results[key] = found
    file.write_text(json.dumps(results, indent=1) + "\n")


def main():
    stage, options = sys.argv[1] if len(sys.argv) > 1 else None, sys.argv[2:]
    for name, measure in (("against", against), ("evidence", evidence)):
        if stage in (None, name):
            for kinds in (SURVEYS[which] for which in options or SURVEYS):
                store(" ".join((name, *kinds)), measure(kinds))
    if stage in (None, "lowrank"):
        for trial in map(int, options) if options else range(TRIALS):
            store("lowrank", lowrank(trial))
    if stage in (None, "calibration"):
        store("calibration", calibration())


if __name__ == "__main__":
    main()
