"""Compact bodies: whether four starts agree, and whether intervals hold on ground of their own family.

python bodies.py small           # four starts on the small body: 4 x 4 x 4 cells of 50 m, −800 kg/m³, CPU seconds
python bodies.py family [n ...]  # truths n (default 0 to 11) of the family: coverage of 90 % intervals

Each part writes its figures to bodies.json. Texture 20 kg/m³ with a range of 150 m; contrasts 0 ± 500 kg/m³; 14 x 14
stations, noise 0.01 mGal.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

import bayesjoint as bj
from bayesjoint.engines._body_family import draw_bodies, ground_of, put, settled
from bayesjoint.engines.dense import DensePosterior

FILE = Path(__file__).parent / "bodies.json"
MESH = bj.Mesh.regular((6, 14, 14), (50.0, 50.0, 50.0))
GRAVITY = bj.GravityOperator(MESH, MESH.easting, MESH.northing, height=5.0)
NOISE, TRUTHS = 0.01, 12
ROUNDS = 8  # a draw, of truths: what the small body takes; left to itself the engine would go on where they fail
FAMILY = bj.BodyFamily(contrast={"density": 500.0})
DENSITY = bj.Parameter("density", MESH, prior=bj.Matern(std=20.0, range=150.0))


def problem(truth, seed):
    """Gravity of a truth, (nz, ny, nx), with noise."""
    data = GRAVITY.predict(truth) + NOISE * np.random.default_rng(seed).standard_normal((14, 14))
    return bj.JointProblem([DENSITY], [bj.Modality("gravity", GRAVITY, data, bj.DiagonalNoise(np.full(196, NOISE)),
                                                   "density")])


def timed(asked, seed, thin=None):
    """(posterior, CPU seconds)."""
    start = time.process_time()
    post = bj.posterior(asked, method="bodies", family=FAMILY, thin=thin, seed=seed, keep=True)
    return post, round(time.process_time() - start, 1)


def mixing(post, seconds):
    """What the engine certifies itself by."""
    found = post.mixing
    return {"certified": found.passed, "rhat": dict(zip(found.names, found.rhat.round(4).tolist(), strict=True)),
            "ess": dict(zip(found.names, found.ess_bulk.round().tolist(), strict=True)), "rounds_a_draw": post.thin,
            "swap_rate": round(found.swap_rate, 3), "round_trips": found.round_trips, "cpu_seconds": seconds}


def coverage(post, truth, inside):
    """Shares of cells whose 90 % intervals hold the truth, inside and outside of bodies."""
    lower, upper = post.interval(0.9)["density"]
    held = (lower <= truth) & (truth <= upper)
    return {"inside": round(float(held[inside].mean()), 4) if inside.any() else None,
            "outside": round(float(held[~inside].mean()), 4), "cells_inside": int(inside.sum())}


def small():
    """The small body of one window; figures of mass in units of 1e9 kg."""
    blank = problem(np.zeros(MESH.shape), 9)
    bj.posterior(blank, method="bodies", family=FAMILY, draws=100, thin=1, keep=True)  # so that all is compiled
    truth = np.zeros(MESH.shape)
    truth[1:5, 5:9, 5:9] = -800.0
    post, seconds = timed(problem(truth, 0), 0)
    mass = post.figures["mass of density"] / 1e9
    whole = bj.excess_mass(post)
    write("small", mixing(post, seconds) | {
        "mass_of_bodies": [round(float(mass.mean()), 3), round(float(mass.std()), 3)],
        "mass_of_window": [round(float(whole[f"excess_mass_{k}"]) / 1e9, 3) for k in ("mean", "std")],
        "true_mass": float(truth.sum()) * 125_000.0 / 1e9,
        "top": [round(float(post.figures["top"].mean()), 1), round(float(post.figures["top"].std()), 1)],
        "contrast": [round(float(post.figures["contrast of density"].mean()), 1),
                     round(float(post.figures["contrast of density"].std()), 1)],
        "coverage": coverage(post, truth, truth != 0)})


def family(*chosen):
    """Truths of the family: bodies and texture drawn from the prior."""
    for n in map(int, chosen or range(TRUTHS)):
        rng = np.random.default_rng(1000 + n)
        blank = problem(np.zeros(MESH.shape), 0)
        own, dense = settled(FAMILY, blank), DensePosterior(blank)
        ground, places = ground_of(blank, dense.system, own)
        bodies, counts = draw_bodies(own, MESH, rng, 1)
        contrasts = np.sqrt(ground.variance) * rng.standard_normal((1, own.most, 1))
        shares = put(bodies, counts, np.ones((1, own.most, 1)), ground, places, np.zeros((1, MESH.size)))
        x = put(bodies, counts, contrasts, ground, places, dense.prior_state_draws(rng, 1))
        truth = blank.unpack(x[0])["density"]
        post, seconds = timed(problem(truth, 2000 + n), n, ROUNDS)
        write(f"truth {n}", mixing(post, seconds) | coverage(post, truth, shares[0].reshape(MESH.shape) > 0.5) | {
            "bodies": int(counts[0]), "bodies_found": round(float(post.counts.mean()), 2)})


def write(part, found):
    """Put a part into the file, beside the others, and a summary of the truths there are."""
    known = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    known[part] = found
    truths = [v for k, v in known.items() if k.startswith("truth ")]
    for label, kept in (("all truths", truths), ("certified truths", [t for t in truths if t["certified"]])):
        seen = [t["inside"] for t in kept if t["inside"] is not None]
        known[label] = {"count": len(kept), "with_cells_inside": len(seen),
                        "inside": round(float(np.mean(seen)), 4) if seen else None,
                        "outside": round(float(np.mean([t["outside"] for t in kept])), 4) if kept else None}
    FILE.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    print(part, found, flush=True)


if __name__ == "__main__":
    {"small": small, "family": family}[sys.argv[1]](*sys.argv[2:])
