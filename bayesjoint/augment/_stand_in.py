"""The Gaussian that stands in for an unknown's prior, so that a linear problem has its exact place and width."""

from dataclasses import dataclass

import numpy as np
from scipy.integrate import trapezoid
from scipy.interpolate import CubicSpline
from scipy.special import ndtri

from .._checks import fail

LEAST = 0.02  # of the prior's precision: what a stand-in has at least
OUTER, WIDEST = 2.0, 3.0  # outer nodes in standard deviations; by how much the first guess of one may be too small
POINTS, REACH = 2001, 8.0  # of the density between the nodes and beyond them; prior standard deviations beyond
TAIL = 0.3  # of the mass beyond the outer nodes (of a Gaussian 0.05): what it is like there nobody has looked at
SHARE = 0.9  # of the interval whose true probability says what the shape is


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


class Profile:
    """The log posterior of an unknown along one of its values, the others where its maximum is, from five slopes.

    Parameters
    ----------
    at : callable
        error (q,) -> `EndPoint`.
    j : int
        Which value.
    error, gradient : ndarray, shape (q,)
        The maximum, and the gradient there.
    size, prior : float
        A guess of the standard deviation; that of the prior, whose curvature alone is beyond the outer nodes.

    Attributes
    ----------
    ends : (EndPoint, EndPoint)
        Below and above, by `size`.
    mean, variance, held, mass : float
        Of the density, about the maximum; what a Gaussian's 90 % interval holds of it; its integral, the maximum 1.
    """

    def __init__(self, at, j, error, gradient, size, prior):
        unit = np.eye(error.size)[j]
        self.ends = tuple(at(error + sign * size * unit) for sign in (-1.0, 1.0))
        curvature = (self.ends[0].gradient - self.ends[1].gradient)[j] / (2 * size)
        outer = OUTER * np.clip(1 / np.sqrt(max(curvature, 1e-300)), size, WIDEST * size)
        far = [at(error + sign * outer * unit) for sign in (-1.0, 1.0)]
        places = np.array([-outer, -size, 0.0, size, outer])
        slopes = [each.gradient[j] for each in (far[0], self.ends[0])] + [gradient[j]] + [
            each.gradient[j] for each in (self.ends[1], far[1])]
        x, density = _density(places, np.array(slopes), prior)
        self.mass = float(trapezoid(density, x))
        density = density / self.mass
        self.mean = float(trapezoid(x * density, x))
        self.variance = float(trapezoid((x - self.mean) ** 2 * density, x))
        inside = np.abs(x - self.mean) <= ndtri(0.5 * (1 + SHARE)) * np.sqrt(self.variance)
        self.held = float(trapezoid(np.where(inside, density, 0.0), x))
        self.tail = float(trapezoid(np.where(np.abs(x) > outer, density, 0.0), x))


def _density(places, slopes, prior):
    """Exp of the integral of slopes between places, and beyond them with the prior's curvature."""
    inner = CubicSpline(places, slopes).antiderivative()
    x = np.linspace(places[0] - REACH * prior, places[-1] + REACH * prior, POINTS)
    x = np.union1d(x, np.linspace(places[0], places[-1], POINTS))
    edge = np.clip(x, places[0], places[-1])
    off, slope = x - edge, np.where(x < places[0], slopes[0], slopes[-1])
    logs = inner(edge) + slope * off - 0.5 * np.square(off / prior)
    return x, np.exp(logs - inner(0.0))


def profiles_of(name, at, stds, error, slope):
    """A `Profile` along each value of an unknown; refused where most of one lies where nobody has looked."""
    weight = np.diag(1 / np.square(stds))
    size = np.sqrt(np.diag(np.linalg.inv(slope.information + weight)))
    found = [Profile(at, j, error, slope.gradient - weight @ error, size[j], stds[j]) for j in range(size.size)]
    tail = max(profile.tail for profile in found)
    if tail > TAIL:
        fail("std", f"be such that the data put {name} somewhere", f"{tail:.0%} of its posterior farther than "
             f"{OUTER:g} of its std from the maximum", "Give a smaller one, or find out more about it.")
    return found


def stand_in(name, prior, error, slope, profiles):
    """(the stand-in's fields of the prior, figures of its `Tangent`).

    The exact posterior of the unknown has its maximum at θ*, its mean at θ* + δ and precision H. In the linear problem
    the data give the precision I = DᵀK⁻¹D and the pull g = Dᵀα − Iδ there, so that a prior of precision Λ = H − I and
    mean θ* + δ − Λ⁻¹g gives the posterior N(θ* + δ, H⁻¹).
    """
    precision, spread, shift = _moments(name, profiles, error)
    pull, mean = slope.gradient + slope.traces, error + shift
    held, turn = _held(precision, slope.information, prior.std)
    seen = slope.information if turn is None else turn.T @ slope.information @ turn
    pull, covariance = pull if turn is None else turn.T @ pull, np.linalg.inv(held)
    center = mean - covariance @ (pull - seen @ shift)
    mass = 0.5 * np.linalg.slogdet(2 * np.pi * spread)[1] + sum(
        np.log(p.mass) - 0.5 * np.log(2 * np.pi * p.variance) for p in profiles)
    evidence = (_log_normal(error, np.zeros(error.size), np.diag(np.square(prior.std))) + mass
                - _log_normal(error, center, covariance) + _log_normal(error, mean, spread))
    worst = max((p.held for p in profiles), key=lambda share: abs(share - SHARE))
    return {"center": center, "covariance": 0.5 * (covariance + covariance.T), "turn": turn}, {
        "mean": mean, "held": worst, "trace_error": float(np.max(slope.error * np.sqrt(np.diag(spread)))),
        "evidence": float(evidence)}


def _moments(name, profiles, error):
    """(precision, covariance, mean about the maximum) of the unknown's posterior.

    Curvatures by differences of the gradient, each as much changed as the profile's variance says; the mean by half the
    third derivatives times the variances, of a single value that of its profile.
    """
    rows = [(p.ends[0].gradient - p.ends[1].gradient) / (p.ends[1].error - p.ends[0].error)[j]
            for j, p in enumerate(profiles)]
    precision = 0.5 * (np.array(rows) + np.array(rows).T)
    if np.linalg.eigvalsh(precision)[0] <= 0:
        fail("std", f"be such that the data put {name} somewhere", "a posterior of it without a maximum nearby",
             "Give a smaller one.")
    root = np.sqrt(np.array([p.variance for p in profiles]) * np.diag(precision))
    precision = precision / np.outer(root, root)
    spread = np.linalg.inv(precision)
    if len(profiles) == 1:
        return precision, spread, np.array([profiles[0].mean])
    lean = sum((p.ends[0].gradient + p.ends[1].gradient) * spread[j, j] / (p.ends[1].error - error)[j] ** 2
               for j, p in enumerate(profiles))
    return precision, spread, 0.5 * spread @ lean


def _held(precision, information, stds):
    """(precision of the stand-in, what columns are to be turned by so that with it the posterior has `precision`)."""
    held = precision - information
    least = LEAST * np.diag(1 / np.square(stds))
    if np.linalg.eigvalsh(held - least)[0] >= 0:
        return held, None
    # data then say less than their misfit's curvature: columns as much smaller, I → TᵀIT = H − Λ
    root = np.sqrt(np.diag(least))
    least *= min(1.0, 0.5 * np.linalg.eigvalsh(precision / np.outer(root, root))[0])
    return least, np.linalg.inv(_root(information)) @ _root(precision - least)


def _root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, np.finfo(float).tiny))) @ vectors.T


def _log_normal(place, mean, covariance):
    off = place - mean
    return -0.5 * float(off @ np.linalg.solve(covariance, off) + np.linalg.slogdet(2 * np.pi * covariance)[1])
