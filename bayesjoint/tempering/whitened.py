"""Whitened data of a linear-Gaussian problem with the model integrated out, at any likelihood exponents."""

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, cholesky, lapack

from .._checks import fail
from ..problem.clean_covariance import clean_covariance
from ..problem.gaussian import linear_gaussian


class WhitenedData:
    """y = S-distributed signal + noise of variance 1/w, all in units of each datum's stated noise.

    Parameters
    ----------
    problem : JointProblem
        Linear operators, Gaussian or flat priors.

    Attributes
    ----------
    data : ndarray, shape (n,)
        Whitened by the noise as stated, exponents not counted, less what the prior mean predicts.
    signal : ndarray, shape (n, n)
        Covariance of the clean data.
    flat : ndarray, shape (n, q)
        Columns of values with a flat prior.
    rows : dict of {str: slice}
        Place of each survey.
    constant : float
        Log density of the data less that of the whitened data.
    """

    def __init__(self, problem):
        self.problem, model = problem, linear_gaussian(problem)
        self.rows = dict(zip((m.name for m in problem.modalities), model.data_slices, strict=True))
        self.size = model.data_size
        self.data = self._whiten(model.data - model.data_mean)
        self.flat = self._whiten(model.flat_columns)
        white = self._whiten(self._whiten(clean_covariance(model)).T)
        self.signal = 0.5 * (white + white.T)
        self.constant = -0.5 * sum(m.noise.logdet() for m in problem.modalities)

    def _whiten(self, values):
        out = np.empty(np.shape(values), dtype=float)
        for m in self.problem.modalities:
            where = self.rows[m.name]
            out[where] = m.noise.whiten(values[where])
        return out

    def at(self, weights):
        """The data's covariance at exponents {survey: w}, factorised.

        Returns
        -------
        Marginal
        """
        variance = np.empty(self.size)
        for name, where in self.rows.items():
            variance[where] = 1 / weights[name]
        return Marginal(self, variance)


class Marginal:
    """P = K⁻¹ − K⁻¹X(XᵀK⁻¹X)⁻¹XᵀK⁻¹ with K = S + D, X the flat columns, and what follows from it.

    Parameters
    ----------
    whitened : WhitenedData
    variance : ndarray, shape (n,)
        Diagonal of D.

    Attributes
    ----------
    pull : ndarray, shape (n,)
        P y.
    log_evidence : float
        With every constant; restricted where values are flat.
    """

    def __init__(self, whitened, variance):
        covariance = whitened.signal.copy()
        covariance[np.diag_indices(whitened.size)] += variance
        try:
            self._factor = cholesky(covariance, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError:
            fail("problem", "leave the data's covariance positive definite to rounding", "a failed Cholesky "
                 "factorisation", "Raise the noise std, or lower the prior std.")
        self._flat, flat = whitened.flat, whitened.flat
        self.pull = self._solve(whitened.data)
        logdet = 2.0 * float(np.sum(np.log(np.diag(self._factor))))
        if flat.shape[1]:
            self._held = self._solve(flat)
            inner = flat.T @ self._held
            values = np.linalg.eigvalsh(inner)
            if not values[0] > 1e-12 * values[-1]:
                fail("prior", "or data hold every direction of a flat parameter", "one that neither holds",
                     "Give GaussianPrior(mean, covariance), however broad.")
            self._inner = np.linalg.inv(inner)
            self.pull = self.pull - self._held @ (self._inner @ (flat.T @ self.pull))
            logdet += float(np.sum(np.log(values)))
        count = whitened.size - flat.shape[1]
        fit = float(whitened.data @ self.pull)
        self.log_evidence = whitened.constant - 0.5 * (fit + logdet + count * np.log(2 * np.pi))

    def _solve(self, right):
        return cho_solve((self._factor, True), right, check_finite=False)

    def precision_diagonal(self):
        """Diagonal of P, shape (n,): half the work of P."""
        inverse, _ = lapack.dtrtri(self._factor, lower=1)
        out = np.einsum("ij,ij->j", inverse, inverse)
        if self._flat.shape[1]:
            out -= np.einsum("iq,qr,ir->i", self._held, self._inner, self._held)
        return out

    def precision(self):
        """P, shape (n, n)."""
        matrix, _ = lapack.dpotri(self._factor, lower=1)
        matrix = np.tril(matrix) + np.tril(matrix, -1).T
        if self._flat.shape[1]:
            matrix -= self._held @ self._inner @ self._held.T
        return matrix
