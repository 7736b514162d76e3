"""A compact body under 196 stations: do 90 % intervals hold it? Run: python small_body.py. Writes small_body.json."""

import json
import time
from pathlib import Path

import numpy as np
from families import COMPACT

import bayesjoint as bj
from bayesjoint.calibration.coverage import interval_score

SEEDS, WORLDS, PROBABILITY = range(8), 400, 0.9
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
    sound = bj.recalibrate(post, COMPACT, worlds=WORLDS, seed=seed, sensitivity=None, symmetric=["density"])
    out = {"seed": seed}
    for name, posterior in (("plain", post), ("recalibrated", sound)):
        lower, upper = posterior.interval(PROBABILITY)["density"]
        held, body = (truth >= lower) & (truth <= upper), truth != 0
        out[name] = {"inside": float(held[body].mean()), "outside": float(held[~body].mean()),
                     "score": float(interval_score(lower, upper, truth, PROBABILITY).mean())}
    out["classes"], out["tail_error"] = int(sound.classes.sizes["cell_class"]), float(sound.classes.tail_error.max())
    return out


def main():
    began = time.perf_counter()
    rows = [one(seed) for seed in SEEDS]
    mean = {name: {k: float(np.mean([r[name][k] for r in rows])) for k in rows[0][name]}
            for name in ("plain", "recalibrated")}
    found = {"worlds": WORLDS, "rows": rows, "mean": mean, "seconds": round(time.perf_counter() - began, 1),
             "score_ratio": mean["recalibrated"]["score"] / mean["plain"]["score"]}
    (Path(__file__).parent / "small_body.json").write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(mean, indent=1), found["score_ratio"], found["seconds"])
    for row in rows:
        print(row["seed"], row["recalibrated"])


if __name__ == "__main__":
    main()
