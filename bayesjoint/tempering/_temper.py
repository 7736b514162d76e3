"""The door: likelihood exponents by a criterion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .._checks import checked, fail, one_of
from .._typing import JointProblem, Seed
from ..gaussian import DenseSystem, check_linear_gaussian, linear_gaussian
from ..hyperparameters import as_measured, fit_hyperparameters
from ..problem import check_problem, some_surveys
from ._criteria import CRITERIA, HIGHEST, LOWEST
from ._result import FEW, Tempering, words_of

DENSE_LIMIT = 6_000  # data; an evaluation then takes seconds
CURVE, LOW, HIGH = 33, 1e-3, 10.0  # points of a curve, and where it runs
WIDER = 3.0  # than the exponent found, where that lies outside


@checked
def temper(problem: JointProblem, criterion: str = "evidence", surveys: str | list | None = None, common: bool = False,
           curve: bool = True, seed: Seed = 0, sharpen: bool = False):
    """Likelihood exponents w, noise covariances C / w, chosen from the data: a survey in conflict is believed less.

    No survey is believed more than its noise says: w is 1 at most, as the Particle Data Group's scale factor is 1 at
    least. Data that agree better than they should are chance or a noise that was stated too large, and a few of them
    would else seem to have none.

    Tempering answers noise that is larger than stated. It does not know which way a biased survey is wrong: for an
    offset, a tilt or levels of lines `add_bias` recovers more, see the case study of two gravity surveys. A survey of
    fewer than 4 data cannot tell its own noise: it keeps its exponent, unless `common` has them share one.

    Parameters
    ----------
    problem : JointProblem
        Linear operators, Gaussian or flat priors.
    criterion : {"evidence", "prediction", "information", "discrepancy"}, default "evidence"
        - "evidence": exponents as hyperparameters of the noise (Hobson, Bridle & Lahav 2002), at their largest
          evidence. With one unknown and a flat prior w^−½ is Birge's scale factor, (χ² / (n − 1))^½. Above 6,000 data
          by `fit_hyperparameters` without matrices, for lattices under continued fields.
        - "prediction": each survey's exponent at which it predicts the data of all others best.
        - "information": Fisher information matched to the variance of the score (Lyddon, Holmes & Walker 2019).
        - "discrepancy": the largest w <= 1 with w χ² <= n at the posterior mean (Morozov).
    surveys : str or list of str, optional
        Whose exponents are sought; others keep the problem's. Default: all. With "prediction" a pair that disagrees by
        a bias tempers both: name the one under suspicion.
    common : bool, default False
        One exponent for all of them, as where measurements of one number each are surveys of their own.
    curve : bool, default True
        Compute every criterion over w.
    seed : int or numpy.random.Generator, default 0
        Of the simulations behind "information".
    sharpen : bool, default False
        Let w exceed 1: noise smaller than stated. "discrepancy" never does.

    Returns
    -------
    Tempering
        ``.weights``, ``.beyond``, ``.curve``, ``.problem``, ``.log_error``, ``.scale_factors``, ``.verdict``.

    Raises
    ------
    ValueError, TypeError
        If the problem is not linear-Gaussian, a survey unknown, a flat value held by nothing, or the data too many for
        the criterion.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> lifetime = bj.Parameter("lifetime", 1, units="s")
    >>> rows = bj.Modality("rows", [[1.0]] * 4, [878.0, 889.0, 881.0, 885.0], bj.DiagonalNoise([1.0] * 4), "lifetime")
    >>> found = temper(bj.JointProblem([lifetime], [rows]))
    >>> round(found.scale_factors["rows"], 3)  # (χ² / 3)^½
    4.787
    >>> bj.posterior(found.problem).std()["lifetime"].round(3)
    array([2.394])
    """
    check_problem(problem)
    one_of("criterion", criterion, tuple(CRITERIA))
    check_linear_gaussian(problem, "tempering")
    measured = as_measured(problem)
    if measured is not problem:
        found = temper(measured, criterion, surveys, common, curve, sharpen=sharpen, seed=seed)
        return replace(found, problem=problem.replace(weights=found.weights))
    given = [m.name for m in some_surveys(problem, surveys)]
    groups = [tuple(given)] if common else [(name,) for name in given]
    few = [] if common else [group for group in groups if problem.surveys[group[0]].size < FEW]
    sought = [group for group in groups if group not in few]
    most = np.inf if sharpen else 1.0
    if problem.data_size > DENSE_LIMIT:
        return _large(problem, criterion, sought, few, common, most)
    whitened = DenseSystem(linear_gaussian(problem.replace(weights={})))
    chosen = CRITERIA[criterion](whitened, sought, seed, most)
    weights, errors = chosen.weights(problem.weights)
    curves = _curves(whitened, groups, problem.weights, weights, seed) if curve else {}
    still = [n for n in weights if not np.isfinite(errors.get(n, np.nan)) and weights[n] == problem.weights[n]]
    held = f", {', '.join(still)} held" if still else ""
    how = f"By {criterion}, exact matrices of {problem.data_size} data{held}{chosen.note}."
    return _answer(problem, criterion, weights, _with_few(errors, few), curves, how, common, chosen.beyond)


def _with_few(errors, few):
    """Errors with those of surveys that have too few data, NaN."""
    return errors | {name: np.nan for group in few for name in group}


def _curves(whitened, groups, stated, weights, seed):
    """Every criterion's figure over the exponent of every survey that was sought."""
    out = {}
    for group in groups:
        w = weights[group[0]]
        values = np.geomspace(min(LOW, w / WIDER), max(HIGH, w * WIDER), CURVE)
        line = {"weight": values}
        for name, kind in CRITERIA.items():
            one = kind(whitened, [group], seed)
            if one.suits(group):
                # what is matched is the information criterion's own exponent
                at = one.weights(stated)[0] if name == "information" else weights
                line[one.objective] = one.curve(at, group, values)
        out |= dict.fromkeys(group, line)
    return out


def _answer(problem, criterion, weights, errors, curves, message, common=False, beyond=None):
    bounds, size = np.exp([LOWEST, HIGHEST]), {name: m.size for name, m in problem.surveys.items()}
    total, beyond = sum(size[name] for name in errors), beyond or {}
    verdict = {name: words_of(weights[name], errors[name], bounds, total if common else size[name], common,
                              beyond.get(name)) for name in errors}
    return Tempering(problem=problem.replace(weights=weights), weights=weights, log_error=errors, curve=curves,
                     criterion=criterion, verdict=verdict, message=message, beyond=beyond)


def _large(problem, criterion, groups, few, common, most):
    """Noise scales by the evidence without matrices, as exponents."""
    if criterion != "evidence" or common:
        fail("criterion", f'be "evidence" with common=False above {DENSE_LIMIT} data', repr(criterion),
             "Thin the surveys.")
    names = [group[0] for group in groups]
    if not names:
        return _answer(problem, criterion, dict(problem.weights), _with_few({}, few), {}, "Every exponent held.")
    weights, errors, curves, message = _fitted(problem, names)
    beyond = {name: weights[name] for name in names if weights[name] > most}
    rest = [name for name in names if name not in beyond]
    if beyond:
        held = {**problem.weights, **dict.fromkeys(beyond, most)}
        weights = weights | dict.fromkeys(beyond, most)
        if rest:  # the others anew, those held
            again, error, curve, message = _fitted(problem.replace(weights=held), rest)
            weights |= {name: min(again[name], most) for name in rest}
            errors, curves = errors | error, curves | curve
    return _answer(problem, criterion, weights, _with_few(errors, few), curves, message, beyond=beyond)


def _fitted(problem, names):
    """({survey: w}, {survey: standard error of log w}, curves, words) of some surveys' noise by the evidence."""
    fit = fit_hyperparameters(problem, free=[f"{name}_noise" for name in names], prior="flat", thin=1)
    weights, errors, curves = dict(problem.weights), {}, {}
    for k, name in enumerate(names):
        stated, found = (p.surveys[name].noise.variance().mean()
                         for p in (problem, fit.problem))
        weights[name] *= float(stated / found)
        errors[name] = 2 * float(np.sqrt(fit.covariance[k, k]))
    for name, stated in zip(names, fit.table["stated"], strict=True):
        line = fit.curve[f"{name}_noise"]
        curves[name] = {"weight": problem.weights[name] * (stated / line["value"]) ** 2,
                        "log_evidence": line["log_evidence"]}
    return weights, errors, curves, fit.message
