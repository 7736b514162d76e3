"""Two gravity surveys made to disagree: what the tests say, which remedy recovers the truth, what it costs otherwise.

python run.py                  # results.json, remedies.png and the tables of README.md, some two minutes on one core
python run.py --only shift     # one conflict; the others stay as they were
"""

import argparse
import json
from pathlib import Path

import figures
import ground
import numpy as np
import remedies
import shared
import tables
from scipy.stats import chi2

from bayesjoint.agreement._gain_test import GainScore
from bayesjoint.agreement._nuisance_test import NuisanceFit
from bayesjoint.agreement._pair import make_pair
from bayesjoint.augment._bias_basis import bias_basis
from bayesjoint.gaussian import data_system

HERE = Path(__file__).parent
SEED, COUNT, LEVEL = 20261122, 100, 0.05
PAIR = ("ground", "airborne")
BASES = {"offset": "constant", "offset and tilt": "linear", "levels of lines": "rows"}
DRAWS = 999  # behind the null of the gain


def p_values(plain, data):
    """{test: p-values of every data set}."""
    pair = make_pair(plain, PAIR)
    white = pair.both.model.whiten(data.T)
    found = pair.statistics(white)
    out = {"likelihood ratio": pair.spectrum().tail(found.ratio, found.error)[0],
           "node split, airborne from ground": chi2.sf(found.into_second, pair.second.dof),
           "node split, ground from airborne": chi2.sf(found.into_first, pair.first.dof)}
    joint = data_system(plain)
    for name, basis in BASES.items():
        fit = NuisanceFit(joint, "airborne", bias_basis(plain.modalities[1], basis)[0])
        out[name] = chi2.sf(fit.test(white)[0], fit.rank)
    score = GainScore(joint, "airborne")
    null = score.null(DRAWS, np.random.default_rng(SEED))
    away, seen = np.abs(null - null.mean()), np.abs(score.score(white) - null.mean())
    out["gain"] = (1 + np.sum(away >= seen[:, None], axis=1)) / (DRAWS + 1)
    return out


def agree_after(problem, data):
    """Share of data sets whose likelihood ratio still speaks of conflict once a remedy is part of the problem."""
    pair = make_pair(problem, PAIR)
    found = pair.statistics(pair.both.model.whiten(data.T))
    return float(np.mean(pair.spectrum().tail(found.ratio, found.error)[0] < LEVEL))


def remedied(plain, truth, data, conflict):
    weights, rows = remedies.mass_weights(plain), {}
    alone = stated = None
    for name, build in remedies.AUGMENTED.items():
        problem = build(plain)
        answers, post, x = remedies.augmented(problem, data)
        stated = stated or answers  # the first is the problem as it stands
        rows[name] = answers.score(truth, weights, stated)
        if len(problem.modalities) > 1:
            rows[name]["still_rejected"] = agree_after(problem, data)
        else:
            alone = plain.operator(1).matmat(x[:, plain.slices["density"]].T).T
        if name == "bias: constant":
            value, std = x[:, -1], float(post.std()["airborne_bias"][0])
            true = ground.SHIFT if conflict == "shift" else 0.0
            rows[name]["shift"] = {
                "truth": true, "mean": float(value.mean()), "std": std,
                "covered_of_100": int(np.sum(np.abs(value - true) <= remedies.Z90 * std)),
                "correlation": strongest(post)}
    tempered = remedies.Tempered(plain)
    for name, criterion in remedies.TEMPERED.items():
        answers, exponents = tempered.all(data, criterion)
        rows[name] = answers.score(truth, weights, stated) | {
            "exponents": {k: [float(q) for q in np.quantile(v, [0.05, 0.5, 0.95])] for k, v in exponents.items()}}
    rows[remedies.GAINED] = tempered.gained(data, alone).score(truth, weights, stated)
    return rows


def strongest(post):
    """The average of the model that the shift is most correlated with, and how much."""
    found = post.nuisances()
    place = int(found["airborne_bias_strongest_average"][0])
    return {"average": str(found["average"].values[place]), "value": float(found["airborne_bias_strongest"][0])}


def study(conflict):
    """Everything about one conflict; the same truths and noise for all."""
    rng, plain = np.random.default_rng(SEED), ground.problem()
    truth, clean, data = ground.simulate(plain, COUNT, rng)
    data = ground.disturb(plain, conflict, clean, data, rng)
    truth = truth * plain.by_name["density"].scale
    tests = {name: float(np.mean(p < LEVEL)) for name, p in p_values(plain, data).items()}
    air = clean[:, plain.modalities[0].size :]
    return {"rejected": tests, "remedies": remedied(plain, truth, data, conflict), "signal_std": float(np.std(air))}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=(*ground.CONFLICTS, "shared"))
    only = parser.parse_args().only
    file = HERE / "results.json"
    results = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    for part in (*ground.CONFLICTS, "shared") if only is None else [only]:
        results[part] = shared.study() if part == "shared" else study(part)
        file.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if set(results) == {*ground.CONFLICTS, "shared"}:
        figures.remedies({c: results[c] for c in ground.CONFLICTS}, HERE / "remedies.png")
        tables.write(results, HERE / "README.md")


if __name__ == "__main__":
    main()
