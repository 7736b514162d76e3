"""What a linear law between density and susceptibility buys, and what it costs where its slope is wrong.

    python case_studies/petrophysics/run.py

Fifty simulated grounds of 4 x 10 x 10 cells: density is a Matérn field, susceptibility a + b density with a scatter, b
known. Gravity and total field at 100 stations each, noise 2 % of the data's range. Writes `results.json`.
"""

import json
from pathlib import Path

import numpy as np

import bayesjoint as bj

HERE = Path(__file__).parent
MESH = bj.Mesh.regular((4, 10, 10), (100.0, 100.0, 100.0))
DENSITY, RANGE, SLOPE, SCATTER, NOISE = 100.0, 400.0, 2e-4, 0.002, 0.02
WIDE = 0.2  # std of susceptibility's own prior: nothing beside the 0.02 that the law gives it
GROUNDS, SWEPT, PROBABILITY = 50, 20, 0.9
STDS = (0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005)
SLOPES = (1.0, 0.7, 1.3)
NAMES = ("density", "susceptibility")


def parameters(std):
    """Density and susceptibility with Matérn priors; `std` is the latter's."""
    return [bj.Parameter(name, MESH, prior=bj.Matern(std=s, range=RANGE)) for name, s in zip(
        NAMES, (DENSITY, std), strict=True)]


def ground(seed, root):
    """True properties and the two surveys of them, without noise and with it."""
    rng = np.random.default_rng(seed)
    density = root @ rng.standard_normal(MESH.size)
    truth = {"density": density, "susceptibility": SLOPE * density + SCATTER * rng.standard_normal(MESH.size)}
    clean, noisy = [], []
    for name, operator in zip(NAMES, (bj.GravityOperator, bj.MagneticOperator), strict=True):
        forward = operator(MESH, MESH.easting, MESH.northing, 10.0)
        data = forward.predict(truth[name].reshape(MESH.shape))
        std = NOISE * np.ptp(data)
        noise = bj.DiagonalNoise(np.full(data.size, std))
        survey = "gravity" if name == "density" else "magnetic"
        clean.append(bj.Modality(survey, forward, data, noise, name))
        noisy.append(clean[-1].replace(data=data + std * rng.standard_normal(data.shape)))
    return truth, clean, noisy


def told(surveys, std, slope, wide=WIDE):
    """The problem under a law, exactly; without one where `std` is None."""
    if std is None:
        return bj.JointProblem(parameters(SLOPE * DENSITY), surveys)
    return bj.law_as_data(bj.JointProblem(
        parameters(wide), surveys, [bj.Petrophysical("linear", (0.0, slope * SLOPE), std=std)]))


def measures(truth, surveys, std, slope):
    """Bias, spread by noise, error, stated std, coverage and interval score of each property, over its own size."""
    clean, noisy = (bj.posterior(told(each, std, slope)) for each in surveys)
    middle, spread = noisy.mean(), noisy.std()
    interval, out = noisy.interval(PROBABILITY), []
    for name, exact in truth.items():
        size, exact = np.sqrt(np.mean(exact**2)), exact.reshape(MESH.shape)
        low, high = interval[name]
        outside = np.maximum(low - exact, 0) + np.maximum(exact - high, 0)
        rms = {"bias": clean.mean()[name] - exact, "by noise": middle[name] - clean.mean()[name],
               "error": middle[name] - exact, "stated": spread[name]}
        out.append({key: float(np.sqrt(np.mean(v**2)) / size) for key, v in rms.items()}
                   | {"coverage": float(np.mean(outside == 0)),
                      "score": float(np.mean(high - low + 2 / (1 - PROBABILITY) * outside) / size)})
    return out


def flagged(surveys, slope, wide):
    """Smaller p-value of two node splits, doubled: what one survey and the law say of the other."""
    problem = told(surveys, SCATTER, slope, wide)
    splits = ((("law", "gravity"), "magnetic"), (("law", "magnetic"), "gravity"))
    return 2 * min(bj.node_split(problem, pair)[0].p_value for pair in splits)


def main():
    """Run both studies."""
    covariance = parameters(WIDE)[0].bound_prior.covariance.matmat(np.eye(MESH.size))
    root = 1000.0 * np.linalg.cholesky(covariance)  # m = 1000 kg/m3 m̂
    grounds = [ground(seed, root) for seed in range(GROUNDS)]
    sweep = {}
    for slope, std in [(1.0, None), *((slope, std) for slope in SLOPES for std in STDS)]:
        found = [measures(truth, (clean, noisy), std, slope) for truth, clean, noisy in grounds[:SWEPT]]
        key = "no law" if std is None else f"slope x {slope:g}, std {std:g}"
        sweep[key] = {name: {m: float(np.mean([f[k][m] for f in found])) for m in found[0][k]}
                      for k, name in enumerate(NAMES)}
        print(key, {n: {m: round(v, 3) for m, v in row.items()} for n, row in sweep[key].items()}, flush=True)
    flags = {}
    for wide in (WIDE, SLOPE * DENSITY):
        for slope in SLOPES:
            count = sum(flagged(noisy, slope, wide) < 0.05 for _, _, noisy in grounds)
            flags[f"slope x {slope:g}, own prior of susceptibility {wide:g}"] = int(count)
    print(flags)
    (HERE / "results.json").write_text(json.dumps({"sweep": sweep, "grounds of the sweep": SWEPT, "flagged of 50": (
        flags)}, indent=1) + "\n")


if __name__ == "__main__":
    main()
