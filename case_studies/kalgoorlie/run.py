"""Kalgoorlie at full size: hyperparameters by evidence, two posteriors of two million unknowns, and the paper's RRCG.

    python run.py                     # everything: results.json, figures, ../../reports/kalgoorlie.html
    python run.py --window 60 --out /tmp/small    # a corner of 60 x 60 stations, to try it out
    python run.py --stage rrcg        # one stage, with what earlier ones left in results.json

Stages: evidence, spectral, exact (mean, standard deviation, draws, report), rrcg, figures.
"""

import argparse
import json
import os
import time
from pathlib import Path

import figures
import numpy as np

import bayesjoint as bj
from bayesjoint.dataset import Approximation, write_tree

HERE = Path(__file__).parent
STAGES = ("evidence", "spectral", "exact", "rrcg", "figures")
DEPTH, LAYERS = 12_000.0, 15
START = {"density_std": 43.0, "susceptibility_std": 0.039, "range": 4000.0, "correlation": 0.1,
         "gravity_noise": 0.3, "magnetic_noise": 15.0}  # those of the small window
WHOLE = (338, 201)  # stations of the survey: of it alone the report is published
DRAWS = 200
KEPT = 4, 2  # draws and chains in the dataset
DENSE = 100.0  # kg/m3: what the exceedance map asks for
BOX = (0.35, 0.65)  # middle part of the survey, of its width: the body whose mass is asked for, down to 4 km


def surveys(window=None):
    out = {}
    for kind, height in (("gravity", 0.0), ("magnetic", None)):
        survey = bj.read_survey(HERE / "data" / "kalgoorlie.nc", kind=kind, height=height, std=1.0)
        if window:
            survey = survey.replace(data=survey.data[:window, :window], std=survey.std[:window, :window],
                                    easting=survey.easting[:window], northing=survey.northing[:window])
        out[kind] = survey
    return out


def problem(data, values):
    """Continued Matérn fields tied by one correlation; noise white and equal."""
    mesh = bj.Mesh.from_surveys(list(data.values()), depth=DEPTH, layers=LAYERS, padding=0)
    density, susceptibility = (
        bj.Parameter(name, mesh, prior=bj.Matern(values[f"{name}_std"], values["range"], extent="continued"))
        for name in ("density", "susceptibility"))
    modalities = [survey.replace(std=np.full(survey.data.shape, values[f"{kind}_noise"])).modality(parameter, name=kind)
                  for (kind, survey), parameter in zip(data.items(), (density, susceptibility), strict=True)]
    return bj.JointProblem([density, susceptibility], modalities, [bj.Coregionalization(values["correlation"])])


def evidence(data, results, out):
    """All hyperparameters; where the fit took every k-th node of an interpolated grid, nodes share its information."""
    fit = bj.fit_hyperparameters(problem(data, START), seed=0)
    noise = {f"{m.name}_noise": float(m.noise.std[0]) for m in fit.problem.modalities}
    results["values"] = {name: float(fit.estimate[name]) for name in START} | noise
    table = {key: [v.item() if hasattr(v, "item") else v for v in fit.table[key]] for key in fit.table}
    (out / "fit.txt").write_text(fit.approximation().statement)
    return {"message": fit.message, "converged": bool(fit.converged), "table": table,
            "data_used": {m.name: m.size for m in fit.vector.problem.modalities}, "values": results["values"]}


def spectral(data, results, out):
    asked = problem(data, results["values"])
    began = time.perf_counter()
    post = bj.posterior(asked, method="spectral")
    figures.keep(out / "spectral.npz", std=post.std(), error=post.std_error())
    return {"unknowns": asked.size, "data": sum(m.size for m in asked.modalities),
            "seconds": time.perf_counter() - began, "reduction": post.reduction.tolist(),
            "approximations": figures.words(post)}


def exact(data, results, out):
    asked = problem(data, results["values"])
    clock = figures.Clock()
    post = bj.posterior(asked, method="iterative", solves=64, seed=0)
    row = {"mean_s": clock.lap(), "iterations_of_the_mean": post.iterations}
    mean, std, error = post.mean(), post.std(), post.std_error()
    row["std_s"] = clock.lap()
    row["relative_error_of_std"] = {name: [float(q) for q in np.quantile(error[name] / std[name], (0.5, 0.95))]
                                    for name in std}
    said = out / "fit.txt"
    if said.exists():
        post.approximations.append(Approximation(name="hyperparameters", status="not validated",
                                                 statement=said.read_text()))
    row |= draws(post, mean, std, error, out, clock)
    tree = post.to_datatree(draws=KEPT[0], chains=KEPT[1], seed=1)
    tree.attrs |= {"title": "Kalgoorlie–Norseman: gravity and magnetics, 201 × 338 stations",
                   "command": "python case_studies/kalgoorlie/run.py"}
    row["chi2_per_datum"] = {m.name: float(tree["predictive_summary"][f"{m.name}_chi2"]) / m.size
                             for m in asked.modalities}
    write_tree(tree, out / "posterior.nc")
    whole = data["gravity"].data.shape == WHOLE
    bj.report(tree, HERE.parents[1] / "reports" / "kalgoorlie.html" if whole else out / "report.html")
    return row | {"dataset_and_report_s": clock.lap(), "draws_in_dataset": KEPT[0] * KEPT[1],
                  "approximations": figures.words(post)}


def draws(post, mean, std, error, out, clock):
    """Exact draws, streamed: what is asked of them is summed up block by block, nothing else is kept."""
    mesh = post.problem.by_name["density"].mesh
    sides = [np.quantile(axis, BOX) for axis in (mesh.easting, mesh.northing)]
    inside = [(axis >= low) & (axis <= high) for axis, (low, high) in zip((mesh.easting, mesh.northing), sides,
                                                                       strict=True)]
    volume = np.multiply.outer(mesh.thickness * (mesh.upward > -4000.0),
                               np.multiply.outer(inside[1], inside[0])) * np.prod(mesh.horizontal_spacing())
    above, square, mass = np.zeros(mesh.shape), np.zeros(mesh.shape), []
    for block in post.stream(DRAWS, seed=1000):
        drawn = block["density"]
        above += np.count_nonzero(drawn > DENSE, axis=0)
        square += np.sum((drawn - mean["density"]) ** 2, axis=0)
        mass += np.einsum("dzyx,zyx->d", drawn, volume).tolist()
    ratio = np.sqrt(square / DRAWS) / std["density"]
    figures.keep(out / "exact.npz", mean=mean, std=std, error=error, above={"density": above / DRAWS})
    seconds = clock.lap()
    return {"draws": DRAWS, "draws_s": seconds, "s_per_draw": seconds / DRAWS,
            "largest_residual": float(post.draw_residuals.max()),
            "std_of_draws_over_std": [float(ratio.mean()), float(ratio.std())],
            "mass_in_box_kg": [float(np.mean(mass)), float(np.std(mass)), float(np.std(mass) / np.sqrt(DRAWS))]}


def rrcg(data, results, out):
    """The paper's iteration on the same survey: focusing, Gramian multipliers, floors, bounds, both χ² targets."""
    values = results["values"]
    mesh = bj.Mesh.from_surveys(list(data.values()), depth=DEPTH, layers=LAYERS, padding=5)
    bounds = {"density": (-600.0, 600.0), "susceptibility": (-0.1, 0.3)}
    alpha, epsilon = {"density": 2e4, "susceptibility": 1e6}, {"density": 1e-2, "susceptibility": 1e-3}
    parameters = [bj.Parameter(name, mesh, prior=bj.Focusing(alpha[name], epsilon=epsilon[name]), bounds=bounds[name])
                  for name in bounds]
    noise = {kind: np.full(s.data.shape, max(values[f"{kind}_noise"], START[f"{kind}_noise"])) for kind, s in
             data.items()}
    modalities = [survey.replace(std=noise[kind]).modality(parameter, name=kind)
                  for (kind, survey), parameter in zip(data.items(), parameters, strict=True)]
    asked = bj.JointProblem(parameters, modalities, [bj.Gramian(weights=(20, 1000))])
    result = bj.find_map(asked, method="rrcg", alpha_floor={"density": 50.0, "susceptibility": 500.0},
                         max_iterations=400)
    figures.keep(out / "rrcg.npz", mean=result.model)
    return {"unknowns": asked.size, "iterations": result.iterations, "seconds": result.seconds,
            "chi2_per_datum": {name: result.chi2[name] / m.size for name, m in
                               zip(result.chi2, asked.modalities, strict=True)},
            "target_met": bool(result.target_met), "noise_std": {kind: float(s.flat[0]) for kind, s in noise.items()},
            "message": result.message}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--window", type=int, help="side of a corner of the survey, in stations; default all of it")
    parser.add_argument("--out", type=Path, default=HERE / "out", help="folder of arrays and dataset (default out/)")
    parser.add_argument("--stage", choices=STAGES, action="append", help="only these (default all)")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    file = (HERE if arguments.window is None else arguments.out) / "results.json"
    results = json.loads(file.read_text()) if file.exists() else {"values": START}
    data = surveys(arguments.window)
    for name in arguments.stage or STAGES:
        began = time.perf_counter()
        if name == "figures":
            figures.draw(data, problem(data, results["values"]), results, arguments.out, file.parent)
            continue
        # a process of its own, so that its peak of memory is its own
        if arguments.stage is None:
            flags = ["--stage", name, "--out", str(arguments.out)]
            flags += ["--window", str(arguments.window)] if arguments.window else []
            figures.child([__file__, *flags])
            results = json.loads(file.read_text())
            continue
        results[name] = {"evidence": evidence, "spectral": spectral, "exact": exact, "rrcg": rrcg}[name](
            data, results, arguments.out)
        results[name] |= {"all_s": time.perf_counter() - began, "peak_gb": figures.peak(),
                          "load_average": os.getloadavg()[0]}
        file.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        print(name, json.dumps(results[name], ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
