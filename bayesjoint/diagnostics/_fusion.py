"""The baseline that a joint inversion has to beat: separate results put together cell by cell."""

import numpy as np

from .._places import blocks, unit_columns
from ..engines import prior_correlations
from ..gaussian import linear_gaussian
from ._estimator import COLUMNS, Estimator, carried, root_and_error


class Fusion:
    """Separate posteriors combined as a product of experts divided by the prior, with one covariance a cell.

    Every cell has a prior covariance B over the properties that are tied, and from each separate result the precision
    that it added, 1/s² − 1/s₀². The fused precision is Λ = B⁻¹ + Σ diag(1/s² − 1/s₀²), the fused mean
    μ + Λ⁻¹ Σ (m − μ)/s². What neighbouring cells share is left out: with whole covariances the product would be the
    joint posterior itself, and nobody keeps those.

    Parameters
    ----------
    joint : Posterior
        Gaussian prior.
    separate : dict of {modality name: Posterior}
        Of the separate inversions.
    """

    def __init__(self, joint, separate):
        self.joint, self.separate = joint, separate
        self._prior = np.sqrt(joint.prior_state_variance())
        self.mean, self.variance = joint.prior_state_mean().copy(), np.zeros(joint.problem.size)
        self._groups = self._factors()
        deviations = {name: post.state_mean()[:, None] - post.prior_state_mean()[:, None]
                      for name, post in separate.items()}
        self.mean += self.combine(deviations)[:, 0]

    def _factors(self):
        """[(parameters, Λ⁻¹ (cells, P, P), {modality: 1/s² (cells, P)}, {modality: its error})] of every tied group."""
        problem, found = self.joint.problem, []
        for group in _tied(problem):
            prior = np.stack([self._prior[problem.slices[p.name]] for p in group], axis=1)
            correlation = _correlation(problem, group)
            known = np.any(prior <= 0, axis=1)
            safe = np.where(prior > 0, prior, 1.0)
            flat = ~np.isfinite(safe)
            precision = np.linalg.inv(correlation) / (safe[:, :, None] * safe[:, None, :])
            precision[flat] = 0.0
            weights, slacks = {}, {}
            for name, post in self.separate.items():
                weights[name], slacks[name] = np.zeros_like(prior), np.zeros_like(prior)
                for k, p in enumerate(group):
                    if p.name not in post.problem.by_name:
                        continue
                    where = post.problem.slices[p.name]
                    own, base = post.state_variance()[where], post.prior_state_variance()[where]
                    seen = (own > 0) & (base > 0)
                    weights[name][:, k] = np.divide(1.0, own, out=np.zeros_like(own), where=seen)
                    slacks[name][:, k] = 2 * post.state_std_error()[where] * weights[name][:, k] ** 1.5
                    added = weights[name][:, k] - np.divide(1.0, base, out=np.zeros_like(base), where=seen)
                    precision[:, k, k] += added.clip(0.0)
            covariance = np.linalg.inv(precision)
            covariance[known] = 0.0
            for k, p in enumerate(group):
                self.variance[problem.slices[p.name]] = covariance[:, k, k]
            found.append((group, covariance, weights, slacks))
        return found

    def errors(self):
        """What the stated errors of the separate results can change in mean and std, to first order, (size,) each."""
        mean, spread, problem = np.zeros(self.mean.size), np.zeros(self.mean.size), self.joint.problem
        shift = np.abs(self.mean - self.joint.prior_state_mean())
        for group, covariance, weights, slacks in self._groups:
            loose = sum(slacks.values())
            pull = loose * np.stack([shift[problem.slices[p.name]] for p in group], axis=1)
            for name, post in self.separate.items():
                away, off = np.abs(post.state_mean() - post.prior_state_mean()), post.state_mean_error()
                for k, p in enumerate(group):
                    if p.name in post.problem.by_name:
                        where = post.problem.slices[p.name]
                        pull[:, k] += slacks[name][:, k] * away[where] + weights[name][:, k] * off[where]
            for k, p in enumerate(group):
                where = problem.slices[p.name]
                mean[where] = np.einsum("cq,cq->c", np.abs(covariance[:, k]), pull)
                spread[where] = np.einsum("cq,cq->c", covariance[:, k] ** 2, loose)
        return mean, root_and_error(self.variance, spread)[1]

    def combine(self, deviations):
        """Fused deviation from the prior mean, (size, k), of separate ones {modality: (its size, k)}."""
        problem = self.joint.problem
        out = np.zeros((problem.size, next(iter(deviations.values())).shape[1]))
        for group, covariance, weights, _ in self._groups:
            for name, deviation in deviations.items():
                alone = self.separate[name].problem
                for q, source in enumerate(group):
                    if source.name not in alone.by_name:
                        continue
                    pulled = weights[name][:, q, None] * deviation[alone.slices[source.name]]
                    for p, target in enumerate(group):
                        out[problem.slices[target.name]] += covariance[:, p, q, None] * pulled
        return out

    def true_error(self, draws, rng, exact):
        """(root mean square error of the fused mean, its standard error), (size,) each, if the joint problem is right.

        The fused mean is F d with a matrix F, so that its mean square error is diag(Γ − 2 F Cov(d, x) + F K Fᵀ). Where
        that is too large truths and data are drawn from the joint problem, the separate means answer them, and their
        fusion is held against the truth.
        """
        model, places = linear_gaussian(self.joint.problem), self.joint.problem.data_slices
        if exact:
            return self._exact_error(model, places)
        squares = np.zeros(self.joint.problem.size)
        for part in carried(draws, self.joint.problem.size):
            truth, data = model.draw(rng, part.stop - part.start)
            data = data.T + model.colour(rng.standard_normal((model.data_size, part.stop - part.start)))
            answers = {name: post.mean_response(data[places[name]]) for name, post in self.separate.items()}
            squares += np.sum((self.combine(answers) - truth.T) ** 2, axis=1)
        error = np.sqrt(squares / draws)
        return error, error / np.sqrt(2 * draws)

    def _exact_error(self, model, places):
        matrix = np.zeros((model.size, model.data_size))
        for name, post in self.separate.items():
            matrix[:, places[name]] = self.combine({name: Estimator(post).matrix})
        squares = model.prior_variance()
        for part in blocks(model.data_size, COLUMNS):
            unit = unit_columns(model.data_size, part)
            cross, covariance = model.gain_and_signal(unit)
            for m in model.problem.modalities:
                covariance[places[m.name]] += m.noise.apply(unit[places[m.name]]) / model.problem.weights[m.name]
            squares += np.einsum("ij,ij->i", matrix[:, part], matrix @ covariance - 2 * cross)
        return np.sqrt(squares.clip(0.0)), np.zeros(model.size)


def _tied(problem):
    """Parameters in groups whose cells are correlated with one another under the prior."""
    tied = [p for p in problem.parameters if p.name in problem.prior.tied]
    return ([tied] if tied else []) + [[p] for p in problem.parameters if p.name not in problem.prior.tied]


def _correlation(problem, group):
    matrix, known = np.eye(len(group)), prior_correlations(problem)
    for i, a in enumerate(group):
        for j, b in enumerate(group):
            matrix[i, j] = known.get((a.name, b.name), known.get((b.name, a.name), float(i == j)))
    return matrix
