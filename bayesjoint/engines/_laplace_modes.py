"""Other modes than the one a Laplace approximation stands on: looked for where that is cheap."""

from dataclasses import dataclass
from time import perf_counter

import numpy as np
from scipy.optimize import minimize
from scipy.stats import chi2

from ..dataset import Approximation
from ._laplace_curvature import white_curvature

LARGEST = 300  # free values up to which modes are looked for
SECONDS = 2.0  # for all of it, however dear a model is
DRAWS, BEST, OTHERS, STEPS = 400, 5, 5, 150  # of the prior; starts among them, best and first; iterations of each
FAR_TAIL, HITS = 1e-4, 10  # share of a Gaussian beyond what is called far; effective draws that speak
BARRIER = 1e-3  # nats: a rise on the way from mode to mode; a density with one mode and convex −log has none
FLOOR = 1e-6  # of the curvature at another mode, in units of that at the MAP: a plateau still has an end


@dataclass(frozen=True, kw_only=True)
class OtherModes:
    """What a search for other modes found.

    Parameters
    ----------
    needed : bool
        False where −log density is convex: there is one mode.
    starts : int
        Searches that were made; 0 where there are too many values, or no time.
    found : int
        Other modes with more than a thousandth of the weight.
    weight : float
        Their share of the posterior, by a Laplace approximation at each.
    far : float
        Share of the posterior where this Gaussian has nothing, by weighted draws of the prior; NaN where they do not
        tell.
    added : float
        Variance that the other modes add, along the value where it is most, in units of the Gaussian's.
    """

    needed: bool = False
    starts: int = 0
    found: int = 0
    weight: float = 0.0
    far: float = np.nan
    added: float = 0.0

    def statement(self):
        """[Approximation], none where there is but one mode."""
        if not self.needed:
            return []
        if not self.starts:
            return [Approximation(
                name="one mode", status="not validated", statement="This Gaussian knows one mode. Others were not "
                f"looked for: that is done for up to {LARGEST} values and {SECONDS:g} seconds.")]
        said, far = "no other found", ""
        if self.found:
            said = f"{self.found} other mode(s) found, with about {self.weight:.0%} of the posterior"
        if not np.isnan(self.far):
            far = f" By weighted draws of the prior {self.far:.0%} of the posterior lies where it has nothing."
        return [Approximation(
            name="one mode", status="measured", error=float(np.nanmax([self.weight, self.far])),
            statement=f"This Gaussian knows one mode. Others were looked for from {self.starts} starts: {said}.{far} "
            "The error is the share of the posterior that it misses so; modes that no start led to are not in it.")]


ONE_MODE = OtherModes()


def look_for_modes(problem, center, index, whiten, std):
    """Search a posterior for modes other than one.

    Parameters
    ----------
    problem : JointProblem
    center : ndarray, shape (size,)
        The MAP.
    index : ndarray of int, shape (free,)
        Values that the Gaussian moves.
    whiten : callable
        Deviations of them, (free, k), to independent standard values of the Gaussian.
    std : ndarray, shape (free,)
        The Gaussian's.

    Returns
    -------
    OtherModes
    """
    if not (problem.nonlinear or problem.penalties) and all(
            bound.gaussian or getattr(bound, "p", 0) >= 1 for _, bound in problem.prior.blocks):  # convex
        return ONE_MODE
    if problem.free.sum() > LARGEST:
        return OtherModes(needed=True)
    return _Search(problem, center, index, whiten, std).run()


class _Search:
    def __init__(self, problem, center, index, whiten, std):
        self._problem, self._center, self._index, self._rng = problem, center, index, np.random.default_rng(0)
        self._whiten, self._std = whiten, std
        self._end = perf_counter() + SECONDS
        self._moving = np.flatnonzero(problem.free)
        width = np.where(np.isfinite(problem.upper - problem.lower), problem.upper - problem.lower, 1.0)
        self._unit = np.maximum(width, 1e-12)
        self._unit[index] = std
        self._unit = self._unit[self._moving]
        self._level = self._value(center)

    def run(self):
        """Return `OtherModes`."""
        draws, proper = self._draws()
        values = np.array([self._value(x) if self._in_time(0.5) else np.inf for x in draws])
        kept = np.isfinite(values)
        far = self._far(draws[kept], values[kept]) if proper else np.nan
        order = np.argsort(values)[:BEST]
        starts = [2 * self._problem.start() - self._center, -self._center, *draws[order], *draws[:OTHERS]]
        ends = [self._descend(start) for start in starts if self._in_time(1.0)]
        modes = self._distinct([x for x in ends if x is not None])
        weights = [self._weight(x) for x in modes]
        shares = np.array(weights) / (1 + np.sum(weights))
        away = [float(np.max(((x - self._center)[self._index] / self._std) ** 2, initial=0.0)) for x in modes]
        return OtherModes(needed=True, starts=len(ends), found=int(np.sum(shares > 1e-3)), far=far,
                          weight=float(shares.sum()), added=float(np.sum(shares * away)))

    def _in_time(self, share):
        return perf_counter() < self._end - (1 - share) * SECONDS

    def _value(self, x):
        with np.errstate(all="ignore"):
            try:
                value = float(self._problem.value(x))
            except (ArithmeticError, ValueError):  # a model of somebody's own, where it makes no sense
                return np.inf
        return value if np.isfinite(value) else np.inf

    def _draws(self):
        """(draws, (n, size), whether they are the prior's): uniform between two bounds where it is flat."""
        p, out = self._problem, np.tile(self._center, (DRAWS, 1))
        wide = np.exp(self._rng.uniform(0, np.log(30), (DRAWS, 1))) * self._rng.standard_normal(out.shape)
        gaussian, other = np.zeros((2, p.size), dtype=bool)
        for where, bound in p.prior.blocks:
            (gaussian if bound.gaussian else other)[where] = True
            if bound.gaussian:
                out[:, where] = bound.mean + bound.covariance.sample(self._rng, DRAWS)
        rest, between = p.free & ~gaussian, np.isfinite(p.upper - p.lower)
        for i in np.flatnonzero(rest):
            if between[i]:
                out[:, i] = self._rng.uniform(p.lower[i], p.upper[i], DRAWS)
            else:
                out[:, i] += self._unit[np.searchsorted(self._moving, i)] * wide[:, i]
        out[:, ~p.free] = self._center[~p.free]
        return out, bool(np.all((between & ~other)[rest]))

    def _far(self, draws, values):
        """Share of the posterior that lies far from the Gaussian, NaN where too few draws speak."""
        p = self._problem
        inside = np.all((draws >= p.lower) & (draws <= p.upper), axis=1)
        draws, values = draws[inside], values[inside]
        if not len(draws):
            return np.nan
        misfit = values - np.array([p.prior.value(x) for x in draws])
        weight = np.exp(misfit.min() - misfit)
        away = np.sum(self._whiten((draws - self._center)[:, self._index].T) ** 2, axis=0)
        far = away > chi2.isf(FAR_TAIL, self._index.size)
        if np.sum(~far & (weight > 1e-3)) < HITS or np.sum(weight) ** 2 < HITS * np.sum(weight**2):
            return np.nan
        return float(weight[far].sum() / weight.sum())

    def _descend(self, start):
        """Where the steepest way down ends, or None."""
        p, moving = self._problem, self._moving
        low, high = ((side - self._center)[moving] / self._unit for side in (p.lower, p.upper))

        def at(u):
            x = self._center.copy()
            x[moving] += self._unit * u
            return x

        def value(u):
            if perf_counter() > self._end:
                raise StopIteration
            found = self._value(at(u))
            if not np.isfinite(found):
                return 1e30, np.zeros(u.size)
            slope = np.nan_to_num(p.gradient(at(u))[moving] * self._unit)
            return found, slope

        first = np.clip((start - self._center)[moving] / self._unit, low, high)
        try:
            with np.errstate(all="ignore"):
                found = minimize(value, first, jac=True, method="L-BFGS-B", bounds=np.stack([low, high], axis=1),
                                 options={"maxiter": STEPS})
        except (ArithmeticError, ValueError, StopIteration):
            return None
        return at(found.x) if found.fun < 1e29 else None

    def _distinct(self, ends):
        """Modes apart from the MAP and from each other, lowest first."""
        out = []
        for x in sorted(ends, key=self._value):
            if self._value(x) < self._level + 20 and self._apart(x, self._center) and all(
                    self._apart(x, other) for other in out):
                out.append(x)
        return out[:3]

    def _apart(self, x, other):
        """Whether −log density rises on the way between two places."""
        if np.abs(((x - other)[self._moving]) / self._unit).max() < 1.0:
            return False
        way = [self._value(other + t * (x - other)) for t in np.linspace(0, 1, 33)[1:-1]]
        return max(way) > max(self._value(x), self._value(other)) + BARRIER

    def _weight(self, x):
        """Mass of another mode in units of this one's, by the curvature there."""
        root = np.linalg.inv(self._whiten(np.eye(self._index.size)))
        found = white_curvature(self._problem, x, self._index, root, until=self._end + SECONDS)
        logdet = 0.0 if found is None else float(np.sum(np.log(np.maximum(np.linalg.eigvalsh(found), FLOOR))))
        return float(np.exp(min(self._level - self._value(x) - 0.5 * logdet, 50.0)))
