"""The exact posterior of a linear-Gaussian problem, by a Cholesky factor in data space."""

import numpy as np
from scipy.linalg import LinAlgError, blas, cholesky, solve_triangular

from .._checks import fail
from ..dataset import Approximation
from .base import Estimate, Posterior
from .rounding import EPS, PROBES, SAFETY, measure_rounding

DATA_LIMIT = 20_000  # the factor alone takes 3.2 GB there
COLUMNS = 64  # data rows carried through the prior at once: large enough for BLAS, small beside the result
CELLS = 4096  # cells per block of the variance
WORST_ROUNDING = 0.1  # of the prior variance: beyond it first-order errors mean nothing


class DensePosterior(Posterior):
    """Exact Gaussian posterior N(μ + ΓAᵀK⁻¹(d − Aμ), Γ − ΓAᵀK⁻¹AΓ), K = AΓAᵀ + C (Tarantola 2005, eq. 3.37).

    The data-space form takes thousands of data with any number of cells for which the matrix ΓAᵀ, cells x data in
    float64, fits in memory (37,500 cells with 1,600 data: 0.5 GB). Use `posterior(problem, method="dense")`.

    Parameters
    ----------
    problem : JointProblem
        Linear operators, Gaussian priors, no bounds, no penalties.

    Raises
    ------
    ValueError
        If the problem is bounded or not linear-Gaussian, has too many data, or K is not positive definite.
    """

    method = "dense"

    def __init__(self, problem):
        super().__init__(problem)
        _check(problem)
        self._prior_mean, self._prior = problem.prior.gaussian_moments()
        self._surveys = [_WhitenedSurvey(problem, k, stored=True) for k in range(len(problem.modalities))]
        self._data_slices = _runs([m.size for m in problem.modalities])
        self._gain = _through_prior(self._prior, self._surveys, self._data_slices)  # ΓÃᵀ
        self._signal = _between_data(self._gain, self._surveys, self._data_slices)  # ÃΓÃᵀ
        self._solve_data()

    @classmethod
    def _from_joint(cls, joint, name):
        """Posterior given one modality alone, on the parameters it sees, from the joint one's matrices."""
        problem = joint.problem.separate()[name]
        self = cls.__new__(cls)
        Posterior.__init__(self, problem)
        k = [m.name for m in joint.problem.modalities].index(name)
        rows = np.concatenate([np.arange(joint.problem.size)[joint.problem.slices[p.name]] for p in problem.parameters])
        data = joint._data_slices[k]
        self._prior_mean, self._prior = problem.prior.gaussian_moments()
        self._surveys = [_WhitenedSurvey(problem, 0)]
        self._data_slices = _runs([problem.modalities[0].size])
        self._gain = joint._gain[rows[0] : rows[-1] + 1, data] if _consecutive(rows) else joint._gain[rows][:, data]
        self._signal = joint._signal[data, data]
        self._solve_data()
        return self

    def separate(self):
        """Posteriors of the separate inversions, {modality name: DensePosterior}.

        With the same marginal priors, and both `Coregionalization` and no coupling keep them, the joint posterior's
        matrices hold those of every separate one: nothing is propagated again.
        """
        # a separate problem has no coupling: neither known cells of another parameter inform it, nor are two parameters
        # that one survey sees correlated, so there its matrices are its own
        known, tied = np.any(~self.problem.free), self.problem.prior.tied
        alone = self.problem.separate()
        return {m.name: DensePosterior(alone[m.name]) if known or len(tied.intersection(m.parameters)) > 1
                else DensePosterior._from_joint(self, m.name) for m in self.problem.modalities}

    def _solve_data(self):
        covariance = self._signal + np.eye(self._signal.shape[0])
        self._innovation = np.concatenate([s.residual(self._prior_mean) for s in self._surveys])
        if not (np.isfinite(covariance).all() and np.isfinite(self._innovation).all()):
            fail("K = ÃΓÃᵀ + I", "be finite", "NaN or Inf in a product with a forward operator", "Mend the operator.")
        try:
            self._factor = cholesky(covariance, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError:
            _refuse_rounding("a failed Cholesky factorisation")
        self._weights = self._solve(self._innovation)
        self._rounding = measure_rounding(self)
        if self._rounding.variance > WORST_ROUNDING:
            _refuse_rounding(f"rounding of {self._rounding.variance:.2g} of the prior variance")
        self.approximations = [Approximation(
            name="posterior mean, standard deviation and draws", status="exact",
            error=max(self._rounding.mean, self._rounding.variance),
            statement="Exact posterior of the stated linear-Gaussian problem by a data-space Cholesky factor: no "
            f"sampling or truncation error, rounding only. Measured by {PROBES} random products with the operators and "
            f"multiplied by {SAFETY:g}, it is {self._rounding.mean:.1e} of the prior standard deviation in the mean "
            f"and {self._rounding.variance:.1e} of the prior variance in the variance.",
        )]

    def _placed(self):
        """(survey, its place among the data) of every modality."""
        return list(zip(self._surveys, self._data_slices, strict=True))

    def _solve(self, right):
        """K⁻¹ r."""
        half = solve_triangular(self._factor, right, lower=True, check_finite=False)
        return solve_triangular(self._factor, half, lower=True, trans=1, check_finite=False, overwrite_b=True)

    def _mean(self):
        return self._prior_mean + self._gain @ self._weights

    def _prior_mean_vector(self):
        return self._prior_mean

    def _prior_variance(self):
        return self._prior.diagonal()

    def _variance(self):
        if not hasattr(self, "_cached_variance"):
            variance = self._prior.diagonal()
            for first in range(0, self.problem.size, CELLS):
                block = slice(first, first + CELLS)
                half = blas.dtrsm(1.0, self._factor, self._gain[block].T, lower=1)
                variance[block] -= np.einsum("ij,ij->j", half, half)
            self._cached_variance = np.maximum(variance, 0.0)
        return self._cached_variance.copy()

    def _mean_error(self):
        return self._rounding.mean * np.sqrt(self._prior.diagonal()) + EPS * np.abs(self._mean())

    def _std_error(self):
        # the variance lies within v ± slack: its root moves most downwards, unless v - slack would be negative
        variance = self._variance()
        slack = self._rounding.variance * self._prior.diagonal()
        std, low = np.sqrt(variance), np.sqrt(np.maximum(variance - slack, 0.0))
        down = np.divide(slack, std + low, out=np.zeros_like(slack), where=slack > 0)
        return np.where(slack < variance, down, np.maximum(std, np.sqrt(variance + slack) - std)) + EPS * std

    def _product(self, v):
        return self._prior.matmat(v[:, None])[:, 0] - self._gain @ self._solve(self._gain.T @ v)

    def _prior_draws(self, rng, count):
        return self._prior_mean + self._prior.sample(rng, count)

    def _draws(self, rng, count):
        """Perturbed observations: m_s = m_pr + ΓAᵀK⁻¹(d + e − A m_pr), each an exact draw."""
        draws = self._prior_draws(rng, count)
        innovation = rng.standard_normal((count, self._factor.shape[0])).T
        for survey, where in self._placed():
            innovation[where] += survey.residual(draws.T)
        draws += (self._gain @ self._solve(innovation)).T
        return draws

    def prediction_std(self):
        """Posterior std of the noise-free data, {modality name: (n_data,)}, physical units of the data."""
        out = {}
        for survey, where in self._placed():
            half = solve_triangular(self._factor, survey.colour(self._signal[where]).T, lower=True, check_finite=False)
            prior = np.diag(survey.colour(survey.colour(self._signal[where, where]).T))
            out[survey.name] = np.sqrt(np.maximum(prior - np.einsum("ij,ij->j", half, half), 0.0))
        return out

    def _evidence_or_none(self):
        return self.log_evidence()

    def log_evidence(self):
        """Log evidence, log N(d; Aμ, K), as an `Estimate` in nats; its error is the rounding as measured."""
        m = self._innovation.size
        fit = float(self._innovation @ self._weights)
        parts = [2.0 * float(np.sum(np.log(np.diag(self._factor)))), *(s.logdet for s in self._surveys)]
        tempered = any(w != 1.0 for w in self.problem.weights.values())
        note = "; exponents enter as C/w" if tempered else ""
        value = -0.5 * (fit + sum(parts) + m * np.log(2 * np.pi))
        # the parts may cancel: their own rounding counts too
        error = 0.5 * (self._rounding.fit + self._rounding.logdet) + 2 * EPS * (np.sum(np.abs(parts)) + 2 * m)
        return Estimate(value, error=error, method=f"data-space Cholesky, error measured{note}")


def _check(problem):
    if problem.bounded:
        fail("problem", "have no bounds for the dense engine", "a bounded parameter",
             'The posterior is then no Gaussian: drop the bounds, or use method="laplace" at a converged MAP.')
    if problem.prior.flat:
        fail("prior", "be proper Gaussian for the dense engine", f"flat priors on {', '.join(problem.prior.flat)}",
             "Give GaussianPrior(mean, covariance) with a broad covariance.")
    if not problem.linear_gaussian:
        kinds = [type(b).__name__ for b in problem.penalties] or ["a prior that is not Gaussian"]
        fail("problem", "be linear-Gaussian for the dense engine", f"{', '.join(kinds)}",
             'Use Matern priors with Coregionalization, or method="laplace" at a converged MAP.')
    count = sum(m.size for m in problem.modalities)
    if count > DATA_LIMIT:
        fail("problem", f"have at most {DATA_LIMIT} data for the dense engine", f"{count}", "Thin the surveys.")


def _refuse_rounding(found):
    fail("K = ÃΓÃᵀ + I", "be positive definite to rounding", found, "Raise the noise std, or lower the prior std.")


class _WhitenedSurvey:
    """Ã = √w L⁻¹ A and the whitened residual of one modality, LLᵀ its noise covariance and w its exponent.

    With `stored`, an operator that streams (prism sums at scattered stations) is kept as a matrix: every product would
    compute all its entries anew, and the engine holds a matrix of that size anyway.
    """

    def __init__(self, problem, k, stored=False):
        self._modality = problem.modalities[k]
        self._operator = problem.operator(k).stored() if stored else problem.operator(k)
        self.name, self.size = self._modality.name, self._modality.size
        self._root = np.sqrt(problem.weights[self.name])
        self.logdet = self._modality.noise.logdet() - 2 * self.size * np.log(self._root)

    def residual(self, x):
        """√w L⁻¹ (d − A x) for x of shape (n,) or (n, k)."""
        predicted = self._operator.matvec(x) if x.ndim == 1 else self._operator.matmat(x)
        data = self._modality.data
        return self._root * self._modality.noise.whiten((data if x.ndim == 1 else data[:, None]) - predicted)

    def matmat(self, x):
        """Ã X."""
        return self._root * self._modality.noise.whiten(self._operator.matmat(x))

    def rows(self, first, count):
        """Ãᵀ for `count` whitened data, shape (n, count)."""
        unit = np.zeros((self.size, count))
        unit[first + np.arange(count), np.arange(count)] = 1.0
        return self.adjoint(unit)

    def adjoint(self, white):
        """Ãᵀ V for V of shape (size, k)."""
        return self._operator.rmatmat(self._modality.noise.whiten_adjoint(self._root * white))

    def colour(self, white):
        """L v / √w: from whitened data back to physical units."""
        return self._modality.noise.colour(white) / self._root


def _through_prior(prior, surveys, data_slices):
    """ΓÃᵀ, shape (n, m)."""
    gain = np.empty((prior.size, data_slices[-1].stop))
    for survey, where in zip(surveys, data_slices, strict=True):
        for first in range(0, survey.size, COLUMNS):
            count = min(COLUMNS, survey.size - first)
            start = where.start + first
            gain[:, start : start + count] = prior.matmat(survey.rows(first, count))
    return gain


def _between_data(gain, surveys, data_slices):
    """ÃΓÃᵀ, shape (m, m): its lower triangle of survey blocks is computed, the rest is its mirror."""
    signal = np.empty((gain.shape[1],) * 2)
    for survey, where in zip(surveys, data_slices, strict=True):
        signal[where, : where.stop] = survey.matmat(gain[:, : where.stop])
        signal[: where.stop, where] = signal[where, : where.stop].T
        signal[where, where] = 0.5 * (signal[where, where] + signal[where, where].T)
    return signal


def _runs(sizes):
    ends = np.cumsum(sizes)
    return [slice(int(e - s), int(e)) for s, e in zip(sizes, ends, strict=True)]


def _consecutive(index):
    return index[-1] - index[0] + 1 == index.size
