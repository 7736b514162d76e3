"""`System` whose K is a matrix with a Cholesky factor."""

from functools import cached_property

import numpy as np
from scipy.linalg import LinAlgError, blas, cholesky, lapack, solve_triangular

from .._checks import fail
from ._clean_covariance import CleanCovariance
from ._system import EPS, LogDet, System

KEPT = 2  # covariances and factors that a problem keeps: at most 0.6 GB each


class DenseSystem(System):
    """Whitened data whose covariance is a matrix: everything is exact to rounding.

    Parameters
    ----------
    model : LinearGaussian
    signal : ndarray, shape (size, size), optional
        S̃, where it is known already.
    factor : ndarray, shape (size, size), optional
        Lower Cholesky factor of K, where it is known already.
    variance : ndarray, shape (size,), optional
        Of the noise of whitened data, where exponents were left out of the whitening; default 1.
    clean : CleanCovariance, optional
        Of the model, where it is at hand and S̃ is not.
    """

    def __init__(self, model, signal=None, factor=None, variance=None, clean=None):
        super().__init__(model)
        self._variance, self._factor = variance, factor
        self._given, self._clean = signal, clean

    @cached_property
    def signal(self):
        """S̃, shape (size, size)."""
        if self._given is not None:
            return self._given
        return self._kept("whitened signal", lambda: (self._clean or CleanCovariance(self.model)).whitened())

    @cached_property
    def factor(self):
        """Lower Cholesky factor of K."""
        if self._factor is not None:
            return self._factor
        if self._given is None and self._variance is None:
            return self._kept("whitened factor", self._factorised)
        return self._factorised()

    def _factorised(self):
        return factorised(self.covariance, overwrite=True)

    def _kept(self, what, make):
        """A matrix that the problem's cache keeps for the next question about the same surveys, read only."""
        def frozen():
            matrix = make()
            matrix.flags.writeable = False
            return matrix

        problem = self.model.problem
        parts = (*problem.parameters, *problem.couplings, *(m.forward for m in problem.modalities),
                 *(t.columns for m in problem.modalities for t in m.terms), *(m.noise for m in problem.modalities))
        tori = tuple(group.torus for group in self.model.groups)
        key = tuple(m.parameters for m in problem.modalities), tuple(problem.weights.values()), tori
        return problem.cache.get(what, parts, key, frozen, KEPT)

    @property
    def covariance(self):
        """K, shape (size, size), a copy."""
        out = self.signal.copy()
        out[np.diag_indices(self.size)] += 1.0 if self._variance is None else self._variance
        return out

    def at(self, weights):
        """The same at likelihood exponents {modality: w}, where none are in the whitening."""
        variance = np.empty(self.size)
        for name, where in self.rows.items():
            variance[where] = 1 / weights[name]
        out = DenseSystem(self.model, self.signal, variance=variance)
        out.residual = self.residual
        return out

    def product(self, white):
        """K V."""
        return self.signal @ white + (white if self._variance is None else self._variance[:, None] * white)

    def solve(self, white, tolerance=None):
        """(K⁻¹ V, 0)."""
        half = solve_triangular(self.factor, white, lower=True, check_finite=False)
        return (solve_triangular(self.factor, half, lower=True, trans=1, check_finite=False, overwrite_b=True),
                np.zeros_like(white))

    def log_determinant(self, rng=None, error=0.5, most=64):
        """Log det K; its error is a bound of the rounding of a factorisation."""
        value = 2.0 * float(np.sum(np.log(np.diag(self.factor))))
        # |tr K⁻¹ΔK| for the backward error ΔK of a factorisation, |ΔK| <= n ε |L||L|ᵀ, and K >= I
        rounding = float(EPS * self.size * np.einsum("ij,ij->", self.factor, self.factor))
        return LogDet(value, rounding, 0.0, "Cholesky factor of the data's covariance, error a bound of "
                              "rounding")

    def signal_block(self, where):
        """S̃ between the data of a slice."""
        return self.signal[where, where]

    def part(self, names):
        """The same of some of the surveys."""
        model, rows = self.model.part(names)
        return DenseSystem(model, self.signal[np.ix_(rows, rows)])

    def draw(self, rng, count):
        """`count` zero-mean draws of y, shape (size, count), by the Cholesky factor."""
        return blas.dtrmm(1.0, self.factor, rng.standard_normal((self.size, count)), lower=1)

    @cached_property
    def _root(self):
        """R of full column rank with R Rᵀ = S̃, to rounding of its largest diagonal value (LAPACK's dpstrf)."""
        factor, pivots, rank, _ = lapack.dpstrf(self.signal, lower=1)
        root = np.empty((self.size, rank))
        root[pivots - 1] = np.tril(factor)[:, :rank]
        return root

    def draw_clean(self, rng, count):
        """`count` zero-mean draws of whitened clean data, shape (size, count), by a pivoted factor of S̃."""
        return self._root @ rng.standard_normal((self._root.shape[1], count))

    # -- P -------------------------------------------------------------------------------------------------------------
    @cached_property
    def pull(self):
        """P y, shape (size,)."""
        white = self.residual[:, None]
        return self.flat.eliminate(self.solve(white)[0], white)[0][:, 0]

    def log_evidence(self):
        """Log density of the data with every constant; restricted where values are flat."""
        logdet = self.log_determinant().value - np.linalg.slogdet(self.flat.inverse)[1] + self.model.noise_logdet()
        fit, count = float(self.residual @ self.pull), self.size - self.columns.shape[1]
        return -0.5 * (fit + float(logdet) + count * np.log(2 * np.pi))

    def precision_diagonal(self):
        """Diagonal of P, shape (size,): half the work of P."""
        inverse, _ = lapack.dtrtri(self.factor, lower=1)
        held, inner = self.flat.solved, self.flat.inverse
        return np.einsum("ij,ij->j", inverse, inverse) - np.einsum("iq,qr,ir->i", held, inner, held)

    def precision(self):
        """P, shape (size, size)."""
        matrix, _ = lapack.dpotri(self.factor, lower=1)
        held, inner = self.flat.solved, self.flat.inverse
        return np.tril(matrix) + np.tril(matrix, -1).T - held @ inner @ held.T


def factorised(covariance, overwrite=False):
    """Lower Cholesky factor of a covariance of whitened data."""
    try:
        return cholesky(covariance, lower=True, overwrite_a=overwrite)
    except (LinAlgError, ValueError):
        return fail("the data's covariance", "be positive definite to rounding", "a failed Cholesky factorisation",
                    "Raise the noise std, lower the prior std, or mend an operator that gives NaN.")
