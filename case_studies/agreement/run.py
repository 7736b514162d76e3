"""Whether the p-values of every test of agreement are what they say, and what each test sees.

python run.py              # all of it, some ten minutes: results.json
python run.py one tied     # 1,000 simulated pairs at 1,920 data, every null that takes matrices
python run.py flat         # the same with flat priors
python run.py torus        # 1,000 pairs at 201 x 338 stations, by wavenumber
python run.py windows      # 30 windows of that size, iterative
python run.py refitted     # hyperparameters from the same data
python run.py power power_tied  # what each test sees
python run.py family family_tied  # bj.conflict of 300 pairs: any alarm at all; five minutes at a time, call it again
python run.py verdict      # Kolmogorov-Smirnov, Holm-adjusted over all of these, and the binomial bands
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from family import families
from power import power
from refitted import refitted
from scipy.stats import binom, chi2, kstest
from setting import PAIRS, SEED, Suite, flat, mixed, pair_of, simulated, surveys
from survey_size import by_wavenumber, windows

from bayesjoint.agreement._multiple_testing import holm

HERE = Path(__file__).parent
LEVELS = (0.05, 0.01)
CONSERVATIVE = ("bands of", "places of")  # the smallest of many p-values, bounded whatever they have in common


def summary(p, name=""):
    """What is kept of p-values that should be uniform, or no smaller than uniform ones."""
    conservative = any(words in name for words in CONSERVATIVE)
    ks = kstest(p, "uniform", alternative="greater" if conservative else "two-sided").pvalue
    return {"count": len(p), "ks": float(ks), **({"one-sided": True} if conservative else {}),
            "mean": round(float(np.mean(p)), 4),
            **{f"at or below {level:g}": int(np.sum(p <= level)) for level in LEVELS}}


def flats():
    """Unregularised problems, and flat values beside a Gaussian prior."""
    found, sizes = {}, {}
    for name, problem in (("unregularised", flat(SEED)), ("flat and Gaussian", mixed(SEED))):
        made = pair_of(problem)
        suite = Suite(made, bases={}, gain=False, places=False)
        white = simulated(made, SEED)
        # flat values may be anything: they must not matter
        white += 50 * made.both.basis @ np.random.default_rng(1).standard_normal((made.both.rank, PAIRS))
        if name == "unregularised":
            found[f"{name}: likelihood ratio"] = chi2.sf(made.statistics(white).ratio, made.excess)
        else:
            found |= {f"{name}: {test}": p for test, p in suite.p_values(white).items()}
        sizes[name] = {"data": made.both.size, "degrees of freedom": made.excess}
    return {"nulls": {k: summary(p) for k, p in found.items()}, "wrong": {}, "facts": sizes}


def fields(name):
    """Every null that takes matrices for two surveys of fields, and nulls that are wrong on purpose."""
    made = pair_of(surveys(name))
    suite, white = Suite(made), simulated(made, SEED)
    found = {f"{name}: {test}": p for test, p in suite.p_values(white).items()}
    statistics, cells = made.statistics(white), made.problem.parameters[0].size
    model, rows = made.both.model, made.rows[1]
    rng = np.random.default_rng(SEED)
    noisier = model.whiten(model.draw(rng, PAIRS)[1].T)
    noisier += rng.standard_normal(noisier.shape) * np.where(np.isin(np.arange(made.both.size), rows), 1 / 0.95, 1)[
        :, None]
    wrong = {
        f"{name}: Wilks with one degree of freedom a cell": chi2.sf(statistics.ratio + cells, cells),
        f"{name}: noise of b stated 5 % too small, node split a -> b": chi2.sf(
            made.statistics(noisier).into_second, made.second.size),
        f"{name}: offset with one degree of freedom too many": chi2.sf(suite.fits["offset"].test(white)[0], 2)}
    return {"nulls": {k: summary(p, k) for k, p in found.items()}, "wrong": {k: summary(p) for k, p in wrong.items()},
            "facts": {"data": made.both.size, "information, nats": round(made.spectrum().information()[0], 2)}}


def torus():
    found, facts = by_wavenumber()
    return {"nulls": {k: summary(p) for k, p in found.items()}, "facts": facts}


def iterative():
    found, facts = windows()
    return {"nulls": {k: summary(p) for k, p in found.items()}, "facts": facts}


def hyper():
    ranked, nominal, facts = refitted()
    return {"nulls": {f"refitted, recalibrated: {k}": summary(p) for k, p in ranked.items()},
            "nominal": {k: summary(p) for k, p in nominal.items()}, "facts": facts}


def verdict(results):
    """Uniform or not, over all nulls at once; false alarms beside their bands."""
    nulls = {name: row for part in PARTS for name, row in results.get(part, {}).get("nulls", {}).items()}
    adjusted = dict(zip(nulls, holm([row["ks"] for row in nulls.values()]).tolist(), strict=True))
    big = {name: row for name, row in nulls.items() if row["count"] == PAIRS}
    share = 0.05 / (2 * len(LEVELS) * len(big))
    bands = {f"{level:g}": {"95 %": [int(v) for v in binom.interval(0.95, PAIRS, level)],
                            "all at once": [int(binom.ppf(share, PAIRS, level)), int(binom.isf(share, PAIRS, level))]}
             for level in LEVELS}
    inside = {f"{level:g}": {kind: sum((low <= row[f"at or below {level:g}"] or "one-sided" in row) and
                                       row[f"at or below {level:g}"] <= high for row in big.values())
                             for kind, (low, high) in bands[f"{level:g}"].items()} for level in LEVELS}
    wrong = {name: row for part in PARTS for name, row in results.get(part, {}).get("wrong", {}).items()}
    return {"nulls": len(nulls), "Holm-adjusted p, smallest": min(adjusted.values()),
            "Holm-adjusted": {name: round(p, 4) for name, p in adjusted.items()},
            "not uniform": [name for name, p in adjusted.items() if p < 0.05],
            "bands of false alarms": bands, "nulls of 1,000 inside": {"of": len(big), **inside},
            "wrong nulls caught": {name: bool(row["ks"] < 0.05 / max(len(nulls), 1)) for name, row in wrong.items()}}


PARTS = {"flat": flats, "one": lambda: fields("one property"), "tied": lambda: fields("tied"), "torus": torus,
         "windows": iterative, "refitted": hyper, "power": lambda: power("one property"),
         "power_tied": lambda: power("tied"), "family": families,
         "family_tied": lambda: families("tied")}


def main(asked):
    path = HERE / "results.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    for name in [n for n in asked if n != "verdict"] or ([] if asked else list(PARTS)):
        began = time.perf_counter()
        found = {**PARTS[name](), "seconds": round(time.perf_counter() - began, 1)}
        results = {**(json.loads(path.read_text()) if path.exists() else {}), name: found}  # others may write beside
        path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        print(name, results[name]["seconds"], "s")
    results["verdict"] = verdict(results)
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    print(json.dumps(results["verdict"], indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main(sys.argv[1:])
