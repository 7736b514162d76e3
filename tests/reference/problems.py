"""Twelve small problems whose numbers are kept in numbers.json: nothing that is rearranged inside may change them.

``NUMBERS`` is {name: function () -> {label: (value, tolerance)}}. A tolerance is a share of the value's largest size:
1e-10 for dense and closed forms, 1e-7 for solves to 1e-10, 1e-5 for what an optimiser found; or an array: three Monte
Carlo errors, for what was drawn.
"""

from functools import cache

import numpy as np

import bayesjoint as bj

MESH = bj.Mesh.regular((4, 9, 9), (100.0, 100.0, 100.0))
EXACT, SOLVED, FITTED = 1e-10, 1e-7, 1e-5


@cache
def ground():
    """Two blocks, the same for both properties."""
    shape = np.zeros(MESH.shape)
    shape[1:3, 3:6, 2:5] = 1.0
    shape[2:4, 5:8, 6:8] = -0.5
    return {"density": 300.0 * shape, "susceptibility": 0.03 * np.abs(shape)}


@cache
def problem(extent="mesh", biased=True, coupled=True):
    """Gravity and magnetics over the blocks."""
    rng, modalities, parameters = np.random.default_rng(5), [], []
    operators = {
        "density": bj.GravityOperator(MESH, MESH.easting, MESH.northing, height=10.0),
        "susceptibility": bj.MagneticOperator(MESH, MESH.easting, MESH.northing, height=40.0, inclination=65.0)}
    for name, operator, std, noise in (("density", operators["density"], 120.0, 0.05),
                                       ("susceptibility", operators["susceptibility"], 0.01, 3.0)):
        prior = bj.Matern(std=std, range=300.0, extent=extent)
        parameters.append(bj.Parameter(name, MESH, prior=prior))
        data = operator.predict(ground()[name]) + noise * rng.standard_normal(operator.data_shape)
        survey = "gravity" if name == "density" else "magnetic"
        modalities.append(bj.Modality(survey, operator, data, bj.DiagonalNoise(np.full(data.shape, noise)), name))
    made = bj.JointProblem(parameters, modalities, [bj.Coregionalization(0.4)] if coupled else [])
    if biased:
        made = bj.add_bias(bj.add_bias(made, "gravity", "constant", std=1.0), "magnetic", "linear", std=20.0)
    return made


@cache
def twice(shift=0.3):
    """Two gravity surveys of one density, one of them shifted."""
    rng = np.random.default_rng(6)
    density = bj.Parameter("density", MESH, prior=bj.Matern(std=120.0, range=300.0))
    modalities = []
    for name, height, noise, level in (("low", 10.0, 0.05, 0.0), ("high", 60.0, 0.08, shift)):
        operator = bj.GravityOperator(MESH, MESH.easting, MESH.northing, height=height)
        data = operator.predict(ground()["density"]) + level + noise * rng.standard_normal((9, 9))
        modalities.append(bj.Modality(name, operator, data, bj.DiagonalNoise(np.full((9, 9), noise)), "density"))
    return bj.JointProblem([density], modalities)


def answers(post, tolerance):
    """Mean, standard deviation and misfit of a posterior."""
    out = {f"mean {k}": (v, tolerance) for k, v in post.mean().items()}
    out |= {f"std {k}": (v, tolerance) for k, v in post.std().items()}
    return out | {f"chi2 {k}": (float(v), tolerance) for k, v in post.chi2().items()}


def dense():
    """The exact posterior: moments, a column of the covariance, evidence."""
    post = bj.posterior(problem(), method="dense")
    column = {p.name: np.zeros(p.shape) for p in problem().parameters}
    column["density"][1, 4, 4] = 1.0
    return answers(post, EXACT) | {
        "column of the covariance": (post.covariance_product(column)["susceptibility"], EXACT),
        "log evidence": (float(post.log_evidence()), EXACT),
        "interval": (np.stack(post.interval(0.9)["density"]), EXACT)}


def iterative():
    """Continued fields by solves; std and evidence by random vectors."""
    made = problem(extent="continued")
    post = bj.posterior(made, method="iterative", tolerance=1e-10, seed=3)
    mean, std, error = post.mean(), post.std(), post.std_error()
    evidence = post.log_evidence()
    return {f"mean {k}": (v, SOLVED) for k, v in mean.items()} | {
        f"std {k}": (v, 3 * error[k]) for k, v in std.items()} | {
        "log evidence": (float(evidence), np.array(3 * max(evidence.error, 1e-9)))}


def spectral():
    """Continued fields by wavenumber."""
    made = problem(extent="continued", biased=False)
    post = bj.posterior(made, method="spectral")
    return {f"mean {k}": (v, SOLVED) for k, v in post.mean().items()} | {
        f"std {k}": (v, SOLVED) for k, v in post.std().items()}


def lowrank():
    """A low rank of the whitened sensitivities."""
    post = bj.posterior(problem(), method="lowrank", seed=2)
    error = post.std_error()
    return {f"mean {k}": (v, SOLVED) for k, v in post.mean().items()} | {
        f"std {k}": (v, np.minimum(3 * error[k] + 1e-6 * v.max(), 0.02 * v)) for k, v in post.std().items()}


def gibbs():
    """A focusing prior by Gibbs sampling."""
    made = twice(0.0)
    sparse = made.replace(parameters=[made.parameters[0].replace(prior=bj.Focusing(
        alpha=20.0, p=1, epsilon=0.01, depth_exponent=0.0))])
    post = bj.posterior(sparse, method="gibbs", draws=1000, chains=2, seed=1)
    return {"mean": (post.mean()["density"], 3 * post.mean_error()["density"]),
            "std": (post.std()["density"], 3 * post.std_error()["density"])}


def evidence():
    """Hyperparameters that the evidence chooses, and what it is there."""
    fit = bj.fit_hyperparameters(problem(coupled=False), curve=False)
    best = float(bj.posterior(fit.problem, method="dense").log_evidence())
    return {"log evidence": (best, FITTED)} | {
        f"estimate {k}": (float(v), FITTED * 100) for k, v in fit.estimate.items()}


def conflict():
    """Statistics of two surveys that differ by a shift."""
    made, pair = twice(), ("low", "high")
    ratio, split = bj.likelihood_ratio_test(made, pair), bj.node_split(made, pair)
    level = bj.nuisance_test(made, "high", basis="constant")
    out = {}
    for name, test in (("likelihood ratio", ratio), ("node split", split[0]), ("level", level)):
        out |= {f"{name}: statistic": (float(test.statistic), EXACT), f"{name}: p": (
            float(test.p_value), np.array(max(3 * float(test.p_value_error), 1e-8 * float(test.p_value))))}
    return out


def temper():
    """Exponents of the likelihoods."""
    found = bj.temper(twice(), curve=False)
    return {f"weight {k}": (float(v), FITTED * 100) for k, v in found.weights.items()}


def bias():
    """A level by evidence."""
    made = bj.add_bias(twice(), "high", "constant", std="evidence")
    post = bj.posterior(made, method="dense")
    return {f"mean {k}": (v, FITTED) for k, v in post.mean().items()} | {
        "log evidence": (float(post.log_evidence()), FITTED)}


def discrepancy():
    """Correlated errors of stated size."""
    made = bj.add_discrepancy(twice(), kernel=bj.Matern(std=0.2, range=300.0), std={"low": 0.2, "high": 0.2})
    post = bj.posterior(made, method="dense")
    return {"mean": (post.mean()["density"], EXACT), "std": (post.std()["density"], EXACT),
            "log evidence": (float(post.log_evidence()), EXACT)}


def assimilation():
    """Surveys one after another."""
    post = bj.assimilate(twice(0.0), order=["high", "low"])
    return {"mean": (post.mean()["density"], 1e-8), "std": (post.std()["density"], 1e-8),
            "log evidence": (float(post.log_evidence()), 1e-8)}


def diagnostics():
    """Resolution, leakage, information."""
    post = bj.posterior(problem(), method="dense")
    out = {}
    for name, table in (("resolution", bj.resolution(post)), ("leakage", bj.leakage(post)),
                        ("identifiability", bj.identifiability(problem()))):
        for key, values in table.data_vars.items():
            if np.issubdtype(values.dtype, np.floating) and not key.endswith("_error"):
                error = table.get(f"{key}_error")
                drawn = error is not None and float(np.nanmax(error)) > 0
                out[f"{name}: {key}"] = values.values, 3 * error.values if drawn else 1e-8
    return out


NUMBERS = {f.__name__: f for f in (dense, iterative, spectral, lowrank, gibbs, evidence, conflict, temper, bias,
                                   discrepancy, assimilation, diagnostics)}
