"""Two cubes of Vatankhah et al. (2022, arXiv 2112.15562): every configuration over 20 noise draws.

``python case_studies/two_cubes/run.py`` makes the table and the figures (results.json; some ten minutes, most of them
for the iteration as printed), with ``choose`` it picks the pair of weights on draws 100-119 (choice.json), with
``report`` it writes reports/two_cubes.html.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

import bayesjoint as bj

HERE = Path(__file__).parent
RULES = {"gravity": (0.02, 0.01), "magnetic": (0.01, 0.01)}  # (tau1, tau2)
PRINTED = {"conjugacy": "fletcher-reeves", "hold_bounds": False}  # the iteration as the paper has it
MINIMUM_LENGTH = {"prior": bj.MinimumLength, "alpha": (20_000.0, 40_000.0)}
LONG = {"alpha_floor": 50.0, "max_iterations": 500}
SPREAD = {"density": 300.0, "susceptibility": 0.03}  # a guess: some twice the std of the truth over the mesh
BEST = (400, 24_000)  # by `choose`, on draws 100-119

# name: (paper's gravity RE, magnetic RE, iterations), coupling, problem's settings, find_map's settings
CONFIGURATIONS = {
    "separate": ((0.5686, 0.8198, 50), None, {}, {}),
    "Gramian (50, 1500)": ((0.4761, 0.5192, 52), bj.Gramian(weights=(50, 1500)), {}, {}),
    "Gramian (1000, 15000)": ((0.5715, 0.5860, 150), bj.Gramian(weights=(1000, 15_000)), {}, {}),
    "weighted space (5000, 10000)": (
        (0.5419, 0.6870, 47), bj.Gramian(weights=(5000, 10_000), space="weighted"), {}, {}),
    "minimum length (50, 800000)": (
        (0.6117, 0.5960, 387), bj.Gramian(weights=(50, 800_000)), MINIMUM_LENGTH, LONG),
    "Gramian (200, 6000)": (None, bj.Gramian(weights=(200, 6000)), {}, {}),
    f"Gramian {BEST}, our best pair": (None, bj.Gramian(weights=BEST), {}, {}),
    "cross-gradient 0.6": (None, bj.CrossGradient(0.6, spread=SPREAD), {}, {}),
    "joint total variation 1": (None, bj.JointTotalVariation(1.0, spread=SPREAD), {}, {}),
}


def geometry():
    """(mesh, operators by survey, true model by parameter)."""
    mesh = bj.Mesh.regular(shape=(10, 30, 50), spacing=(100, 100, 100))
    body = np.zeros(mesh.shape)  # layers count from the bottom
    body[6:9, 12:17, 10:20] = 1.0  # top at 100 m
    body[5:8, 12:17, 30:40] = 1.0  # top at 200 m
    stations = (mesh, mesh.easting, mesh.northing, 0.0)
    operators = {"gravity": bj.GravityOperator(*stations),
                 "magnetic": bj.MagneticOperator(*stations, intensity=50_000.0, inclination=45.0, declination=45.0)}
    return mesh, operators, {"density": 1000.0 * body, "susceptibility": 0.1 * body}


def problem(seed, setting, coupling=None, prior=bj.Focusing, alpha=(20_000.0, 20_000.0)):
    """The joint problem of one noise draw: gravity's noise is drawn first."""
    mesh, operators, truth = setting
    rng = np.random.default_rng(seed)
    parameters, surveys = [], []
    for (kind, operator), (name, model), start, top in zip(
            operators.items(), truth.items(), alpha, (1000.0, 0.1), strict=True):
        clean = operator.predict(model)
        std = bj.noise_std(clean, *RULES[kind])
        data = clean + std * rng.standard_normal(clean.shape)
        parameters.append(bj.Parameter(name, mesh, prior=prior(start), bounds=(0.0, top)))
        surveys.append(bj.Modality(kind, operator, data, bj.DiagonalNoise(std), name))
    return bj.JointProblem(parameters, surveys, [coupling] if coupling else [])


def errors(model, truth):
    return {name: float(np.linalg.norm(m - truth[name]) / np.linalg.norm(truth[name])) for name, m in model.items()}


def solve(joint, settings):
    """Runs of one draw: one joint, or one for each survey; merged into one record."""
    members = [joint] if joint.couplings else list(joint.separate().values())
    began = time.process_time()
    runs = [bj.find_map(p, method="rrcg", **settings) for p in members]
    spent = time.process_time() - began
    return {key: value for run in runs for key, value in run.model.items()}, runs, spent


def record(model, runs, spent, truth):
    re = errors(model, truth)
    flat = [m.ravel() for m in model.values()]
    return {
        "re_gravity": re["density"], "re_magnetic": re["susceptibility"],
        "chi2_gravity": runs[0].chi2["gravity"] / 1500, "chi2_magnetic": runs[-1].chi2["magnetic"] / 1500,
        "iterations": [r.iterations for r in runs], "met": all(r.target_met for r in runs),
        "processor_seconds": spent, "correlation": float(np.corrcoef(*flat)[0, 1]),
    }


def run_all(seeds, setting):
    """{configuration: {variant: [record of each draw]}}, and the models of the first draw."""
    results, models = {}, {}
    for name, (_, coupling, make, options) in CONFIGURATIONS.items():
        results[name] = {}
        for variant, extra in (("ours", {}), ("as printed", PRINTED)):
            records = []
            for seed in seeds:
                model, runs, spent = solve(problem(seed, setting, coupling, **make), {**options, **extra})
                records.append(record(model, runs, spent, setting[2]))
                if seed == seeds[0] and variant == "ours":
                    models[name] = model, runs
            results[name][variant] = records
            print(f"{name:32s} {variant:10s} {line(records)}", flush=True)
    return results, models


def run_sweep(seeds, setting, correlation=0.98):
    """`couple` left to itself: its automatic weights, chosen by correlation and fit, with no knowledge of the truth."""
    records = []
    for seed in seeds:
        began = time.process_time()
        sweep = bj.couple(problem(seed, setting), correlation=correlation, method="rrcg")
        row = record(sweep.result.model, [sweep.result], time.process_time() - began, setting[2])
        records.append(row | {"weights": sweep.table["weights"][sweep.chosen].tolist()})
    print(f"{'couple, automatic':32s} {'ours':10s} {line(records)}", flush=True)
    return {"ours": records}


def summary(records, key):
    values = np.array([np.max(r[key]) for r in records], dtype=float)
    return float(np.median(values)), float(values.min()), float(values.max())


def line(records):
    parts = []
    for key, digits in (("re_gravity", 3), ("re_magnetic", 3), ("iterations", 0), ("processor_seconds", 2)):
        middle, low, high = summary(records, key)
        parts.append(f"{key} {middle:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]")
    return "; ".join(parts) + f"; both met {sum(r['met'] for r in records)}/{len(records)}"


def choose(setting):
    """The best pair of weights on the draws set aside for choosing."""
    rows = []
    problems = [problem(seed, setting) for seed in range(100, 120)]
    for first in (100, 200, 400, 800):
        for second in (3000, 6000, 12_000, 24_000):
            records = []
            for p in problems:
                coupled = p.replace(couplings=[bj.Gramian(weights=(first, second))])
                records.append(record(*solve(coupled, {}), setting[2]))
            medians = [summary(records, key)[0] for key in ("re_gravity", "re_magnetic")]
            rows.append({"weights": [first, second], "median_re": medians, "met": sum(r["met"] for r in records)})
            print(rows[-1], flush=True)
    best = min((r for r in rows if r["met"] == len(problems)), key=lambda r: sum(r["median_re"]))
    (HERE / "choice.json").write_text(json.dumps({"rows": rows, "best": best}, indent=1) + "\n")
    print("best", best)


def markdown(results):
    """The table of the README."""
    head = ("| configuration | paper: RE gravity / magnetic, iterations | variant | RE gravity | RE magnetic "
            "| iterations | χ²/n gravity / magnetic | both fitted | processor s |\n"
            "|---|---|---|---|---|---|---|---|---|\n")
    body = []
    for name, variants in results.items():
        paper = CONFIGURATIONS.get(name, (None,))[0]
        printed = f"{paper[0]:.4f} / {paper[1]:.4f}, {paper[2]}" if paper else ""
        for variant, records in variants.items():
            cell = {}
            for key, digits in (("re_gravity", 3), ("re_magnetic", 3), ("iterations", 0), ("processor_seconds", 2)):
                middle, low, high = summary(records, key)
                cell[key] = f"{middle:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"
            fits = " / ".join(f"{summary(records, f'chi2_{k}')[0]:.2f}" for k in ("gravity", "magnetic"))
            body.append(f"| {name} | {printed} | {variant} | {cell['re_gravity']} | {cell['re_magnetic']} "
                        f"| {cell['iterations']} | {fits} | {sum(r['met'] for r in records)}/{len(records)} "
                        f"| {cell['processor_seconds']} |")
    return head + "\n".join(body) + "\n"


def into_readme(table):
    """Put the table between the README's markers."""
    path = HERE / "README.md"
    before, rest = path.read_text().split("<!-- table -->\n")
    path.write_text(f"{before}<!-- table -->\n{table}<!-- end -->\n{rest.split('<!-- end -->' + chr(10))[1]}")


def figure_models(models, setting):
    """Sections through the bodies: truth, separate and joint."""
    import matplotlib.pyplot as plt

    mesh, _, truth = setting
    rows = {"truth": truth, "separate": models["separate"][0],
            f"Gramian {BEST}": models[f"Gramian {BEST}, our best pair"][0]}
    fig, axes = plt.subplots(len(rows), 2, figsize=(9, 5.5), sharex=True, sharey=True, layout="constrained")
    for axis_row, (label, model) in zip(axes, rows.items(), strict=True):
        for ax, (name, top, unit) in zip(
                axis_row, (("density", 1000.0, "kg/m³"), ("susceptibility", 0.1, "SI")), strict=True):
            image = ax.pcolormesh(mesh.easting_edges / 1000, mesh.upward_edges / 1000, model[name][:, 14],
                                  vmin=0, vmax=top, cmap="viridis")
            for west, high in ((1.0, -0.1), (3.0, -0.2)):
                ax.plot(west + np.array([0, 1, 1, 0, 0]), high - np.array([0, 0, 0.3, 0.3, 0]), "w", lw=1)
            ax.set_title(f"{label}: {name}", fontsize=9)
            if label == list(rows)[-1]:
                ax.set_xlabel("easting (km)")
                fig.colorbar(image, ax=axes[:, list(axis_row).index(ax)], label=unit, shrink=0.5)
        axis_row[0].set_ylabel("upward (km)")
    fig.savefig(HERE / "models.png", dpi=130)
    plt.close(fig)


def figure_errors(results):
    """RE of every draw against the paper's number."""
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 2, figsize=(10, 3.6), sharey=True, layout="constrained")
    names = list(results)
    for ax, key, which in zip(axes, ("re_gravity", "re_magnetic"), (0, 1), strict=True):
        for k, name in enumerate(names):
            for offset, variant, colour in ((-0.15, "ours", "C0"), (0.15, "as printed", "C1")):
                values = [r[key] for r in results[name].get(variant, [])]
                ax.plot(values, np.full(len(values), k + offset), ".", color=colour, alpha=0.6,
                        label=variant if k == 0 else None)
            paper = CONFIGURATIONS.get(name, (None,))[0]
            if paper:
                ax.plot(paper[which], k, "k|", ms=18, label="paper" if k == 0 else None)
        ax.set_xlabel(f"relative error, {('density', 'susceptibility')[which]}")
        ax.grid(axis="x", alpha=0.3)
    axes[0].set_yticks(range(len(names)), names, fontsize=8)
    axes[0].invert_yaxis()
    axes[1].legend(fontsize=8)
    fig.savefig(HERE / "errors.png", dpi=130)
    plt.close(fig)


def figure_history(models):
    """χ² and α of the best pair against the iteration."""
    import matplotlib.pyplot as plt

    history = models[f"Gramian {BEST}, our best pair"][1][0].history
    fig, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    for survey, parameter, style in (("gravity", "density", "-"), ("magnetic", "susceptibility", "--")):
        axes[0].semilogy(history[f"chi2_{survey}"] / 1500, style, label=survey)
        axes[1].plot(history[f"alpha_{parameter}"], style, label=parameter)
    axes[0].axhline(1 + np.sqrt(2 / 1500), color="k", lw=0.8, label="target")
    for ax, label in zip(axes, ("χ²/n", "α"), strict=True):
        ax.set_xlabel("iteration")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set_ylabel(label)
        ax.legend(fontsize=8)
    fig.savefig(HERE / "history.png", dpi=130)
    plt.close(fig)


def write_page(setting):
    """reports/two_cubes.html: draw 0, RRCG at the best pair beside the separate models."""
    joint = bj.find_map(problem(0, setting, bj.Gramian(weights=BEST)), method="rrcg")
    alone = {name: bj.find_map(each, method="rrcg") for name, each in problem(0, setting).separate().items()}
    tree = joint.to_datatree(separate=alone)
    tree.attrs["command"] = "python case_studies/two_cubes/run.py report"
    bj.report(tree, HERE.parents[1] / "reports" / "two_cubes.html",
              title=f"Two cubes, synthetic, noise draw 0: RRCG with Gramian {BEST}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", default="table", choices=("table", "choose", "report"))
    parser.add_argument("--draws", type=int, default=20, help="noise draws 0 ... N-1 (default 20)")
    arguments = parser.parse_args()
    setting = geometry()
    if arguments.what == "report":
        write_page(setting)
        return
    bj.find_map(problem(99, setting), method="rrcg", max_iterations=2)  # compile first: times below are without it
    if arguments.what == "choose":
        choose(setting)
        return
    seeds = list(range(arguments.draws))
    results, models = run_all(seeds, setting)
    results["couple, automatic (correlation 0.98)"] = run_sweep(seeds, setting)
    (HERE / "results.json").write_text(json.dumps({"seeds": seeds, "results": results}, indent=1) + "\n")
    into_readme(markdown(results))
    figure_models(models, setting)
    figure_errors(results)
    figure_history(models)


if __name__ == "__main__":
    main()
