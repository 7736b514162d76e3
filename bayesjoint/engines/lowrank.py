"""The low-rank posterior: exact given the leading directions of the data, with what the rest would add measured."""


import numpy as np
from scipy.stats import chi2

from .._checks import as_count, as_positive, warn
from ..dataset import Approximation
from ..gaussian import System, linear_gaussian
from ._data_space import UNCHECKED, DataSpacePosterior, torus_statements
from ._rounding import EPS
from ._subspace import DataSubspace

FIRST = 32  # directions tried first; then half as many again as there are
PROBES = 64  # of the discarded part
MISSES = 1e-3  # chance that the discarded part exceeds what is reported, if it lies in a single direction
CONFIDENCE = PROBES / chi2.ppf(MISSES, PROBES)  # 1.85
WORTH_MEASURING = 1e3  # signal over noise variance of what is left out; above it solves take hundreds of steps
FEW = 16  # for looks on the way: other data than those that decide
LOOK_TOLERANCE, PROBE_TOLERANCE, MEAN_TOLERANCE = 1e-2, 1e-4, 1e-10
LARGEST_BYTES = 4e9


class LowRankWarning(UserWarning):
    """The truncation of a low-rank posterior matters: standard deviations are too large by more than was allowed."""


class LowRankPosterior(DataSpacePosterior):
    """Posterior given r directions Qᵀd of the whitened data: covariance Γ − G̃Q(QᵀS̃Q + I)⁻¹QᵀG̃ᵀ, exact mean.

    Q spans the leading eigenvectors of S̃ = ÃΓÃᵀ, by a randomised double-pass range finder. Whatever Q is, this is an
    exact posterior that has seen less, so that **standard deviations are too large, never too small**. What the other
    directions would take away is measured with random data: the mean given all of them less the mean given Qᵀd has
    exactly the missing covariance. Use ``posterior(problem, method="lowrank")``.

    Low rank pays where the informative directions are few; often they are not (they count the wavenumbers at which
    signal exceeds noise), and then the rank that meets the tolerance is near the number of data.

    Parameters
    ----------
    problem : JointProblem
        Linear operators, Gaussian priors, no bounds, no penalties.
    tolerance : float, default 0.05
        Allowed variance left out, as a share of the reduction retained, summed over each parameter's cells: 5 % of
        variance is about what a user would call the same map. Directions are added until it holds with confidence.
    rank : int, optional
        Keep so many directions instead, whatever they leave out; a `LowRankWarning` says so when that is above
        `tolerance`.
    oversampling : int, default 16
        Random directions beyond `rank` while looking for the leading ones.
    seed : int or numpy.random.Generator, default 0

    Attributes
    ----------
    rank : int
        Directions kept.
    eigenvalues : ndarray, shape (rank,)
        Their signal-to-noise variances λ.
    retained_trace, trace_error : float
        Trace over the state vector of the variance reduction that is kept, and an upper confidence bound on the trace
        left out (it exceeds the truth by 1.85 on average, and falls short of it once in a thousand at worst).
    discarded_share : dict of float
        {parameter: upper bound on the variance left out over the reduction retained}.

    Raises
    ------
    ValueError, TypeError
        If the problem is not linear-Gaussian, has a flat prior, or the factors do not fit 4 GB.
    """

    method = "lowrank"

    def __init__(self, problem, tolerance=0.05, rank=None, oversampling=16, seed=0):
        super().__init__(problem)
        self.tolerance = float(as_positive("tolerance", tolerance, 0))
        self.system = System(linear_gaussian(problem, purpose=self.method))
        problem.prior.refuse_flat("for the lowrank engine")
        rng = np.random.default_rng(seed)
        self._subspace = DataSubspace(self._model, rng, LARGEST_BYTES)
        _, clean = self._model.draw(rng, PROBES + FEW)  # data from the prior predictive
        probes = self._model.whiten(clean.T) + rng.standard_normal((self._model.data_size, PROBES + FEW))
        if rank is None:
            self._adapt(probes)
            self.eigenvalues = self._subspace.cut(self._subspace.rank)  # turned into eigenvectors, none dropped
        else:
            self._subspace.grow(as_count("rank", rank, error=TypeError)
                                + as_count("oversampling", oversampling, 0, error=TypeError))
            self.eigenvalues = self._subspace.cut(rank)
            self._measure(probes[:, :PROBES], PROBE_TOLERANCE)
        self.rank = self._subspace.rank
        beyond, within, left = self._subspace.solve(self.system.residual[:, None], MEAN_TOLERANCE)
        self._take(beyond + within, left)
        self.approximations = [*self._statements(), *torus_statements(self._model)]
        if self._worst > self.tolerance:
            warn(self.approximations[0].statement, LowRankWarning)

    # -- building ----------------------------------------------------------------------------------------------------
    def _adapt(self, probes):
        """Add directions until what is left out is below `tolerance`; first looks take few probes and loose solves."""
        looks, probes = probes[:, PROBES:], probes[:, :PROBES]
        self._subspace.grow(FIRST)
        while self._subspace.rank < self._model.data_size:
            if self._subspace.trailing <= WORTH_MEASURING:
                self._measure(looks, LOOK_TOLERANCE)
                if self._worst <= self.tolerance:
                    self._measure(probes, PROBE_TOLERANCE)
                    if self._worst <= self.tolerance:
                        return
            self._subspace.grow(max(FIRST, self._subspace.rank // 2))
        self._measure(probes, PROBE_TOLERANCE)

    def _measure(self, probes, tolerance):
        """What is kept, and what is left out: everywhere, by parameter and in all."""
        self._reduction = self._subspace.variance_reduction()
        missed, _, _ = self._subspace.solve(probes, tolerance)
        self._left_out = CONFIDENCE * np.mean(self.gain(missed) ** 2, axis=1)
        self._left_out += EPS * self._model.data_size * self._model.prior_variance()
        self.retained_trace, self.trace_error = float(self._reduction.sum()), float(self._left_out.sum())
        self.discarded_share = {
            name: float(self._left_out[where].sum() / max(self._reduction[where].sum(), np.finfo(float).tiny))
            for name, where in self.problem.slices.items()}
        self._worst = max(self.discarded_share.values())

    def _statements(self):
        shares = ", ".join(f"{share:.2%} of {name}'s" for name, share in self.discarded_share.items())
        short = "" if self._worst <= self.tolerance else (
            f"That is more than the {self.tolerance:.2%} allowed: raise rank above {self.rank}, or leave it out so "
            'that it is chosen, or use method="dense" or "iterative". ')
        return [
            Approximation(
                name="low-rank standard deviation and draws", status="measured", error=self._worst,
                statement=f"{short}Given {self.rank} of {self._model.data_size} directions of the data; standard "
                f"deviations are too large, never too small. The variance left out is at most {shares} reduction of "
                f"variance (measured with {PROBES} random data sets, with a confidence of at least "
                f"{1 - MISSES:.1%}). The error of every cell's standard deviation says how far down it may lie."),
            Approximation(
                name="posterior mean", status="bounded", error=self._off,
                statement="From all data by deflated conjugate gradients, not truncated; the error bounds its distance "
                "from the mean that is exact for the stated prior, in prior standard deviations." + UNCHECKED),
        ]

    # -- answers -----------------------------------------------------------------------------------------------------
    def _solve(self, white):
        return self._subspace.project(white)

    def _answer(self, white):
        return sum(self._subspace.solve(white, MEAN_TOLERANCE)[:2])

    def state_variance(self):
        """Posterior variance of x, (size,)."""
        return np.maximum(self._model.prior_variance() - self._reduction, 0.0)

    def state_std_error(self):
        """How far the exact standard deviation may lie below the one given."""
        variance = self.state_variance()
        return np.sqrt(variance) - np.sqrt(np.maximum(variance - self._left_out, 0.0))

    def joint_draws(self, rng, count):
        """Draws of x and of the clean data: (count, size), (count, n_data)."""
        draws, clean = self._model.draw(rng, count)
        seen = self._subspace.basis.T @ self._model.whiten(clean.T)
        weights = self._subspace.inner(rng.standard_normal(seen.shape) - seen)
        draws += self.state_mean() + (self._subspace.gain @ weights).T
        clean += self.predicted_data() + self._model.colour(self._subspace.signal @ weights).T
        return draws, clean
