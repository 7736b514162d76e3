"""Randomised Nyström deflation of the outliers that a preconditioner leaves."""

import copy

import numpy as np
from scipy.linalg import cholesky, solve_triangular

KEPT = 1.5  # eigenvalues of the preconditioned operator above it are outliers
OVERSAMPLING = 10
BLOCK = 32  # columns in work at once


class NystromPreconditioner:
    """M_d⁻¹ = M⁻¹ + V (Λ⁻¹ − I) Vᵀ with (Λ, V) leading eigenpairs of K v = λ M v, by a randomised Nyström sketch.

    With M = I it is the Nyström preconditioner of Frangella, Tropp & Udell (Randomized Nyström preconditioning, SIAM J.
    Matrix Anal. Appl. 44, 2023) with outliers brought to 1. Any M whose inverse can be applied and which can be sampled
    will do: for Z with columns N(0, M⁻¹) the sketch of M^{-1/2} K M^{-1/2} needs K Z and M⁻¹ K Z alone.

    Parameters
    ----------
    product : callable
        V, shape (n, k), to K V.
    precondition : callable
        R to M⁻¹ R.
    sample : callable
        ``sample(rng, count)``: (n, count) columns with covariance M.
    size : int
        n.
    rank : int
        Eigenpairs sought; those above 1.5 are kept.
    rng : numpy.random.Generator
        Source of the sketch.

    Attributes
    ----------
    values : ndarray, shape (r,)
        Λ, descending: how far outliers stood out.
    vectors : ndarray, shape (n, r)
        V, with VᵀMV = I.

    Examples
    --------
    >>> spectrum = np.r_[[500.0, 80.0], np.ones(98)][:, None]
    >>> found = NystromPreconditioner(lambda v: spectrum * v, lambda r: r,
    ...                               lambda rng, k: rng.standard_normal((100, k)), 100, 5, np.random.default_rng(0))
    >>> found.values.size, bool(np.all(found.values <= [500.0, 80.0]))  # a Nyström approximation is never above
    (2, True)
    """

    def __init__(self, product, precondition, sample, size, rank, rng):
        self._precondition = precondition
        width = min(rank + OVERSAMPLING, size)
        parts = []
        for first in range(0, width, BLOCK):
            z = precondition(sample(rng, min(BLOCK, width - first)))
            y = product(np.asfortranarray(z))
            parts.append((z, y, precondition(np.asfortranarray(y))))
        z, y, w = (np.hstack(columns) for columns in zip(*parts, strict=True))
        core = z.T @ y
        lower = cholesky(0.5 * (core + core.T), lower=True)
        inner = solve_triangular(lower, solve_triangular(lower, y.T @ w, lower=True).T, lower=True)
        values, turn = np.linalg.eigh(0.5 * (inner + inner.T))
        values, turn = values[::-1], turn[:, ::-1]
        keep = np.flatnonzero(values[:rank] > KEPT)
        self.values = values[keep]
        turn = solve_triangular(lower, turn[:, keep] / np.sqrt(self.values), lower=True, trans=1)
        self.vectors = np.asfortranarray(w @ turn)

    def beside(self, precondition):
        """The same with the callable that it goes beside replaced by an equal one."""
        out = copy.copy(self)
        out._precondition = precondition
        return out

    def solve(self, right):
        """M_d⁻¹ R for R of shape (n, k)."""
        shift = (1 / self.values - 1)[:, None] * (self.vectors.T @ right)
        return self._precondition(right) + self.vectors @ shift
