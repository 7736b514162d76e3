"""Posteriors of a state that moves on between surveys."""

from functools import cached_property

import numpy as np

from .._checks import fail
from ..dataset import Approximation
from ..engines import EPS, SAFETY, UNCHECKED, Estimate, Posterior, std_error
from ..gaussian import check_linear_gaussian
from ._filtering import Filtered, Observed
from ._order import in_order
from ._steps import Assimilated, History, rounded, step_of
from ._transition import picked_diagonal

PROBES = 4
NONLINEAR_DRAWS = 200


class StatePosterior(Posterior):
    """The state at one step, given the data up to some step: N(μ + Wε, Γ − WWᵀ).

    Parameters
    ----------
    whole : TimeLapsePosterior
        Where it comes from.
    step : int
        Which state.
    gain : ndarray, shape (size, k)
        W: covariance with the first k innovations.
    """

    method = "assimilated"

    def __init__(self, whole, step, gain):
        Posterior.__init__(self, in_order(whole.all, whole.steps[step : step + 1]))
        self.reason = "surveys were taken up one after another while the state moved on"
        self._whole, self._step, self._gain = whole, step, gain
        self.approximations = whole.approximations

    @property
    def _run(self):
        return self._whole.run

    def state_mean(self):
        """Posterior mean of x, (size,)."""
        return self._run.means[self._step] + self._gain @ self._run.innovations[: self._gain.shape[1]]

    def state_variance(self):
        """Posterior variance of x, (size,)."""
        explained = np.einsum("ij,ij->i", self._gain, self._gain)
        return np.maximum(self.prior_state_variance() - explained, 0.0)

    def state_product(self, v):
        """Posterior covariance of x times V."""
        columns = v[:, None] if v.ndim == 1 else v
        out = self.prior_state_product(columns) - self._gain @ (self._gain.T @ columns)
        return out.reshape(v.shape)

    def state_draws(self, rng, count):
        """Draws of x, (count, size)."""
        return self._whole._paths(rng, count, {self._step: self._gain})[self._step]

    def prior_state_variance(self):
        """Prior variance of x, (size,)."""
        return self._run.covariances[self._step].diagonal()

    def prior_state_product(self, vectors):
        """Prior covariance of x times V, (size, k)."""
        return self._run.covariances[self._step].matmat(vectors)

    def prior_state_mean(self):
        """Prior mean of x, (size,)."""
        return self._run.means[self._step]

    def prior_state_draws(self, rng, count):
        """Prior draws of x, (count, size)."""
        return self._run.draw(rng, count)[self._step].T + self.prior_state_mean()

    def state_mean_error(self):
        """Error of the mean of x, (size,)."""
        return self._whole.rounding * np.sqrt(self.prior_state_variance()) + EPS * np.abs(self.state_mean())

    def state_std_error(self):
        """Error of the std of x, (size,)."""
        return std_error(self.state_variance(), self._whole.rounding * self.prior_state_variance())

    def prediction_std(self):
        """Posterior std of the noise-free data of this step, {modality name: (n_data,)}, physical units."""
        out = {}
        for m in self.problem.modalities:
            operator = self.problem.operator(m.name)
            spread = operator.matmat(self.state_product(operator.rmatmat(np.eye(m.size))))
            out[m.name] = np.sqrt(np.maximum(np.diag(spread), 0.0))
        return out


class TimeLapsePosterior(Assimilated, StatePosterior):
    """The state at the last step given all surveys, with every earlier state beside it; use `assimilate`.

    Parameters
    ----------
    problem : JointProblem
        Linear-Gaussian with proper priors and fields that end with the mesh; its modalities in the order of `steps`.
    steps : tuple of tuple of str
        Modalities of every step.
    state : StateModel
        How the state moves on.

    Attributes
    ----------
    all : JointProblem
        The problem with the surveys of every step; `problem` has those of the last.
    history : History
        A `Step` each.
    rounding : float
        Measured, as a share of the prior standard deviation and variance.
    """

    def __init__(self, problem, steps, state):
        check_linear_gaussian(problem, "time-lapse")
        problem.prior.refuse_hidden()
        problem.prior.refuse_flat("where the state moves")
        self.all, self.steps, self.state = problem, steps, state
        mean, covariance = problem.prior.gaussian_moments()
        self.run = Filtered(mean, covariance, state.moves(problem, len(steps)), [Observed(problem, s) for s in steps])
        self._smoothed = self.run.smooth()
        self.rounding, self.approximations = _rounding(self.run, self._smoothed), []
        super().__init__(self, len(steps) - 1, self._smoothed[-1])
        self.approximations = self._statements()

    # -- states -------------------------------------------------------------------------------------------------------
    def smoothed(self, step):
        """The state at a step, counted from 0, given the data of all steps: a `StatePosterior`."""
        return StatePosterior(self, self._index(step), self._smoothed[step])

    def filtered(self, step):
        """The state at a step, counted from 0, given the data up to it: a `StatePosterior`."""
        return StatePosterior(self, self._index(step), self.run.gains[step])

    def after(self, steps):
        """The state at the last of the first `steps` steps given their data: ``filtered(steps - 1)``."""
        return self.filtered(self._index(steps - 1))

    def _index(self, step):
        if isinstance(step, bool) or not isinstance(step, (int, np.integer)) or not 0 <= step < len(self.steps):
            fail("step", f"be 0 to {len(self.steps) - 1}", repr(step), "Count from zero; `after` counts from one.")
        return int(step)

    def change(self, first, last):
        """What changed between two steps, given the data of all steps.

        Parameters
        ----------
        first, last : int
            Steps, counted from 0.

        Returns
        -------
        mean, std : dict of ndarray
            {parameter: array} of m_last − m_first, physical units. Its std is no sum of theirs: what stays the same
            cancels.
        """
        a, b = sorted((self._index(first), self._index(last)))
        sign = 1.0 if last >= first else -1.0
        gain, run = self._smoothed[b] - self._smoothed[a], self.run
        mean = sign * (run.means[b] - run.means[a] + gain @ run.innovations)
        before, after = run.covariances[a].diagonal(), run.covariances[b].diagonal()
        variance = before + after - 2 * _crossed(run, a, b, before) - np.einsum("ij,ij->i", gain, gain)
        return self.all.unpack(mean), self.all.unpack(np.sqrt(np.maximum(variance, 0.0)))

    def trajectories(self, draws=200, seed=0):
        """Joint draws of the states of all steps.

        Parameters
        ----------
        draws : int, default 200
        seed : int or numpy.random.Generator, default 0

        Returns
        -------
        dict of ndarray
            {parameter: (draw, step, *shape)}, physical units.
        """
        paths = self._paths(np.random.default_rng(seed), draws, dict(enumerate(self._smoothed)))
        return self.all.unpack(np.stack(list(paths.values()), axis=1))

    def _paths(self, rng, count, gains):
        """Draws of the states in `gains`, {step: (count, size)}, by perturbed observations."""
        run, prior = self.run, self.run.draw(rng, count)
        seen = np.concatenate([epoch.see(x) for epoch, x in zip(run.observed, prior, strict=True)])
        white = run.innovations[:, None] - run.whitened(seen + rng.standard_normal(seen.shape))
        return {t: (run.means[t][:, None] + prior[t] + gain @ white[: gain.shape[1]]).T for t, gain in gains.items()}

    # -- steps --------------------------------------------------------------------------------------------------------
    @cached_property
    def history(self):
        """What every step said and left, a `History`; std left is that of the step's own state."""
        out, method = [], f"Kalman filter{self._label()}, rounding as measured"
        for t, (names, where) in enumerate(zip(self.steps, self.run.runs, strict=True)):
            part, count = self.run.innovations[where], where.stop - where.start
            chi2, roots = float(part @ part), 2.0 * float(np.sum(np.log(np.diag(self.run.roots[t]))))
            here = self.filtered(t)
            size = {"chi2": 2 * (chi2 + 1), "information": count, "log_evidence": chi2 + count + 1}
            out.append(step_of(
                self.all, names, chi2, roots, here.state_variance(), here.prior_state_variance(),
                estimate=lambda key, value, size=size: rounded(value, self.rounding * size[key], method)))
        return History(out)

    def _label(self):
        return "" if all(move.linear for move in self.run.moves) else " of the linearised model"

    def log_evidence(self):
        """Log evidence of the surveys of all steps, the sum of what each step gained, as an `Estimate` in nats."""
        parts = [step.log_evidence for step in self.history]
        return Estimate(sum(map(float, parts)), sum(p.error for p in parts), method=parts[0].method)

    def evidence_or_none(self):
        """Log evidence as an `Estimate`, or None."""
        return self.log_evidence()

    def _statements(self):
        out = [Approximation(
            name="states", status="exact", error=self.rounding,
            statement=f"Kalman filter and smoother over {len(self.steps)} steps{self._label()}: the posterior of all "
            "states given all surveys, without truncation. Rounding, measured by products that take another road and "
            f"multiplied by {SAFETY:g}, is {self.rounding:.1e} of the prior standard deviation and variance."
            + UNCHECKED)]
        if self._label():
            error = _curvature(self)
            out.append(Approximation(
                name="linearised transition", status="measured", error=error,
                statement="A factor of the state model is unknown, so that it multiplies another unknown; each move "
                "was linearised about the estimate of its moment (extended Kalman filter). Draws of the state moved by "
                f"the model itself depart from the linearised move by at most {error:.1%} of the forecast's standard "
                "deviation (root mean square over the cells of a parameter, worst move). What this does to later "
                "states is not bounded by it."))
        return out


def _crossed(run, first, last, before):
    """Diagonal of Cov(x_last, x_first) without data: Φ Γ_first with Φ the moves between."""
    factor, mixed = np.ones(before.size), np.zeros(before.size, dtype=bool)
    moves = run.transitions[first:last]
    for move in moves:
        own, other = move.multiples()
        factor, mixed = factor * own, mixed | other
    out = factor * before

    def product(x):
        for move in reversed(moves):
            x = move.adjoint(x)
        return run.covariances[first].matmat(x)

    out[mixed] = picked_diagonal(product, before.size, np.flatnonzero(mixed))
    return out


def _rounding(run, gains):
    """Rounding of the smoother against products of the state model with data, which use none of its gains.

    For data y the smoother's states x leave K⁻¹y = y − Ãx, so that ρ = y − K(y − Ãx) and x − Cov(x, d̃)(y − Ãx) vanish
    but for rounding. With K = LLᵀ the error of the mean is at most ‖L⁻¹ρ‖ of the prior std beside the second; draws of
    the data stand in for other data, hence for the gains.
    """
    rng = np.random.default_rng(0)
    seen = [epoch.data - epoch.see(mean[:, None])[:, 0] for epoch, mean in zip(run.observed, run.means, strict=True)]
    drawn = np.concatenate([epoch.see(x) for epoch, x in zip(run.observed, run.draw(rng, PROBES), strict=True)])
    white = np.column_stack([np.concatenate(seen), drawn + rng.standard_normal(drawn.shape)])
    innovations = run.whitened(white)
    states = [gain @ innovations for gain in gains]
    fitted = np.concatenate([epoch.see(x) for epoch, x in zip(run.observed, states, strict=True)])
    again = run.signal(white - fitted)
    image = np.concatenate([epoch.see(x) for epoch, x in zip(run.observed, again, strict=True)])
    worst = np.linalg.norm(run.whitened(fitted - image), axis=0)
    for x, y, covariance in zip(states, again, run.covariances, strict=True):
        std = np.sqrt(covariance.diagonal())
        free = std > 0
        worst += np.abs((x - y)[free] / std[free, None]).max(axis=0, initial=0.0)
    return float(SAFETY * worst.max() + 4 * EPS)


def _curvature(post):
    """Largest departure of moved draws from the linearised move, in forecast standard deviations."""
    run, worst = post.run, 0.0
    for t, (move, linear) in enumerate(zip(run.moves, run.transitions, strict=True)):
        if move.linear:
            continue
        x = post.filtered(t).state_draws(np.random.default_rng(t), NONLINEAR_DRAWS).T
        off = move.forecast(x) - linear.apply(x) - linear.drift[:, None]
        variance = run.covariances[t + 1].diagonal()
        gain = linear.apply(run.gains[t])
        variance -= np.einsum("ij,ij->i", gain, gain)
        for where in post.all.slices.values():
            worst = max(worst, float(np.sqrt(np.mean(off[where] ** 2) / max(np.mean(variance[where]), EPS))))
    return worst
