"""Flin Flon, all stations: do recalibrated intervals hold a third party's ground? Run: python flin_flon.py.

Writes flin_flon.json. Hyperparameters are those of ../flin_flon/results.json, by evidence.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

import bayesjoint as bj
from bayesjoint.calibration._coverage import interval_score
from bayesjoint.calibration._rules import DepthRule

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "flin_flon"))

import ground  # noqa: E402
from families import DISTRICT  # noqa: E402

WORLDS, SEED, SEEN = 400, 20261129, 0.9
BIAS = {"gravity": 1.0, "magnetic": 100.0}


def problem(surveys, mesh, chosen):
    """As the case study of Flin Flon chose it by evidence; operators as they are."""
    kernel, settings, correlation = chosen["kernel"], chosen["settings"], chosen["correlation"]
    (density_std, gravity_extra), (susceptibility_std, magnetic_extra, reach) = settings
    density, susceptibility = (
        bj.Parameter(name, mesh, prior=bj.Matern(std=std, range=tuple(kernel[1]), smoothness=kernel[0]))
        for name, std in (("density", density_std), ("susceptibility", susceptibility_std)))
    gravity, magnetic = surveys
    correlated = bj.StationaryNoise(lambda e, n: magnetic_extra**2 * np.exp(-np.hypot(e, n) / reach),
                                    white=float(magnetic.std[0]))
    operators = ground.operators(mesh, surveys)
    modalities = [gravity.modality(density, forward=operators[0], std=float(np.hypot(gravity.std[0], gravity_extra))),
                  magnetic.modality(susceptibility, forward=operators[1]).replace(noise=correlated)]
    made = bj.JointProblem([density, susceptibility], modalities, [bj.Coregionalization(correlation)])
    for name, std in BIAS.items():
        made = bj.add_bias(made, name, "linear", std=std)
    return made


def scores(lower, upper, truth, probability, volume):
    """Coverage, width and interval score by cells and by volume."""
    held, score = (truth >= lower) & (truth <= upper), interval_score(lower, upper, truth, probability)
    return {"coverage": float(held.mean()), "width": float(np.mean(upper - lower)), "score": float(score.mean()),
            "coverage_by_volume": float(np.average(held, weights=volume)),
            "score_by_volume": float(np.average(score, weights=volume))}


def main():
    began = time.perf_counter()
    octree, surveys = ground.Octree(), ground.surveys()
    mesh = ground.lay_mesh(octree, surveys)
    asked = problem(surveys, mesh, json.loads((HERE.parent / "flin_flon" / "results.json").read_text())["chosen"])
    post = bj.posterior(asked, method="dense")
    clock = time.perf_counter()
    sound = bj.recalibrate(post, DISTRICT, worlds=WORLDS, seed=SEED, sensitivity=None)
    cost = time.perf_counter() - clock
    out = {"worlds": WORLDS, "recalibration_s": round(cost, 1), "family": DISTRICT.name}
    keep(out, asked, post, {"recalibrated": sound}, octree, mesh)
    learned = bj.recalibrate(post, DISTRICT, worlds=sound, seed=SEED, sensitivity=None, learned=True)
    out["seconds"] = round(time.perf_counter() - began, 1)
    keep(out, asked, post, {"recalibrated": sound, "learned": learned}, octree, mesh)


def keep(out, asked, post, sounds, octree, mesh):
    """Score every posterior against the truth, which is read here for the first time, and write it down."""
    truth, unit = ground.truth_on(octree)
    separate = {m.parameters[0]: post_alone.std() for m, post_alone in zip(
        asked.modalities, post.separate().values(), strict=True)}
    volume = np.broadcast_to(mesh.thickness[:, None, None] * np.prod(mesh.horizontal_spacing()), mesh.shape)
    sound = sounds["recalibrated"]
    for name in ("density", "susceptibility"):
        seen = mesh.active & (separate[name][name] < SEEN * post.prior_std()[name])
        lived, frame = sound.lived[0], sound._rules[name][0].frame
        baseline = DepthRule(frame.depth, lived.truth[name])
        row = {"seen_cells": int(seen.sum())}
        for probability in (0.5, 0.9):
            free = np.full((2, mesh.size), np.nan)
            free[:, lived.cells[name]] = baseline.interval(probability)
            ends = {kind: p.interval(probability)[name] for kind, p in ({"plain": post} | sounds).items()}
            ends["no_data"] = free.reshape(2, *mesh.shape)
            row[f"{probability:.0%}"] = {
                where: {kind: scores(*(e[mask] for e in pair), truth[name][mask], probability, volume[mask])
                        for kind, pair in ends.items()}
                for where, mask in (("seen", seen), ("all", mesh.active))}
            if probability == 0.9:
                row["units"] = {
                    ground.UNITS[u]: {"cells": int((seen & (unit == u)).sum())} | {
                        kind: float(np.mean(((truth[name] >= pair[0]) & (truth[name] <= pair[1]))[seen & (unit == u)]))
                        for kind, pair in ends.items()}
                    for u in np.unique(unit[seen])}
        at = row["90%"]["seen"]
        for kind in sounds:
            row[f"{kind}_score_over_plain"] = at[kind]["score"] / at["plain"]["score"]
            row[f"{kind}_score_over_no_data"] = at[kind]["score"] / at["no_data"]["score"]
        row["left_out"] = {k: float(sound.coverage[k].sel(parameter=name).sel(kind="recalibrated", probability=0.9))
                           for k in ("coverage", "coverage_error")}
        row["left_out_score_over_no_data"] = float(sound.coverage.median_score_over_no_data.sel(parameter=name))
        out[name] = row
    (HERE / "flin_flon.json").write_text(json.dumps(out, indent=1) + "\n")
    print(json.dumps(out, indent=1))


if __name__ == "__main__":
    main()
