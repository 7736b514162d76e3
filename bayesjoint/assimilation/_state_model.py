"""How a state moves on between surveys: m_{t+1} = F m_t + noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import dia_array, issparse
from scipy.sparse.linalg import aslinearoperator

from .._checks import as_finite, checked, fail, one_of
from .._shown import short
from .._typing import ArrayLike, JointProblem, Prior
from ..priors import BlockCovariance, ScaledCovariance
from ._transition import Move

STATIONARY = "stationary"


@checked
@short
@dataclass(frozen=True)
class StateModel:
    """A linear model of change between the steps of `assimilate`: m_{t+1} = F m_t + w, w ~ N(0, Q).

    The default is a random walk with the noise given; a number below 1 makes an autoregressive field that forgets. A
    parameter that neither `transition` nor `noise` names stays as it is: a datum, a rate, a constant of decay. The
    prior of the problem is that of the first step's state.

    Parameters
    ----------
    transition : number, str or dict, default 1.0
        F over one unit of time. {parameter: f} acts on itself, {(to, from): f} adds f m_from to m_to, which else stays
        (unless {to: f} says what becomes of it, such as 0); f is a number, or
        a matrix of shape (size to, size from) where all steps are one unit of time apart, or the name of a parameter of
        one value: an unknown factor, in which the model is then linearised about the estimate of the moment (extended
        Kalman filter, and says so). Over Δt units of time what acts on itself becomes f^Δt, what is added f Δt. Instead
        of a dict one f for every parameter on a mesh, or for every one where there is no mesh.
    noise : prior, "stationary" or dict, optional
        {parameter: prior}, a `Matern` or `GaussianPrior` whose covariance Q the state gains in one unit of time (its
        mean is not used), or "stationary": (1 − f²) times the parameter's own prior covariance, about its prior mean,
        so that the prior holds at every time; |f| < 1. Over Δt the noise is Q (1 − f^2Δt)/(1 − f²), Q Δt where f is 1
        or no number. Instead of a dict one for all, as for `transition`. Default none: only F moves the state.
    times : array_like, optional
        Time of every step, increasing, in the unit that f and Q are for. Default 0, 1, 2, ...

    Raises
    ------
    ValueError, TypeError
        From `assimilate`: names that the problem does not have, shapes that disagree, noise that cannot be stationary,
        times that do not increase, known cells or a flat prior among what moves.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mass = bj.Parameter("mass", 1, prior=bj.GaussianPrior(0.0, 100.0))
    >>> seen = [bj.Modality(f"year{k}", [[1.0]], [d], bj.DiagonalNoise([1.0]), "mass") for k, d in enumerate([1, 2, 4])]
    >>> walk = StateModel(noise=bj.GaussianPrior(0.0, 1.0))
    >>> post = bj.assimilate(bj.JointProblem([mass], seen), state=walk)
    >>> [float(post.smoothed(k).mean()["mass"][0].round(3)) for k in range(3)]
    [1.615, 2.246, 3.123]
    """

    transition: float | str | dict = 1.0
    noise: Prior | str | dict | None = None
    times: ArrayLike | None = None

    def moves(self, problem: JointProblem, count: int):
        """The `count` − 1 moves between the steps of a problem, a list of `Move`."""
        times = self._times(count)
        entries, noise = self._entries(problem), self._noise(problem)
        for name in {to for to, _ in entries} | set(noise):
            known = int(problem.by_name[name].fixed_mask.sum())
            if known:
                fail(f"parameter {name}", "have no known cells where it changes with time", f"{known} known cells",
                     "Leave air out by mesh.with_active or mesh.with_topography, or fix no cells.")
        return [self._move(problem, entries, noise, float(dt)) for dt in np.diff(times)]

    def _times(self, count):
        if self.times is None:
            return np.arange(float(count))
        times = as_finite("times", self.times, 1)
        if times.size != count or np.any(np.diff(times) <= 0):
            fail("times", f"be {count} increasing numbers, one a step", f"{times.tolist()}", "Sort the steps by time.")
        return times

    def _entries(self, problem):
        given = self.transition if isinstance(self.transition, dict) else dict.fromkeys(_all(problem), self.transition)
        entries = {}
        for key, value in given.items():
            to, source = _ends(key)
            for name in (to, source):
                one_of("transition", name, tuple(problem.by_name))
            if (to, source) in entries:
                fail(f"transition of {to}", "be given once", f"{to!r} and {(to, to)!r}", "Leave one of them out.")
            entries[to, source] = _coefficient(problem, to, source, value)
        added = {to for to, source in entries if to != source}
        return {(to, to): 1.0 for to in added if (to, to) not in entries} | entries

    def _noise(self, problem):
        if self.noise is None:
            return {}
        given = self.noise if isinstance(self.noise, dict) else dict.fromkeys(_all(problem), self.noise)
        return {name: _noise_covariance(problem, name, value) for name, value in given.items()}

    def _move(self, problem, entries, noise, dt):
        blocks, drift = [], np.zeros(problem.size)
        factor = {name: entries.get((name, name), 1.0) for name in problem.by_name}
        for name, value in factor.items():
            _check_power(name, value, dt)
        mean, _ = problem.prior.gaussian_moments()
        still = {name for name, covariance in noise.items() if covariance is None}
        for name in still:
            _check_stationary(name, entries, factor[name])
            drift[problem.slices[name]] = (1 - factor[name] ** dt) * mean[problem.slices[name]]
        for (index, bound), members in zip(problem.prior.blocks, problem.prior.block_members, strict=True):
            if still.intersection(members):
                share = _one_factor(members, still, factor, dt)
                blocks.append((index, _scaled(bound.covariance, share)))
        blocks += [(problem.slices[name], _scaled(covariance, _growth(factor[name], dt)))
                   for name, covariance in noise.items() if name not in still]
        return Move(problem, entries, BlockCovariance(problem.size, blocks) if blocks else None, drift, dt)


def _all(problem):
    """Parameters that one value stands for."""
    fields = [p.name for p in problem.parameters if p.mesh is not None]
    return fields or list(problem.by_name)


def _ends(key):
    """Names (to, from) of a key of `transition`."""
    ends = (key, key) if isinstance(key, str) else key
    if not isinstance(ends, tuple) or len(ends) != 2:
        fail("transition", "have keys that are a parameter's name, or two: (to, from)", repr(key),
             'Such as {("mass", "rate"): 1.0}.', TypeError)
    return ends


def _check_power(name, factor, dt):
    """Refuse what f^2dt, the growth of a variance, is too large for a computer to hold."""
    if isinstance(factor, float) and abs(factor) > 1 and 2 * dt * np.log(abs(factor)) > np.log(np.finfo(float).max):
        fail(f"transition of {name}", "give a variance that a computer can hold", f"{factor:g} over {dt:g} units of "
             "time", "Give times in another unit, with the f of that unit.")


def _noise_covariance(problem, name, value):
    """Q of a parameter, None where it is to be stationary."""
    one_of("noise", name, tuple(problem.by_name))
    if isinstance(value, str) and value == STATIONARY:
        return None
    if not hasattr(value, "bind"):
        fail(f"noise of {name}", f'be a prior or "{STATIONARY}"', repr(value), "Try Matern(...).", TypeError)
    bound = value.bind(problem.by_name[name])
    if not getattr(bound, "gaussian", False):
        fail(f"noise of {name}", "be Gaussian", type(value).__name__, "Use Matern or GaussianPrior.")
    return bound.covariance


def _coefficient(problem, to, source, value):
    """A float, a matrix or a parameter's name, checked."""
    rows, columns = problem.by_name[to].size, problem.by_name[source].size
    if isinstance(value, str):
        one_of(f"transition of {to}", value, tuple(problem.by_name))
        if problem.by_name[value].size != 1 or value in (to, source):
            fail(f"transition of {to}", "name another parameter, of one value", repr(value), "Give a number instead.")
    else:
        value = aslinearoperator(value) if issparse(value) else value
        value = value if hasattr(value, "matmat") else as_finite(f"transition of {to}", value, (0, 2))
        if value.shape and tuple(value.shape) != (rows, columns):
            fail(f"transition of {to}", f"have shape {(rows, columns)}", f"{tuple(value.shape)}", "Check the sizes.")
        if value.shape:
            return _over_ground(problem, to, source, value)
        value = float(value)
    if rows != columns:
        fail(f"transition of {to}", f"be a matrix of shape {(rows, columns)} from {source}", repr(value),
             "The two have different sizes.")
    return value


def _over_ground(problem, to, source, matrix):
    """A matrix or an operator between two parameters, with 0 from and to air."""
    p, q = problem.by_name[to], problem.by_name[source]
    if not (p.has_air or q.has_air):
        return matrix
    if isinstance(matrix, np.ndarray):
        return matrix * p.ground[:, None] * q.ground
    rows, columns = (aslinearoperator(dia_array((each.ground[None].astype(float), [0]), shape=(each.size,) * 2))
                     for each in (p, q))
    return rows @ aslinearoperator(matrix) @ columns


def _check_stationary(name, entries, factor):
    alone = not any(to == name and source != name for to, source in entries)
    if not alone or not isinstance(factor, float) or not abs(factor) < 1:
        fail(f"noise of {name}", "be a prior unless a number of size below 1 alone moves the parameter",
             repr(STATIONARY), f'Give transition={{"{name}": 0.9}}, or a Matern as the noise of a random walk.')


def _one_factor(members, still, factor, dt):
    """Share of its prior covariance that a stationary block gains."""
    shares = {1 - factor[name] ** (2 * dt) if name in still else None for name in members}
    if len(shares) > 1:
        fail(f"noise of {' and '.join(members)}", "be stationary with one factor, since their priors are tied",
             f"{ {name: factor[name] if name in still else 'not stationary' for name in members} }",
             "Give them the same number, or priors of their own as noise.")
    return shares.pop()


def _growth(factor, dt):
    """Noise variance over dt in units of that over one unit of time."""
    if not isinstance(factor, float) or factor**2 == 1:
        return dt
    return (1 - factor ** (2 * dt)) / (1 - factor**2)


def _scaled(covariance, share):
    return ScaledCovariance(covariance, np.full(covariance.size, np.sqrt(share)))
