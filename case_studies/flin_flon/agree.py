"""Flin Flon: whether gravity and magnetics agree under a linear law, under the correlation of the evidence, under none.

Run: python agree.py (after run.py, whose choices it reads). Writes agree.json.
"""

import json
import time

import ground
import numpy as np
from run import build, prepare
from scipy.optimize import brentq

import bayesjoint as bj
from bayesjoint.agreement._pair import make_pair

PAIR = ("gravity", "magnetic")
LAWS = {"no coupling": 0.0, "correlation of the evidence": None, "linear law": 0.98}
LEVEL, POWER, PAIRS = 0.05, 0.8, 20_000
TRUE = np.round(np.arange(-0.95, 0.96, 0.05), 2)


def power_of(pair, assumed, rng):
    """Share of simulated pairs, by the true correlation, in which the likelihood ratio objects to the assumed one.

    Blocks of each survey are the same whatever the correlation and what is between them is proportional to it, so that
    canonical pairs (u, v) correlated by ρ under the assumed law are correlated by ρ · true / assumed.
    """
    spectrum = pair.spectrum()
    rho = spectrum.correlations
    limit = brentq(lambda x: float(spectrum.tail(x, 0.0)[0]) - LEVEL, 0.0, 1e4)
    shares = []
    for true in TRUE:
        r, stat = rho * true / assumed, np.zeros(PAIRS)
        for k in np.flatnonzero(rho > 1e-8):
            u, w = rng.standard_normal((2, PAIRS))
            v = r[k] * u + np.sqrt(1 - r[k] ** 2) * w
            stat += (u**2 + v**2 - 2 * rho[k] * u * v) / (1 - rho[k] ** 2) - u**2 - v**2
        shares.append(float(np.mean(stat >= limit)))
    return shares


def examine(case, chosen, correlation):
    """Verdict, tests, and what the likelihood ratio could have seen of a wrong correlation."""
    problem = build(case, chosen["kernel"], chosen["settings"], correlation)
    found = bj.conflict(problem, places=False, seed=0)
    table = found.table
    rows = [{"test": str(table.test.values[k]), "statistic": float(table.statistic.values[k]),
             "p": float(table.p_value.values[k]), "p_error": float(table.p_value_error.values[k]),
             "adjusted": float(table.p_adjusted.values[k]), "effect": str(table.effect.values[k]),
             "would_have_seen": str(table.detectable.values[k]), "note": str(table.note.values[k])}
            for k in range(table.sizes["agreement_test"])]
    out = {"correlation": correlation, "kind": found.kind, "verdict": found.verdict, "details": list(found.details),
           "tests": rows}
    pair = make_pair(problem, PAIR)
    if correlation:
        shares = power_of(pair, correlation, np.random.default_rng(20261122))
        seen = [float(c) for c, share in zip(TRUE, shares, strict=True) if share >= POWER]
        out |= {"power": dict(zip(map(str, TRUE), shares, strict=True)), "seen_at_80_percent": seen,
                "shared_nats": float(pair.spectrum().information()[0])}
    return out


def main():
    began = time.perf_counter()
    known = json.loads((ground.HERE / "results.json").read_text())
    case, chosen = prepare(), known["chosen"]
    out = {"truth_correlation": known["truth_correlation"]}
    for name, correlation in LAWS.items():
        out[name] = examine(case, chosen, chosen["correlation"] if correlation is None else correlation)
        print(f"{time.perf_counter() - began:.0f} s  {name}: {out[name]['verdict']}")
        for row in out[name]["tests"]:
            print("   ", row["test"], row["p"], row["effect"], "|", row["would_have_seen"])
        if "seen_at_80_percent" in out[name]:
            print("    sees at 80 %:", out[name]["seen_at_80_percent"], "shared", out[name]["shared_nats"])
    (ground.HERE / "agree.json").write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
