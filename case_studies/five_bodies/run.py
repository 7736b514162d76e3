"""Five bodies under 150 × 100 stations, 300,000 unknowns: separate, at the paper's pair and at the pair `couple` finds.

    python case_studies/five_bodies/run.py            # all of it: results.json, tables.md, figures, a few minutes
    python case_studies/five_bodies/run.py memory     # peak memory of one run alone

Every number in README.md and every figure comes from the first command.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import figures
import numpy as np
from model import SHAPE, body_table, geometry, problem

import bayesjoint as bj

HERE = Path(__file__).parent
PAPER = {"re_gravity": 0.5491, "re_magnetic": 0.5615, "iterations": 96, "seconds": 4872, "memory_ratio": 1891}
PAIR = (2, 100)
PRINTED = {"conjugacy": "fletcher-reeves", "hold_bounds": False}  # the iteration as the paper has it
CORRELATION = 0.98  # what `couple` asks for, as in two_cubes


def record(runs, truth):
    """Figures of one model, from one joint run or one run for each survey."""
    model = {name: values for run in runs for name, values in run.model.items()}
    re = {k: float(np.linalg.norm(model[k] - truth[k]) / np.linalg.norm(truth[k])) for k in truth}
    count = SHAPE[1] * SHAPE[2]
    return model, {
        "re_gravity": re["density"], "re_magnetic": re["susceptibility"],
        "chi2_gravity": runs[0].chi2["gravity"] / count, "chi2_magnetic": runs[-1].chi2["magnetic"] / count,
        "iterations": [r.iterations for r in runs], "met": all(r.target_met for r in runs),
        "seconds": sum(r.seconds for r in runs),
        "correlation": float(np.corrcoef(*(m.ravel() for m in model.values()))[0, 1]),
    }


def run_draw(seed, setting):
    """(records, models, sweep) of one noise draw."""
    free = problem(seed, setting)
    coupled = free.replace(couplings=[bj.Gramian(weights=PAIR)])
    tasks = {
        "separate": lambda: [bj.find_map(p, method="rrcg") for p in free.separate().values()],
        f"Gramian {PAIR}": lambda: [bj.find_map(coupled, method="rrcg")],
        f"Gramian {PAIR}, as printed": lambda: [bj.find_map(coupled, method="rrcg", **PRINTED)],
    }
    records, models = {}, {}
    for name, task in tasks.items():
        models[name], records[name] = record(task(), setting[2])
        print(f"draw {seed}  {name:28s} {line(records[name])}", flush=True)
    began = time.perf_counter()
    sweep = bj.couple(free, correlation=CORRELATION, method="rrcg")
    seconds = time.perf_counter() - began
    name = "pair found by couple"
    models[name], records[name] = record([sweep.result], setting[2])
    records[name] |= {"weights": sweep.table["weights"][sweep.chosen].tolist(), "sweep_seconds": seconds,
                      "message": sweep.message}
    print(f"draw {seed}  {name:28s} {line(records[name])} {records[name]['weights']} {seconds:.1f} s", flush=True)
    return records, models, sweep


def line(row):
    return (f"RE {row['re_gravity']:.3f} / {row['re_magnetic']:.3f}, {row['iterations']} iterations, "
            f"correlation {row['correlation']:.3f}, {row['seconds']:.1f} s, fitted {row['met']}")


def peak_memory():
    """Peak memory of building and solving one problem, beyond what import and a small run took."""
    mesh = bj.Mesh.regular(shape=(4, 8, 8), spacing=(100.0, 100.0, 100.0))
    tiny = [bj.Parameter(n, mesh, prior=bj.Focusing(1.0), bounds=(0, 1)) for n in ("density", "susceptibility")]
    operators = (bj.GravityOperator, bj.MagneticOperator)
    surveys = [bj.Modality(f"of_{p.name}", op(mesh, mesh.easting, mesh.northing), np.ones(64),
                           bj.DiagonalNoise(np.ones(64)), p.name) for p, op in zip(tiny, operators, strict=True)]
    small = bj.JointProblem(tiny, surveys, [bj.Gramian(weights=(1.0, 1.0))])
    bj.find_map(small, method="rrcg", max_iterations=2)
    before = _kilobytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts here
    joint = problem(0, geometry()).replace(couplings=[bj.Gramian(weights=PAIR)])
    run = bj.find_map(joint, method="rrcg")
    after = _kilobytes("VmHWM")
    return {"baseline_bytes": 1024 * before, "peak_bytes": 1024 * after, "own_bytes": 1024 * (after - before),
            "iterations": run.iterations}


def _kilobytes(key):
    """A line of Linux's /proc; ru_maxrss would not do, as a child inherits its parent's."""
    status = Path("/proc/self/status").read_text()
    return int(next(row.split()[1] for row in status.splitlines() if row.startswith(key)))


def memory(setting):
    """Bytes of dense matrices, of the operators' spectra, and the peak of a run in a process of its own."""
    out = subprocess.run([sys.executable, __file__, "memory"], capture_output=True, text=True, check=True,
                         env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    operators = setting[1].values()
    dense = sum(8 * op.shape[0] * op.shape[1] for op in operators)
    spectra = sum(op.nbytes for op in operators)
    row = json.loads(out.stdout) | {"dense_bytes": dense, "spectra_bytes": spectra, "ratio_spectra": dense / spectra}
    return row | {"ratio_peak": dense / row["own_bytes"]}


def tables(results, setting):
    """Markdown: bodies, results over all draws, sweep of the first draw, memory."""
    parts = ["Bodies\n\n" + body_table(setting)]
    head = ("| configuration | RE gravity | RE magnetic | iterations | χ²/n gravity / magnetic | correlation | fitted "
            "| s a run |\n|---|---|---|---|---|---|---|---|\n"
            f"| paper's run of this size, its own bodies, {PAIR} | {PAPER['re_gravity']} | {PAPER['re_magnetic']} "
            f"| {PAPER['iterations']} | | | | {PAPER['seconds']} |\n")
    rows = [_row(name, [draw[name] for draw in results["draws"]]) for name in results["draws"][0]]
    parts.append("Results\n\n" + head + "\n".join(rows) + "\n")
    sweep = results["sweep"]
    lines = ["| λ1, λ2 | correlation | χ²/n gravity / magnetic | RE gravity | RE magnetic | iterations | fitted | |",
             "|---|---|---|---|---|---|---|---|"]
    for k, w in enumerate(sweep["weights"]):
        lines.append(f"| {w[0]:.3g}, {w[1]:.3g} | {sweep['correlation'][k]:.4f} "
                     f"| {sweep['chi2_gravity'][k]:.3f} / {sweep['chi2_magnetic'][k]:.3f} "
                     f"| {sweep['re_gravity'][k]:.3f} | {sweep['re_magnetic'][k]:.3f} | {sweep['iterations'][k]} "
                     f"| {'yes' if sweep['fits'][k] else 'no'} | {'chosen' if k == sweep['chosen'] else ''} |")
    parts.append("Sweep of draw 0\n\n" + "\n".join(lines) + "\n")
    m = results["memory"]
    parts.append(
        "Memory\n\n| | bytes | dense pair over it |\n|---|---|---|\n"
        f"| dense pair, float64 | {m['dense_bytes'] / 1e9:.1f} GB | 1 |\n"
        f"| spectra of both operators | {m['spectra_bytes'] / 1e6:.2f} MB | {m['ratio_spectra']:.0f} |\n"
        f"| measured peak of building and solving, less import and warm-up | {m['own_bytes'] / 1e6:.0f} MB "
        f"| {m['ratio_peak']:.0f} |\n"
        f"| the paper's method | | {PAPER['memory_ratio']} |\n")
    return "\n".join(parts)


def _row(name, records):
    cells = [name]
    for key, digits in (("re_gravity", 3), ("re_magnetic", 3), ("iterations", 0)):
        values = [np.max(r[key]) for r in records]
        cells.append(f"{np.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})")
    cells.append(" / ".join(f"{np.median([r[k] for r in records]):.2f}" for k in ("chi2_gravity", "chi2_magnetic")))
    cells.append(f"{np.median([r['correlation'] for r in records]):.3f}")
    cells.append(f"{sum(r['met'] for r in records)}/{len(records)}")
    cells.append(f"{np.median([r['seconds'] for r in records]):.1f}")
    return "| " + " | ".join(cells) + " |"


def sweep_record(seed, setting, sweep):
    """The sweep's table with relative errors, by running each pair again: `couple` keeps the chosen model alone."""
    free, table = problem(seed, setting), {}
    for weights in sweep.table["weights"]:
        coupled = free.replace(couplings=[bj.Gramian(weights=tuple(weights))] if any(weights) else [])
        _, row = record([bj.find_map(coupled, method="rrcg")], setting[2])
        for key in ("re_gravity", "re_magnetic"):
            table.setdefault(key, []).append(row[key])
    return {key: np.asarray(v).tolist() for key, v in sweep.table.items()} | table | {"chosen": sweep.chosen}


def write_page(setting):
    """reports/five_bodies.html: draw 0, RRCG at the pair that the sweep chose, beside the separate models."""
    free = problem(0, setting)
    joint = bj.couple(free, correlation=CORRELATION, method="rrcg").result
    alone = {name: bj.find_map(each, method="rrcg") for name, each in free.separate().items()}
    tree = joint.to_datatree(separate=alone)
    tree.attrs["command"] = "python case_studies/five_bodies/run.py report"
    bj.report(tree, HERE.parents[1] / "reports" / "five_bodies.html",
              title="Five bodies, synthetic, noise draw 0: RRCG at the pair found by the sweep")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", default="all", choices=("all", "memory", "report"))
    parser.add_argument("--draws", type=int, default=3, help="noise draws 0 ... N-1 (default 3)")
    arguments = parser.parse_args()
    if arguments.what == "memory":
        print(json.dumps(peak_memory()))
        return
    setting = geometry()
    if arguments.what == "report":
        write_page(setting)
        return
    bj.find_map(problem(99, setting).replace(couplings=[bj.Gramian(weights=PAIR)]), method="rrcg", max_iterations=2)
    results, kept, sweep = {"paper": PAPER, "load_average": os.getloadavg()[0], "draws": []}, None, None
    for seed in range(arguments.draws):
        records, models, found = run_draw(seed, setting)
        results["draws"].append(records)
        if seed == 0:
            kept, sweep = models, found
    results["sweep"] = sweep_record(0, setting, sweep)
    results["memory"] = memory(setting)
    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (HERE / "tables.md").write_text(tables(results, setting))
    figures.draw_all(HERE, setting, problem(0, setting), kept, results)


if __name__ == "__main__":
    main()
