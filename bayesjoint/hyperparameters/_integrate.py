"""Integration over hyperparameters: importance sampling around the mode, and the mixture of posteriors it makes."""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, ndtr, ndtri
from scipy.stats import chi2, multivariate_t, norm, qmc

from .._checks import fail
from ..dataset import Approximation
from ..engines import BLOCK, Drawn, Estimate, SummarisedPosterior, posterior
from ._order import turned

FREEDOM = 5  # of the Student proposal: tails heavier than any posterior of log scales met
WIDER = 1.5  # than the curvature says: the tail towards no noise or no field falls off slowly
WIDEST = 1.5  # standard deviation in log value where the curvature gives none
FEWEST = 25  # points: fewer have no tail to fit a Pareto shape to
HELD_BYTES = 4e8  # of draws made together, so that a component serves many blocks
NEGLIGIBLE = 1e-4  # of the weight together: components beyond it are left out
WORST_K = 0.7  # above it importance weights are not to be trusted (Vehtari et al. 2024),
BISECTIONS = 60  # halvings of the bracket of a quantile: to rounding
SHARES = 0.15, 0.4  # nor if fewer of the points are effective; above the second, few points make the shape uncertain


@dataclass(frozen=True, kw_only=True)
class Weighted:
    """Points in hyperparameter space with importance weights.

    Parameters
    ----------
    theta : ndarray, shape (n, size)
        In the search's coordinates.
    weight : ndarray, shape (n,)
        Pareto-smoothed, adding up to one.
    effective : float
        Effective number of points, 1 / Σ w².
    pareto_k : float
        Shape of the weights' tail: below 0.7 the average exists and is estimated well.
    log_evidence : Estimate
        log p(d), hyperparameters integrated out under their weak priors normalised within the bounds, nats; under flat
        ones, which are improper, only up to a constant.
    """

    theta: np.ndarray
    weight: np.ndarray
    effective: float
    pareto_k: float
    log_evidence: object

    @property
    def trusted(self):
        """Whether averages over the points mean something."""
        share = self.effective / self.weight.size
        return share > SHARES[1] or (share > SHARES[0] and self.pareto_k < WORST_K)


def proposal(hessian, width):
    """Mean-zero proposal scale from a curvature: columns of a root of its inverse, never wider than `width`.

    Where the log posterior is flat or curves upwards, at a bound for one, the width stands in.
    """
    values, vectors = np.linalg.eigh(-hessian)
    return vectors / np.sqrt(np.maximum(values, width**-2.0))


def weigh(objective, theta, hessian, count, seed):
    """Importance sampling of log evidence plus log prior, from a Student distribution at the mode.

    Points are scrambled Sobol points, so that few go far. Outside the bounds the weight is zero.

    Parameters
    ----------
    objective : EvidenceObjective
    theta, hessian : ndarray
        Mode and Hessian there.
    count : int
    seed : int or numpy.random.Generator

    Returns
    -------
    Weighted
    """
    from arviz_stats.base import array_stats

    root, size = WIDER * proposal(hessian, WIDEST), theta.size
    engine = qmc.Sobol(size + 1, seed=np.random.default_rng(seed))
    uniform = np.clip(engine.random_base2(int(np.ceil(np.log2(count))))[:count], 1e-9, 1 - 1e-9)
    normal = norm.ppf(uniform[:, :size])
    stretch = np.sqrt(FREEDOM / chi2.ppf(uniform[:, size], FREEDOM))
    points = theta + (normal * stretch[:, None]) @ root.T
    density = multivariate_t.logpdf(points, theta, root @ root.T, FREEDOM)
    low, high = objective.vector.bounds.T
    inside = np.all((points >= low) & (points <= high), axis=1)
    target = np.full(count, -np.inf)
    straight = np.arange(size)
    for k in np.flatnonzero(inside):
        if not np.array_equal(turned(objective.vector, points[k]), straight):
            continue  # the same problem in another order of its parts
        value, _ = objective.evidence.evaluate(points[k], gradient=False)
        target[k] = value + objective.vector.log_prior(points[k])[0]
    kept = np.isfinite(target)
    ratio = target[kept] - density[kept]
    if kept.sum() < FEWEST:
        fail("draws", f"leave at least {FEWEST} points inside the bounds", f"{int(kept.sum())} of {count}", "Raise it.")
    smooth, shape = array_stats.psislw(-ratio)  # it takes what leave-one-out gives it: weights' negative logarithms
    weight = np.exp(smooth - logsumexp(smooth))
    total = logsumexp(ratio) - np.log(count)
    mass = 0.0 if objective.vector.flat else objective.vector.log_prior_mass()
    spread = np.sqrt(max(np.mean(np.exp(2 * (ratio - total))) * kept.mean() - 1.0, 0.0) / count)
    evidence = Estimate(total - mass, error=float(spread), method=f"{count} importance draws over {size} "
                        "hyperparameters")
    return Weighted(theta=points[kept], weight=weight, effective=float(1 / np.sum(weight**2)), pareto_k=float(shape),
                    log_evidence=evidence)


class MixturePosterior(SummarisedPosterior):
    """Posterior that carries the uncertainty of its hyperparameters: Σ_s w_s p(m | d, θ_s).

    Mean and variance by the laws of total expectation and total variance. Components are made one at a time and kept
    as mean and variance; draws and products make them anew.

    Parameters
    ----------
    problem : JointProblem
        At the mode: what parameters and surveys there are.
    vector : HyperVector
    points : Weighted
    engine : str
        Method of every component, as in `posterior`.
    """

    method = "mixture"

    def __init__(self, problem, vector, points, engine="auto"):
        super().__init__(problem)
        order = np.argsort(-points.weight)
        dropped = 1 - np.cumsum(points.weight[order])
        kept = order[: int(np.searchsorted(-dropped, -NEGLIGIBLE)) + 1]
        self.points, self.engine, self._vector = points, engine, vector
        self._theta, self._weight = points.theta[kept], points.weight[kept] / points.weight[kept].sum()
        answers = [self._answers(t) for t in self._theta]
        means, variances, errors, predictions = (np.array([a[i] for a in answers]) for i in range(4))
        self._means, self._variances, self._predictions = means, variances, predictions
        center = self._weight @ means
        away = means - center
        spread = self._weight @ (variances + away**2)
        off = variances + away**2 - spread
        error = np.sqrt(self._weight**2 @ away**2) + self._weight @ errors
        std_error = np.sqrt(self._weight**2 @ off**2) / (2 * np.sqrt(np.maximum(spread, 1e-300)))
        self._moments = np.stack([center, spread, error, std_error])
        self.approximations = [self._statement(float(dropped[kept.size - 1]))]

    def _component(self, theta):
        return posterior(self._vector.rebuild(theta), self.engine)

    def _answers(self, theta):
        one = self._component(theta)
        return one.state_mean(), one.state_variance(), one.state_mean_error(), one.predicted_data()

    def _statement(self, dropped):
        share = 1.0 - np.sum(self._weight @ self._variances) / np.sum(self._moments[1])
        doubt = "" if self.points.trusted else (
            " The weights are too unequal for their average to be trusted: raise `draws`.")
        return Approximation(
            name="integration over hyperparameters", status="measured" if not doubt else "not validated",
            error=float(1 / np.sqrt(self.points.effective)),
            statement=f"A mixture of {self._weight.size} posteriors over {self._vector.size} hyperparameters, weighted "
            f"by importance sampling: effective number {self.points.effective:.1f}, Pareto k "
            f"{self.points.pareto_k:.2f}, weight left out {dropped:.1e}. Uncertain hyperparameters make up "
            f"{100 * share:.1f} % of the variance. The error is that of an average over them, as a share of its "
            f"spread.{doubt}")

    def interval_words(self, parameter):
        """What the interval of a parameter is, in words."""
        return "equal-tailed, of a mixture of Gaussians, for the stated prior"

    def state_quantiles(self, levels):
        """Of the mixture, by bisection between the components' own quantiles, which enclose them."""
        std = np.sqrt(self._variances)
        out = np.empty((len(levels), self.problem.size))
        for k, level in enumerate(levels):
            ends = self._means + ndtri(level) * std
            low, high = ends.min(axis=0), ends.max(axis=0)
            for _ in range(BISECTIONS):
                middle = 0.5 * (low + high)
                score = np.divide(middle - self._means, std, out=np.where(middle >= self._means, np.inf, -np.inf),
                                  where=std > 0)
                below = self._weight @ ndtr(score) < level
                low, high = np.where(below, middle, low), np.where(below, high, middle)
            out[k] = 0.5 * (low + high)
        return out

    def predicted_data(self):
        """Clean data of the posterior mean, (n_data,), physical units."""
        return self._weight @ self._predictions

    def state_product(self, v):
        """Posterior covariance times v, by the law of total covariance."""
        total = np.zeros_like(np.asarray(v, dtype=float))
        for theta, weight in zip(self._theta, self._weight, strict=True):
            one = self._component(theta)
            away = one.state_mean() - self._moments[0]
            total += weight * (one.state_product(v) + np.multiply.outer(away, away @ v))
        return total

    def state_draws(self, rng, count):
        """Each from a component chosen by weight: independent draws."""
        return self.joint_draws(rng, count)[0]

    def joint_draws(self, rng, count):
        """Draws of x, (count, size), and of the clean data, (count, n_data)."""
        return next(self._drawn([rng], count))

    def draw_blocks(self, blocks, clean=True):
        """`Drawn` of every block; a component is made once for as many blocks as fit memory together."""
        step = max(1, int(HELD_BYTES / (8 * BLOCK * (self.problem.size + self._predictions.shape[1]))))
        for first in range(0, len(blocks), step):
            part = blocks[first : first + step]
            for block, (x, data) in zip(part, self._drawn([b.generator() for b in part], BLOCK), strict=True):
                yield Drawn(x[: block.kept], data[: block.kept] if clean else None, {})

    def _drawn(self, generators, count):
        """(draws of x, of the clean data) from each generator, components in their order."""
        choices = [rng.choice(self._weight.size, size=count, p=self._weight) for rng in generators]
        shapes = (len(choices), count, self.problem.size), (len(choices), count, self._predictions.shape[1])
        out, clean = np.empty(shapes[0]), np.empty(shapes[1])
        for k in np.unique(choices):
            component = self._component(self._theta[k])
            for b, (rng, choice) in enumerate(zip(generators, choices, strict=True)):
                where = np.flatnonzero(choice == k)
                if where.size:
                    out[b, where], clean[b, where] = component.joint_draws(rng, where.size)
        return zip(out, clean, strict=True)

    def evidence_or_none(self):
        """Log evidence as an `Estimate`, or None where the hyperparameters' prior is improper."""
        return None if self._vector.flat else self.points.log_evidence

    def log_evidence(self):
        """Log p(d) as an `Estimate` in nats, hyperparameters integrated out under normalised weak priors.

        Raises
        ------
        ValueError
            If the fit had ``prior="flat"``, which is improper: the evidence would be any number.
        """
        if self._vector.flat:
            fail("prior", "be proper for an evidence with hyperparameters integrated out", 'prior="flat"',
                 'Fit with prior="weak", or take `fit.log_evidence`, the evidence at the mode.')
        return self.points.log_evidence
