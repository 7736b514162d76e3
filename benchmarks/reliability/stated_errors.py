"""Coverage of stated errors, against the dense engine: python benchmarks/reliability/stated_errors.py [seeds].

For each engine and setting: the share of cells whose mean and std lie within two stated errors of the dense engine's,
the root mean square of error over stated error of the std, and that of the log evidence over seeds. Written to
stated_errors.json beside this file.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

import bayesjoint as bj
from bayesjoint.forward import StationSelection

SIZE, LAYERS = 22, 3
HOLE = np.ones((SIZE, SIZE), dtype=bool)
HOLE[7:14, 8:14] = False
SETTINGS = {
    "plain": {}, "hole": {"mask": HOLE},
    "one in five missing": {"mask": np.random.default_rng(1).random(HOLE.shape) > 0.2},
    "inclination 5": {"inclination": 5.0, "mask": HOLE}, "long range": {"reach": 1000.0, "mask": HOLE},
}
SMALL = 1e-7  # of the prior std: rounding of either engine


def problem(seed, reach=300.0, inclination=None, mask=None):
    """One survey, data of a draw of rough ground."""
    rng, mesh = np.random.default_rng(seed), bj.Mesh.regular((LAYERS, SIZE, SIZE), (80.0, 100.0, 100.0))
    name, std = ("density", 100.0) if inclination is None else ("susceptibility", 0.02)
    whole = bj.GravityOperator(mesh, mesh.easting, mesh.northing, 20.0) if inclination is None else bj.MagneticOperator(
        mesh, mesh.easting, mesh.northing, 20.0, inclination=inclination)
    forward = whole if mask is None else StationSelection(whole, mask) @ whole
    clean = forward.matvec(std * rng.standard_normal(mesh.size))
    noise = 0.03 * clean.std()
    parameter = bj.Parameter(name, mesh, prior=bj.Matern(std, reach, extent="continued"))
    survey = bj.Modality("survey", forward, clean + noise * rng.standard_normal(clean.size),
                         bj.DiagonalNoise(np.full(clean.size, noise)), name)
    return bj.JointProblem([parameter], [survey])


def row(engine, setting, seeds):
    """What was held over seeds, with the standard error over them of shares of cells."""
    held, z, evidence = {"mean": [], "std": [], "std in gaps": []}, [], []
    for seed in range(seeds):
        asked = problem(seed, **SETTINGS[setting])
        name = asked.parameters[0].name
        exact, post = bj.posterior(asked, method="dense"), bj.posterior(asked, method=engine, seed=seed)
        scale = SMALL * np.sqrt(exact.prior_state_variance()).reshape(post.mean()[name].shape)
        off = np.abs(post.std()[name] - exact.std()[name])
        error = post.std_error()[name] + scale
        away = np.abs(post.mean()[name] - exact.mean()[name])
        held["mean"].append(np.mean(away <= 2 * (post.mean_error()[name] + scale)))
        held["std"].append(np.mean(off <= 2 * error))
        mask = SETTINGS[setting].get("mask")
        if mask is not None:
            held["std in gaps"].append(np.mean((off <= 2 * error)[:, ~mask]))
        z.append(np.sqrt(np.mean((off / error) ** 2)))
        if engine == "iterative":
            found = post.log_evidence(error=0.01, most=32)
            evidence.append((float(found) - float(exact.log_evidence())) / found.error)
    out = {"engine": engine, "setting": setting, "seeds": seeds, "rms z of std": float(np.sqrt(np.mean(np.square(z))))}
    out |= {f"held: {k}": float(np.mean(v)) for k, v in held.items() if v}
    out |= {f"held, worst seed: {k}": float(np.min(v)) for k, v in held.items() if v}
    if evidence:
        out["rms z of log evidence"] = float(np.sqrt(np.mean(np.square(evidence))))
        out["its Monte Carlo error"] = float(1 / np.sqrt(2 * seeds))
    return out


def main(seeds):
    """Write the table."""
    began, rows = time.perf_counter(), []
    for engine in ("spectral", "iterative"):
        for setting in SETTINGS:
            rows.append(row(engine, setting, seeds))
            print(json.dumps(rows[-1]), flush=True)
            Path(__file__).with_suffix(".json").write_text(json.dumps(
                {"seconds": round(time.perf_counter() - began), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
