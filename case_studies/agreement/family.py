"""How often `bj.conflict` alarms where surveys agree: any test of the whole suite, places and wavelengths included."""

import json
import time

import numpy as np
from scipy.stats import binom
from setting import SEED, pair_of, simulated, surveys
from survey_size import kept

import bayesjoint as bj

SHAPE = (2, 10, 11)
PAIRS, BLOCK = 300, 20
SECONDS = 300  # after which a run stops; called again it goes on
LEVEL = 0.05


def families(kind="one property", count=PAIRS):
    """`bj.conflict` of many pairs that agree: how many families have an alarm, and which test it was."""
    problem, began = surveys(kind, SHAPE), time.perf_counter()
    made = pair_of(problem)
    data = made.both.model.colour(simulated(made, SEED + 6, count))
    blocks = []
    for k in range(0, count, BLOCK):
        if time.perf_counter() - began > SECONDS:
            msg = f"{k} of {count} pairs: call it again"
            raise SystemExit(msg)
        blocks.append(kept(f"family_{kind.split()[0]}_{k}", lambda k=k: _block(problem, made, data[:, k : k + BLOCK])))
    names = json.loads(str(blocks[0]["names"]))
    p, adjusted = (np.concatenate([b[key] for b in blocks]) for key in ("p", "adjusted"))
    kinds = np.concatenate([b["kind"] for b in blocks])
    smallest = np.nanmin(adjusted, axis=1)
    alarms = int(np.sum(smallest <= LEVEL))
    low, high = (int(v) for v in binom.interval(0.95, count, LEVEL))
    single = {name: int(n) for name, n in zip(names, np.sum(p <= LEVEL, axis=0), strict=True)}
    first = np.nanargmin(adjusted, axis=1)[smallest <= LEVEL]
    return {"nulls": {}, "facts": {
        "data": made.both.size, "pairs that agree": count, "tests in a family": int(np.isfinite(p[0]).sum()),
        "families with an alarm at 5 %": alarms, "share, %": round(100 * alarms / count, 2),
        "95 % band of a rate of 5 %": [low, high],
        "families with an alarm at 1 %": int(np.sum(smallest <= 0.01)),
        "alarms by test": {names[k]: int(np.sum(first == k)) for k in np.unique(first)},
        "verdicts": {str(k): int(np.sum(kinds == k)) for k in np.unique(kinds)},
        "single p-values at or below 5 %, by test": single}}


def _block(problem, made, data):
    found = []
    for column in data.T:
        modalities = [m.replace(data=column[rows].reshape(m.data_shape)) for m, rows in
                      zip(problem.modalities, made.both.model.data_slices, strict=True)]
        found.append(bj.conflict(problem.replace(modalities=modalities)))
    return {"names": json.dumps([t.name for t in found[0].tests]), "kind": np.array([f.kind for f in found]),
            "p": np.array([[t.p_value for t in f.tests] for f in found]),
            "adjusted": np.array([f.p_adjusted for f in found])}
