"""Whitened data with covariance K: products, solves, what flat values take up, quadratic forms and draws."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.linalg import svd

from .._checks import fail
from ._flat import FlatColumns

RANK = 1e-10  # of the largest singular value of whitened flat columns: below it a direction counts as unseen
EPS = np.finfo(float).eps


class LogDet(NamedTuple):
    """A log determinant with its standard error, its bias, and how it was obtained."""

    value: float
    error: float
    bias: float
    words: str


class System:
    """Whitened data y = W(d − Aμ) ~ X β + N(0, K), K = S̃ + I, S̃ the covariance of whitened clean data.

    Values with a flat prior, β, are eliminated: P = K⁻¹ − K⁻¹X (XᵀK⁻¹X)⁻¹ XᵀK⁻¹ is what generalised least squares
    leaves of K⁻¹ (Rasmussen & Williams 2006, section 2.7); columns of X count as far as their singular values exceed
    1e-10 of the largest. `DenseSystem` holds K as a matrix, `IterativeSystem` as products.

    They add ``product(white)``, K V for V of shape (size, k); ``solve(white, tolerance=None)``, (K⁻¹ V, V − K K⁻¹ V as
    computed); ``log_determinant(rng, error, most)``, log det K as `LogDet`, where it is estimated from at most `most`
    random vectors; ``signal_block(where)``, S̃ between the data of a slice; ``part(names)``, the same of some surveys.

    Parameters
    ----------
    model : LinearGaussian
        Whose data they are.

    Attributes
    ----------
    model : LinearGaussian
    size : int
        Number of data.
    rows : dict of {str: slice}
        Place of every modality among them.
    residual : ndarray, shape (size,)
        y as observed.
    columns : ndarray, shape (size, q)
        X, whitened.
    """

    def __init__(self, model):
        self.model, self.size = model, model.data_size
        self.rows = dict(zip((m.name for m in model.problem.modalities), model.data_slices, strict=True))
        self.residual = model.whiten(model.data - model.data_mean)
        self.columns = model.whiten(model.flat_columns)
        if not (np.isfinite(self.residual).all() and np.isfinite(self.columns).all()):
            refuse_infinite()

    def width(self):
        """How many right-hand sides to solve for at once."""
        return self.size

    def index(self, names):
        """Indices of the data of some surveys."""
        return np.concatenate([np.arange(0), *(np.arange(self.size)[self.rows[name]] for name in names)])

    # -- flat values -------------------------------------------------------------------------------------------------
    @cached_property
    def basis(self):
        """Orthonormal basis of the columns of X, shape (size, rank)."""
        return column_basis(self.columns)

    @property
    def rank(self):
        """Flat directions that the data see."""
        return self.basis.shape[1]

    @property
    def dof(self):
        """Data less flat directions."""
        return self.size - self.rank

    @cached_property
    def flat(self):
        """`FlatColumns` of the flat values themselves: refuses where neither prior nor data hold one."""
        solved = self.solve(self.columns)[0] if self.columns.shape[1] else self.columns
        return FlatColumns(self.model.problem, self.model.flat_index, self.columns, solved)

    @cached_property
    def _flat_basis(self):
        return FlatColumns(self.model.problem, np.arange(self.rank), self.basis, self.solve(self.basis)[0])

    def flat_estimate(self, white):
        """X β̂ for V of shape (size, k): what generalised least squares takes for flat."""
        if not self.rank:
            return np.zeros_like(white)
        return self.basis @ (self._flat_basis.inverse @ (self._flat_basis.solved.T @ white))

    def eliminate(self, solved, white):
        """P V from K⁻¹ V, shape (size, k)."""
        return self._flat_basis.eliminate(solved, white)[0] if self.rank else solved

    def mean_and_pull(self):
        """(posterior mean of x, (size of x,); P y, (size,))."""
        white = self.residual[:, None]
        weights, flat = self.flat.eliminate(self.solve(white)[0], white)
        out = self.model.prior_mean + self.model.gain(self.model.whiten_adjoint(weights))[:, 0]
        out[self.flat.index] += flat[:, 0]
        return out, weights[:, 0]

    # -- what follows --------------------------------------------------------------------------------------------------
    def project(self, white, tolerance=None):
        """P V, for V of shape (size, k)."""
        return self.eliminate(self.solve(white, tolerance)[0], white)

    def quadratic(self, white):
        """(diag VᵀPV, bound on its error), shape (k,): vᵀx + xᵀr differs from vᵀK⁻¹v by at most ‖r‖², as K >= I."""
        solved, left = self.solve(white)
        value = np.einsum("ij,ij->j", white, self.eliminate(solved, white)) + np.einsum("ij,ij->j", solved, left)
        size = np.einsum("ij,ij->j", white, solved)
        return value, np.einsum("ij,ij->j", left, left) + 8 * EPS * np.sqrt(self.size) * size

    def functionals_left(self, columns):
        """(covariance of linear functionals, (size of x, k), given the data; bound on the error of its entries).

        A residual r of a solve for c moves cᵀK⁻¹c by at most ‖c‖ ‖r‖, as K >= I.
        """
        prior = columns.T @ self.model.prior_product(columns)
        cross = self.model.whiten(self.model.gain_adjoint(columns))
        solved, left = self.solve(cross)
        taken = cross.T @ self.eliminate(solved, cross)
        bound = np.max(np.linalg.norm(cross, axis=0), initial=0.0) * np.max(np.linalg.norm(left, axis=0), initial=0.0)
        return 0.5 * (prior + prior.T) - 0.5 * (taken + taken.T), float(bound)

    def draw(self, rng, count):
        """`count` zero-mean draws of y with β = 0, shape (size, count): the problem's own prior predictive."""
        return self.draw_clean(rng, count) + rng.standard_normal((self.size, count))

    def draw_clean(self, rng, count):
        """`count` zero-mean draws of whitened clean data, shape (size, count)."""
        return self.model.whiten(self.model.draw(rng, count)[1].T)


def refuse_infinite():
    """A forward operator gave NaN or Inf."""
    fail("the data's covariance", "be finite", "NaN or Inf in a product with a forward operator", "Mend the operator.")


def column_basis(columns):
    """Orthonormal basis of the columns, (n, r), singular values below 1e-10 of the largest left out."""
    if not columns.shape[1]:
        return np.zeros((columns.shape[0], 0))
    scale = np.linalg.norm(columns, axis=0)
    left, values, _ = svd(columns / np.where(scale > 0, scale, 1.0), full_matrices=False)
    return left[:, values > RANK * max(values[0], EPS)]
