"""The iterative posterior: products with K per solve for every preconditioner, and what a draw costs.

Run: python benchmarks/posterior.py [--quick] [--full] [--json FILE]

Gravity and magnetics on one lattice, continued Matérn-3/2 fields, correlation 0.7. Iterations are those of one draw, to
a whitened relative residual of 1e-3; ">" means that so many did not do. By default the window is half of Kalgoorlie's
201 x 338 stations along each axis; --full takes all of it, --quick a small one.
"""

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
from scipy import fft

import bayesjoint as bj
from bayesjoint.forward import StationSelection
from bayesjoint.gaussian import IterativeSystem, linear_gaussian
from bayesjoint.solvers._block_cg import block_cg
from bayesjoint.solvers._directional import DirectionalSymbol

CELL = 1000.0  # metres
TOLERANCE = 1e-3
RANK = 100  # of the Nyström sketch
LIMITS = {"quick": 1000, "half": 300, "full": 150}  # iterations, for circulants and no preconditioner
WINDOWS = {"quick": (24, 40, 5), "half": (101, 169, 10), "full": (201, 338, 15)}  # rows, columns, layers
COSTS = {"quick": [(16, 24, 5), (24, 40, 5), (40, 64, 5), (40, 64, 10)],
         "half": [(32, 48, 10), (64, 96, 10), (101, 169, 10), (101, 169, 15), (201, 338, 10), (201, 338, 15)]}
COSTS["full"] = COSTS["half"]
CASES = [  # label, which fields, what differs from range 5, noise 2 %, inclination 60°, declination 20°
    *((f"range {r} cells", which, {"reach": r}) for which in ("gravity", "magnetic", "both") for r in (3, 5, 10, 20)),
    *((f"noise {n:.1%}", which, {"noise": n}) for which in ("gravity", "magnetic", "both")
      for n in (0.005, 0.01, 0.05)),
    *((f"inclination {i}°", which, {"inclination": i}) for which in ("magnetic", "both") for i in (90, 30, 10, 0)),
    ("inclination 0°, declination 0°", "both", {"inclination": 0, "declination": 0}),
    *((label, which, options) for which in ("gravity", "magnetic", "both") for label, options in (
        ("gaps", {"gaps": True}), ("unequal noise", {"spread": 0.5}),
        ("gaps, unequal noise", {"gaps": True, "spread": 0.5}))),
    ("gaps, inclination 0°", "both", {"gaps": True, "inclination": 0}),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a window of 24 x 40 stations")
    parser.add_argument("--full", action="store_true", help="Kalgoorlie's window of 201 x 338 stations, 15 layers")
    parser.add_argument("--json", help="write the figures to this file")
    parser.add_argument("--part", choices=("iterations", "cost"), help="one of the two tables")
    arguments = parser.parse_args()
    size = "quick" if arguments.quick else "full" if arguments.full else "half"
    figures = {"load_average": os.getloadavg()}
    if arguments.part != "cost":
        figures["iterations"] = [measure(WINDOWS[size], LIMITS[size], *case) for case in CASES]
        print(iterations_table(WINDOWS[size], LIMITS[size], figures["iterations"]), flush=True)
    if arguments.part != "iterations":
        figures["cost"] = [cost(shape) for shape in COSTS[size]]
        figures["growth"] = growth(figures["cost"])
        print(cost_table(figures["cost"], figures["growth"]))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(figures, indent=1) + "\n")


def problem(shape, which="both", reach=5, noise=0.02, inclination=60.0, declination=20.0, gaps=False, spread=0.0):
    """A joint problem over `shape` (rows, columns, layers), noise relative to the data's prior std."""
    rows, columns, layers = shape
    mesh = bj.Mesh.regular((layers, rows + 10, columns + 10), (0.8 * CELL, CELL, CELL))
    place, rng = (mesh.easting[5:-5], mesh.northing[5:-5]), np.random.default_rng(0)
    operators = {"gravity": bj.GravityOperator(mesh, *place),
                 "magnetic": bj.MagneticOperator(mesh, *place, height=100.0, inclination=inclination,
                                                 declination=declination)}
    mask = holes(rows, columns, rng) if gaps else None
    parameters, surveys = [], []
    for kind, name, std in (("gravity", "density", 100.0), ("magnetic", "susceptibility", 0.02)):
        if which in (kind, "both"):
            forward = operators[kind] if mask is None else StationSelection(operators[kind], mask) @ operators[kind]
            prior = bj.Matern(std=std, range=reach * CELL, extent="continued")
            parameters.append(bj.Parameter(name, mesh, prior=prior))
            count = forward.shape[0]
            surveys.append(bj.Modality(kind, forward, np.zeros(count), bj.DiagonalNoise(np.ones(count)), name))
    couplings = [bj.Coregionalization(0.7)] if which == "both" else []
    whole = bj.JointProblem(parameters, surveys, couplings)
    covariance = linear_gaussian(whole).groups[0].covariance
    return whole.replace(modalities=[
        m.replace(noise=bj.DiagonalNoise(noise * np.sqrt(covariance.variance(k)) * np.exp(
            spread * rng.standard_normal(m.size)))) for k, m in enumerate(surveys)])


def holes(rows, columns, rng):
    """A tenth of the stations missing: two blocks and 5 % at random."""
    mask = rng.random((rows, columns)) > 0.05
    height, width = int(0.16 * rows), int(0.16 * columns)
    mask[rows // 5 : rows // 5 + height, columns // 4 : columns // 4 + width] = False
    mask[-height:, columns // 2 : columns // 2 + width] = False
    return mask


class Circulant:
    """T. Chan's circulant on the whole window, masked where stations are missing."""

    def __init__(self, model):
        group = model.groups[0]
        self._window, variance = group.covariance.frame, model.noise_variance()
        noise = np.array([1 / np.mean(1 / variance[group.surveys[k].rows]) for k, _ in group.channels])
        symbol = DirectionalSymbol(group.covariance.lags, noise, self._window)
        spectrum = symbol.spectrum
        self._inverse = np.moveaxis(np.linalg.inv(spectrum), (-2, -1), (0, 1))
        masks = [s.steps[0].mask if s.steps else np.ones(self._window, bool) for s in group.surveys]
        self._observed = np.flatnonzero(np.stack(masks).ravel())
        self._spread = np.sqrt(variance)[:, None]

    def solve(self, white):
        fields = np.zeros((white.shape[1], len(self._inverse) * self._window[0] * self._window[1]))
        fields[:, self._observed] = (white * self._spread).T
        waves = fft.rfft2(fields.reshape(white.shape[1], -1, *self._window))
        mixed = np.stack([sum(q * waves[:, b] for b, q in enumerate(row)) for row in self._inverse], axis=1)
        out = fft.irfft2(mixed, self._window).reshape(white.shape[1], -1)[:, self._observed].T
        return out * self._spread


def measure(shape, limit, label, which, options):
    """Iterations of one draw with each preconditioner."""
    model = linear_gaussian(problem(shape, which, **options))
    rng = np.random.default_rng(1)
    _, clean = model.draw(rng, 1)
    right = np.asfortranarray(model.whiten(clean.T) + rng.standard_normal((model.data_size, 1)))
    cosine = IterativeSystem(model)
    start = time.perf_counter()
    taken = cosine.solution(right, TOLERANCE)
    seconds = time.perf_counter() - start
    sketch = IterativeSystem(model, rank=RANK)
    solvers = {"none": lambda r: r.copy(), "circulant": Circulant(model).solve, "nystrom": sketch.preconditioner}
    out = {"case": label, "fields": which, "data": model.data_size, "cosine": int(taken.iterations[0]),
           "seconds": seconds, "outliers": int(sketch.outliers.size)}
    for name, solver in solvers.items():
        found = block_cg(cosine.product, right, solver, tolerance=TOLERANCE, max_iterations=limit)
        out[name] = int(found.iterations[0]) if found.converged[0] else None
    return out


def iterations_table(shape, limit, rows):
    """Markdown."""
    lines = [f"{shape[0]} x {shape[1]} stations, {shape[2]} layers; iterations of one draw to {TOLERANCE:g}", "",
             "| fields | case | data | none | circulant | cosine | s | cosine + Nyström (outliers) |",
             "|---|---|---|---|---|---|---|---|"]
    for r in rows:
        none, circulant, nystrom = (f"> {limit}" if r[k] is None else r[k] for k in ("none", "circulant", "nystrom"))
        lines.append(f"| {r['fields']} | {r['case']} | {r['data']:,} | {none} | {circulant} | {r['cosine']} "
                     f"| {r['seconds']:.2f} | {nystrom} ({r['outliers']}) |")
    return "\n".join(lines) + "\n"


def cost(shape):
    """Seconds of a draw of both fields, in blocks of four."""
    model = linear_gaussian(problem(shape))
    system, rng = IterativeSystem(model), np.random.default_rng(1)
    model.draw(rng, 1)  # builds what is built once
    start = time.perf_counter()
    _, clean = model.draw(rng, 4)
    drawn = time.perf_counter()
    right = np.asfortranarray(model.whiten(clean.T) + rng.standard_normal((model.data_size, 4)))
    found = system.solution(right, TOLERANCE)
    solved = time.perf_counter()
    model.gain(model.whiten_adjoint(found.x))
    end = time.perf_counter()
    return {"shape": shape, "data": model.data_size, "cells": model.size, "iterations": int(found.iterations.max()),
            "prior_s": (drawn - start) / 4, "solve_s": (solved - drawn) / 4, "gain_s": (end - solved) / 4,
            "draw_s": (end - start) / 4}


def growth(rows):
    """Exponents of draw_s ∝ data^a (cells / data)^b, with standard errors: with the survey's size, and its layers.

    Least squares on the logarithms. The errors come from the scatter about the fit, which is that of single timings and
    of whatever a power law misses; with as many sizes as coefficients there is none to tell, and they are NaN.
    """
    columns = np.array([[1.0, np.log(r["data"]), np.log(r["cells"] / r["data"])] for r in rows])
    seconds = np.log([r["draw_s"] for r in rows])
    fit = np.linalg.lstsq(columns, seconds, rcond=None)[0]
    left = len(rows) - columns.shape[1]
    scatter = float(np.sqrt(np.sum((seconds - columns @ fit) ** 2) / left)) if left else float("nan")
    errors = scatter * np.sqrt(np.diag(np.linalg.inv(columns.T @ columns)))
    return {"data": float(fit[1]), "data_error": float(errors[1]), "layers": float(fit[2]),
            "layers_error": float(errors[2]), "scatter": scatter, "freedom": left}


def cost_table(rows, found):
    """Markdown."""
    lines = ["| stations × layers | data | cells | iterations | prior draw (s) | solve (s) | to the model (s) "
             "| draw (s) |", "|---|---|---|---|---|---|---|---|"]
    lines += [f"| {' × '.join(map(str, r['shape']))} | {r['data']:,} | {r['cells']:,} | {r['iterations']} "
              f"| {r['prior_s']:.3f} | {r['solve_s']:.3f} | {r['gain_s']:.3f} | {r['draw_s']:.3f} |" for r in rows]
    lines += ["", f"Seconds of a draw ∝ data^({found['data']:.2f} ± {found['data_error']:.2f}) (cells per datum)^"
              f"({found['layers']:.2f} ± {found['layers_error']:.2f}); ± is the standard error of the fit, whose "
              f"residuals scatter by {found['scatter']:.0%} with {found['freedom']} degrees of freedom."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
