"""A compact body under 196 stations: do 90 % intervals hold it? Run: python small_body.py. Writes small_body.json."""

import json
import time
from pathlib import Path

import numpy as np
from families import ANY_CONTRAST, COMPACT, SUPERQUADRICS

import bayesjoint as bj
from bayesjoint.calibration._coverage import interval_score

SEEDS, WORLDS, PROBABILITY, FACTOR = range(8), 300, 0.9, 1.4
FAMILIES = {"compact": COMPACT, "superquadrics": SUPERQUADRICS, "any_contrast": ANY_CONTRAST}
MESH = bj.Mesh.regular((6, 14, 14), (50, 50, 50))
OPERATOR = bj.GravityOperator(MESH, MESH.easting, MESH.northing, height=5.0)
OTHERS, OTHER_SEED = 12, 2026


def body():
    """A body of 200 m, -800 kg/m³, its top 50 m down."""
    truth = np.zeros(MESH.shape)
    truth[1:5, 5:9, 5:9] = -800.0
    return truth


def others():
    """Other bodies, none of which was looked at when rules were chosen: boxes, steps, slabs and slanting sheets."""
    rng, out = np.random.default_rng(OTHER_SEED), []
    for k in range(OTHERS):
        truth = np.zeros(MESH.shape)
        contrast = rng.choice([-1, 1]) * np.exp(rng.normal(np.log(600.0), 0.4))
        top, height = rng.integers(0, 3), rng.integers(2, 5)
        north, east = rng.integers(2, 10, 2)
        if k % 4 == 0:
            truth[top : top + height, north : north + rng.integers(2, 5), east : east + rng.integers(2, 5)] = contrast
        elif k % 4 == 1:
            wide = rng.integers(2, 4)
            truth[top : top + height, north : north + wide, east : east + wide] = contrast
            truth[top : top + height - 1, north : north + wide, east + wide : east + wide + 2] = contrast
        elif k % 4 == 2:
            truth[top : top + 2, north : north + 5, east : east + 4] = contrast
        else:
            for i in range(height):
                place = min(east + i, 11)
                truth[top + i, north : north + 4, place : place + 2] = contrast
        out.append(truth)
    return out


def answer(truth, seed):
    """The Gaussian posterior, its hyperparameters by evidence."""
    data = OPERATOR.predict(truth) + 0.01 * np.random.default_rng(seed).standard_normal((14, 14))
    density = bj.Parameter("density", MESH, prior=bj.Matern(200.0, 150.0))
    survey = bj.Modality("gravity", OPERATOR, data, bj.DiagonalNoise(np.full(196, 0.01)), "density")
    return bj.posterior(bj.fit_hyperparameters(bj.JointProblem([density], [survey]), curve=False).problem)


def scores(posterior, truth):
    """Coverage inside and outside and the mean interval score."""
    lower, upper = posterior.interval(PROBABILITY)["density"]
    held, body = (truth >= lower) & (truth <= upper), truth != 0
    return {"inside": float(held[body].mean()), "outside": float(held[~body].mean()),
            "score": float(interval_score(lower, upper, truth, PROBABILITY).mean())}


def one(truth, seed, worlds, names):
    """(scores of every method, {family: posterior}); worlds are a number or {family: posterior} to take them from."""
    post = answer(truth, seed)
    out, sounds = {"seed": seed, "plain": scores(post, truth)}, {}
    for name in names:
        asked = {"sensitivity": None, "symmetric": ["density"], "seed": seed}
        stated = bj.recalibrate(post, FAMILIES[name], worlds if isinstance(worlds, int) else worlds[name], **asked)
        stretched = bj.recalibrate(post, FAMILIES[name], stated, contrast_factor=FACTOR, **asked)
        sounds[name] = stated
        for label, sound in ((name, stated), (f"{name}, contrasts x/÷ {FACTOR:g}", stretched)):
            out[label] = scores(sound, truth) | {
                "classes": sound.classes.sizes["cell_class"], "tail_error": float(sound.classes.tail_error.max()),
                "left_out": float(sound.coverage.coverage.sel(kind="recalibrated", probability=PROBABILITY)[0])}
    return out, sounds


def summary(rows):
    """Means over rows, and the score over the plain one's."""
    labels = [k for k in rows[0] if k != "seed"]
    mean = {label: {k: float(np.mean([r[label][k] for r in rows])) for k in rows[0][label]} for label in labels}
    for label in labels:
        mean[label]["score_over_plain"] = float(np.mean([r[label]["score"] / r["plain"]["score"] for r in rows]))
        mean[label]["inside_least"] = min(r[label]["inside"] for r in rows)
    return mean


def main():
    began, rows = time.perf_counter(), []
    for seed in SEEDS:
        row, sounds = one(body(), seed, WORLDS, FAMILIES)
        rows.append(row)
        print(seed, {k: round(v["inside"], 2) for k, v in row.items() if k != "seed"}, flush=True)
    names = [name for name in FAMILIES if name != "any_contrast"]
    other_rows = [one(truth, 100 + k, sounds, names)[0] for k, truth in enumerate(others())]
    found = {"worlds": WORLDS, "factor": FACTOR, "body": {"mean": summary(rows), "rows": rows},
             "other bodies": {"mean": summary(other_rows), "rows": other_rows},
             "seconds": round(time.perf_counter() - began, 1)}
    (Path(__file__).parent / "small_body.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    print(json.dumps({k: found[k]["mean"] for k in ("body", "other bodies")}, indent=1, ensure_ascii=False),
          found["seconds"], "s")


if __name__ == "__main__":
    main()
