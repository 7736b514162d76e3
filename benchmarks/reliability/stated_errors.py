"""Coverage of stated errors, engine by engine: python benchmarks/reliability/stated_errors.py [seeds [engine ...]].

For each engine and setting: the share of values whose mean and std lie within two stated errors of a reference, the
root mean square of error over stated error of the std, and that of the log evidence over seeds. Written to
stated_errors.json beside this file; engines that are not asked for keep their rows.

References: the dense engine for the spectral, iterative and low-rank engines and for NUTS; 80-bit arithmetic for the
dense engine; four chains ten times as long for Gibbs.
"""

import json
import sys
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np

import bayesjoint as bj
from bayesjoint.engines import LowRankWarning
from bayesjoint.forward import StationSelection

SMALL = 1e-7  # of the prior std: rounding of either engine
LONG = 40_000  # sweeps of a chain that stands for the truth


def settings(side):
    """{name: arguments of `problem`} with a hole, scattered gaps, a low inclination, a range as long as the mesh."""
    hole = np.ones((side, side), dtype=bool)
    hole[side // 3: 2 * side // 3, side // 3: 2 * side // 3] = False
    return {"plain": {}, "hole": {"mask": hole},
            "one in five missing": {"mask": np.random.default_rng(1).random(hole.shape) > 0.2},
            "inclination 5": {"inclination": 5.0, "mask": hole}, "long range": {"reach": 1000.0, "mask": hole}}


def problem(seed, side, layers, prior, reach=300.0, inclination=None, mask=None):
    """One survey, data of a draw of rough ground."""
    rng, mesh = np.random.default_rng(seed), bj.Mesh.regular((layers, side, side), (80.0, 100.0, 100.0))
    name, std = ("density", 100.0) if inclination is None else ("susceptibility", 0.02)
    whole = bj.GravityOperator(mesh, mesh.easting, mesh.northing, 20.0) if inclination is None else bj.MagneticOperator(
        mesh, mesh.easting, mesh.northing, 20.0, inclination=inclination)
    forward = whole if mask is None else StationSelection(whole, mask) @ whole
    clean = forward.matvec(std * rng.standard_normal(mesh.size))
    noise = 0.03 * clean.std()
    survey = bj.Modality("survey", forward, clean + noise * rng.standard_normal(clean.size),
                         bj.DiagonalNoise(np.full(clean.size, noise)), name)
    return bj.JointProblem([bj.Parameter(name, mesh, prior=prior(std, reach))], [survey])


def continued(std, reach):
    """A field that goes on beyond the mesh."""
    return bj.Matern(std, reach, extent="continued")


def ending(std, reach):
    """A field that ends with the mesh."""
    return bj.Matern(std, reach)


def focusing(std, reach):
    """A prior that is no Gaussian; the shorter its ε, the harder to sample: the long range stands for a small one."""
    return bj.Focusing(std * 30.0 / reach, p=1)


def dense(asked):
    """The dense engine's answer."""
    post = bj.posterior(asked, method="dense")
    evidence = lambda: float(post.log_evidence())  # noqa: E731
    return SimpleNamespace(mean=post.state_mean(), std=np.sqrt(post.state_variance()), evidence=evidence)


def extended(asked):
    """Mean, std and log evidence in 80-bit arithmetic, by a Cholesky factor row by row."""
    prior = asked.prior.blocks[0][1].covariance
    survey, parameter = asked.modalities[0], asked.parameters[0]
    covariance = prior.matmat(np.eye(asked.size)).astype(np.longdouble)
    operator = (np.asarray(survey.forward @ np.eye(asked.size)) * parameter.scale).astype(np.longdouble)
    noise = np.asarray(survey.noise.std, dtype=np.longdouble)
    white = operator / noise[:, None]
    gain = covariance @ white.T
    matrix, residual = white @ gain + np.eye(noise.size), survey.data.ravel() / noise
    factor = np.zeros_like(matrix)
    for i in range(noise.size):
        factor[i, :i] = forwards(factor[:i, :i], matrix[i, :i])
        factor[i, i] = np.sqrt(matrix[i, i] - factor[i, :i] @ factor[i, :i])
    half, solved = forwards(factor, gain.T), forwards(factor, residual)
    evidence = -0.5 * (solved @ solved + noise.size * np.log(2 * np.longdouble(np.pi))) - np.log(
        np.diag(factor)).sum() - np.log(noise).sum()
    return SimpleNamespace(mean=half.T @ solved, std=np.sqrt(np.diag(covariance) - np.sum(half**2, axis=0)),
                           evidence=lambda: evidence)


def forwards(factor, known):
    """L⁻¹ b."""
    out = np.zeros_like(known)
    for i in range(len(factor)):
        out[i] = (known[i] - factor[i, :i] @ out[:i]) / factor[i, i]
    return out


def long_chain(asked):
    """Gibbs, ten times as long."""
    post = bj.posterior(asked, method="gibbs", draws=LONG // 4, seed=10_000)
    return SimpleNamespace(mean=post.state_mean(), std=np.sqrt(post.state_variance()), evidence=None)


ENGINES = {  # engine: side, layers, prior, reference
    "spectral": (22, 3, continued, dense), "iterative": (22, 3, continued, dense), "lowrank": (22, 3, ending, dense),
    "dense": (9, 2, ending, extended), "gibbs": (6, 2, focusing, long_chain), "nuts": (5, 2, ending, dense),
}


def row(engine, setting, seeds):
    """What was held over seeds."""
    side, layers, prior, reference = ENGINES[engine]
    asked_for = settings(side)[setting]
    held, z, evidence, unmixed = {"mean": [], "std": [], "std in gaps": []}, [], [], 0
    for seed in range(seeds):
        asked = problem(seed, side, layers, prior, **asked_for)
        truth, post = reference(asked), bj.posterior(asked, method=engine, **(
            {} if engine == "dense" else {"seed": seed}))
        unmixed += engine in ("gibbs", "nuts") and any(a.status == "not validated" for a in post.approximations)
        scale = 0.0 if engine == "dense" else SMALL  # x is in units of the prior std
        off = np.abs(np.sqrt(post.state_variance()) - truth.std)
        inside = off <= 2 * (post.state_std_error() + scale)
        held["mean"].append(np.mean(np.abs(post.state_mean() - truth.mean) <= 2 * (post.state_mean_error() + scale)))
        held["std"].append(np.mean(inside))
        if "mask" in asked_for:
            held["std in gaps"].append(np.mean(inside.reshape(layers, side, side)[:, ~asked_for["mask"]]))
        z.append(np.mean((off / (post.state_std_error() + scale)) ** 2))
        if engine in ("iterative", "dense"):
            found = post.log_evidence(**({"error": 0.01, "most": 32} if engine == "iterative" else {}))
            evidence.append(float((float(found) - truth.evidence()) / found.error))
    out = {"engine": engine, "setting": setting, "seeds": seeds, "rms z of std": float(np.sqrt(np.mean(z)))}
    out |= {f"held: {k}": float(np.mean(v)) for k, v in held.items() if v}
    out |= {f"held, worst seed: {k}": float(np.min(v)) for k, v in held.items() if v}
    if evidence:
        out["rms z of log evidence"] = float(np.sqrt(np.mean(np.square(evidence))))
        out["its Monte Carlo error"] = float(1 / np.sqrt(2 * seeds))
    return out | ({"said not to have mixed": unmixed} if unmixed else {})


def main(seeds, engines):
    """Write the table."""
    path = Path(__file__).with_suffix(".json")
    rows = json.loads(path.read_text()) if path.exists() else []
    warnings.simplefilter("ignore", LowRankWarning)
    for engine in engines:
        rows = [r for r in rows if r["engine"] != engine]
        for setting in settings(9):
            began = time.perf_counter()
            rows.append(row(engine, setting, seeds) | {"seconds": round(time.perf_counter() - began)})
            print(json.dumps(rows[-1]), flush=True)
        path.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30, sys.argv[2:] or list(ENGINES))
