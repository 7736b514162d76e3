"""Several scales: sums of Matérns, and properties of different ranges tied by a part that they share.

python scales.py PART ...    # window coverage dip; each writes its part of scales.json

window: log evidence of gravity and magnetics of the Kalgoorlie window under one range, and under sums.
coverage: truths drawn from a sum of two ranges; nominal 90 % intervals of cells and of the mass, under a single Matérn
and under a sum, std, ranges and noise fitted by the evidence each time.
dip: truths whose layers dip, strike and dip drawn; fields that lie along the mesh, and that dip, fitted to each.
"""

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

import bayesjoint as bj
from bayesjoint.hyperparameters._integrate import weigh

HERE = Path(__file__).parent
FILE, DATA = HERE / "scales.json", HERE.parent / "kalgoorlie_window" / "data" / "kalgoorlie_small.nc"
THIN = {"gravity": 3, "magnetic": 2}  # nodes of an interpolated grid; the same for every prior, so evidences compare
BIAS = {"gravity": 20.0, "magnetic": 200.0}  # mGal, nT
STD = {"density": 50.0, "susceptibility": 0.03}  # kg/m3, SI
TRUTHS, PROBABILITY, NOISE = 51, 0.9, 0.01
DIPPING, LAYERED = 60, (100.0, 600.0, 400.0)  # truths; metres across the layering, along strike, down dip
NORMAL = 1.6448536269514722  # standard deviations on each side of a 90 % interval
POINTS = 128  # of the importance sampling over hyperparameters


def field(name, *parts):
    """A continued Matérn, or a sum of some: (share of the std, range in metres, smoothness) each."""
    fields = [bj.Matern(std=share * STD[name], range=reach, smoothness=rough, extent="continued")
              for share, reach, rough in parts]
    return sum(fields[1:], fields[0])


ONE, ROUGH = (1.0, 4000.0, 1.5), (1.0, 4000.0, 0.5)
LONG, SHORT = (0.7, 6000.0, 1.5), (0.7, 1200.0, 1.5)
PRIORS = {  # surveys: priors by parameter, and whether they are tied
    "gravity, one range": ({"density": [ONE]}, False),
    "gravity, two ranges": ({"density": [LONG, SHORT]}, False),
    "magnetic, one range": ({"susceptibility": [ONE]}, False),
    "magnetic, two ranges": ({"susceptibility": [LONG, SHORT]}, False),
    "joint, one range": ({"density": [ONE], "susceptibility": [ONE]}, True),
    "joint, one range, rough": ({"density": [ROUGH], "susceptibility": [ROUGH]}, True),
    "joint, own ranges, not tied": ({"density": [LONG], "susceptibility": [SHORT]}, False),
    "joint, shared and own for susceptibility": ({"density": [LONG], "susceptibility": [LONG, SHORT]}, True),
}


def window_problem(priors, tied):
    surveys = [bj.read_survey(DATA, kind) for kind in BIAS]
    mesh = bj.Mesh.from_surveys(surveys, depth=12e3, layers=12, padding=5, growth=1.15)
    parameters, modalities = [], []
    for survey, name in zip(surveys, STD, strict=True):
        if name in priors:
            parameters.append(bj.Parameter(name, mesh, prior=field(name, *priors[name])))
            modalities.append(survey.modality(parameters[-1], std="unknown"))
    out = bj.JointProblem(parameters, modalities, [bj.Coregionalization(0.0)] if tied else [])
    for m in modalities:
        out = bj.add_bias(out, m.name, basis="linear", std=BIAS[m.name])
    return out


def window():
    found = {}
    for name, (priors, tied) in PRIORS.items():
        began, problem = time.perf_counter(), window_problem(priors, tied)
        thin = {m.name: THIN[m.name] for m in problem.modalities}
        fit = bj.fit_hyperparameters(problem, method="dense", thin=thin, curve=False)
        points = weigh(fit.objective, fit.theta, fit.hessian, POINTS, 0)
        found[name] = {
            "data": fit.vector.problem.data_size, "hyperparameters": fit.vector.size,
            "log_evidence_integrated": float(points.log_evidence), "integrated_error": points.log_evidence.error,
            "integrated_trusted": points.trusted, "pareto_k": points.pareto_k,
            "log_evidence": float(fit.log_evidence), "log_evidence_error": fit.log_evidence.error,
            "converged": fit.converged, "estimate": fit.estimate, "seconds": time.perf_counter() - began,
            "verdicts": dict(zip(map(str, fit.table["name"]), map(str, fit.table["verdict"]), strict=True)),
            "message": fit.message}
        print(name, found[name], flush=True)
        keep("window", found)


def one_truth(seed):
    """Coverage under both priors, fitted to the data of one truth, and under the prior that it is drawn from."""
    mesh = bj.Mesh.regular((3, 12, 12), (50.0, 100.0, 100.0))
    true = bj.Matern(std=80.0, range=800.0) + bj.Matern(std=80.0, range=60.0)
    operator = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=10.0)
    stated = {"one range": bj.Matern(std=100.0, range=600.0),
              "two ranges": bj.Matern(std=70.0, range=1500.0) + bj.Matern(std=70.0, range=150.0)}
    rng, row, parameter = np.random.default_rng(seed), {}, bj.Parameter("density", mesh, prior=true)
    truth = parameter.from_hat(parameter.bound_prior.covariance.sample(rng, 1)[0])
    data = operator.predict(truth) + NOISE * rng.standard_normal(operator.data_shape)
    survey = bj.Modality("gravity", operator, data, bj.DiagonalNoise(np.full(data.shape, NOISE)), "density")
    for name, prior in stated.items():
        problem = bj.JointProblem([parameter.replace(prior=prior)], [survey])
        free = [f"density_{what}{part}" for what in ("std", "range") for part in (
            ("",) if name == "one range" else ("_1", "_2"))]  # the noise is known
        fit = bj.fit_hyperparameters(problem, method="dense", free=free, thin=1, curve=False)
        row[name] = checked(bj.posterior(fit.problem, "dense"), truth) | {
            "estimate": fit.estimate, "log_evidence": float(fit.log_evidence)}
    row["true prior"] = checked(bj.posterior(bj.JointProblem([parameter], [survey]), "dense"), truth)
    return row


def coverage():
    rows = []
    with ProcessPoolExecutor(2) as pool:
        for row in pool.map(one_truth, range(TRUTHS)):
            rows.append(row)
            if len(rows) % 10 == 0 or len(rows) == TRUTHS:
                keep("coverage", {"truths": len(rows), "probability": PROBABILITY, "summary": summary(rows),
                                  "rows": rows})
                print(len(rows), summary(rows), flush=True)


def checked(post, truth):
    """Share of cells inside their interval by layer, widths, and where the truth of the mass falls."""
    low, high = post.interval(PROBABILITY)["density"]
    inside = (low <= truth) & (truth <= high)
    whole = np.full(truth.shape, 0.05 * 0.1 * 0.1)  # 1e9 kg of a cell for one kg/m3
    spread = np.sqrt(np.sum(whole * post.covariance_product({"density": whole})["density"]))
    off = np.sum(whole * (truth - post.mean()["density"]))
    return {"inside": inside.mean(axis=(1, 2)).tolist(), "width": (high - low).mean(axis=(1, 2)).tolist(),
            "rms": float(np.sqrt(np.mean((truth - post.mean()["density"]) ** 2))), "mass_z": float(off / spread)}


def summary(rows):
    """Coverage with its standard error over truths, and what the sum gains in log evidence."""
    out = {}
    for name in rows[0]:
        inside = np.array([np.mean(row[name]["inside"]) for row in rows])
        layers = np.array([row[name]["inside"] for row in rows])
        mass = np.abs([row[name]["mass_z"] for row in rows]) < NORMAL
        out[name] = {
            "inside": float(inside.mean()), "inside_error": float(inside.std() / np.sqrt(len(rows))),
            "inside_by_layer": layers.mean(axis=0).tolist(), "width": float(np.mean([r[name]["width"] for r in rows])),
            "rms": float(np.mean([r[name]["rms"] for r in rows])), "mass_inside": float(mass.mean()),
            "mass_inside_error": float(np.sqrt(PROBABILITY * (1 - PROBABILITY) / len(rows)))}
    gain = np.array([row["two ranges"]["log_evidence"] - row["one range"]["log_evidence"] for row in rows])
    return out | {"gain_nats": float(gain.mean()), "gain_error": float(gain.std() / np.sqrt(len(rows)))}


def one_that_dips(seed):
    """Angles, their intervals, and what the cells do, of one truth."""
    rng, mesh = np.random.default_rng(seed), bj.Mesh.regular((5, 12, 12), (100.0, 100.0, 100.0))
    operator = bj.MagneticOperator(mesh, mesh.easting, mesh.northing, height=50.0, inclination=65.0)
    angles = {"strike": rng.uniform(-60, 60), "dip": rng.uniform(10, 80)}
    truth = bj.Parameter("susceptibility", mesh, prior=bj.Matern(0.02, LAYERED, **angles))
    cells = truth.bound_prior.covariance.sample(rng, 1)[0] * truth.scale
    data = operator @ cells + 2.0 * rng.standard_normal(operator.shape[0])
    out = {"true": angles}
    for name, turn in (("along the mesh", {}), ("dips", {"strike": 0.0, "dip": 45.0})):
        prior = bj.Matern(0.02, LAYERED if turn else (200.0, 400.0, 400.0), **turn)
        problem = bj.JointProblem([truth.replace(prior=prior)], [bj.Modality(
            "magnetic", operator, data, bj.DiagonalNoise(np.full(data.size, 2.0)), "susceptibility")])
        free = [f"susceptibility_{n}" for n in (("std", "range", "strike", "dip") if turn else (
            "std", "range_upward", "range_northing", "range_easting"))]
        fit = bj.fit_hyperparameters(problem, free=free, ranges="common" if turn else "axes")
        post = bj.posterior(fit.problem, method="dense")
        lower, upper = (end.ravel() for end in post.interval(PROBABILITY)["susceptibility"])
        off = post.mean()["susceptibility"].ravel() - cells
        held = (lower <= cells) & (cells <= upper)
        out[name] = {"inside": float(held.mean()), "width": float(np.mean(upper - lower)),
                     "rms": float(np.sqrt(np.mean(off**2))), "log_evidence": float(fit.log_evidence)}
        if turn:
            rows = zip(fit.table["name"], fit.table["value"], fit.table["low"], fit.table["high"], strict=True)
            out["intervals"] = {n.removeprefix("susceptibility_"): [float(v) for v in rest] for n, *rest in rows}
    return out


def dip():
    with ProcessPoolExecutor(2) as pool:
        rows = list(pool.map(one_that_dips, range(DIPPING)))
    found = {"truths": len(rows)}
    for name in ("along the mesh", "dips"):
        found[name] = {key: [float(np.mean(v)), float(np.std(v) / np.sqrt(len(v)))]
                       for key in ("inside", "width", "rms") for v in [[row[name][key] for row in rows]]}
    gain = [row["dips"]["log_evidence"] - row["along the mesh"]["log_evidence"] for row in rows]
    found["gain_nats"] = [float(np.mean(gain)), float(np.std(gain) / np.sqrt(len(gain))), float(np.min(gain))]
    for name in ("strike", "dip"):
        ends = np.array([[row["true"][name], *row["intervals"][name]] for row in rows])
        closed = np.isfinite(ends).all(axis=1)
        found[name] = {"held": int(np.sum(~((ends[:, 0] < ends[:, 2]) | (ends[:, 0] > ends[:, 3])))),
                       "closed": int(closed.sum()), "median_width": float(np.median((ends[:, 3] - ends[:, 2])[closed])),
                       "median_off": float(np.median(np.abs(ends[:, 1] - ends[:, 0])))}
    keep("dip", found | {"rows": rows})
    print(json.dumps(found, indent=1))


def keep(part, found):
    kept = json.loads(FILE.read_text()) if FILE.exists() else {}
    FILE.write_text(json.dumps(kept | {part: found}, indent=1) + "\n")


if __name__ == "__main__":
    for part in sys.argv[1:]:
        {"window": window, "coverage": coverage, "dip": dip}[part]()
