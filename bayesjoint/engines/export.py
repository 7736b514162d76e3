"""From a posterior to the dataset: draws, summaries and predictions as the records the dataset room asks for."""

import numpy as np

from ..dataset import ModalityBlock, ParameterBlock, build_tree
from ..problem.describe import modality_fields, parameter_fields, versions
from .nuisances import nuisance_sheet

STORED = 0.9  # probability of the intervals that a dataset keeps


def to_datatree(post, draws, chains, seed, separate, result, diagnostics):
    """Build the tree of a posterior; arguments as in `Posterior.to_datatree`."""
    problem, rng = post.problem, np.random.default_rng(seed)
    flat, clean = post.joint_draws(rng, draws * chains)
    prior_flat = post.prior_state_draws(rng, draws * chains)
    separate = dict(separate or {})
    shape = (chains, draws)
    parameters = _parameter_blocks(post, flat, prior_flat, shape, separate)
    modalities, stats, nuisances = [], {}, nuisance_sheet(post)
    spread = post.prediction_std()
    for m, where in zip(problem.modalities, post.problem.data_slices.values(), strict=True):
        predicted = clean[:, where]
        modalities.append(_modality_block(post, m, predicted, spread[m.name], shape, rng, separate))
        stats[f"chi2_{m.name}"] = (
            np.sum(m.noise.whiten((predicted - m.data).T) ** 2, axis=0).reshape(shape),
            {"long_name": f"chi-squared of {m.name}, {m.size} data", "units": "1"},
        )
    groups = post.extra_groups() | post.groups_beside(separate)
    return build_tree(
        parameters, modalities, sample_stats=stats, history=_history(result), correlations=prior_correlations(problem),
        approximations=post.approximations, attributes=_attributes(post, seed, result),
        extra=groups | ({} if nuisances is None else {"nuisances": nuisances}) | diagnostics,
    )


def _parameter_blocks(post, flat, prior_flat, shape, separate):
    problem = post.problem
    arrays = {key: getattr(post, key)() for key in ("mean", "std", "mean_error", "std_error", "prior_std")}
    proper = {p.name for p in problem.parameters if p.bound_prior is not None}
    arrays["draws"] = problem.unpack(flat.reshape(*shape, -1))
    if prior_flat is not None:
        arrays["prior_draws"] = problem.unpack(prior_flat.reshape(*shape, -1))
        arrays["prior_mean"] = problem.unpack(post.prior_state_mean())
    alone = {name: (other.mean(), other.std()) for name, other in separate.items()}
    intervals = post.stored_intervals(STORED)
    return [
        ParameterBlock(
            **parameter_fields(p), **{key: value[p.name] for key, value in arrays.items()
                                      if value is not None and (p.name in proper or not key.startswith("prior"))},
            separate={f"{name}_only": {"mean": mean[p.name], "std": std[p.name]}
                      for name, (mean, std) in alone.items() if p.name in mean},
            intervals={} if p.mesh is None else {
                label: (*found[p.name], {"probability": STORED, "kind": words[p.name]})
                for label, (found, words) in intervals.items()},
        )
        for p in problem.parameters
    ]


def _modality_block(post, m, predicted, predicted_std, shape, rng, separate):
    problem = post.problem
    weight = problem.weights[m.name]
    noise = m.noise.sample(rng, predicted.shape[0]) / np.sqrt(weight)
    likelihood, kind = _log_likelihood(m, predicted, weight, shape)
    return ModalityBlock(
        **_fields(post, m), predicted_std=predicted_std,
        predictive_draws=(predicted + noise).reshape(*shape, -1), log_likelihood=likelihood, log_likelihood_kind=kind,
        separate={f"{name}_only": chi2_of(m, clean_mean(other, m.name))
                  for name, other in separate.items() if m.name in other.problem.weights},
    )


def _fields(post, m):
    """What the dataset says of a survey; where cells are hidden its fit is theirs too."""
    predicted = clean_mean(post, m.name)
    fit = {"predicted_mean": predicted, "chi2": chi2_of(m, predicted)}
    return modality_fields(post.problem, m, post.state_mean()) | fit


def clean_mean(post, name):
    """Clean data of the posterior mean, shape (n_data,)."""
    return post.predicted_data()[post.problem.data_slices[name]]


def chi2_of(m, predicted):
    """χ² of clean data, shape (n_data,), against what a modality observed, without the exponent."""
    return float(np.sum(m.noise.whiten(predicted - m.data) ** 2))


def _log_likelihood(m, predicted, weight, shape):
    """Log likelihood of every draw with the noise covariance C/w: pointwise where data are independent."""
    white = m.noise.whiten((predicted - m.data).T).T
    if m.noise.independent:
        constant = -0.5 * np.log(2 * np.pi * m.noise.variance() / weight)
        return (constant - 0.5 * weight * white**2).reshape(*shape, -1), "pointwise"
    constant = -0.5 * (m.size * np.log(2 * np.pi / weight) + m.noise.logdet())
    return (constant - 0.5 * weight * np.sum(white**2, axis=1)).reshape(shape), "total"


def prior_correlations(problem):
    """{(parameter, parameter): prior correlation} of the parameters that a joint covariance ties."""
    out = {}
    for coupling in problem.couplings:
        if hasattr(coupling, "joint_covariance"):
            names = coupling.parameters or [p.name for p in problem.parameters if p.mesh is not None]
            matrix = coupling.matrix(len(names))
            out |= {(a, b): matrix[i, j] for i, a in enumerate(names) for j, b in enumerate(names) if i < j}
    return out


def _history(result):
    if result is None:
        return None
    return {name: values for name, values in result.history.items() if np.ndim(values) == 1}


def _attributes(post, seed, result):
    attributes = {"method": post.method, "reason": post.reason, "settings": post.problem.settings(),
                  "versions": versions(), "seed": repr(seed) if isinstance(seed, np.random.Generator) else seed}
    attributes |= post.extra_attributes()
    evidence = post.evidence_or_none()
    if evidence is not None:
        attributes |= {"log_evidence": float(evidence), "log_evidence_error": evidence.error,
                       "log_evidence_method": evidence.method}
    if result is not None:
        attributes |= {"map_method": result.method, "map_converged": bool(result.converged),
                       "map_message": result.message}
    return attributes
