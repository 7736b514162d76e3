"""Do Gibbs and Laplace keep their promises? Coverage and ranks over 200 truths, on problems of 192 unknowns.

python nongaussian.py                          # all of it: nongaussian.json
python nongaussian.py run CASE ENGINE SEED N   # N more truths of one case: put among the others of other seeds

Cases: sharp, smooth (focusing priors, p = 1), weak, strong (a Gramian). Engines: gibbs, laplace.
"""

import json
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

import bayesjoint as bj
from bayesjoint.calibration._verdict import summarise

FILE = Path(__file__).parent / "nongaussian.json"
CASES = {"sharp": {"epsilon": 0.002}, "smooth": {"epsilon": 0.3}, "weak": {"weight": 100.0},
         "strong": {"weight": 3000.0}}
ENGINES = ("gibbs", "laplace")
ALPHA = 14.0  # of the focusing prior: a density std of √2 / 14, 100 kg/m3, where ε is small; 170 where it is 0.3
NOISE = 0.05  # of the standard deviation that data of independent cells would have
PROBABILITIES = (0.5, 0.9)
TRUTHS, PART, DRAWS = 200, 50, 99
SWEEPS = 400  # of each of four chains, after half as many to warm up: effective sample sizes of a thousand
WARMUP = 3000  # of the chains that draw a Gramian's truths, one truth a chain


def problem(epsilon=None, weight=None):
    """Gravity over one focusing density, or both surveys over two fields under a Gramian; data play no part."""
    mesh = bj.Mesh.regular((4, 6, 8) if weight is None else (3, 4, 8), (100.0, 100.0, 100.0))
    place = (mesh, mesh.easting, mesh.northing, 20.0)
    fields = {"gravity": bj.GravityOperator(*place)}
    if weight is None:
        parameters = [bj.Parameter("density", mesh, prior=bj.Focusing(ALPHA, epsilon=epsilon, depth_exponent=0))]
    else:
        fields["magnetic"] = bj.MagneticOperator(*place, inclination=60.0, declination=20.0)
        parameters = [bj.Parameter(name, mesh, prior=bj.Matern(std, 200.0))
                      for name, std in (("density", 100.0), ("susceptibility", 0.02))]
    surveys = []
    for (kind, field), p, spread in zip(fields.items(), parameters, (100.0, 0.02), strict=False):
        size = NOISE * spread * float(np.sqrt(np.mean(np.sum(field.matmat(np.eye(mesh.size)) ** 2, axis=1))))
        surveys.append(bj.Modality(kind, field, np.zeros(field.shape[0]),
                                   bj.DiagonalNoise(np.full(field.shape[0], size)), p.name))
    return bj.JointProblem(parameters, surveys, [] if weight is None else [bj.Gramian(weight=weight)])


def truths_under(asked):
    """Draws of a prior with a Gramian: the last states of as many chains that never saw data worth the name."""
    blind = asked.replace(modalities=[m.replace(noise=bj.DiagonalNoise(1e8 * np.sqrt(m.noise.variance())))
                                      for m in asked.modalities])

    def draw(rng, count):
        post = bj.posterior(blind, method="gibbs", draws=100, chains=count, warmup=WARMUP, seed=rng)
        rhat = post.mixing.worst[0]
        if rhat > 1.05:
            sys.exit(f"the chains that draw the truths have R-hat {rhat:.3f}: raise WARMUP")
        return asked.unpack(post.chains[:, -1])

    return draw


def questions(asked):
    """Cells, the mean of a box, the size of the whole field, and what ties the two: {name: function of draws}."""
    out, rng = {}, np.random.default_rng(1)
    for p in asked.parameters:
        nz, ny, nx = p.shape
        for flat in np.sort(rng.permutation(p.size)[:4]):
            out[f"{p.name} of cell {flat}"] = lambda drawn, n=p.name, k=flat: drawn[n].reshape(len(drawn[n]), -1)[:, k]
        box = (slice(None), slice(nz // 2, None), slice(ny // 4, -(ny // 4)), slice(nx // 4, -(nx // 4)))
        out[f"mean {p.name} of a box"] = lambda drawn, n=p.name, b=box: drawn[n][b].mean(axis=(1, 2, 3))
        out[f"rms {p.name}"] = lambda drawn, n=p.name: np.sqrt(np.mean(drawn[n] ** 2, axis=(1, 2, 3)))
    if len(asked.parameters) == 2:
        out["correlation of the two"] = cosine
    return out


def cosine(drawn):
    """Cosine between the two fields of every draw."""
    first, second = (a.reshape(len(a), -1) for a in drawn.values())
    return np.sum(first * second, axis=1) / (np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1))


def run(case, engine, seed, count):
    """Ranks of `count` truths, and what every posterior said of itself."""
    asked, words, errors = problem(**CASES[case]), [], []

    def gibbs(given, seed):
        post = bj.posterior(given, method="gibbs", draws=SWEEPS, seed=seed)
        words.append("mixed" if post.mixing.passed else "did not mix")
        errors.append(post.mixing.worst[2])
        return post

    def laplace(given):
        post = bj.posterior(given, method="laplace", at=bj.find_map(given, method="map", discrepancy=False))
        words.append(post.validity.verdict)
        errors.append(post.validity.kl)
        return post

    began = time.perf_counter()
    found = bj.calibrate(asked, n=count, method={"gibbs": gibbs, "laplace": laplace}[engine], seed=seed, draws=DRAWS,
                         functionals=questions(asked), truths=None if "epsilon" in CASES[case] else truths_under(asked))
    return {"case": case, "engine": engine, "seed": seed, "unknowns": asked.size,
            "functionals": [str(f) for f in found.functional.values], "ranks": found.ranks.values.tolist(),
            "said": dict(Counter(words)), "figure": [float(f"{e:.3g}") for e in errors],
            "seconds": time.perf_counter() - began}


def together(parts):
    """Coverage, p-values and verdict from the ranks of all parts of one case and engine."""
    ranks, names = np.concatenate([p["ranks"] for p in parts], axis=1), parts[0]["functionals"]
    found = summarise(dict.fromkeys(names), ranks, np.full(ranks.shape, np.nan), DRAWS, PROBABILITIES, {})
    said = sum((Counter(p["said"]) for p in parts), Counter())
    return {"unknowns": parts[0]["unknowns"], "truths": ranks.shape[1], "functionals": names,
            "verdict": found.verdict, "coverage": found.coverage.values.tolist(),
            "band": [found.coverage_lower.values.tolist(), found.coverage_upper.values.tolist()],
            "p_value": found.p_value.values.tolist(), "inside": int(found.inside.sum()), "of": int(found.inside.size),
            "said": dict(said), "figure": float(np.median(np.concatenate([p["figure"] for p in parts]))),
            "seconds": sum(p["seconds"] for p in parts)}


def store(part):
    """Put a part among the others, and sum up anew what it belongs to."""
    held = json.loads(FILE.read_text()) if FILE.exists() else {"parts": [], "summary": {}}
    key = ("case", "engine", "seed")
    held["parts"] = [p for p in held["parts"] if any(p[k] != part[k] for k in key)] + [part]
    same = [p for p in held["parts"] if all(p[k] == part[k] for k in key[:2])]
    held["summary"][f"{part['case']} {part['engine']}"] = together(same)
    rows = ",\n".join(f"  {json.dumps(p)}" for p in held["parts"])
    FILE.write_text(f'{{"summary": {json.dumps(held["summary"], indent=1)},\n "parts": [\n{rows}\n ]}}\n')


def main():
    if sys.argv[1:2] == ["run"]:
        case, engine, seed, count = sys.argv[2:]
        store(run(case, engine, int(seed), int(count)))
        return
    for case in CASES:
        for engine in ENGINES:
            for part in range(TRUTHS // PART):
                store(run(case, engine, part, PART))
                print(case, engine, part, flush=True)


if __name__ == "__main__":
    main()
