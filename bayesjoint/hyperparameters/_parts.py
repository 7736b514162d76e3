"""Which parameters are fields, and what the data look like before any model is fitted to them."""

from dataclasses import dataclass

import numpy as np

from ..priors import DISCREPANCIES, parts_of
from ..problem import views_of

SIGNS = 40_000  # random ones that measure the size of what a survey sees


def matern_parameters(problem):
    """Parameters whose prior is a Matérn field or a sum of them, in the problem's order."""
    return [p for p in problem.parameters if parts_of(p.prior)]


def coregionalized(problem):
    """(coupling, members in its order), or (None, []) where there is no joint covariance."""
    coupling = next((c for c in problem.couplings if hasattr(c, "joint_covariance")), None)
    return coupling, [] if coupling is None else [problem.by_name[name] for name in problem.prior.block_members[0]]


@dataclass(frozen=True)
class Fields:
    """Matérn fields of one correlation: parameters, or that part of each which a sum of Matérns has at one place.

    Parameters
    ----------
    members : list of Parameter
        With that part alone as their prior.
    place : int
        Of the part in every member's sum; 0 where a prior is no sum.
    """

    members: list
    place: int

    @property
    def names(self):
        """Names of the members."""
        return [p.name for p in self.members]

    def touched(self, coordinate):
        """Whether a hyperparameter belongs to these fields."""
        return coordinate.place == self.place and bool({*self.names} & {*coordinate.targets})


def field_groups(problem):
    """Matérn fields that share one correlation function: lists of `Fields`; tied ones are the first parts of sums."""
    _, members = coregionalized(problem)
    tied = {p.name for p in members}
    out = [Fields([_part(p, 0) for p in members], 0)] if members else []
    return out + [Fields([_part(p, place)], place) for p in matern_parameters(problem)
                  for place in range(1 if p.name in tied else 0, len(parts_of(p.prior)))]


def _part(parameter, place):
    """A parameter with one part of its prior alone."""
    part = parts_of(parameter.prior)[place]
    return parameter if part is parameter.prior else parameter.replace(prior=part)


def other_parameters(problem):
    """Plain vectors: parameters whose prior is neither a field nor a discrepancy."""
    return [p for p in problem.parameters if not parts_of(p.prior) and not isinstance(p.prior, DISCREPANCIES)]


def vector_columns(problem, name, used=None):
    """What all data, or some of every modality, see of each value of m̂ of a parameter, shape (n_data, size)."""
    rows = [np.arange(m.size) for m in problem.modalities] if used is None else used
    out = [np.zeros((r.size, problem.by_name[name].size)) for r in rows]
    for view in views_of(problem, [name]):
        out[view.modality] = view.matrix()[rows[view.modality]]
    return np.concatenate(out)


def innovations(problem):
    """[d − A μ] of every modality, physical units: what the prior has to explain."""
    mean, _ = problem.prior.gaussian_moments()
    return [-r for r in problem.residuals(mean)]


def rough_std(problem):
    """{modality: std} of its innovation once its bias columns are fitted by least squares."""
    out, views = {}, views_of(problem, [p.name for p in other_parameters(problem)])
    for k, r in enumerate(innovations(problem)):
        seen = [v.matrix() for v in views if v.modality == k and problem.by_name[v.parameter].size < r.size]
        if seen:
            basis = np.hstack(seen)
            r = r - basis @ np.linalg.lstsq(basis, r, rcond=None)[0]
        out[problem.modalities[k].name] = float(np.sqrt(np.mean(r**2))) or 1.0
    return out


def std_factors(problem):
    """{parameter: factor} on each Matérn parameter's std that would give its surveys' data their size.

    tr(A Γ Aᵀ) by some 40,000 random signs for each survey, at most 8 and at least one for a datum, with the problem's
    own ranges.
    """
    rng, sizes, out = np.random.default_rng(0), rough_std(problem), {}
    for p in matern_parameters(problem):
        factors = []
        for view in views_of(problem, [p.name]):
            probes = min(8, max(1, SIGNS // view.data_count))
            signs = rng.choice([-1.0, 1.0], (view.data_count, probes))
            back = view.rmatmat(signs)
            variance = np.sum(back * p.bound_prior.covariance.matmat(back)) / signs.size
            factors.append(sizes[problem.modalities[view.modality].name] / np.sqrt(max(variance, np.finfo(float).tiny)))
        out[p.name] = float(np.median(factors)) if factors else 1.0
    return out
