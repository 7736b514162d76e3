"""Compact bodies: whether four starts agree, and whether intervals hold on ground of their own family and on other.

python bodies.py small             # four starts on the small body: 4 x 4 x 4 cells of 50 m, −800 kg/m³, CPU seconds
python bodies.py family [n ...]    # truths n (default 0 to 11) of the family: coverage of 90 % intervals
python bodies.py ranks [n ...]     # truths n (default 0 to 39) on a smaller window: ranks, coverage, and long runs
python bodies.py irregular [n ...] # truths n (default 0 to 11) of irregular bodies: plain, Gaussian, recalibrated
python bodies.py recalibrated      # the same truths by short ladders, recalibrated on 150 worlds, and by a Gaussian
python bodies.py shared [n ...]    # grounds n (default 0 to 9) of the family under both surveys: joint against separate
python bodies.py shared_large [n ...] # the same at 39,672 cells x 1,584 data, gravity sparser (default 0 to 3)
python bodies.py joint             # 40,368 cells x 1,512 data, gravity and magnetics: joint against separate

Each part writes its figures to bodies.json. Texture 20 kg/m³ with a range of 150 m; contrasts 0 ± 500 kg/m³; 14 x 14
stations, noise 0.01 mGal, unless said otherwise.
"""

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from scipy.stats import chisquare, norm

import bayesjoint as bj
from bayesjoint.calibration._coverage import interval_score
from bayesjoint.calibration._worlds import Simulator
from bayesjoint.engines._body_family import draw_bodies, ground_of, law_of, put, settled
from bayesjoint.engines._body_kernels import describe
from bayesjoint.engines.bodies import LEAST_ESS, LEAST_SWAP, LEAST_TRIPS, WORST_RHAT
from bayesjoint.engines.dense import DensePosterior

FILE = Path(__file__).parent / "bodies.json"
NOISE, TRUTHS, MANY, LONG, LONGER = 0.01, 12, 40, 12, 6
BINS = 6  # of ranks
STANDS_OUT = 150.0  # kg/m3 from the prior mean: inside a body
BOTH = {"density": 500.0, "susceptibility": 0.03}  # stds of contrasts
FAMILY = bj.BodyFamily(contrast={"density": 500.0})


class Window:
    """Gravity over cubes of 50 m, its stations over their centres."""

    def __init__(self, shape, family=FAMILY):
        self.mesh, self.family = bj.Mesh.regular(shape, (50.0, 50.0, 50.0)), family
        self.operator = bj.GravityOperator(self.mesh, self.mesh.easting, self.mesh.northing, height=5.0)
        self.density = bj.Parameter("density", self.mesh, prior=bj.Matern(std=20.0, range=150.0))

    def problem(self, truth, seed):
        """Gravity of a truth, (nz, ny, nx), with noise."""
        data = self.operator.predict(truth) + NOISE * np.random.default_rng(seed).standard_normal(self.mesh.shape[1:])
        noise = bj.DiagonalNoise(np.full(data.size, NOISE))
        return bj.JointProblem([self.density], [bj.Modality("gravity", self.operator, data, noise, "density")])

    def drawn(self, n):
        """Truth n of the family: (density, where bodies are, how many, what chains are judged by)."""
        rng, blank = np.random.default_rng(1000 + n), self.problem(np.zeros(self.mesh.shape), 0)
        own, dense = settled(self.family, blank), DensePosterior(blank)
        ground, places = ground_of(blank, dense.system, own)
        bodies, counts = draw_bodies(own, self.mesh, rng, 1)
        contrasts = np.sqrt(ground.variance) * rng.standard_normal((1, own.most, 1))
        shares = put(bodies, counts, np.ones((1, own.most, 1)), ground, places, np.zeros((1, self.mesh.size)))
        x = put(bodies, counts, contrasts, ground, places, dense.prior_state_draws(rng, 1))
        figures = np.zeros((1, 4))
        describe(bodies, counts, contrasts, ground, law_of(own, self.mesh).high[0], figures)
        figures[0, 2:] *= self.density.scale
        return blank.unpack(x[0])["density"], shares[0].reshape(self.mesh.shape) > 0.5, int(counts[0]), figures[0]

    def timed(self, asked, seed, **options):
        """(posterior, CPU seconds)."""
        start = time.process_time()
        post = bj.posterior(asked, method="bodies", family=self.family, seed=seed, keep=True, **options)
        return post, round(time.process_time() - start, 1)

    def agreed(self, asked, seed, draws):
        """The same every 8 rounds, and every 32 where ladders did not agree."""
        found = self.timed(asked, seed, draws=draws, thin=8)
        return found if found[0].mixing.passed else self.timed(asked, seed, draws=draws, thin=32)


FULL, LITTLE = Window((6, 14, 14)), Window((4, 8, 8), bj.BodyFamily(contrast={"density": 500.0}, most=3))


def mixing(post, seconds):
    """What the engine certifies itself by."""
    found = post.mixing
    return {"certified": found.passed, "rhat": dict(zip(found.names, found.rhat.round(4).tolist(), strict=True)),
            "ess": dict(zip(found.names, np.minimum(found.ess_bulk, found.ess_tail).round().tolist(), strict=True)),
            "rounds_a_draw": post.thin, "swap_rate": round(found.swap_rate, 3), "round_trips": found.round_trips,
            "cpu_seconds": seconds}


def coverage(post, truth, inside):
    """Shares of cells whose 90 % intervals hold the truth, inside and outside of bodies, and their mean width."""
    return coverage_of(*post.interval(0.9)["density"], truth, inside)


def coverage_of(lower, upper, truth, inside):
    """The same of given intervals, and their mean interval score."""
    held = (lower <= truth) & (truth <= upper)
    return {"inside": round(float(held[inside].mean()), 4) if inside.any() else None,
            "outside": round(float(held[~inside].mean()), 4), "cells_inside": int(inside.sum()),
            "width": round(float((upper - lower).mean()), 2),
            "score": round(float(interval_score(lower, upper, truth, 0.9).mean()), 2)}


def small():
    """The small body of one window; figures of mass in units of 1e9 kg."""
    blank = FULL.problem(np.zeros(FULL.mesh.shape), 9)
    bj.posterior(blank, method="bodies", family=FAMILY, draws=100, thin=1, keep=True)  # so that all is compiled
    truth = np.zeros(FULL.mesh.shape)
    truth[1:5, 5:9, 5:9] = -800.0
    post, seconds = FULL.timed(FULL.problem(truth, 0), 0)
    mass = post.figures["mass of density"] / 1e9
    whole = bj.excess_mass(post)
    write({"small": mixing(post, seconds) | {
        "mass_of_bodies": [round(float(mass.mean()), 3), round(float(mass.std()), 3)],
        "mass_of_window": [round(float(whole[f"excess_mass_{k}"]) / 1e9, 3) for k in ("mean", "std")],
        "true_mass": float(truth.sum()) * 125_000.0 / 1e9,
        "top": [round(float(post.figures["top"].mean()), 1), round(float(post.figures["top"].std()), 1)],
        "contrast": [round(float(post.figures["contrast of density"].mean()), 1),
                     round(float(post.figures["contrast of density"].std()), 1)],
        "coverage": coverage(post, truth, truth != 0)}})


def family(*chosen):
    """Truths of the family: bodies and texture drawn from the prior."""
    for n in map(int, chosen or range(TRUTHS)):
        truth, inside, count, _ = FULL.drawn(n)
        post, seconds = FULL.agreed(FULL.problem(truth, 2000 + n), n, draws=300)
        write({f"truth {n}": mixing(post, seconds) | coverage(post, truth, inside) | {
            "bodies": count, "bodies_found": round(float(post.counts.mean()), 2)}})
    truths = [v for k, v in known().items() if k.startswith("truth ")]
    write({"all truths": pooled(truths), "certified truths": pooled([t for t in truths if t["certified"]])})


def pooled(found):
    """Coverage of truths: mean over truths, and over cells of all, each with its standard error over truths."""
    out = {"count": len(found), "certified": sum(t["certified"] for t in found)}
    for part in ("inside", "outside"):
        pairs = [(t[part], t["cells_inside"] if part == "inside" else 1.0) for t in found if t[part] is not None]
        if len(pairs) < 2:
            continue
        share, cells = np.array(pairs).T
        out[part] = [round(float(share.mean()), 4), round(float(share.std(ddof=1) / np.sqrt(share.size)), 4)]
        if part == "inside":
            whole = np.sum(share * cells) / cells.sum()
            error = np.sqrt(np.sum((cells * (share - whole)) ** 2)) / cells.sum()
            out["inside, all cells alike"] = [round(float(whole), 4), round(float(error), 4)]
    return out


def ranks(*chosen):
    """Truths of the family on a smaller window: whether ranks lie evenly, and short runs agree with long ones."""
    rows = known().get("ranks", {}).get("rows", {})
    for n in map(int, chosen or range(MANY)):
        truth, inside, _, figures = LITTLE.drawn(n)
        asked = LITTLE.problem(truth, 2000 + n)
        post, seconds = LITTLE.agreed(asked, n, draws=250)
        rng = np.random.default_rng(n)
        at = {}
        for name, true in zip(post.figures, figures, strict=True):
            values = post.figures[name].ravel()
            ties = np.sum(values == true)
            at[name] = round(float((np.sum(values < true) + rng.random() * (ties + 1)) / (values.size + 1)), 4)
        rows[str(n)] = mixing(post, seconds) | coverage(post, truth, inside) | {"rank": at}
        if n < LONG:
            longer = LITTLE.timed(asked, 500 + n, draws=250, thin=8 * LONGER)
            rows[str(n)]["against_long"] = _against_long(post, *longer)
        print(n, rows[str(n)], flush=True)
        write({"ranks": {"rows": rows}}, tell=False)
    write({"ranks": {"rows": rows} | ranks_of(rows)})


def ranks_of(rows):
    """Evenness of all, of those certified, and of those that only their number of round trips failed."""
    agree = [r for r in rows.values() if max(r["rhat"].values()) <= WORST_RHAT and min(r["ess"].values()) >= LEAST_ESS
             and r["swap_rate"] >= LEAST_SWAP]
    kinds = {"all": list(rows.values()), "certified": [r for r in agree if r["round_trips"] >= LEAST_TRIPS],
             "agree, with fewer than 4 round trips": [r for r in agree if r["round_trips"] < LEAST_TRIPS]}
    return {label: _evenness(those) for label, those in kinds.items()}


def _against_long(post, other, seconds):
    """Differences of means from those of a run of many more rounds, in standard errors of both."""
    out = {"certified": other.mixing.passed, "round_trips": other.mixing.round_trips, "cpu_seconds": seconds, "z": {},
           "in_std": {}}
    for k, name in enumerate(post.figures):
        one, two = post.figures[name], other.figures[name]
        error = np.sqrt(one.var() / post.mixing.ess_bulk[k] + two.var() / other.mixing.ess_bulk[k])
        out["z"][name] = round(float((one.mean() - two.mean()) / error), 2) if error > 0 else 0.0
        out["in_std"][name] = round(float((one.mean() - two.mean()) / two.std()), 3) if error > 0 else 0.0
    return out


def _evenness(rows):
    """Of ranks: counts by bins, p of a chi-square test, share within the middle 90 %; and coverage of cells."""
    out = pooled(rows)
    for name in rows[0]["rank"] if rows else ():
        at = np.array([r["rank"][name] for r in rows])
        counts = np.bincount(np.minimum((at * BINS).astype(int), BINS - 1), minlength=BINS)
        out[name] = {"bins": counts.tolist(), "p": round(float(chisquare(counts).pvalue), 4),
                     "held": round(float(np.mean((at > 0.05) & (at < 0.95))), 4)}
    z = [v for r in rows for v in r.get("against_long", {"z": {}})["z"].values()]
    if z:
        out["mean square of z against long runs"] = [round(float(np.mean(np.square(z))), 3), len(z)]
    return out


FIELD, TEXTURE = (bj.Geology([bj.GaussianField(std={"density": std}, range=150.0)], log_std=0.0) for std in (1.0, 20.0))


def irregular_ground(mesh, seed):
    """Blobs where a Matérn field is highest, of one contrast, over a texture: as a `Geology`, and "body" besides."""
    rng = np.random.default_rng(seed)
    field, texture = (g.draw(mesh, seed=int(rng.integers(2**31)))["density"] for g in (FIELD, TEXTURE))
    body = field > norm.isf(rng.uniform(0.02, 0.06))
    contrast = rng.choice([-1, 1]) * np.exp(rng.normal(np.log(500.0), 0.5))
    return {"density": texture + contrast * body, "body": body}


def irregular(*chosen):
    """Truths of irregular bodies: this engine, and a Gaussian one plain and recalibrated on such ground."""
    sound, rows = None, known().get("irregular", {}).get("rows", {})
    fine = bj.Mesh.regular((12, 28, 28), (25.0, 25.0, 25.0))
    for n in map(int, chosen or range(TRUTHS)):
        ground = {name: values.reshape(6, 2, 14, 2, 14, 2).mean(axis=(1, 3, 5))
                  for name, values in irregular_ground(fine, 3000 + n).items()}
        truth, inside = ground["density"], ground["body"] > 0.5
        asked = FULL.problem(truth, 4000 + n)
        post, seconds = FULL.timed(asked, n, draws=300, thin=8)
        free = bj.JointProblem([bj.Parameter("density", FULL.mesh, prior=bj.Matern(200.0, 150.0))],
                               asked.modalities)
        gaussian = bj.posterior(bj.fit_hyperparameters(free, curve=False).problem)
        start = time.process_time()
        sound = bj.recalibrate(gaussian, _density_alone, 200 if sound is None else sound, symmetric=["density"],
                               sensitivity=None)
        took = round(time.process_time() - start, 1)
        rows[str(n)] = mixing(post, seconds) | coverage(post, truth, inside) | {
            "gaussian": coverage(gaussian, truth, inside),
            "recalibrated": coverage(sound, truth, inside) | {"cpu_seconds": took},
            "bodies_found": round(float(post.counts.mean()), 2)}
        print(n, rows[str(n)], flush=True)
        write({"irregular": {"rows": rows}}, tell=False)
    rows = list(rows.values())
    engines = {"plain": rows, "plain, certified": [r for r in rows if r["certified"]]} | {
        label: [r[label] | {"certified": True} for r in rows] for label in ("gaussian", "recalibrated")}
    write({"irregular": known()["irregular"] | {k: pooled(v) for k, v in engines.items()}})


def _density_alone(mesh, seed):
    return {"density": irregular_ground(mesh, seed)["density"]}


def recalibrated():
    """Short ladders on irregular ground: their own intervals, recalibrated ones, and ones that hold inside bodies."""
    options, inside = {"draws": 100, "thin": 4, "chains": 2}, {"density": STANDS_OUT}
    fine, rows, rules, gaussian_worlds = bj.Mesh.regular((12, 28, 28), (25.0, 25.0, 25.0)), [], None, 200
    common = {"symmetric": ["density"], "sensitivity": None, "inside": inside}
    for n in range(TRUTHS):
        ground = {name: values.reshape(6, 2, 14, 2, 14, 2).mean(axis=(1, 3, 5))
                  for name, values in irregular_ground(fine, 3000 + n).items()}
        truth, body = ground["density"], ground["body"] > 0.5
        asked = FULL.problem(truth, 4000 + n)
        post, seconds = FULL.timed(asked, n, **options)
        if rules is None:  # other truths are answered by the same procedure: what worlds taught of it holds for them
            start = time.perf_counter()
            with ProcessPoolExecutor(2) as pool:
                sound = bj.recalibrate(post, _density_alone, 150, executor=pool, **common)
            wall, rules = round(time.perf_counter() - start), sound._rules["density"][0]
            print(sound.approximations[0].statement, wall, "s", flush=True)
        here = Simulator(asked).answers(*({"density": v["density"][None]} for v in (post.mean(), post.std())))
        free = bj.JointProblem([bj.Parameter("density", FULL.mesh, prior=bj.Matern(200.0, 150.0))], asked.modalities)
        fit = bj.posterior(bj.fit_hyperparameters(free, curve=False).problem)
        gaussian_worlds = bj.recalibrate(fit, _density_alone, gaussian_worlds, **common)
        ends = {"bodies": post.interval(0.9)["density"], "bodies, recalibrated": _shaped(rules._rule, here),
                "bodies, inside too": _shaped(rules, here), "gaussian": fit.interval(0.9)["density"],
                "gaussian, recalibrated": _shaped(gaussian_worlds._rules["density"][0]._rule,
                                                  gaussian_worlds.estimates),
                "gaussian, inside too": gaussian_worlds.interval(0.9)["density"]}
        rows.append({"cpu_seconds": seconds, "rhat": round(post.mixing.worst[0], 3)} | {
            label: coverage_of(*pair, truth, body) for label, pair in ends.items()})
        print(n, rows[-1], flush=True)
    out = {"worlds": 150, "wall_seconds": wall, "options": options, "deviation": STANDS_OUT, "weight": rules.weight,
           "inside on worlds left out, 90 %": [[round(float(v[1, k]), 4) for v in rules.held] for k in (0, 1)]}
    for label in ends:
        found = [row[label] for row in rows]
        out[label] = pooled([f | {"certified": True} for f in found]) | {
            key: round(float(np.mean([f[key] for f in found])), 1) for key in ("width", "score")}
    write({"recalibrated": out | {"rows": rows}})


def _shaped(rule, estimates):
    values = {k: np.atleast_2d(v) for k, v in estimates.items()}
    return rule.intervals([0.9], values)[0][:, 0].reshape(2, *FULL.mesh.shape)


class Joint:
    """Gravity and magnetics over one body, an ellipsoid that dips; textures of their own."""

    def __init__(self):
        mesh = self.mesh = bj.Mesh.regular((12, 58, 58), (50.0, 50.0, 50.0))
        lattice = mesh.easting[15:43], mesh.northing[15:42]
        up, north, east = mesh.upward[:, None, None] + 225.0, mesh.northing[:, None] - 1425.0, mesh.easting - 1425.0
        body = ((up + 0.5 * east) / 150.0) ** 2 + (north / 250.0) ** 2 + ((east - 0.5 * up) / 130.0) ** 2 <= 1.0
        truth = {"density": 500.0 * body, "susceptibility": 0.03 * body}
        self.contrast = {"density": 500.0, "susceptibility": 0.03}
        self.inside, self.near = body, np.zeros(mesh.shape)
        self.near[2:, 22:36, 22:36] = 1.0  # 700 m square about it, to 500 m: what other bodies do is not its mass
        operators = {"density": bj.GravityOperator(mesh, *lattice, height=5.0),
                     "susceptibility": bj.MagneticOperator(mesh, *lattice, height=5.0, intensity=50_000.0,
                                                           inclination=60.0, declination=10.0)}
        priors = {"density": bj.Matern(std=20.0, range=150.0), "susceptibility": bj.Matern(std=0.002, range=150.0)}
        parameters = {name: bj.Parameter(name, mesh, prior=prior) for name, prior in priors.items()}
        rng, surveys = np.random.default_rng(0), []
        blank = bj.JointProblem(list(parameters.values()), [
            bj.Modality(name, op, np.zeros(op.shape[0]), bj.DiagonalNoise(np.ones(op.shape[0])), name)
            for name, op in operators.items()])
        self.mass, self.truth = {}, {}
        for (where, bound), (name, std) in zip(blank.prior.blocks, (("density", 0.05), ("susceptibility", 5.0)),
                                               strict=True):
            x = np.zeros(blank.size)
            x[where] = bound.covariance.sample(rng, 1)[0]
            model = truth[name] + blank.unpack(x)[name]
            self.truth[name] = model
            data = operators[name].predict(model)
            data = data + std * rng.standard_normal(data.shape)
            surveys.append(bj.Modality({"density": "gravity"}.get(name, "magnetic"), operators[name], data,
                                       bj.DiagonalNoise(np.full(data.size, std)), name))
            self.mass[name] = [float(m.sum()) * 125_000.0 for m in (truth[name], model * self.near)]
        self.problem = bj.JointProblem(list(parameters.values()), surveys)

    def near_bodies(self, post):
        """{property: (mean, std) of the mass of bodies whose centres lie within 350 m of the body's, on the map}."""
        bodies = post.bodies.reshape(-1, *post.bodies.shape[2:])
        contrasts = np.stack([post.contrasts[name] for name in post.contrasts], axis=-1).reshape(*bodies.shape[:2], -1)
        near = np.all(np.abs(bodies[..., 1:3] - 1425.0) < 350.0, axis=2)
        near &= np.arange(bodies.shape[1]) < post.counts.reshape(-1, 1)
        order = np.argsort(~near, axis=1, kind="stable")[..., None]
        figures = np.zeros((len(bodies), 2 + 2 * contrasts.shape[2]))
        describe(*(np.take_along_axis(a, order, axis=1) if a.ndim == 3 else a for a in (bodies, near.sum(axis=1),
                 contrasts)), post._ground, 0.0, figures)
        return {name: (figures[:, 2 + k].mean(), figures[:, 2 + k].std()) for k, name in enumerate(post.contrasts)}


def joint():
    """Joint against separate runs: seconds, agreement, std of mass and top."""
    ground, out = Joint(), {}
    alone = ground.problem.separate()
    for label, problem in (("joint", ground.problem), ("gravity", alone["gravity"]), ("magnetic", alone["magnetic"])):
        contrast = {p.name: ground.contrast[p.name] for p in problem.parameters}
        clock, start = time.perf_counter(), time.process_time()
        post = bj.posterior(problem, method="bodies", family=bj.BodyFamily(contrast=contrast), draws=250, seed=1,
                            keep=True)
        seconds = round(time.process_time() - start, 1)
        out[label] = mixing(post, seconds) | {
            "wall_seconds": round(time.perf_counter() - clock, 1), "data": problem.data_size, "unknowns": problem.size,
            "figures": {k: [float(f"{v.mean():.5g}"), float(f"{v.std():.4g}")] for k, v in post.figures.items()}}
        for name, (mean, std) in ground.near_bodies(post).items():
            out[label]["figures"][f"mass of {name}, bodies near"] = [float(f"{mean:.5g}"), float(f"{std:.4g}")]
        for name in contrast:
            below = post.chains[..., problem.slices[name]] @ ground.near.ravel() * 125_000.0
            below = below * problem.by_name[name].scale
            out[label]["figures"][f"{name} near the body"] = [float(f"{below.mean():.5g}"), float(f"{below.std():.4g}")]
            lower, upper = post.interval(0.9)[name]
            held = (lower <= ground.truth[name]) & (ground.truth[name] <= upper)
            out[label][f"{name} inside"] = round(float(held[ground.inside].mean()), 3)
        del post
        write({"joint": out | {"true mass, of the body and near it": ground.mass}})
    for k in out["joint"]["figures"]:
        for other in ("gravity", "magnetic"):
            if k in out[other]["figures"] and k != "number of bodies":
                ratio = out["joint"]["figures"][k][1] / out[other]["figures"][k][1] - 1.0
                out[f"std of {k} against {other} alone"] = round(ratio, 3)
    write({"joint": out | {"true mass, of the body and near it": ground.mass}})


def both_surveys(shape, padding, every):
    """Problem without data: gravity (0.05 mGal) and magnetics (5 nT) 5 m above cubes of 50 m, textures of their own.

    Magnetics over every column but `padding`, gravity over every so many of them each way.
    """
    mesh = bj.Mesh.regular(shape, (50.0, 50.0, 50.0))
    lattice = mesh.easting[padding : shape[2] - padding], mesh.northing[padding : shape[1] - padding]
    operators = {"gravity": bj.GravityOperator(mesh, *lattice, height=5.0),
                 "magnetic": bj.MagneticOperator(mesh, *lattice, height=5.0, intensity=50_000.0, inclination=60.0,
                                                 declination=10.0)}
    if every > 1:
        chosen = np.zeros((lattice[1].size, lattice[0].size), dtype=bool)
        chosen[::every, ::every] = True
        operators["gravity"] = bj.StationSelection(operators["gravity"], chosen) @ operators["gravity"]
    parameters = [bj.Parameter("density", mesh, prior=bj.Matern(20.0, 150.0)),
                  bj.Parameter("susceptibility", mesh, prior=bj.Matern(0.002, 150.0))]
    return bj.JointProblem(parameters, [
        bj.Modality(kind, op, np.zeros(op.shape[0]), bj.DiagonalNoise(np.full(op.shape[0], std)), p.name)
        for (kind, op), std, p in zip(operators.items(), (0.05, 5.0), parameters, strict=True)])


def drawn_under(blank, family, lattice, seed):
    """The problem with data of a ground drawn from the family, all its bodies under the stations, and how many."""
    rng, own, dense = np.random.default_rng(seed), settled(family, blank), DensePosterior(blank)
    ground, places = ground_of(blank, dense.system, own)
    while True:
        bodies, counts = draw_bodies(own, blank.parameters[0].mesh, rng, 1)
        centres = bodies[0, : counts[0], 1:3]
        if np.all((centres > lattice[0]) & (centres < lattice[1])):
            break
    contrasts = np.sqrt(ground.variance) * rng.standard_normal((1, own.most, 2))
    x = put(bodies, counts, contrasts, ground, places, dense.prior_state_draws(rng, 1))
    data = [blank.predict(m.name, x[0]) + m.noise.std * rng.standard_normal(m.size) for m in blank.modalities]
    return blank.replace(modalities=[m.replace(data=d) for m, d in zip(blank.modalities, data, strict=True)]), int(
        counts[0])


def under(post, lattice):
    """{property: masses of bodies under the stations, (chain, draw)}: nobody sees what others do."""
    bodies = post.bodies.reshape(-1, *post.bodies.shape[2:])
    contrasts = np.stack(list(post.contrasts.values()), axis=-1).reshape(*bodies.shape[:2], -1)
    near = np.all((bodies[..., 1:3] > lattice[0]) & (bodies[..., 1:3] < lattice[1]), axis=2)
    near &= np.arange(bodies.shape[1]) < post.counts.reshape(-1, 1)
    order = np.argsort(~near, axis=1, kind="stable")[..., None]
    figures = np.zeros((len(bodies), 2 + 2 * contrasts.shape[2]))
    describe(np.take_along_axis(bodies, order, 1), near.sum(axis=1), np.take_along_axis(contrasts, order, 1),
             post._ground, 0.0, figures)
    return {name: figures[:, 2 + k] for k, name in enumerate(post.contrasts)}


def one_shared(job):
    """Standard deviations of joint and separate runs of one ground."""
    n, shape, padding, every, most, options = job
    blank = both_surveys(shape, padding, every)
    mesh = blank.parameters[0].mesh
    edges = mesh.northing_edges, mesh.easting_edges
    lattice = np.array([[e[padding] for e in edges], [e[len(e) - 1 - padding] for e in edges]])
    problem, count = drawn_under(blank, bj.BodyFamily(contrast=BOTH, most=most), lattice, 7000 + n)
    out = {"bodies": count}
    for label, asked in (("joint", problem), *problem.separate().items()):
        family = bj.BodyFamily(contrast={p.name: BOTH[p.name] for p in asked.parameters}, most=most)
        start = time.process_time()
        post = bj.posterior(asked, method="bodies", family=family, seed=1, keep=True, **options)
        figures = {f"mass of {name}": values for name, values in under(post, lattice).items()} | {
            k: v for k, v in post.figures.items() if not k.startswith("mass")}
        out[label] = mixing(post, round(time.process_time() - start, 1)) | {
            "std": {k: float(f"{np.std(v):.4g}") for k, v in figures.items()}}
        del post
    print(n, {k: round(v, 2) for k, v in ratios(out).items()}, flush=True)
    return out


def ratios(row):
    """Joint std over separate."""
    return {f"{key} against {label}": row["joint"]["std"][key] / (row[label]["std"][key] or np.nan)  # a top may be sure
            for label, keys in (("gravity", ("mass of density", "contrast of density", "top")),
                                ("magnetic", ("mass of susceptibility", "contrast of susceptibility", "top")))
            for key in keys}


def shared(*chosen, part="shared", shape=(6, 14, 14), padding=0, every=1, most=3, count=10, options=None, workers=2):
    """Grounds of the family, drawn by number: what the second survey does to standard deviations."""
    options = options or {"draws": 200, "thin": 8}
    jobs = [(n, shape, padding, every, most, options) for n in map(int, chosen or range(count))]
    with ProcessPoolExecutor(workers) as pool:
        rows = []
        for row in pool.map(one_shared, jobs):
            rows.append(row)
            write({part: {"rows": rows}}, tell=False)
    found = [ratios(row) for row in rows]
    agreed = [f for f, row in zip(found, rows, strict=True) if all(
        max(row[label]["rhat"].values()) <= WORST_RHAT for label in ("joint", "gravity", "magnetic"))]
    summaries = {f"{name}: median, least, most": {
        key: [round(float(f([r[key] for r in those])), 3) for f in (np.nanmedian, np.nanmin, np.nanmax)]
        for key in found[0]} for name, those in (("all", found), ("agreed", agreed)) if those}
    write({part: {"rows": rows, "agreed": len(agreed)} | summaries})


def shared_large(*chosen):
    """The same with 39,672 cells and 1,584 data: gravity at every second column each way, as such stations are dear."""
    shared(*chosen, part="shared_large", shape=(12, 57, 58), padding=11, every=2, most=6, count=4,
           options={"draws": 250, "thin": 8}, workers=1)


def known():
    """What the file holds."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def write(parts, tell=True):
    """Put parts into the file, beside the others."""
    FILE.write_text(json.dumps(known() | parts, indent=1) + "\n", encoding="utf-8")
    if tell:
        print(parts, flush=True)


if __name__ == "__main__":
    PARTS = {"small": small, "family": family, "ranks": ranks, "irregular": irregular, "recalibrated": recalibrated,
             "joint": joint, "shared": shared, "shared_large": shared_large}
    PARTS[sys.argv[1]](*sys.argv[2:])
