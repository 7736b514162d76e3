"""A league table: which intervals hold which ground? Run: python run.py; call it again if it was stopped.

Every cell of the table is kept in partial/; writes results.json and the figures.
python run.py blocky dykes     # some grounds only, for several processes; the whole command then makes the table
Learned quantiles come last, at minutes a cell: the table is written without them first, and again once they are there.
"""

import json
import re
import sys
from pathlib import Path

from bench import FAMILIES, PROPERTIES, TRUTHS, WORLDS, Bench
from figures import draw
from grounds import GROUNDS
from methods import LEARNED, SAMPLED, answer
from scores import ratio, scored, summary

HERE = Path(__file__).parent
PARTIAL = HERE / "partial"
METHODS = ("no data", "gaussian by evidence", "gaussian by rock table", *FAMILIES, "envelope", "own stretched",
           "default stretched", "own inside", "gaussian refitted", "focusing", "positive", "student", "bodies",
           "learned")
MODES = {"no data": ("joint",), "gaussian refitted": ("joint",), "focusing": ("separate",), "positive": ("separate",),
         "student": ("joint",), "bodies": ("joint",), "own inside": ("joint",)}


def modes(method):
    """Joint and separate, where a method has both."""
    return MODES.get(method, ("joint", "separate"))


def cell(bench, method, mode):
    """One cell of the table: from partial/, or computed and kept."""
    path = PARTIAL / f"{bench.name} {method} {mode}.json".replace(" ", "_")
    if not path.exists():
        found, truths, seconds = answer(bench, method, mode)
        values = scored(found, truths, bench.seen, bench.spread) | {
            "seconds": seconds, "hyperparameters": bench.hyperparameters}
        if hasattr(found, "rhat"):
            values["rhat"] = found.rhat
        path.write_text(json.dumps(values))
        print(path.stem, f"{seconds:.0f} s", flush=True)
    return json.loads(path.read_text())


def row(values, baseline):
    """Means over truths with standard errors; interval scores over those of the family without data."""
    out = {"seconds": round(values["seconds"], 1)}
    for name in PROPERTIES:
        out[name] = {key: summary(v) for key, v in values[name].items()}
        for where in ("all", "seen", "inside"):
            key = f"score 90% {where}"
            out[name][f"{key} over no data"] = ratio(values[name][key], baseline[name][key])
    if "rhat" in values:
        out["largest rhat, from and to"] = [round(min(values["rhat"]), 2), round(max(values["rhat"]), 2)]
    out["functionals"] = {key: summary(v) for key, v in values["functionals"].items()}
    out["functionals"]["mass width over no data"] = ratio(values["functionals"]["mass width"],
                                                          baseline["functionals"]["mass width"])
    return out


def table(cells):
    """{ground: {method, mode: row}} and what joint did to the score of separate."""
    out = {}
    for ground, found in cells.items():
        baseline = found["no data", "joint"]
        out[ground] = {"hyperparameters": baseline["hyperparameters"], "rows": {
            f"{method}, {mode}": row(values, baseline) for (method, mode), values in found.items()}}
        for method in METHODS:
            if (method, "joint") in found and (method, "separate") in found:
                joint, alone = (found[method, mode] for mode in ("joint", "separate"))
                out[ground]["rows"][f"{method}, joint"]["score over separate"] = {
                    p: ratio(joint[p]["score 90% all"], alone[p]["score 90% all"]) for p in PROPERTIES}
    return out


def put_together(cells):
    """results.json and the figures."""
    found = {"truths": TRUTHS, "sampled": SAMPLED, "learned": LEARNED, "worlds": WORLDS, "grounds": table(cells)}
    text = re.sub(r"\[\s+(\S+)\s+(\S+)\s+\]", r"[\1 \2]", json.dumps(found, indent=1))
    (HERE / "results.json").write_text(text + "\n")
    draw(found, json.loads((HERE / "flin_flon.json").read_text()))


def main(asked):
    PARTIAL.mkdir(exist_ok=True)
    benches = [Bench(ground) for ground in asked or GROUNDS]
    cells = {bench.name: {} for bench in benches}
    for method in METHODS:  # the dearest last
        for bench in benches:
            for mode in modes(method):
                cells[bench.name][method, mode] = cell(bench, method, mode)
        if method in METHODS[-2:] and set(cells) == set(GROUNDS):
            put_together(cells)


if __name__ == "__main__":
    main(sys.argv[1:])
