"""A compact body under 196 stations: do 90 % intervals hold it? Run: python small_body.py. Writes small_body.json."""

import json
import time
from pathlib import Path

import numpy as np
from families import ANY_CONTRAST, COMPACT, SUPERQUADRICS

import bayesjoint as bj
from bayesjoint.calibration.coverage import interval_score

SEEDS, WORLDS, PROBABILITY = range(8), 300, 0.9
FAMILIES = {"compact": COMPACT, "superquadrics": SUPERQUADRICS, "any_contrast": ANY_CONTRAST}
MESH = bj.Mesh.regular((6, 14, 14), (50, 50, 50))


def ground():
    """A body of 200 m, -800 kg/m³, its top 50 m down."""
    truth = np.zeros(MESH.shape)
    truth[1:5, 5:9, 5:9] = -800.0
    return truth


def one(seed):
    """Coverage inside and outside and the mean interval score, recalibrated and plain."""
    truth, operator = ground(), bj.GravityOperator(MESH, MESH.easting, MESH.northing, height=5.0)
    data = operator.predict(truth) + 0.01 * np.random.default_rng(seed).standard_normal((14, 14))
    density = bj.Parameter("density", MESH, prior=bj.Matern(200.0, 150.0))
    survey = bj.Modality("gravity", operator, data, bj.DiagonalNoise(np.full(196, 0.01)), "density")
    post = bj.posterior(bj.fit_hyperparameters(bj.JointProblem([density], [survey]), curve=False).problem)
    sound = {name: bj.recalibrate(post, family, worlds=WORLDS, seed=seed, sensitivity=None, symmetric=["density"])
             for name, family in FAMILIES.items()}
    out = {"seed": seed}
    for name, posterior in {"plain": post, **sound}.items():
        lower, upper = posterior.interval(PROBABILITY)["density"]
        held, body = (truth >= lower) & (truth <= upper), truth != 0
        out[name] = {"inside": float(held[body].mean()), "outside": float(held[~body].mean()),
                     "score": float(interval_score(lower, upper, truth, PROBABILITY).mean())}
        if name != "plain":
            out[name] |= {"classes": posterior.classes.sizes["cell_class"],
                          "tail_error": float(posterior.classes.tail_error.max()),
                          "left_out": float(posterior.coverage.coverage.sel(kind="recalibrated", probability=0.9)[0])}
    return out


def main():
    began = time.perf_counter()
    rows = [one(seed) for seed in SEEDS]
    mean = {name: {k: float(np.mean([r[name][k] for r in rows])) for k in rows[0][name]}
            for name in ("plain", *FAMILIES)}
    for name in FAMILIES:
        mean[name]["score_over_plain"] = mean[name]["score"] / mean["plain"]["score"]
    found = {"worlds": WORLDS, "mean": mean, "rows": rows, "seconds": round(time.perf_counter() - began, 1)}
    (Path(__file__).parent / "small_body.json").write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(mean, indent=1), found["seconds"], "s")


if __name__ == "__main__":
    main()
