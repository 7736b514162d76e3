"""Unknowns of the measurement: direction of the field and heights of stations, against quadrature and over worlds.

python unknowns.py PART ...    # quadrature wide lines larger direction height station size: into unknowns.json

quadrature: one angle, or one height, exact by 81 dense posteriors mixed by their evidence. wide: the same under priors
that are wider and wider. lines: two of them, against 625 posteriors. direction, height, station: 400 truths whose field
or heights are not as stated. larger: ten of 784 data. size: 1,600 data x 12,800 cells.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from scipy.stats import binom, norm

import bayesjoint as bj
from bayesjoint.forward import FieldDirection

FILE = Path(__file__).parent / "unknowns.json"
STD = {"magnetic": 0.02, "gravity": 150.0}
NAMES = {"magnetic": "susceptibility", "gravity": "density"}
REDUCTION = 0.3086


def mesh(cells=6, layers=3):
    return bj.Mesh.regular((layers, cells, cells), (100.0, 100.0, 100.0))


def magnetic(ground, inclination=55.0, declination=8.0, height=60.0):
    return bj.MagneticOperator(ground, ground.easting, ground.northing, height, 5e4, inclination, declination)


def problem(operator, data, noise, range_=250.0, std=None):
    name = NAMES[operator.kind]
    field = bj.Parameter(name, operator.mesh, prior=bj.Matern(std=std or STD[operator.kind], range=range_))
    return bj.JointProblem([field], [bj.Modality(operator.kind, operator, data, bj.DiagonalNoise(np.full(
        operator.shape[0], noise)), name)])


def truths(operators, noise, rng, **options):
    """(models (n_cells, k), data (n_data, k)), one operator for each world."""
    field = problem(operators[0], np.zeros(operators[0].shape[0]), 1.0, **options).parameters[0]
    models = field.scale * field.bound_prior.covariance.sample(rng, len(operators)).T
    clean = np.stack([op.matvec(m) for op, m in zip(operators, models.T, strict=True)], axis=1)
    return models, clean + noise * rng.standard_normal(clean.shape)


def add(kind, plain, std):
    if kind == "direction":
        return bj.add_direction_error(plain, "magnetic", inclination=std)
    return bj.add_height_error(plain, "magnetic", std)


def moved(kind, ground, error):
    """The operator for an error; an inclination beyond 90° goes on over the pole."""
    if kind == "direction":
        return FieldDirection(magnetic(ground), ("inclination",)).operator([error])
    return magnetic(ground, height=60 + error)


def against_quadrature(kind, noise, std, seed):
    """One problem: the tangent's posterior beside the exact one."""
    ground, rng = mesh(), np.random.default_rng(seed)
    _, data = truths([moved(kind, ground, 0.8 * std)], noise, rng)
    plain, name = problem(magnetic(ground), data[:, 0], noise), f"magnetic_{kind}_error"
    nodes = np.linspace(-4 * std if kind == "direction" else max(-4 * std, -55.0), 4 * std, 81)
    posts = [bj.posterior(problem(moved(kind, ground, e), data[:, 0], noise), method="dense") for e in nodes]
    logs = np.array([float(p.log_evidence()) for p in posts]) + norm.logpdf(nodes, 0, std)
    weights = np.exp(logs - logs.max())
    evidence = np.log(weights.sum() * (nodes[1] - nodes[0])) + logs.max()
    weights /= weights.sum()
    means, value = np.stack([p.state_mean() for p in posts]), weights @ nodes
    spread, mean = np.sqrt(weights @ (nodes - value) ** 2), weights @ means
    own = np.sqrt(weights @ (np.stack([p.state_variance() for p in posts]) + (means - mean) ** 2))
    row = {"unknown": kind, "noise": noise, "prior_std": std, "seed": seed, "exact": value, "exact_std": spread,
           "opposite": float(weights[np.abs(nodes - nodes[np.argmax(weights)]) > 90].sum())}
    try:
        unsure = add(kind, plain, std)
        post = bj.posterior(unsure, method="dense")
    except ValueError as error:
        return row | {"refused": str(error)[:160]}
    cells, found = slice(0, ground.size), {a.name: float(a.error) for a in post.approximations}
    misfit = bj.engines.ENGINES["dense"].load()(unsure)  # the linear problem with the prior as stated
    return row | {
        "tangent": float(post.mean()[name][0]), "tangent_std": float(post.std()[name][0]),
        "misfit_alone": float(misfit.mean()[name][0]), "stated_error": found[f"tangent of {name}"],
        "draws_error": found[f"draws of {name} with the model"],
        "model_shift": float(np.max(np.abs(post.state_mean()[cells] - mean) / own)),
        "std_ratio": [float(f(np.sqrt(post.state_variance()[cells]) / own)) for f in (np.min, np.max)],
        "evidence_off": float(post.log_evidence()) - float(evidence)}


def quadrature():
    return [against_quadrature(kind, noise, std, seed) for kind, stds in (("direction", (1.0, 3.0, 5.0)),
                                                                         ("height", (2.0, 5.0, 10.0)))
            for noise in (2.0, 10.0, 30.0) for std in stds for seed in (0, 1)]


def wide():
    return [against_quadrature("direction", noise, std, seed) for noise in (30.0, 100.0)
            for std in (2.0, 5.0, 10.0, 20.0, 40.0) for seed in (0, 1, 2)]


def two_lines(noise, std, seed, nodes=25):
    """Two lines of magnetics with heights of their own: the tangent's posterior beside the exact one."""
    ground, rng, member = mesh(), np.random.default_rng(seed), np.arange(36) // 18
    east, north, up = magnetic(ground).coordinates()

    def at(errors):
        return bj.MagneticOperator.at_stations(ground, east, north, up + np.asarray(errors)[member], intensity=5e4,
                                               inclination=55.0, declination=8.0)

    _, data = truths([at(std * rng.standard_normal(2))], noise, rng)
    plain = problem(at([0.0, 0.0]), data[:, 0], noise)
    plain = plain.replace(modalities=[plain.modalities[0].replace(lines=[f"L{k}" for k in member])])
    post = bj.posterior(bj.add_height_error(plain, "magnetic", std, per="line"), method="dense")
    axis = np.linspace(-3.5 * std, 3.5 * std, nodes)
    grid = np.stack([g.ravel() for g in np.meshgrid(axis, axis)], axis=1)
    exact = [bj.posterior(problem(at(e), data[:, 0], noise), method="dense") for e in grid]
    logs = np.array([float(p.log_evidence()) for p in exact]) + norm.logpdf(grid, 0, std).sum(axis=1)
    weights = np.exp(logs - logs.max()) / np.exp(logs - logs.max()).sum()
    means, value = np.stack([p.state_mean() for p in exact]), weights @ grid
    spread, mean = np.sqrt(weights @ (grid - value) ** 2), weights @ means
    own = np.sqrt(weights @ (np.stack([p.state_variance() for p in exact]) + (means - mean) ** 2))
    cells, found = slice(0, ground.size), post.mean()["magnetic_height_error"]
    return {
        "noise": noise, "prior_std": std, "seed": seed, "exact_std": spread.tolist(),
        "off": float(np.max(np.abs(found - value) / spread)),
        "unknown_ratio": (post.std()["magnetic_height_error"] / spread).tolist(),
        "stated_error": next(float(a.error) for a in post.approximations if a.name.startswith("tangent")),
        "model_shift": float(np.max(np.abs(post.state_mean()[cells] - mean) / own)),
        "std_ratio": [float(f(np.sqrt(post.state_variance()[cells]) / own)) for f in (np.min, np.max)]}


def lines():
    return [two_lines(noise, std, seed) for noise in (2.0, 20.0) for std in (2.0, 5.0, 10.0) for seed in (0, 1)]


def intervals(post, probes, truth):
    """Whether 90 % intervals of linear functions of the model, physical units, hold their truths."""
    seen, size = post.problem.parameters[0], post.problem.size
    wide = seen.scale * np.pad(probes, ((0, 0), (0, size - seen.size))).T
    off = probes @ truth - wide.T @ post.state_mean()
    return np.abs(off) < norm.ppf(0.95) * np.sqrt(np.diag(wide.T @ post.state_product(wide)))


def covered(kind, count=400, seed=0):
    """Shares of worlds in which 90 % intervals hold, with the unknown and without."""
    ground, rng, noise = mesh(5, 2), np.random.default_rng(seed), 5.0
    n, extra, base = ground.size, np.zeros((25, count)), magnetic(ground)
    if kind == "direction":
        errors = rng.standard_normal((count, 2)) * [3.0, 5.0]
        operators = [magnetic(ground, 55 + i, 8 + d) for i, d in errors]
    elif kind == "height":
        errors = 5.0 * rng.standard_normal((count, 1))
        operators = [magnetic(ground, height=60 + e) for e in errors[:, 0]]
    else:
        errors, noise = 0.5 * rng.standard_normal((count, 25)), 0.05
        base = bj.GravityOperator(ground, ground.easting, ground.northing, 5.0)
        east, north, up = base.coordinates()
        operators = [bj.GravityOperator.at_stations(ground, east, north, up + e) for e in errors]
        extra = -REDUCTION * errors.T
    models, data = truths(operators, noise, rng)
    data += extra
    field = magnetic(ground, 90.0, height=80.0) if kind != "station" else bj.GravityOperator(
        ground, ground.easting, ground.northing, 80.0)
    field, hits, plainly, refused = field.to_dense(), [], [], 0
    adds = {"direction": lambda p: bj.add_direction_error(p, "magnetic", 3.0, 5.0),
            "height": lambda p: bj.add_height_error(p, "magnetic", 5.0),
            "station": lambda p: bj.add_height_error(p, "gravity", 0.5, per="station", reduction=REDUCTION)}
    for k in range(count):
        probes = np.stack([field[rng.integers(25)], np.eye(n)[rng.integers(n)], np.ones(n)])
        plain = problem(base, data[:, k], noise)
        plainly.append(intervals(bj.posterior(plain, method="dense"), probes, models[:, k]))
        try:
            unsure = adds[kind](plain)
            post = bj.posterior(unsure, method="dense")
        except ValueError:
            refused += 1
            continue
        held = np.abs(post.state_mean()[n:] - errors[k]) < norm.ppf(0.95) * np.sqrt(post.state_variance()[n:])
        hits.append([*intervals(post, probes, models[:, k]), *(held[:1] if kind == "station" else held)])
    names = ["field 80 m up", "a cell", "the sum", *(["inclination", "declination"] if kind == "direction" else
                                                     ["height"])]
    return {"worlds": count, "refused": refused,
            "band_99": [float(q) / len(hits) for q in binom.ppf([0.005, 0.995], len(hits), 0.9)],
            "with": dict(zip(names, np.mean(hits, axis=0).tolist(), strict=True)),
            "without": dict(zip(names, np.mean(plainly, axis=0).tolist(), strict=False))}


def larger(count=10):
    """Standard scores of both angles in worlds of 784 data and 3,920 cells."""
    ground, scores = mesh(28, 5), []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        error = rng.standard_normal(2) * [3.0, 5.0]
        options = {"range_": 400.0, "std": 0.01}
        _, data = truths([magnetic(ground, 55 + error[0], 8 + error[1], 80.0)], 5.0, rng, **options)
        unsure = bj.add_direction_error(problem(magnetic(ground, height=80.0), data[:, 0], 5.0, **options), "magnetic",
                                        3.0, 5.0)
        post, name = bj.posterior(unsure, method="dense"), "magnetic_direction_error"
        scores.append(((post.mean()[name] - error) / post.std()[name]).tolist())
    return {"scores": scores, "rms": np.sqrt(np.mean(np.square(scores), axis=0)).tolist()}


def size():
    """What it takes, and what it costs the model, at 40 x 40 stations."""
    ground, rng, out = mesh(40, 8), np.random.default_rng(3), {}
    true, stated = magnetic(ground, 57.0, 5.0, 80.0), magnetic(ground, height=80.0)
    _, data = truths([true], 5.0, rng, range_=400.0, std=0.01)
    plain = problem(stated, data[:, 0], 5.0, range_=400.0, std=0.01)
    for method in ("dense", "iterative"):
        start = time.perf_counter()
        bj.posterior(plain, method=method).std()
        out[f"{method}_plain_seconds"] = time.perf_counter() - start
    start = time.perf_counter()
    unsure = bj.add_direction_error(plain, "magnetic", 3.0, 5.0)
    out["add_seconds"] = time.perf_counter() - start
    for method in ("dense", "iterative"):
        start = time.perf_counter()
        post = bj.posterior(unsure, method=method)
        found, spread = post.nuisances(), post.std()["magnetic_direction_error"]
        out[method] = {
            "seconds": time.perf_counter() - start, "mean": post.mean()["magnetic_direction_error"].tolist(),
            "std": spread.tolist(), "truth": [2.0, -3.0],
            "stated": [f"{a.name}: {a.statement}" for a in post.approximations if "direction" in a.name],
            "cost": dict(zip(found["average"].values.tolist(), found["magnetic_direction_error_cost"].values.tolist(),
                             strict=True))}
    return out


PARTS = {"quadrature": quadrature, "wide": wide, "lines": lines, "larger": larger, "size": size,
         **{kind: (lambda kind=kind: covered(kind)) for kind in ("direction", "height", "station")}}


def rounded(value):
    """The same with four digits of every number."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def main(parts):
    out = json.loads(FILE.read_text()) if FILE.exists() else {}
    for part in parts:
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="the tangent of")
            out[part] = rounded(PARTS[part]())
        out[f"{part}_seconds"] = round(time.perf_counter() - start)
        FILE.write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:] or PARTS)
