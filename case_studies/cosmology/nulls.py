"""Are p-values uniform when two nonlinear surveys do agree? Simulated null and Wilks's, at little and at much noise.

python nulls.py     # nulls.json and the last table of README.md
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from scipy.stats import binom, chi2, kstest

import bayesjoint as bj

HERE = Path(__file__).parent
SEED = 20261122
TIMES = {"first": np.array([0.5, 1.0, 2.0, 3.0]), "second": np.array([0.2, 1.5, 2.5])}
TRUTH = np.array([1.0, 0.7])  # amplitude and rate of a decay
DRAWS, PAIRS, MANY = 39, 200, 1000  # simulations a test, tests by simulation, tests by Wilks
LEVELS = (0.05, 0.01)
NOISE = {"2 % noise": 0.02, "15 % noise": 0.15}


class Decay:
    """a exp(−r t); a class, so that processes can be given it."""

    def __init__(self, times):
        self.times = times

    def __call__(self, m):
        return m[0] * np.exp(-m[1] * self.times)


def problem(std, rng):
    surveys = [bj.Modality(name, bj.ForwardModel(Decay(t), (t.size, 2), typical=1.0),
                           Decay(t)(TRUTH) + std * rng.standard_normal(t.size), bj.DiagonalNoise(np.full(t.size, std)),
                           "decay") for name, t in TIMES.items()]
    return bj.JointProblem([bj.Parameter("decay", 2, reference=TRUTH)], surveys)


def one(task):
    """(p by simulation, made continuous; Λ; p by Wilks) of one agreeing pair; NaN where a fit found no minimum."""
    std, number, draws = task
    rng = np.random.default_rng([SEED, number])
    asked, out = problem(std, rng), [np.nan] * 3
    try:
        wilks = bj.likelihood_ratio_test(asked, tuple(TIMES), null="wilks")
        out[1:] = wilks.statistic, wilks.p_value
        if draws:
            found = bj.likelihood_ratio_test(asked, tuple(TIMES), null="bootstrap", draws=draws, seed=number)
            out[0] = found.p_value - rng.random() / (draws + 1)
    except ValueError:  # a fit that does not converge is refused
        pass
    return out


def verdict(p):
    """Uniformity and false alarms of p-values."""
    kept = p[np.isfinite(p)]
    return {"pairs": int(kept.size), "lost": int(p.size - kept.size),
            "uniform_p": float(kstest(kept, "uniform").pvalue),
            "alarms": {f"{level:g}": int(np.sum(kept <= level)) for level in LEVELS},
            "band": {f"{level:g}": [int(v) for v in binom.ppf([0.005, 0.995], kept.size, level)] for level in LEVELS}}


def study():
    results = {}
    with ProcessPoolExecutor(2, get_context("spawn")) as executor:
        for name, std in NOISE.items():
            simulated = np.array(list(executor.map(one, [(std, k, DRAWS) for k in range(PAIRS)], chunksize=10)))
            more = np.array(list(executor.map(one, [(std, k, 0) for k in range(PAIRS, MANY)], chunksize=50)))
            asymptotic = np.concatenate([simulated, more])
            results[name] = {"simulated": verdict(simulated[:, 0]), "wilks": verdict(asymptotic[:, 2]),
                             "wrong": verdict(chi2.sf(asymptotic[:, 1], 3))}
            print(name, results[name], flush=True)
    return results


def rows(results):
    """The table of README.md."""
    out = [("noise", "null", "pairs", "uniform: p", "p ≤ 0.05", "p ≤ 0.01")]
    words = {"simulated": f"simulated, {DRAWS} draws", "wilks": "Wilks, 2 degrees of freedom",
             "wrong": "one degree too many, to be caught"}
    for name, found in results.items():
        for key, label in words.items():
            v = found[key]
            lost = f" ({v['lost']} refused)" if v["lost"] else ""
            out.append((name, label, f"{v['pairs']}{lost}", f"{v['uniform_p']:.2g}",
                        *(f"{v['alarms'][k]} (99 % band {v['band'][k][0]}–{v['band'][k][1]})" for k in v["alarms"])))
    return out


def main():
    file = HERE / "nulls.json"
    results = json.loads(file.read_text(encoding="utf-8")) if sys.argv[1:] == ["table"] else study()
    file.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    from run import put_table

    put_table("nulls", rows(results))


if __name__ == "__main__":
    main()
