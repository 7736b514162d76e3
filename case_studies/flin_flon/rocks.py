"""Flin Flon with its rocks as a mixture, against separate inversions. Run: python rocks.py; writes rocks.json.

Cells of 120 m in 10 layers, not of 60 m in 18: the Laplace engine, which gives the intervals, takes 12,000 values.
"""

import json
import time

import ground
import numpy as np

import bayesjoint as bj
from bayesjoint.calibration._coverage import interval_score

ground.BLOCK, ground.COLUMNS = 6, (57, 55, 24, 25)
ground.THICKNESS = (40, 40, 40, 40, 80, 80, 120, 180, 220, 320)
SPREAD, LOG_SPREAD = 60.0, 0.4  # of a rock from place to place: kg/m3, and of the log of its susceptibility. Assumed
ROCKS = {  # density contrast, kg/m3, and susceptibility, SI: data/README.md; all shares equal, as nobody stated them
    "rhyolite": (-200, 0.005), "chloritic schist": (10, 0.006), "mafic volcanics": (0, 0.002),
    "mafic dykes": (200, 0.007), "host mafic": (0, 0.003), "basalt": (50, 0.02), "ore": (300, 0.1),
    "overburden": (-300, 0.0002)}  # an overburden of 0 has no logarithm
BACKGROUND, RANGE, SMOOTHNESS = 2670.0, (480.0, 120.0, 120.0), 1.5  # of ../flin_flon/results.json, by evidence
BIAS = {"gravity": 1.0, "magnetic": 100.0}
AVERAGED = (40.0, 0.002)  # std that other rocks in a cell of 120 m add, kg/m3 and SI. Assumed
WEIGHTS = (1.0, 0.1)
PROBABILITY, SEEN = 0.9, 0.9


class Cells:
    """The rocks as cells hold them: with their assumed spreads, and a little of other rocks."""

    table = bj.RockTable([bj.RockUnit(name, BACKGROUND + contrast, SPREAD, chi, LOG_SPREAD)
                          for name, (contrast, chi) in ROCKS.items()], background=BACKGROUND)
    names = table.names

    def components(self, parameters):
        """Shares, means, covariances of density contrast and susceptibility."""
        shares, means, covariances = self.table.components(parameters)
        return shares, means, covariances + np.diag(np.square(AVERAGED))


def problem(mesh, surveys, operators, stds, couplings=()):
    """Density and susceptibility under Matérn priors of given stds."""
    parameters = [bj.Parameter(name, mesh, prior=bj.Matern(std=stds[name], range=RANGE, smoothness=SMOOTHNESS))
                  for name in ("density", "susceptibility")]
    made = bj.JointProblem(parameters, [s.modality(p, forward=operator) for s, p, operator in zip(
        surveys, parameters, operators, strict=True)], list(couplings))
    for name, std in BIAS.items():
        made = bj.add_bias(made, name, "linear", std=std)
    return made


def off(model, truth, cells, volume):
    """Relative error over some cells, by volume."""
    weights = volume[cells]
    return float(np.sqrt(np.sum(weights * (model[cells] - truth[cells]) ** 2) / np.sum(weights * truth[cells] ** 2)))


def scored(post, truth, seen, volume):
    """Relative error, coverage and interval score of both properties over the cells that the data see."""
    out, mean, ends = {}, post.mean(), post.interval(PROBABILITY)
    for name, cells in seen.items():
        exact = truth[name][cells]
        low, high = (e[cells] for e in ends[name])
        out[name] = {"relative error": off(mean[name], truth[name], cells, volume),
                     "coverage": float(np.mean((low <= exact) & (exact <= high))),
                     "score": float(interval_score(low, high, exact, PROBABILITY).mean())}
    return out


def main():
    """Fit, invert, and then look at the truth."""
    octree, surveys = ground.Octree(), ground.surveys()
    mesh = ground.lay_mesh(octree, surveys)
    operators = [ground.StoredOperator(op) for op in ground.operators(mesh, surveys)]
    print(mesh, int(mesh.active.sum()), flush=True)
    start = problem(mesh, surveys, operators, {"density": 60.0, "susceptibility": 0.0075})
    began = time.perf_counter()
    # a free std of susceptibility ran to 0.19 SI: coarse cells cannot follow stations 10 m apart, and large ones try to
    fit = bj.fit_hyperparameters(start, free=["density_std", "gravity_noise", "magnetic_noise"], curve=False)
    print(fit.table, f"{time.perf_counter() - began:.0f} s", flush=True)
    separate = bj.posterior(fit.problem, method="dense")
    fitted = [s.replace(std=m.noise.std) for s, m in zip(surveys, fit.problem.modalities, strict=True)]
    truth, _ = ground.truth_on(octree)
    volume = np.broadcast_to(mesh.thickness[:, None, None], mesh.shape)
    prior, std = separate.prior_std(), separate.std()
    seen = {name: mesh.active & (std[name] < SEEN * prior[name]) for name in truth}
    out = {"cells": int(mesh.active.sum()), "seen": {name: int(cells.sum()) for name, cells in seen.items()},
           "separate": scored(separate, truth, seen, volume)}
    print(out, flush=True)
    for weight in WEIGHTS:  # to 1e-2: a tolerance of 1e-4 was not reached in eight minutes
        began = time.perf_counter()
        asked = problem(mesh, fitted, operators, Cells.table.std(), [bj.RockMixture(Cells(), weight=weight)])
        found = bj.find_map(asked, tolerance=1e-2)
        print(weight, found.message, f"{found.seconds:.0f} s", flush=True)
        row = {"message": found.message, "MAP's seconds": found.seconds,
               "MAP's relative error": {name: off(found.model[name], truth[name], cells, volume)
                                        for name, cells in seen.items()}}
        print(row, flush=True)
        try:
            post = bj.posterior(asked, method="laplace", at=found)
            row |= scored(post, truth, seen, volume) | {"verdict": post.validity.verdict, "undecided": next(
                a.error for a in post.approximations if a.name == "rocks of the mixture")}
        except ValueError as refused:
            row["laplace refused"] = str(refused)
        out[f"mixture, weight {weight:g}"] = row | {"seconds": time.perf_counter() - began}
        print(out, flush=True)
        (ground.HERE / "rocks.json").write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
