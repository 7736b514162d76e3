"""One move of the state from one step to the next, and what it does to covariances."""

import numpy as np
from scipy.sparse.linalg import aslinearoperator

from .._checks import fail
from .._places import blocks, unit_columns
from ..priors.covariance import Covariance

UNITS = 256  # unit vectors carried through a covariance at once


class Move:
    """x → F x + drift + noise on the state vector x, between two steps `dt` units of time apart.

    Parameters
    ----------
    problem : JointProblem
        Whose parameters.
    entries : dict
        {(to, from): number, matrix, or the name of an unknown factor}.
    noise : Covariance or None
        Of the noise.
    drift : ndarray, shape (size,)
        Added.
    dt : float
        Units of time.
    """

    def __init__(self, problem, entries, noise, drift, dt):
        self.noise, self._drift, self._dt, self._size = noise, drift, dt, problem.size
        moved = {to for to, _ in entries}
        self._kept = [where for name, where in problem.slices.items() if name not in moved]
        self._fixed, self._unknown = [], []
        for (to, source), value in entries.items():
            a, b = problem.by_name[to], problem.by_name[source]
            places, ratio = (problem.slices[to], problem.slices[source]), b.scale / a.scale
            if isinstance(value, str):
                factor = problem.by_name[value]
                self._unknown.append((*places, problem.slices[value], ratio, factor.scale, to == source))
            else:
                self._fixed.append((*places, self._over(value, to, source) * ratio))

    def _over(self, value, to, source):
        """A coefficient over dt units of time."""
        if isinstance(value, float):
            if to != source:
                return value * self._dt
            if value < 0 and self._dt % 1:
                fail(f"transition of {to}", "be positive where steps are no whole units of time apart", f"{value}",
                     "A negative number has no such power.")
            return value**self._dt
        if self._dt != 1:
            fail(f"transition of {to}", "be a number unless all steps are one unit of time apart", "a matrix",
                 "Rescale `times`, or take up empty years in one matrix.")
        return aslinearoperator(value)

    @property
    def linear(self):
        """Whether no factor is unknown."""
        return not self._unknown

    def at(self, x):
        """The move linearised about a state, shape (size,): exact where it is linear."""
        entries, drift = list(self._fixed), self._drift.copy()
        for to, source, factor, ratio, scale, itself in self._unknown:
            value, slope = self._factor(float(x[factor][0]) * scale, itself)
            entries.append((to, source, value * ratio))
            column = (slope * scale * ratio) * x[source]
            entries.append((to, factor, column[:, None]))
            drift[to] -= column * x[factor]
        return Transition(self._size, self._kept, entries, drift, self.noise)

    def _factor(self, value, itself):
        """The unknown factor over dt, and its derivative."""
        if not itself:
            return value * self._dt, self._dt
        if value <= 0 and self._dt != 1:
            fail("unknown factor", "be positive where steps are not one unit of time apart", f"{value:g}",
                 "Move its prior mean.")
        return value**self._dt, self._dt * value ** (self._dt - 1)

    def forecast(self, x):
        """F(x) x + drift, not linearised, for columns of shape (size, k)."""
        out = Transition(self._size, self._kept, self._fixed, self._drift, None).apply(x) + self._drift[:, None]
        for to, source, factor, ratio, scale, itself in self._unknown:
            value = x[factor] * scale
            power = np.abs(value) ** self._dt * np.sign(value) if itself else value * self._dt
            out[to] += power * ratio * x[source]
        return out


class Transition:
    """A linear move: products with F and Fᵀ.

    Parameters
    ----------
    size : int
        Length of x.
    kept : list of slice
        What stays as it is.
    entries : list of (slice to, slice from, float or matrix)
        Everything else is the sum of these.
    drift : ndarray, shape (size,)
        Added.
    noise : Covariance or None
        Of the noise.
    """

    def __init__(self, size, kept, entries, drift, noise):
        self.size, self.kept, self.entries, self.drift, self.noise = size, kept, entries, drift, noise

    def apply(self, x):
        """F X, shape (size, k)."""
        return self._summed(x, self.entries)

    def adjoint(self, x):
        """Fᵀ X, shape (size, k)."""
        return self._summed(x, [(source, to, value if isinstance(value, float) else value.T)
                                for to, source, value in self.entries])

    def _summed(self, x, entries):
        out = np.zeros((self.size, x.shape[1]))
        for where in self.kept:
            out[where] = x[where]
        for to, source, value in entries:
            out[to] += value * x[source] if isinstance(value, float) else value @ x[source]
        return out

    def multiples(self):
        """(f, mixed): x_i → f_i x_i where `mixed`, shape (size,), is False; f is 0 where it is True."""
        factor, mixed = np.zeros(self.size), np.zeros(self.size, dtype=bool)
        for where in self.kept:
            factor[where] = 1.0
        for to, source, value in self.entries:
            if to == source and isinstance(value, float):
                factor[to] = value
            else:
                mixed[to] = True
        factor[mixed] = 0.0
        return factor, mixed


class MovedCovariance(Covariance):
    """F Γ Fᵀ + Q: the covariance of the state one step later when nothing is observed."""

    def __init__(self, before, transition):
        self.before, self.transition, self.size = before, transition, transition.size

    def matmat(self, vectors):
        """Γ V for V of shape (size, k)."""
        out = self.transition.apply(self.before.matmat(self.transition.adjoint(vectors)))
        return out if self.transition.noise is None else out + self.transition.noise.matmat(vectors)

    def diagonal(self):
        """Variances, shape (size,); a cell that several values move costs a product."""
        if not hasattr(self, "_diagonal"):
            factor, mixed = self.transition.multiples()
            out = factor**2 * self.before.diagonal()
            if self.transition.noise is not None:
                out += self.transition.noise.diagonal()
            out[mixed] = picked_diagonal(self.matmat, self.size, np.flatnonzero(mixed))
            self._diagonal = out
        return self._diagonal.copy()


def picked_diagonal(product, size, index):
    """Diagonal entries at `index` of the matrix behind a product with (size, k)."""
    out = np.empty(index.size)
    for part in blocks(index.size, UNITS):
        out[part] = product(unit_columns(size, index[part]))[index[part]].diagonal()
    return out
