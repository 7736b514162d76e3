"""Cloncurry: the noise of an aliased magnetic grid, the wavelengths at which it is at fault, and where.

    python case_studies/cloncurry/run.py                  # everything: results.json, figures, the report
    python case_studies/cloncurry/run.py --stage bands    # one stage, with what earlier ones left in results.json

Stages: evidence, tempering, bands, maps, joint, posterior, pair, whole, figures; all but `whole` in a window around the
Ernest Henry mine.
"""

import argparse
import json
import time
from pathlib import Path

import figures
import numpy as np

import bayesjoint as bj
from bayesjoint.agreement import local_conflict, spectral_conflict
from bayesjoint.dataset import Approximation, write_tree

HERE = Path(__file__).parent
KEPT = HERE / "results.json"
STAGES = ("evidence", "tempering", "bands", "maps", "joint", "posterior", "pair", "whole", "figures")
HEIGHT = {"gravity": 0.0, "magnetic": 80.0}  # m above ground
STATED = {"gravity": 0.3, "magnetic": 10.0}  # mGal, nT: what instruments and levelling leave, at most
FIELD = {"gravity": ("density", 60.0), "magnetic": ("susceptibility", 0.05)}  # kg/m3, SI: where the search begins
DEPTH, LAYERS = 15_000.0, 10
BASIN = 482_000.0  # m east: sediments that are quiet in both surveys
REGIONAL = 500.0  # nT: of a plane that sources outside the window leave in it
WINDOW = 48  # nodes across, around the Ernest Henry mine: for what needs matrices
MINE = (469_000.0, 7_740_000.0)  # easting, northing of Ernest Henry, to 1 km


def survey(kind, window=True):
    """One survey with the noise that instruments leave."""
    whole = bj.read_survey(HERE / "data" / "cloncurry_mga54_1km.nc", kind=kind, height=HEIGHT[kind], std=STATED[kind])
    if not window:
        return whole
    north, east = (_around(axis, place) for axis, place in ((whole.northing, MINE[1]), (whole.easting, MINE[0])))
    return whole.replace(data=whole.data[north, east], std=whole.std[north, east], northing=whole.northing[north],
                         easting=whole.easting[east])


def _around(axis, place):
    """WINDOW nodes about a place, inside the grid."""
    first = int(np.argmin(np.abs(axis - place))) - WINDOW // 2
    first = min(max(first, 0), axis.size - WINDOW)
    return slice(first, first + WINDOW)


def problem(kinds, smoothness=1.5, window=True, values=None, noise=None):
    """Continued Matérn fields, noise as `noise` says, "unknown" where it does not; tied where there are two."""
    surveys = {kind: survey(kind, window) for kind in kinds}
    mesh = bj.Mesh.from_surveys(list(surveys.values()), depth=DEPTH, layers=LAYERS, padding=0)
    values, parameters, modalities = values or {}, [], []
    for kind, one in surveys.items():
        name, std = FIELD[kind]
        reach = values.get("range", values.get(f"{name}_range", 5000.0))
        prior = bj.Matern(std=values.get(f"{name}_std", std), range=reach, smoothness=smoothness, extent="continued")
        parameters.append(bj.Parameter(name, mesh, prior=prior))
        if noise is None:
            modalities.append(one.modality(parameters[-1], std="unknown"))
        else:
            modalities.append(one.replace(std=np.full(one.data.shape, noise[kind])).modality(parameters[-1]))
    tie = [bj.Coregionalization(values.get("correlation", 0.0))] if len(kinds) > 1 else []
    return bj.JointProblem(parameters, modalities, tie)


def fitted(asked, **options):
    """A fit as numbers and words."""
    began = time.perf_counter()
    fit = bj.fit_hyperparameters(asked, curve=False, **options)
    table = {str(name): {key: plain(fit.table[key][k].item()) for key in ("units", "value", "low", "high", "verdict")}
             for k, name in enumerate(fit.table["name"])}
    return {"log_evidence": float(fit.log_evidence), "log_evidence_error": fit.log_evidence.error,
            "converged": bool(fit.converged), "message": fit.message, "hyperparameters": table,
            "values": {name: float(v) for name, v in fit.estimate.items()},
            "noise": {m.name: float(m.noise.std[0]) for m in fit.problem.modalities},
            "seconds": time.perf_counter() - began}


def unit(row):
    """Units behind a number, none of a ratio."""
    return "" if row["units"] == "1" else f" {row['units']}"


def plain(value):
    """An open end is null in JSON."""
    return None if value != value else value


def evidence(results):
    """Noise free over smooth and rough ground, noise held at what instruments leave, and gravity alone."""
    asked = {
        "noise inferred, smoothness 1.5": lambda: fitted(problem(["magnetic"], 1.5), thin=1),
        "noise held, smoothness 1.5": lambda: fitted(
            problem(["magnetic"], 1.5, noise=STATED), thin=1, free=["susceptibility_std", "susceptibility_range"]),
        "noise inferred, smoothness 0.5": lambda: fitted(problem(["magnetic"], 0.5), thin=1),
        "noise held, smoothness 0.5": lambda: fitted(
            problem(["magnetic"], 0.5, noise=STATED), thin=1, free=["susceptibility_std", "susceptibility_range"]),
        "gravity": lambda: fitted(problem(["gravity"])),
    }
    return {name: fit() for name, fit in asked.items()}


def best(results, kind="inferred"):
    """(values, smoothness) of the magnetic fit with the largest evidence."""
    rows = {name: row for name, row in results["evidence"].items() if name.startswith(f"noise {kind}")}
    name = max(rows, key=lambda key: rows[key]["log_evidence"])
    return rows[name]["values"], float(name.split()[-1])


def tempering(results):
    """The exponent that the stated noise deserves, by two criteria, in the window."""
    out = {}
    for criterion in ("evidence", "discrepancy"):
        values, smoothness = best(results)
        found = bj.temper(problem(["magnetic"], smoothness, True, values, STATED), criterion=criterion, curve=False)
        out[criterion] = {"w": found.weights["magnetic"], "log_error": found.log_error["magnetic"],
                          "noise": STATED["magnetic"] / np.sqrt(found.weights["magnetic"])}
    return out


def bands(results):
    """The magnetic grid against its own model, band by band.

    held: noise of instruments, the ground fitted to it; stated: the same noise under the ground that was inferred with
    the noise, so that what is too much is what the grid adds to the ground; inferred: both as inferred; plane: and a
    regional field of its own.
    """
    held, rough = best(results, "held")
    values, smoothness = best(results)
    noise = STATED | {"magnetic": values["magnetic_noise"]}
    whole = problem(["magnetic"], smoothness, values=values, noise=noise)
    asked = {"held": problem(["magnetic"], rough, values=held, noise=STATED),
             "stated": problem(["magnetic"], smoothness, values=values, noise=STATED), "inferred": whole,
             "plane": bj.add_bias(whole, "magnetic", basis="linear", std=REGIONAL)}
    return {kind: banded(one) for kind, one in asked.items()}


def banded(asked):
    """`spectral_conflict` of the magnetic grid with its own model, as numbers and words."""
    found = spectral_conflict(asked, "magnetic", given=(), bands=8)
    out = {name: [plain(float(v)) for v in found[name].values] for name in found.data_vars}
    return out | {key: str(found.attrs[key]) for key in ("method", "null", "verdict")}


def maps(results):
    """Where the grid departs from its own model, in the window around Ernest Henry."""
    values, smoothness = best(results)
    noise = STATED | {"magnetic": values["magnetic_noise"]}
    found = local_conflict(problem(["magnetic"], smoothness, True, values, noise), "magnetic", given=())
    kept = {"easting": "magnetic_easting", "northing": "magnetic_northing", "patch": "patch", "anomaly": "anomaly",
            "z": "anomaly_z", "flagged": "anomaly_flagged"}
    np.savez_compressed(HERE / "out" / "maps.npz", **{key: found[name].values for key, name in kept.items()})
    flagged, single = found["anomaly_flagged"].values, found["anomaly_z"].values[0]
    basin = found["magnetic_easting"].values > BASIN
    return {
        "verdict": found.attrs["verdict"], "null": found.attrs["null"], "control": found.attrs["control"],
        "p_value": float(found.attrs["anomaly_p_value"]), "stations": int(flagged[0].size),
        "z_rms_basin": rms(single[:, basin]), "z_rms_elsewhere": rms(single[:, ~basin]),
        "flagged_in_basin": int(flagged[:, :, basin].sum()), "patch_m": found["patch"].values.tolist(),
        "flagged": flagged.sum(axis=(1, 2)).tolist(),
        "detectable": np.median(found["anomaly_detectable"].values, axis=(1, 2)).tolist(),
    }


def rms(values):
    return float(np.sqrt(np.mean(values**2)))


def joint(results):
    """Both surveys of the window tied by a correlation: all hyperparameters by the evidence."""
    return fitted(problem(["gravity", "magnetic"]))


def tied(results, **instead):
    """The problem under what `joint` found; nodes of a thinned survey share the information of those used."""
    found = results["joint"]
    return problem(["gravity", "magnetic"], values=found["values"] | instead, noise=found["noise"])


def pair(results):
    """Whether gravity and magnetics agree under the correlation that the evidence chose, and at its interval's ends."""
    row = results["joint"]["hyperparameters"]["correlation"]
    return agreed(tied(results)) | {end: agreed(tied(results, correlation=row[end])) for end in ("low", "high")}


def agreed(asked):
    """The likelihood ratio of gravity and magnetics, and its p-value with its error."""
    found = bj.likelihood_ratio_test(asked, ("gravity", "magnetic"))
    return {"statistic": found.statistic, "p_value": found.p_value, "p_value_error": found.p_value_error,
            "sigma": found.sigma, "null": found.null, "note": found.note}


def posterior(results):
    """The joint posterior under what `joint` found, as dataset and report."""
    post = bj.posterior(tied(results), method="dense")
    found = ", ".join(f"{name.replace('_', ' ')} {row['value']:.3g}{unit(row)}, {row['verdict']}"
                      for name, row in results["joint"]["hyperparameters"].items())
    post.approximations.append(Approximation(
        name="hyperparameters", status="not validated", statement="Fitted to the same data by the evidence and then "
        f"taken for known, so that standard deviations leave their uncertainty out: {found}."))
    tree = post.to_datatree(draws=10, chains=4, seed=0)
    tree.attrs |= {"title": "Cloncurry: gravity and magnetics around Ernest Henry, 48 × 48 km",
                   "command": "python case_studies/cloncurry/run.py"}
    write_tree(tree, HERE / "out" / "posterior.nc")
    bj.report(tree, HERE.parents[1] / "reports" / "cloncurry.html")
    return {"chi2_per_datum": {m.name: float(tree["predictive_summary"][f"{m.name}_chi2"]) / m.size
                               for m in post.problem.modalities}}


def whole(results):
    """The whole magnetic grid: its noise, and its bands by wavenumber."""
    row = fitted(problem(["magnetic"], 1.5, window=False), thin=1)
    asked = problem(["magnetic"], 1.5, False, row["values"], STATED | {"magnetic": row["values"]["magnetic_noise"]})
    return row | {"bands": banded(asked)}


def draw(results):
    """Figures from what the other stages left."""
    grids = {kind: survey(kind, window=False) for kind in STATED}
    figures.draw(results, grids, np.load(HERE / "out" / "maps.npz"), HERE)


def read():
    """What earlier stages left."""
    return json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--stage", choices=STAGES)
    chosen = parser.parse_args().stage
    (HERE / "out").mkdir(exist_ok=True)
    results = read()
    for stage in [chosen] if chosen else STAGES:
        if stage == "figures":
            draw(results)
            continue
        began = time.perf_counter()
        found = globals()[stage](results)
        results = read()  # stages may run side by side
        results[stage] = found
        results.setdefault("seconds", {})[stage] = round(time.perf_counter() - began, 1)
        KEPT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        print(stage, results["seconds"][stage], flush=True)


if __name__ == "__main__":
    main()
