"""DESI DR2 BAO, Union3 supernovae and Planck distance priors in flat ΛCDM: each alone, and every pair held together.

python run.py                            # results.json, cosmology.png, the tables of README.md: minutes on two cores
python run.py alone | pairs | others     # each probe; the three pairs; one against the other two
python run.py tables                     # the figure and tables again, from results.json
"""

import json
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import universe

import bayesjoint as bj
from bayesjoint.agreement._conflict_matrix import conflict_matrix

HERE = Path(__file__).parent
SEED = 20261122
DRAWS = 1000
ALONE = {"bao": "DESI DR2 BAO", "sn": "Union3", "planck": "Planck distance priors"}
PUBLISHED_OMEGA = {"bao": "0.298 ± 0.009 (grid of the data's README); 0.2975 ± 0.0086 (DESI DR2)",
                   "sn": "0.358 ± 0.027 (grid of the data's README); 0.356 +0.028 −0.026 (Union3)",
                   "planck": "0.317 ± 0.008 (Planck 2018 TT,TE,EE+lowE, full likelihood)"}
PAIRS = [("bao", "sn"), ("bao", "planck"), ("sn", "planck")]
OTHERS = [("bao", ("sn", "planck")), ("sn", ("bao", "planck")), ("planck", ("bao", "sn"))]
PRIORS = {"omega_m": (0.3, 0.2), "h": (0.7, 0.2), "omega_b": (0.0224, 0.005), "offset": (43.0, 5.0)}  # mean, std
PUBLISHED_TENSION = {"bao, sn": "2.1 σ (difference of Ω_m, the data's README)",
                     "bao, planck": "2.3 σ (DESI DR2, CMB with ACT and lensing); about 2 σ (Ye & Lin)"}


def fit(problem):
    result = bj.find_map(problem, tolerance=1e-8)
    return result, bj.posterior(problem, at=result)


def quadrature(problem, post, reach=5.0):
    """Mean and std of Ω_m by summing the posterior density itself over a lattice in the Laplace coordinates."""
    center, size = problem.pack(post.mean()), problem.size
    root = np.linalg.cholesky(post.state_product(np.eye(size)))
    axis = np.linspace(-reach, reach, 41 if size == 2 else 25)
    white = np.stack(np.meshgrid(*[axis] * size, indexing="ij"), axis=-1).reshape(-1, size)
    states = center + white @ root.T
    with np.errstate(invalid="ignore", divide="ignore"):
        phi = np.array([value(problem, x) for x in states])
    weight = np.exp(phi.min() - phi)
    omega = states[:, problem.slices["omega_m"]][:, 0]
    mean = np.average(omega, weights=weight)
    return {"mean": float(mean), "std": float(np.sqrt(np.average((omega - mean) ** 2, weights=weight)))}


def value(problem, x):
    """Φ, infinite where the universe makes no sense."""
    if not all(np.isfinite(problem.predict(m.name, x)).all() for m in problem.modalities):
        return np.inf
    return problem.value(x)


def alone(name):
    """One probe: MAP and Laplace, what that is worth, and the density summed."""
    problem = universe.problem((name,), free=True)
    result, post = fit(problem)
    valid = post.validity
    return {"map": {k: float(v[0]) for k, v in result.model.items()},
            "std": {k: float(v[0]) for k, v in post.std().items()}, "chi2": result.chi2[name],
            "data": problem.modalities[0].size, "unknowns": problem.size, "quadrature": quadrature(problem, post),
            "validity": {"verdict": valid.verdict, "pareto_k": valid.pareto_k, "kl": valid.kl,
                         "curvature_change": valid.curvature_change},
            "errors": {a.name: float(a.error) for a in post.approximations}}


def tension(pair, executor):
    """One pair by Wilks's theorem and by simulation."""
    problem = universe.problem()
    wilks = bj.likelihood_ratio_test(problem, pair, null="wilks")
    simulated = bj.likelihood_ratio_test(problem, pair, null="bootstrap", draws=DRAWS, seed=SEED, executor=executor)
    return {"statistic": wilks.statistic, "dof": wilks.dof} | {
        name: {"p_value": found.p_value, "p_value_error": found.p_value_error, "sigma": found.sigma, "note": found.note}
        for name, found in (("wilks", wilks), ("bootstrap", simulated))}


def label(pair):
    return ", ".join(g if isinstance(g, str) else " + ".join(g) for g in pair)


def ratios(width):
    """Bayes ratio and suspiciousness of every pair, on the tangent at the joint fit, under Gaussian priors."""
    priors = {name: bj.GaussianPrior(mean, (width * std) ** 2) for name, (mean, std) in PRIORS.items()}
    problem = universe.problem(priors=priors)
    matrix = conflict_matrix(problem.linearised(bj.find_map(problem, tolerance=1e-8).x))
    return {label(pair): {key: float(matrix[key].sel(survey=pair[0], other=pair[1])) for key in (
        "log_bayes_ratio", "log_suspiciousness", "dimensionality", "suspiciousness_p_value")} for pair in PAIRS}


def together():
    """All three at once."""
    problem = universe.problem()
    result, post = fit(problem)
    return {"map": {k: float(v[0]) for k, v in result.model.items()},
            "std": {k: float(v[0]) for k, v in post.std().items()}, "chi2": result.chi2,
            "validity": post.validity.verdict}


def tables(results):
    """{name of a table in README.md: rows}."""
    omega = [("probe", "χ² / data − unknowns", "Ω_m, MAP ± Laplace", "Ω_m, density summed", "published", "Laplace")]
    for name, r in results["alone"].items():
        q = r["quadrature"]
        omega.append((ALONE[name], f"{r['chi2']:.2f} / {r['data'] - r['unknowns']}",
                      f"{r['map']['omega_m']:.4f} ± {r['std']['omega_m']:.4f}", f"{q['mean']:.3f} ± {q['std']:.3f}",
                      PUBLISHED_OMEGA[name],
                      f"{r['validity']['verdict']} (KL {r['validity']['kl']:.2g} nat, curvature changes by "
                      f"{r['validity']['curvature_change']:.0%})"))
    r = results["together"]
    omega.append(("all three", f"{sum(r['chi2'].values()):.2f} / {38 - 4}",
                  f"{r['map']['omega_m']:.4f} ± {r['std']['omega_m']:.4f}", "", "", r["validity"]))
    pairs = [("a, b", "Λ", "degrees of freedom", "Wilks", "simulated", "published")]
    for name, r in results["tension"].items():
        w, b = r["wilks"], r["bootstrap"]
        pairs.append((name, f"{r['statistic']:.2f}", f"{r['dof']}",
                      f"p = {w['p_value']:.3f} ± {w['p_value_error']:.1g}, {w['sigma']:.2f} σ",
                      f"p = {b['p_value']:.3f} ± {b['p_value_error']:.1g}, {b['sigma']:.2f} σ",
                      PUBLISHED_TENSION.get(name, "")))
    both = [("a, b", "log R", "log R, priors half as wide", "log S", "log S, half as wide", "d", "p of S")]
    wide, narrow = results["ratios"]["1"], results["ratios"]["0.5"]
    both += [(name, f"{r['log_bayes_ratio']:.2f}", f"{narrow[name]['log_bayes_ratio']:.2f}",
              f"{r['log_suspiciousness']:.2f}", f"{narrow[name]['log_suspiciousness']:.2f}",
              f"{r['dimensionality']:.2f}", f"{r['suspiciousness_p_value']:.3f}") for name, r in wide.items()]
    return {"omega": omega, "tension": pairs, "ratios": both}


def put_table(name, rows):
    """Put rows between the marks of that name in README.md."""
    file = HERE / "README.md"
    lines = "\n".join("| " + " | ".join(row) + " |" for row in (rows[0], ["---"] * len(rows[0]), *rows[1:]))
    text = re.sub(rf"(?s)(<!-- {name} -->\n).*?(\n<!-- end -->)", lambda m: m[1] + lines + m[2],
                  file.read_text(encoding="utf-8"))
    file.write_text(text, encoding="utf-8")


def draw(results):
    """Ω_m of each, and the residuals of data against the joint fit in standard deviations."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.2), constrained_layout=True)
    axis = np.linspace(0.26, 0.46, 500)
    rows = [(ALONE[k], r["map"]["omega_m"], r["std"]["omega_m"]) for k, r in results["alone"].items()]
    rows.append(("all three", results["together"]["map"]["omega_m"], results["together"]["std"]["omega_m"]))
    for k, (name, mean, std) in enumerate(rows):
        left.plot(axis, np.exp(-0.5 * ((axis - mean) / std) ** 2), color="k" if k == 3 else f"C{k}",
                  ls="--" if k == 3 else "-", label=name)
    left.set(xlabel="Ω_m in flat ΛCDM", ylabel="Laplace posterior over its maximum")
    left.legend()
    problem = universe.problem()
    x = problem.pack({k: [v] for k, v in results["together"]["map"].items()})
    for k, (m, residual) in enumerate(zip(problem.modalities, problem.residuals(x), strict=True)):
        z = [1090.0] * 3 if m.name == "planck" else m.forward._predict.z
        right.errorbar(z, -residual / np.sqrt(m.noise.variance()), yerr=1.0, fmt="o", ms=4, color=f"C{k}", label=m.name)
    right.axhline(0, color="0.6", lw=1)
    right.set(xscale="log", xlabel="redshift", ylabel="data − joint fit (standard deviations)")
    right.legend(loc="lower left")
    figure.savefig(HERE / "cosmology.png", dpi=80)


def main():
    file = HERE / "results.json"
    jobs = sys.argv[1:] or ["alone", "pairs", "others", "tables"]
    results = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"tension": {}}
    if "alone" in jobs:
        results |= {"alone": {name: alone(name) for name in ALONE}, "together": together(),
                    "ratios": {str(width): ratios(width) for width in (1, 0.5)}}
    with ProcessPoolExecutor(2, get_context("spawn")) as executor:
        for pair in PAIRS * ("pairs" in jobs) + OTHERS * ("others" in jobs):
            results["tension"][label(pair)] = tension(pair, executor)
            print(label(pair), results["tension"][label(pair)], flush=True)
    file.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if "tables" in jobs:
        finish(results)


def finish(results):
    for name, rows in tables(results).items():
        put_table(name, rows)
    draw(results)


if __name__ == "__main__":
    main()
