"""The exact posterior of a linear-Gaussian problem, by a Cholesky factor in data space."""

import numpy as np
from scipy.linalg import blas, solve_triangular

from .._checks import fail
from ..augment import evidence_lacking
from ..dataset import Approximation
from ..gaussian import DENSE_DATA, CleanCovariance, DenseSystem, check_linear_gaussian, linear_gaussian, refuse_infinite
from ._data_space import UNCHECKED, DataSpacePosterior, torus_statements
from ._estimate import Estimate
from ._leave_one_out import leave_one_out_group
from ._posterior import Posterior
from ._rounding import EPS, PROBES, SAFETY, measure_rounding, std_error

DATA_LIMIT = 20_000  # the factor alone takes 3.2 GB there
CELLS = 2048  # cells per block of the variance
WORST_ROUNDING = 0.1  # of the prior variance: beyond it first-order errors mean nothing


class DensePosterior(DataSpacePosterior):
    """Exact Gaussian posterior N(μ + G K⁻¹(d − Aμ), Γ − G K⁻¹ Gᵀ), G = Cov(x, d), K = Cov(d, d) + C.

    For fields that end with the mesh G = ΓAᵀ and K = AΓAᵀ + C (Tarantola 2005, eq. 3.37); for continued fields hidden
    cells are in both. Values with a flat prior are eliminated by generalised least squares. The data-space form takes
    thousands of data with any number of cells for which the matrix G, cells x data in float64, fits in memory (37,500
    cells with 1,600 data: 0.5 GB). Use `posterior(problem, method="dense")`.

    Parameters
    ----------
    problem : JointProblem
        Linear operators, Gaussian or flat priors, no bounds, no penalties.

    Attributes
    ----------
    system : DenseSystem
        K of the whitened data, with its factor.
    clean : CleanCovariance
        Cov(x, d) and Cov(d, d) of clean data.

    Raises
    ------
    ValueError
        If the problem is bounded or not linear-Gaussian, has too many data, K is not positive definite, or neither
        prior nor data hold a flat direction.
    """

    method = "dense"

    def __init__(self, problem):
        super().__init__(problem)
        check_dense(problem)
        self._answer_with(CleanCovariance(linear_gaussian(problem, stored=True), with_gain=True))

    def separate(self):
        """Posteriors of the separate inversions, {modality name: DensePosterior}.

        With the same marginal priors, and both `Coregionalization` and no coupling keep them, the joint posterior's
        matrices hold those of every separate one: nothing is propagated again.
        """
        # a separate problem has no coupling: neither known cells of another parameter inform it, nor are two parameters
        # that one survey sees correlated, so there its matrices are its own
        known, tied, out = np.any(self.problem.known), self.problem.prior.tied, {}
        for name, alone in self.problem.separate().items():
            own = known or len(tied.intersection(alone.modalities[0].parameters)) > 1
            post = DensePosterior.__new__(DensePosterior)
            Posterior.__init__(post, alone)
            model = linear_gaussian(alone, stored=True)
            post._answer_with(CleanCovariance(model, with_gain=True) if own else self.clean.part(model))
            out[name] = post
        return out

    def _answer_with(self, clean, factor=None):
        """Mean, and what rounding has done to it."""
        self.clean, self.system = clean, DenseSystem(clean.model, factor=factor, clean=clean)
        if not np.isfinite(self.system.signal).all():
            refuse_infinite()
        self._take(*self.system.solve(self.system.residual[:, None]))
        self._rounding = measure_rounding(self.system, self.gain, self.data_weights, self._flat_mean)
        if self._rounding.variance > WORST_ROUNDING:
            fail("the data's covariance", "be positive definite to rounding",
                 f"rounding of {self._rounding.variance:.2g} of the prior variance",
                 "Raise the noise std, or lower the prior std.")
        self.approximations = self._statements()

    def _statements(self):
        return [Approximation(
            name="posterior mean, standard deviation and draws", status="exact",
            error=max(self._rounding.mean, self._rounding.variance),
            statement="Exact for the stated prior, noise and physics, by a data-space Cholesky factor: no sampling or "
            f"truncation error, rounding only. Measured by {PROBES} random products with the operators and "
            f"multiplied by {SAFETY:g}, it is {self._rounding.mean:.1e} of the prior standard deviation in the mean "
            f"and {self._rounding.variance:.1e} of the prior variance in the variance." + UNCHECKED,
        ), *torus_statements(self._model)]

    def gain(self, white):
        """Cov(x, d̃) V, shape (size, k)."""
        return self.clean.gain(self._model.whiten_adjoint(white))

    def gain_adjoint(self, x):
        """Cov(d̃, x) X, shape (n_data, k)."""
        return self._model.whiten(self.clean.gain_adjoint(x))

    def state_variance(self):
        """Posterior variance of x, (size,)."""
        if not hasattr(self, "_cached_variance"):
            variance = self._known_scale()
            root = np.linalg.cholesky(self._flat.inverse)
            for members, parts in self.clean.shared_rows(CELLS):
                held = [part.T @ self._flat.solved[first:] @ root for first, part in parts]
                products = self._products(parts)
                for where, factors in members:
                    for (a, b), product in products.items():
                        variance[where] -= (1 if a == b else 2) * factors[a] * factors[b] * product
                    known = sum(np.reshape(f, (-1, 1)) * part for f, part in zip(factors, held, strict=True))
                    variance[where] += np.sum(known**2, axis=1)
            self._cached_variance = np.maximum(variance, 0.0)
        return self._cached_variance.copy()

    def _products(self, parts):
        """Diagonals of V_aᵀ K⁻¹ V_b, {(a, b): (k,)} for a <= b, of the parts V of `CleanCovariance.shared_rows`."""
        halves = [(first, blas.dtrsm(1.0, self.system.factor[first:, first:], part, lower=1, overwrite_b=1))
                  for first, part in parts]
        return {(a, b): np.einsum("ij,ij->j", u[max(second - first, 0):], v[max(first - second, 0):])
                for b, (second, v) in enumerate(halves) for a, (first, u) in enumerate(halves[: b + 1])}

    def state_mean_error(self):
        """Error of the mean of x, (size,)."""
        return self._rounding.mean * np.sqrt(self._known_scale()) + EPS * np.abs(self.state_mean())

    def state_std_error(self):
        """Error of the std of x, (size,)."""
        return std_error(self.state_variance(), self._rounding.variance * self._known_scale())

    def joint_draws(self, rng, count):
        """Perturbed observations, each an exact draw of x and of the clean data: (count, size), (count, n_data)."""
        draws, clean = self._model.draw(rng, count)
        perturbed = self.system.residual[:, None] + rng.standard_normal((count, self.system.size)).T
        change, weights, _ = self.respond(perturbed - self._model.whiten(clean.T))
        draws += change.T + self._model.prior_mean
        return draws, (self._model.data_mean[:, None] + self._model.colour(perturbed - weights)).T

    def prediction_std(self):
        """Posterior std of the noise-free data, {modality name: (n_data,)}, physical units of the data."""
        out, flat = {}, self._model.colour(self._flat.solved)
        for m, where in zip(self.problem.modalities, self._model.data_slices, strict=True):
            root = np.sqrt(self.problem.weights[m.name])
            half = solve_triangular(self.system.factor, m.noise.colour(self.system.signal[where]).T / root, lower=True,
                                    check_finite=False)
            prior = np.diag(m.noise.colour(m.noise.colour(self.system.signal[where, where]).T)) / root**2
            held = np.einsum("iq,qr,ir->i", flat[where], self._flat.inverse, flat[where])
            out[m.name] = np.sqrt(np.maximum(prior - np.einsum("ij,ij->j", half, half) + held, 0.0))
        return out

    def extra_groups(self):
        """Groups of the dataset that this engine adds: every datum left out by itself, up to 6,000 data."""
        return super().extra_groups() | (leave_one_out_group(self.system) if self.system.size <= DENSE_DATA else {})

    def evidence_or_none(self):
        """Log evidence as an `Estimate`, or None."""
        return None if self._flat.index.size else self.log_evidence()

    def log_evidence(self):
        """Log evidence, log N(d; Aμ, K), as an `Estimate` in nats; its error is the rounding as measured."""
        self.problem.prior.refuse_flat("for an evidence")
        count, fit = self.system.size, float(self.system.residual @ self.data_weights)
        parts = [self.system.log_determinant().value, self._model.noise_logdet()]
        tempered = any(w != 1.0 for w in self.problem.weights.values())
        note = "; exponents enter as C/w" if tempered else ""
        value = -0.5 * (fit + sum(parts) + count * np.log(2 * np.pi)) + evidence_lacking(self.problem)
        # the parts may cancel: their own rounding counts too
        error = 0.5 * (self._rounding.fit + self._rounding.logdet) + 2 * EPS * (np.sum(np.abs(parts)) + 2 * count)
        return Estimate(value, error=error, method=f"data-space Cholesky, error measured{note}")


def check_dense(problem):
    """Refuse what the dense engine cannot hold: bounds, penalties, too many data."""
    check_linear_gaussian(problem, "dense")
    if problem.data_size > DATA_LIMIT:
        fail("problem", f"have at most {DATA_LIMIT} data for the dense engine", f"{problem.data_size}",
             'Use method="iterative", or thin the surveys.')
