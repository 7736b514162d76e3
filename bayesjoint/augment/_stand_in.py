"""The Gaussian that stands in for an unknown's prior, so that a linear problem has its exact place and width."""

from dataclasses import dataclass

import numpy as np

from .._checks import fail

LEAST = 0.02  # of the prior's precision: what a stand-in has at least
BENT = 1.0  # standard deviations that a maximum leans by: beyond it nothing there is like a Gaussian


@dataclass(frozen=True, kw_only=True, eq=False)
class EndPoint:
    """The exact posterior given an unknown's value away from the tangent.

    Parameters
    ----------
    error : ndarray, shape (q,)
        That value.
    model : ndarray, shape (n_cells,)
        Posterior mean of what the survey sees, physical units.
    gradient : ndarray, shape (q,)
        Of the unknown's log posterior there.
    """

    error: np.ndarray
    model: np.ndarray
    gradient: np.ndarray


def end_points(at, stds, error, slope):
    """Pairs of `EndPoint` a standard deviation below and above the maximum, along each value of an unknown."""
    weight = np.diag(1 / np.square(stds))
    std, out = np.sqrt(np.diag(np.linalg.inv(slope.information + weight))), []
    for j, size in enumerate(std):
        for sign in (-1.0, 1.0):
            place = error + sign * size * np.eye(std.size)[j]
            model, gradient = at(place)
            out.append(EndPoint(error=place, model=model, gradient=gradient - weight @ place))
    return tuple(out)


def stand_in(name, prior, error, slope, ends):
    """(the stand-in's fields of the prior, figures of its `Tangent`).

    The exact log posterior L of the unknown has its maximum at θ*, precision H = −L″ there by differences of its
    gradient, and its mean is θ* + δ. In the linear problem the data give the precision I = DᵀK⁻¹D and the pull
    g = Dᵀα − Iδ there, so that a prior of precision Λ = H − I and mean θ* + δ − Λ⁻¹g gives the posterior
    N(θ* + δ, H⁻¹).
    """
    below, above = ends[::2], ends[1::2]
    slopes = [(low.gradient - high.gradient) / (high.error - low.error)[j] for j, (low, high) in enumerate(
        zip(below, above, strict=True))]
    precision = 0.5 * (np.array(slopes) + np.array(slopes).T)
    if np.linalg.eigvalsh(precision)[0] <= 0:
        fail("std", f"be such that the data put {name} somewhere", "a posterior of it without a maximum nearby",
             "Give a smaller one.")
    std = np.sqrt(np.diag(np.linalg.inv(precision)))
    bend = max(abs(float((low.gradient + high.gradient)[j] * std[j])) for j, (low, high) in enumerate(
        zip(below, above, strict=True)))
    if bend > BENT:
        fail("std", f"be such that the posterior of {name} is like a Gaussian", f"one that leans by {bend:.2g} of its "
             "std", "Give a smaller one, or find out more about it.")
    spread, pull = np.linalg.inv(precision), slope.gradient + slope.traces
    held, turn = _held(precision, slope.information, prior.std)
    seen = slope.information if turn is None else turn.T @ slope.information @ turn
    # the mean of a posterior that leans is beside its maximum: half its third derivatives times its variances
    lean = sum((low.gradient + high.gradient) * spread[j, j] / (high.error - error)[j] ** 2
               for j, (low, high) in enumerate(zip(below, above, strict=True)))
    mean, covariance = error + 0.5 * spread @ lean, np.linalg.inv(held)
    pull = pull if turn is None else turn.T @ pull
    center = mean - covariance @ (pull - seen @ (mean - error))
    evidence = (_log_normal(error, np.zeros(std.size), np.diag(np.square(prior.std))) - _log_normal(mean, mean, spread)
                - _log_normal(error, center, covariance) + _log_normal(error, mean, spread))
    return {"center": center, "covariance": 0.5 * (covariance + covariance.T), "turn": turn}, {
        "mean": mean, "bend": bend, "trace_error": float(np.max(slope.error * std)), "evidence": float(evidence)}


def _held(precision, information, stds):
    """(precision of the stand-in, what columns are to be turned by so that with it the posterior has `precision`)."""
    held = precision - information
    least = LEAST * np.diag(1 / np.square(stds))
    if np.linalg.eigvalsh(held - least)[0] >= 0:
        return held, None
    # data then say less than their misfit's curvature: columns as much smaller, I → TᵀIT = H − Λ
    least *= min(1.0, 0.5 * np.linalg.eigvalsh(np.linalg.solve(np.linalg.cholesky(least), np.linalg.solve(
        np.linalg.cholesky(least), precision).T))[0])
    return least, np.linalg.inv(_root(information)) @ _root(precision - least)


def _root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, np.finfo(float).tiny))) @ vectors.T


def _log_normal(place, mean, covariance):
    off = place - mean
    return -0.5 * float(off @ np.linalg.solve(covariance, off) + np.linalg.slogdet(2 * np.pi * covariance)[1])
