"""Are p-values uniform when two nonlinear surveys do agree? Simulated null and Wilks's, at little and at much noise.

python nulls.py         # nulls.json and the last table of README.md: some ten minutes on two cores
python nulls.py table   # the table again, from nulls.json
"""

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from scipy.stats import binom, chi2, kstest

import bayesjoint as bj
from bayesjoint.agreement._multiple_testing import holm

HERE = Path(__file__).parent
SEED = 20261122
TIMES = {"first": np.array([0.5, 1.0, 2.0, 3.0]), "second": np.array([0.2, 1.5, 2.5])}
TRUTH = np.array([1.0, 0.7])  # amplitude and rate of a decay
DRAWS, PAIRS, FEW = 39, 1000, 250  # simulations a test, tests, tests by a simulated null that is wrong
LEVELS = (0.05, 0.01)
NOISE = {"2 % noise": 0.02, "15 % noise": 0.15}
LOUDER = 1.25  # what the surveys' noise is of what they state, for a simulated null that is wrong
WORDS = {"simulated": f"simulated, {DRAWS} draws", "wilks": "Wilks, 2 degrees of freedom",
         "degrees": "Wilks with one degree too many, to be caught",
         "louder": "simulated, noise stated 20 % too small, to be caught"}


class Decay:
    """a exp(−r t); a class, so that processes can be given it."""

    def __init__(self, times):
        self.times = times

    def __call__(self, m):
        return m[0] * np.exp(-m[1] * self.times)


def problem(std, rng, louder=1.0):
    surveys = [bj.Modality(name, bj.ForwardModel(Decay(t), (t.size, 2), typical=1.0),
                           Decay(t)(TRUTH) + louder * std * rng.standard_normal(t.size),
                           bj.DiagonalNoise(np.full(t.size, std)), "decay") for name, t in TIMES.items()]
    return bj.JointProblem([bj.Parameter("decay", 2, reference=TRUTH)], surveys)


def one(task):
    """(p by simulation, made continuous; whether a fit reached no minimum; Λ; p by Wilks); NaN where refused."""
    std, number, louder = task
    rng, out = np.random.default_rng([SEED, number]), [np.nan] * 4
    asked = problem(std, rng, louder)
    try:
        found = bj.likelihood_ratio_test(asked, tuple(TIMES), null="bootstrap", draws=DRAWS, seed=number)
        out[:2] = found.p_value - rng.random() / (DRAWS + 1), "reached n" in found.note  # no minimum; neither, nor
        wilks = bj.likelihood_ratio_test(asked, tuple(TIMES), null="wilks")
        out[2:] = wilks.statistic, wilks.p_value
    except ValueError:  # fits of the observed pair that reach neither a minimum nor a limit
        pass
    return out


def row(p):
    """Uniformity and false alarms of p-values."""
    kept = p[np.isfinite(p)]
    return {"pairs": int(kept.size), "refused": int(p.size - kept.size),
            "uniform_p": float(kstest(kept, "uniform").pvalue),
            "alarms": {f"{level:g}": int(np.sum(kept <= level)) for level in LEVELS},
            "band": {f"{level:g}": [int(v) for v in binom.ppf([0.005, 0.995], kept.size, level)] for level in LEVELS}}


def adjusted(results):
    """{(noise, null): p of uniformity after Holm}; of wrong nulls as if each were the least of all."""
    right = {(noise, key): v["uniform_p"] for noise, found in results["nulls"].items() for key, v in found.items()}
    wrong = {(noise, key): min(1.0, v["uniform_p"] * (len(right) + 1))
             for noise, found in results["wrong"].items() for key, v in found.items()}
    return dict(zip(right, holm(list(right.values())).tolist(), strict=True)) | wrong


def study():
    results = {"nulls": {}, "wrong": {}, "without a minimum": {}, "seconds": {}}
    with ProcessPoolExecutor(2, get_context("spawn")) as executor:

        def many(std, pairs=PAIRS, louder=1.0):
            return np.array(list(executor.map(one, [(std, k, louder) for k in range(pairs)], chunksize=10))).T

        for name, std in NOISE.items():
            began = time.perf_counter()
            simulated, open_, statistic, wilks = many(std)
            results["nulls"][name] = {"simulated": row(simulated), "wilks": row(wilks)}
            results["wrong"][name] = {"degrees": row(chi2.sf(statistic, 3))}
            results["without a minimum"][name] = int(np.nansum(open_))
            results["seconds"][name] = round(time.perf_counter() - began)
            print(name, results["nulls"][name], results["seconds"][name], flush=True)
        name = next(iter(NOISE))
        results["wrong"][name]["louder"] = row(many(NOISE[name], FEW, LOUDER)[0])
    return results


def rows(results):
    """The table of README.md."""
    out = [("noise", "null", "pairs", "uniform: p", "after Holm", "p ≤ 0.05", "p ≤ 0.01")]
    for (noise, key), after in sorted(adjusted(results).items(), key=lambda item: list(NOISE).index(item[0][0])):
        v = results["nulls" if key in results["nulls"][noise] else "wrong"][noise][key]
        refused = f" ({v['refused']} refused)" if v["refused"] else ""
        out.append((noise, WORDS[key], f"{v['pairs']:,}{refused}", f"{v['uniform_p']:.2g}", f"{after:.2g}",
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
