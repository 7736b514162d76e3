"""How far a posterior is from its Laplace approximation: measured on the density itself, without the truth."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from .._places import blocks
from ._laplace_curvature import REACH
from ._laplace_modes import ONE_MODE, OtherModes

FAR = 1e3  # standard deviations: misfit of a datum where a model makes no sense
INFORMED, CHANGING = 16, 16  # directions looked at: best seen by the data, most changeable in curvature
TRIALS = 2500  # draws within them: enough for the 0.7 limit on Pareto's k (Vehtari et al. 2024)
DRAWS = (200, 1000)  # fewest and most of the whole Gaussian
WORK = 2e10  # of the triangular solves behind those draws
PLACES = 8  # at which the curvature is compared with that at the MAP
COLUMNS = 64
EQUAL = 1e-3  # log ratios that differ by less are those of a Gaussian, up to rounding and the MAP's last digits
UNDERFLOW = 700.0  # nat: weights so far apart leave nothing to fit a tail to
GOOD_K, BAD_K = 0.5, 0.7
GOOD_CHANGE, BAD_CHANGE = 0.2, 0.5
GOOD_KL = 0.02  # nat: no probability is then wrong by more than √(KL/2) = 0.1 (Pinsker)
BAD_BEYOND = 0.1  # of one value's mass beyond its bounds: what is left has a standard deviation 16 % smaller
BAD_OUTSIDE = 0.5  # of all draws
MISSED, ADDED = 0.02, 0.2  # share of the posterior in other modes; what they add to a variance, as a share of it
BAD_FAR = 0.05  # share of the posterior where the Gaussian has nothing, by draws of the prior


@dataclass(frozen=True, kw_only=True)
class LaplaceValidity:
    """Figures on which a Laplace approximation stands or falls.

    Parameters
    ----------
    pareto_k : float
        Of the ratios posterior / Gaussian in the directions looked at, all else at the MAP (Vehtari et al. 2024): the
        heavier the tail, the more of the posterior lies where the Gaussian has nothing. 0 where all ratios are equal.
    directions : int
        How many directions that were.
    kl, kl_error : float
        ½ Var_q[log p − log q] over draws q of the whole Gaussian, in nats, which is KL(q‖p) to leading order, and its
        Monte Carlo error.
    curvature_change : float
        Root mean square change of the posterior's curvature between the MAP and draws, as a share of itself, along the
        direction where it is largest; infinite where nonlinear models make no sense at some of the draws.
    beyond, outside : float
        Largest mass of one value's Gaussian beyond its bounds; share of the whole Gaussian's draws with any value
        beyond. The posterior has nothing there.
    modes : OtherModes
        What a search for other modes found.
    verdict : {"valid", "doubtful", "not valid"}
        "not valid" where k > 0.7 or the curvature changes by more than half, or where other modes hold more than 2 % of
        the posterior or add a fifth to a variance. "valid" where k <= 0.5 and curvature changes by at most a fifth,
        which moves standard deviations by about a tenth, or where KL + 2 errors <= 0.02; and the Kullback–Leibler
        divergence that bounds bring, −log(1 − outside), is at most 0.02 nat.
    """

    pareto_k: float
    directions: int
    kl: float
    kl_error: float
    curvature_change: float
    beyond: float = 0.0
    outside: float = 0.0
    modes: OtherModes = ONE_MODE

    @property
    def cut(self):
        """Nats of Kullback–Leibler divergence that the bounds bring: those of a Gaussian from itself cut off."""
        return float(-np.log1p(-min(max(self.outside, self.beyond), 1 - 1e-12)))

    @property
    def cut_off(self):
        """Whether bounds cut so much off that a Gaussian is refused: a tenth of one value, or half of the draws."""
        return self.beyond > BAD_BEYOND or self.outside > BAD_OUTSIDE

    @property
    def verdict(self):
        """What the figures say."""
        shape = self._shape_verdict()
        if self.modes.weight > MISSED or self.modes.added > ADDED or self.modes.far > BAD_FAR:
            return "not valid"
        return "doubtful" if shape == "valid" and self.cut > GOOD_KL else shape

    def _shape_verdict(self):
        if self.kl + 2 * self.kl_error <= GOOD_KL and self.pareto_k <= BAD_K:
            return "valid"
        if self.pareto_k > BAD_K or self.curvature_change > BAD_CHANGE:
            return "not valid"
        return "valid" if self.pareto_k <= GOOD_K and self.curvature_change <= GOOD_CHANGE else "doubtful"


class ValidityCheck:
    """Compares a density with the Gaussian at its MAP.

    Parameters
    ----------
    problem : JointProblem
    center : ndarray, shape (size,)
        The MAP.
    index : ndarray of int, shape (free,)
        Free cells.
    root : callable
        R: white vectors (free, k) to deviations of the free cells with the Gaussian's covariance.
    root_adjoint : callable
        Rᵀ.
    std : ndarray, shape (free,)
        The Gaussian's.
    """

    def __init__(self, problem, center, index, root, root_adjoint, std):
        self._std = std
        self._problem, self._center, self._index = problem, center, index
        self._root, self._root_adjoint = root, root_adjoint
        self._rng = np.random.default_rng(0)
        self._operators = problem.operators_at(center)
        self._residual = np.concatenate([self._white(k, r) for k, r in enumerate(problem.residuals(center))])
        self._gaussian = [(where, bound) for where, bound in problem.prior.blocks if bound.gaussian]
        self._other = [(where, bound) for where, bound in problem.prior.blocks if not bound.gaussian]
        self._level = self._penalty(center)

    def measure(self, modes=ONE_MODE):
        """Return the `LaplaceValidity`; `modes` is what a search for others found."""
        free = self._index.size
        changing, change = self._changing_directions(min(CHANGING, free))
        basis, _ = np.linalg.qr(np.hstack([self._informed_directions(min(INFORMED, free)), changing])[:, :free])
        count = int(np.clip(WORK / free**2, *DRAWS))
        white = self._rng.standard_normal((free, count))
        steps = self._root(white)
        beyond, outside = self._beyond(steps)
        ratios = self._log_ratios(steps, np.sum(white**2, axis=0))
        spread, kurtosis = np.var(ratios, ddof=1), np.mean((ratios - ratios.mean()) ** 4)
        trials = self._rng.standard_normal((basis.shape[1], TRIALS))
        tail = fit_tail(self._log_ratios(self._root(basis) @ trials, np.sum(trials**2, axis=0)))
        return LaplaceValidity(
            pareto_k=tail, directions=basis.shape[1], kl=float(spread / 2),
            kl_error=float(0.5 * np.sqrt(max(kurtosis - spread**2, 0.0) / count)), curvature_change=change,
            beyond=beyond, outside=outside, modes=modes)

    def _beyond(self, steps):
        """(largest mass of one value beyond its bounds, share of draws with any value there)."""
        if not self._problem.bounded:
            return 0.0, 0.0
        low, high = ((side - self._center)[self._index] for side in (self._problem.lower, self._problem.upper))
        outside = np.any((steps < low[:, None]) | (steps > high[:, None]), axis=0).mean()
        return float(np.max(norm.cdf(low / self._std) + norm.sf(high / self._std))), float(outside)

    def _log_ratios(self, steps, squares):
        """Return log p − log q, up to a constant, at the MAP plus `steps`, (free, k); `squares` are white norms²."""
        out = 0.5 * squares
        for part in blocks(steps.shape[1], COLUMNS):
            moved = np.zeros((self._problem.size, steps[:, part].shape[1]))
            moved[self._index] = steps[:, part]
            white = self._change(moved)
            out[part] -= self._residual @ white + 0.5 * np.sum(white**2, axis=0)
            for where, bound in self._gaussian:
                step = moved[where]
                out[part] -= bound.gradient(self._center[where]) @ step
                out[part] -= 0.5 * np.einsum("ij,ij->j", step, bound.covariance.solve(step))
            if self._other or self._problem.penalties:  # these look at one model at a time
                rows = self._center + np.ascontiguousarray(moved.T)
                out[part] -= [self._penalty(row) - self._level for row in rows]
        return out

    def _penalty(self, x):
        """Terms of Φ that are not quadratic."""
        parts = self._problem.parts(x)
        return (sum(bound.value(x[where]) for where, bound in self._other)
                + sum(bound.value(parts) for bound in self._problem.penalties))

    def _curvature(self, x, direction):
        """Hessian at x of the terms that are not quadratic, times a direction."""
        out = np.zeros_like(x)
        for where, bound in self._other:
            out[where] += bound.hessian_product(x[where], direction[where])
        parts, directions = self._problem.parts(x), self._problem.parts(direction)
        self._problem.add_parts(out, *(b.hessian_product(parts, directions) for b in self._problem.penalties))
        if self._problem.nonlinear:  # the misfits, by central differences over some hundredths of a std
            up, down = (self._problem.add_pull(np.zeros_like(x), self._problem.residuals(y), y)
                        for y in (x + REACH * direction, x - REACH * direction))
            out += (up - down) / (2 * REACH)
        return out

    def _sensible(self, x):
        return all(np.isfinite(self._problem.predict(name, x)).all() for name in self._problem.nonlinear)

    def _change(self, moved):
        """Whitened change of the predictions from the MAP to `moved`, (size, k), away; never overflowing."""
        if not self._problem.nonlinear:
            return np.concatenate([self._white(k, a.matmat(moved)) for k, a in enumerate(self._operators)])
        out = []
        for k in range(len(self._problem.modalities)):
            found = np.stack([self._problem.predict(k, self._center + step) for step in moved.T], axis=1)
            change = found - self._problem.predict(k, self._center)[:, None]
            # where a model makes no sense the density is nothing: a misfit that says so
            out.append(self._white(k, np.nan_to_num(change, nan=FAR, posinf=FAR, neginf=-FAR)))
        return np.clip(np.concatenate(out), -FAR, FAR)

    def _white(self, k, data):
        m = self._problem.modalities[k]
        return np.sqrt(self._problem.weights[m.name]) * m.noise.whiten(data)

    def _informed_directions(self, count):
        """White directions, (free, count), in which data hold most of the curvature: subspace iteration."""
        basis = np.linalg.qr(self._rng.standard_normal((self._index.size, count)))[0]
        for _ in range(3):
            moved = np.zeros((self._problem.size, count))
            moved[self._index] = self._root(basis)
            seen = [operator.matmat(moved) for operator in self._operators]
            pulled = self._problem.add_pull(np.zeros_like(moved), seen, self._center)
            basis = np.linalg.qr(self._root_adjoint(pulled[self._index]))[0]
        return basis

    def _changing_directions(self, count):
        """(white directions in which curvature changes most, (free, count), rms change along the first)."""
        if not (self._other or self._problem.penalties or self._problem.nonlinear):
            return np.zeros((self._index.size, 0)), 0.0
        white = self._rng.standard_normal((self._index.size, PLACES))
        places = np.tile(self._center, (PLACES, 1))
        places[:, self._index] += self._root(white).T
        if not all(self._sensible(place) for place in places):
            return np.zeros((self._index.size, 0)), float("inf")
        basis = np.linalg.qr(self._rng.standard_normal((self._index.size, count)))[0]
        for _ in range(2):
            changes = [self._curvature_change(place, basis) for place in places]
            basis = np.linalg.qr(sum(self._curvature_change(place, change)
                                     for place, change in zip(places, changes, strict=True)))[0]
        changes = [self._curvature_change(place, basis) for place in places]
        values, vectors = np.linalg.eigh(sum(c.T @ c for c in changes) / PLACES)
        return basis @ vectors[:, ::-1], float(np.sqrt(max(values[-1], 0.0)))

    def _curvature_change(self, place, white):
        """Rᵀ (H(place) − H(MAP)) R V for V of shape (free, k)."""
        steps, out = self._root(white), np.empty_like(white)
        direction = np.zeros(self._problem.size)
        for j, step in enumerate(steps.T):  # Hessian products take one direction at a time
            direction[self._index] = step
            out[:, j] = (self._curvature(place, direction) - self._curvature(self._center, direction))[self._index]
        return self._root_adjoint(out)


def fit_tail(ratios):
    """Pareto's k of importance ratios given by their logarithms, shape (n,).

    Parameters
    ----------
    ratios : ndarray, shape (n,)
        log p − log q at draws of q.

    Returns
    -------
    float
        0 where all are equal to a thousandth; infinite where the largest leave nothing to fit a tail to.
    """
    if np.ptp(ratios) < EQUAL:
        return 0.0
    tail = int(3 * np.sqrt(ratios.size))  # what PSIS looks at
    if np.ptp(np.partition(ratios, -tail)[-tail:]) > UNDERFLOW:
        return float("inf")
    from arviz_stats.base import array_stats

    return float(array_stats.psislw(-ratios)[1])  # it is made for leave-one-out and takes the inverse ratios
