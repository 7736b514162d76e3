"""Whether tests of agreement do what they say: power of every size "seen in 80 %", false alarms, false "agree".

    python benchmarks/reliability/agreement.py             # some half an hour on one core
    python benchmarks/reliability/agreement.py 20 10 4 10  # pairs a form, agreeing, disturbed a form, tied by a law

Two gravity surveys of one density, 49 stations each, drawn from the problem's own prior and noise; then gravity and
magnetics that a coupling alone ties, as it says and with the opposite sign. Rates are written to agreement.json with
binomial standard errors. Sizes are those that one agreeing pair is told.
"""

import json
import re
import sys
from pathlib import Path

import numpy as np
from scipy import fft

import bayesjoint as bj
from bayesjoint.agreement._disturbances import disturbances_of
from bayesjoint.agreement._own_model import own_model_fits
from bayesjoint.gaussian import data_system

PAIRS, AGREEING, DISTURBED, TIED = 200, 500, 100, 100  # pairs: of a power, of agreeing, of a disturbance, of a law
MESH = bj.Mesh.regular((2, 7, 7), (150.0, 100.0, 100.0))
DENSITY = bj.Parameter("density", MESH, prior=bj.Matern(std=100.0, range=300.0))
OPERATORS = [bj.GravityOperator(MESH, MESH.easting, MESH.northing, height=h) for h in (10.0, 120.0)]
STD = (0.05, 0.03)
SUSCEPTIBILITY = bj.Parameter("susceptibility", MESH, prior=bj.Matern(std=0.02, range=300.0))
MAGNETIC = bj.MagneticOperator(MESH, MESH.easting, MESH.northing, height=60.0, inclination=60.0)
FORMS = {"offset": "constant", "row levels": "rows", "column levels": "columns", "gain": "gain"}


def pair(rng, added=None, gain=0.0, prior=1.0, noise=1.0, on="b"):
    """Two surveys as stated, but for a gain of b, something added to one, and prior or noise std other than stated."""
    model = prior * DENSITY.bound_prior.covariance.sample(rng, 1)[0] * DENSITY.scale
    modalities = []
    for name, op, factor, std in zip("ab", OPERATORS, (1.0, 1.0 + gain), STD, strict=True):
        data = factor * (op @ model) + (noise if name == "b" else 1.0) * std * rng.standard_normal(op.shape[0])
        if name == on and added is not None:
            data = data + added(rng)
        modalities.append(bj.Modality(name, op, data, bj.DiagonalNoise(np.full(op.shape[0], std)), "density"))
    return bj.JointProblem([DENSITY], modalities)


def tied(rng, sign=1.0):
    """Gravity and magnetics of two fields with a correlation of 0.7, and a coupling of that or of the other sign."""
    first, second = (p.bound_prior.covariance.correlation.sample(rng, 1)[0] for p in (DENSITY, SUSCEPTIBILITY))
    second = 0.7 * first + np.sqrt(1 - 0.7**2) * second
    modalities = []
    for name, op, field, noise in (("gravity", OPERATORS[0], 100.0 * first, STD[0]),
                                   ("magnetic", MAGNETIC, 0.02 * second, 5.0)):
        data = op @ field + noise * rng.standard_normal(op.shape[0])
        parameter = "density" if name == "gravity" else "susceptibility"
        modalities.append(bj.Modality(name, op, data, bj.DiagonalNoise(np.full(data.size, noise)), parameter))
    return bj.JointProblem([DENSITY, SUSCEPTIBILITY], modalities, [bj.Coregionalization(sign * 0.7)])


def couplings(count, rng):
    """Verdicts of pairs that a coupling alone ties, where its law holds and where its sign is wrong."""
    out = {}
    for law, sign in (("right", 1.0), ("of the wrong sign", -1.0)):
        found = [bj.conflict(tied(rng, sign), places=False) for _ in range(count)]
        out[law] = {kind: rate([f.kind == kind for f in found]) for kind in ("disagree", "agree", "cannot say")}
        out[law] |= {"disagree, the coupling to blame": rate([bool(f.couplings) for f in found]),
                     "disagree, nothing said of the coupling": rate([f.kind == "disagree" and not f.couplings
                                                                     for f in found])}
        print(law, out[law], flush=True)
    return out


def rate(hits):
    """{"rate", "error", "pairs"} of booleans."""
    share = float(np.mean(hits))
    return {"rate": round(share, 4), "error": round(float(np.sqrt(max(share * (1 - share), 1 / 4 / len(hits))
                                                                  / len(hits))), 4), "pairs": len(hits)}


def disturbance(form, size, column=0):
    """{argument of `pair`: value} of a disturbance of survey b, of either sign alike."""
    if form in ("prior", "noise"):
        return {form: 1 + 0.01 * size}
    known = {d.name: d for d in disturbances_of(pair(np.random.default_rng(0)).modalities[1])}
    if form.endswith("levels"):
        columns = known[form].columns
        return {"added": lambda rng: columns @ (size * rng.standard_normal(columns.shape[1]))}
    kept = known["tilt north" if form == "tilt" else form].columns[:, column]
    return {"added": lambda rng: rng.choice((-1.0, 1.0)) * size * kept}


def p_value(test, problem):
    """p-value of one test, made anew."""
    if test.form in ("prior", "noise"):
        own = own_model_fits(data_system(problem, "dense").part(("b",)), "b")
        return own[test.form == "noise"][0].p_value
    if test.form == "likelihood ratio":
        return bj.likelihood_ratio_test(problem, ("a", "b")).p_value
    if test.form == "node split":
        return next(t.p_value for t in bj.node_split(problem, ("a", "b")) if t.name == test.name)
    if test.form == "tilt":
        north, east = (d.columns for d in disturbances_of(problem.modalities[1]) if d.kind == "tilt")
        return bj.nuisance_test(problem, "b", np.hstack([north, east])).p_value
    return bj.nuisance_test(problem, "b", FORMS[test.form]).p_value


def one_place(rng, size, what):
    """p-value of one place of survey b, whichever it is, where an anomaly as wide as `what` says was added."""
    east, north = (a.ravel() for a in np.meshgrid(MESH.easting, MESH.northing))
    k, radius = int(rng.integers(east.size)), float((re.search(r"([\d.]+) m radius", what) or [0, 0])[1])
    inside = np.hypot(east - east[k], north - north[k]) <= radius
    height = size * rng.choice((-1.0, 1.0))
    found = bj.local_conflict(pair(rng, added=lambda _: height * inside), "b", "a")
    patch = int(np.argmin(np.abs(found.patch.values - radius)))
    return float(found.anomaly_p_value[patch].values.ravel()[k])


def one_band(rng, size, what):
    """p-value of a band of wavelengths in which a disturbance of that rms, of random shape, was added to survey b."""
    short, long = (float(word) for word in re.findall(r"[\d.]+", what))
    side = len(MESH.northing) * 0.1  # km
    wavenumber = np.hypot(*np.meshgrid(*2 * [np.arange(len(MESH.northing)) / (2 * side)], indexing="ij"))
    inside = (wavenumber > 1 / long * (1 + 2e-3)) & (wavenumber <= 1 / short * (1 + 2e-3))
    field = fft.idctn(np.where(inside, rng.standard_normal(inside.shape), 0.0), norm="ortho").ravel()
    field *= size / np.sqrt(np.mean(field**2))
    found = bj.spectral_conflict(pair(rng, added=lambda _: field), "b", "a")
    return float(found.p_value[int(np.argmin(np.abs(found.wavelength_short.values - short)))])


def powers(found, count, rng):
    """{test: rates at the size that it says it sees by itself at 5 %, and in the suite at its share}."""
    out = {}
    for test in found.tests:
        if not test.detectable or (test.target not in ("b", None) and test.form != "node split"):
            continue
        seen, row = test.detectable, {}
        for key, level in (("size", seen["level"]), ("suite_size", seen["suite_level"])):
            size = seen[key]
            if test.form in ("places", "wavelengths"):
                level = level / seen["within"] if key == "size" else level  # of one place or band of the test's many
                p_of = one_place if test.form == "places" else one_band
                hits = [p_of(rng, size, seen["what"]) <= level for _ in range(count)]
                row[key] = {"size": size, "units": seen["units"], "level": level, "claimed": seen["power"]} | rate(hits)
                continue
            if test.form == "gain":
                made = [pair(rng, gain=rng.choice((-1.0, 1.0)) * 0.01 * size) for _ in range(count)]
            else:
                form = "offset" if test.form in ("likelihood ratio", "node split") else test.form
                on = "a" if form != test.form and seen["what"].endswith(" a") else "b"
                made = [pair(rng, on=on, **disturbance(form, size)) for _ in range(count)]
            row[key] = {"size": size, "units": seen["units"], "level": level, "claimed": seen["power"],
                        **rate([p_value(test, p) <= level for p in made])}
        out[test.name] = row
        print(test.name, {k: (v["rate"], v["error"]) for k, v in row.items()}, flush=True)
    return out


def verdicts(problems):
    """Rates of each kind of verdict."""
    kinds = [bj.conflict(p, places=False).kind for p in problems]
    return {kind: rate([k == kind for k in kinds]) for kind in ("disagree", "agree", "cannot say")}


def false_agree(found, count, rng):
    """{form: rates of verdicts} with a disturbance of survey b as large as its margin."""
    out, table = {}, next(iter(found.pairs.values())).detectability
    for form in ("offset", "tilt north", "patch", "row levels", "gain"):
        row = table.sel(disturbance=f"{form} of b")
        size = float(row.margin)
        if form == "gain":
            made = [pair(rng, gain=rng.choice((-1.0, 1.0)) * 0.01 * size) for _ in range(count)]
        else:
            made = [pair(rng, **disturbance("tilt" if form == "tilt north" else form, size)) for _ in range(count)]
        out[form] = {"margin": size, **verdicts(made)}
        print(form, out[form], flush=True)
    return out


def main(pairs=PAIRS, agreeing=AGREEING, disturbed=DISTURBED, laws=TIED):
    """Measure, and write the table beside this file."""
    seeds = np.random.default_rng(20261130).spawn(5)
    found = bj.conflict(pair(seeds[0]))
    out = {"power": powers(found, pairs, seeds[1])}
    out["agreeing pairs"] = verdicts(pair(seeds[2]) for _ in range(agreeing))
    print(out["agreeing pairs"], flush=True)
    out["disturbed by the margin"] = false_agree(found, disturbed, seeds[3])
    out["tied by a coupling alone"] = couplings(laws, seeds[4])
    Path(__file__).with_suffix(".json").write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
