"""Assimilation at survey size: exact draws carried along from survey to survey."""

import numpy as np

from .._checks import as_count, fail
from .._places import blocks
from ..dataset import Approximation
from ..engines import LOOSEST, Estimate, IterativePosterior
from ._order import in_order, step_slices
from ._steps import Assimilated, History, step_of

FEWEST = 8
PROBES = 64  # at most, for each log determinant
LOGDET_ERROR = 0.2  # aimed at, nats: few probes guess their own error badly


class EnsemblePosterior(Assimilated, IterativePosterior):
    """The iterative posterior of all surveys, with an ensemble that went through them one by one; use `assimilate`.

    Every member is a joint prior draw of the model and of all clean data with a draw of the noise; at step k it becomes
    m_s = m_pr + G_k K_k⁻¹ (d + e − A m_pr) with the data so far (randomise, then optimise: Bardsley et al. 2014), an
    exact draw of that step's posterior. The members of one step are thus those of the step before, moved. No gain is
    estimated from them, in which an ensemble Kalman filter (Evensen 2009) differs: there the analysis takes the sample
    covariance of N members for the covariance, so that its variance comes out too small, the more so the more data
    directions there are for each member, spurious correlations need localisation and collapse needs inflation.

    Parameters
    ----------
    problem : JointProblem
        Linear-Gaussian, its modalities in the order of `steps`.
    steps : tuple of tuple of str
        Modalities of every step.
    members : int, default 64
        At least 8; their standard deviations are then known to 9 %.
    tolerance : float, default 1e-3
        Of the solves for members, at most 1e-3.
    evidence : bool, default True
        Estimate log determinants, for bits and log evidence of each step; at survey size that costs as much as the
        members.
    seed : int, default 0

    Attributes
    ----------
    history : History
        A `Step` each, with errors.
    members : dict of ndarray
        {parameter: (member, *shape)} after the last step, physical units.
    """

    method = "ensemble"

    def __init__(self, problem, steps, members=64, tolerance=LOOSEST, evidence=True, seed=0):
        members = as_count("members", members, FEWEST, "64 give stds to 9 %.")
        super().__init__(problem, tolerance=tolerance, seed=seed)
        self.reason = "surveys were taken up one after another, with too many data for a factor"
        self.steps, self._evidence = steps, evidence
        rng = np.random.default_rng(seed)
        prior, clean = self._model.draw(rng, members)
        self._prior_members = prior + self._model.prior_mean
        self._perturbed = self.system.residual[:, None] - self._model.whiten(clean.T)
        self._perturbed += rng.standard_normal(clean.shape).T
        self._variances, self.history = np.empty((len(steps), problem.size)), None
        self._carry()
        self.approximations = self._statements()

    def _carry(self):
        """Take the members through the steps."""
        out, before = [], np.zeros(4)
        for k, where in enumerate(step_slices(self.problem, self.steps)):
            post = self if k == len(self.steps) - 1 else self._leading(k)
            x = self._moved(post, where.stop)
            self._variances[k] = np.mean((x - post.state_mean()) ** 2, axis=0)
            now, words = self._account(post)
            out.append(self._step(k, before, now, words))
            before = now
        self.members, self.history = self.problem.unpack(x), History(out)

    def _leading(self, k):
        """The posterior after the first k + 1 steps."""
        problem = in_order(self.problem, self.steps[: k + 1])
        try:
            return IterativePosterior(problem, self.tolerance, seed=self._seed)
        except ValueError as error:
            if k == 0 and self.problem.prior.flat and str(error).startswith("prior must"):
                fail("order", "begin with surveys that determine every parameter with a flat prior",
                     f"{' + '.join(self.steps[0])}", f"Put those that do first, or give a proper prior. ({error})")
            raise

    def _moved(self, post, count):
        """Members after the step whose posterior is `post`, shape (members, size)."""
        out = self._prior_members.copy()
        for block in blocks(out.shape[0], post.system.width()):
            right = self._perturbed[:count, block]
            out[block] += post.respond(right, solved=post.solve_draws(right))[0].T
        return out

    def _account(self, post):
        """(χ² of all data so far, its error, log det of their covariance, its error), and how that came about."""
        fit = float(post.system.residual @ post.data_weights)
        fit_error = float(np.linalg.norm(post.data_left) * np.linalg.norm(post.data_weights))
        if not self._evidence:
            return (fit, fit_error, np.nan, np.nan), "not asked for"
        rng = np.random.default_rng(self._seed)
        value, spread, bias, words = post.system.log_determinant(rng, LOGDET_ERROR, PROBES)
        value -= np.linalg.slogdet(post.system.flat.inverse)[1]
        return (fit, fit_error, value, float(np.hypot(spread, bias))), words

    def _step(self, k, before, now, words):
        chi2, chi2_error, roots = now[0] - before[0], now[1] + before[1], now[2] - before[2]
        error = float(np.hypot(now[3], before[3]))
        errors = {"chi2": (chi2_error, "conjugate gradients, bound from the residual"),
                  "information": (0.5 * error / np.log(2), words), "log_evidence": (0.5 * (error + chi2_error), words)}
        return step_of(self.problem, self.steps[k], chi2, roots, self._variances[k], self._model.prior_variance(),
                       lambda key, value: Estimate(value, errors[key][0], method=errors[key][1]),
                       0 if k else self._flat.index.size, self.member_error)

    @property
    def member_error(self):
        """Standard error of a std that the members give, as a share of it: 1/√(2N) about a mean that is known."""
        return 1.0 / np.sqrt(2.0 * self._prior_members.shape[0])

    def member_std(self, step=-1):
        """Standard deviation of the members about the exact mean after a step, {parameter: array}, physical units.

        `std` of the same posterior is more precise after the last step; this one is there for every step.
        """
        if isinstance(step, bool) or not isinstance(step, (int, np.integer)) or not (
                -len(self.steps) <= step < len(self.steps)):
            fail("step", f"be below {len(self.steps)}", repr(step), "Count from zero.")
        return self.problem.unpack(np.sqrt(self._variances[step]))

    def _statements(self):
        said = super()._statements()
        if not hasattr(self, "steps") or self.history is None:
            return said
        count = self._prior_members.shape[0]
        return [*said, Approximation(
            name="ensemble", status="measured", error=self.member_error,
            statement=f"{count} members, each an exact draw of the posterior after every step up to the tolerance of "
            f"its solve, went through {self.order_words}. Their standard deviations "
            f"have a standard error of {self.member_error:.1%} and are too small by {0.25 / count:.2%} on average; "
            f"their sample covariance has rank {count} and spurious correlations of {1 / np.sqrt(count):.2f}. No "
            "update uses it, so that the biases of an ensemble Kalman filter (variance too small, inflation, "
            "localisation) do not arise. Mean and χ² come from solves without members.")]
