"""From a posterior to the dataset: draws, summaries and predictions as the records the dataset room asks for."""

from itertools import islice

import numpy as np

from ..dataset import ModalityBlock, ParameterBlock, build_tree
from ..noise import is_gaussian, standardised
from ..problem import modality_fields, parameter_fields, versions
from ._draw_blocks import BLOCK, NOISE, PRIOR, blocks_of, drawn
from ._nuisances import nuisance_table

STORED = 0.9  # probability of the intervals that a dataset keeps


def to_datatree(post, draws, chains, seed, separate, result, diagnostics, progress=None):
    """Build the tree of a posterior; arguments as in `Posterior.to_datatree`."""
    blocks, separate = blocks_of(seed, draws, chains), dict(separate or {})
    tell, pieces = progress or (lambda *_: None), 1 + len(separate)
    found = _collected(post, blocks, _told(tell, drawn(post, blocks), draws * chains), 0)
    parameters, modalities, stats = _draw_fields(post, found)
    tell("standard deviations", 0, pieces)
    intervals = post.stored_intervals(STORED)
    alone = {}
    for number, (name, other) in enumerate(separate.items(), 1):
        tell(f"standard deviations, {name} alone", number, pieces)
        alone[name] = other.mean(), other.std()
    summaries, fits = _parameter_summaries(post, alone, intervals), _modality_summaries(post, separate)
    nuisances = nuisance_table(post)
    groups = post.extra_groups() | post.groups_beside(separate)
    history = None if result is None else {n: values for n, values in result.history.items() if np.ndim(values) == 1}
    return build_tree(
        [ParameterBlock(**parameters[name], **summary) for name, summary in summaries.items()],
        [ModalityBlock(**modalities[name], **fit) for name, fit in fits.items()],
        sample_stats=stats, history=history, correlations=prior_correlations(post.problem),
        approximations=post.approximations, attributes=_attributes(post, seed, result, intervals),
        extra=groups | ({} if nuisances is None else {"nuisances": nuisances}) | diagnostics,
    )


def _told(tell, found, total):
    """What was drawn, the draws counted."""
    done = 0
    for part in found:
        done += len(part.x)
        tell("draws", done, total)
        yield part


def further_draws(post, first, draws, chains, seed):
    """Yield (first draw, tree) of one block of every chain at a time: draws and what goes with each, nothing else."""
    blocks = sorted(blocks_of(seed, draws, chains, first), key=lambda block: block.number)
    found = drawn(post, blocks)
    for k in range(0, len(blocks), chains):
        row = blocks[k : k + chains]
        start = row[0].draws.start
        parameters, modalities, stats = _draw_fields(post, _collected(post, row, islice(found, chains), start))
        yield start, build_tree([ParameterBlock(**fields) for fields in parameters.values()],
                                [ModalityBlock(**fields) for fields in modalities.values()], sample_stats=stats)


def _collected(post, blocks, found, first):
    """{(what, name): (array (chain, draw, ...), attributes)} of blocks whose draws begin at `first`."""
    out, shape = {}, (blocks[-1].chain + 1, blocks[-1].draws.stop - first)
    for block, part in zip(blocks, found, strict=True):
        place = slice(block.draws.start - first, block.draws.stop - first)
        for key, (values, attributes) in _of_block(post, block, part).items():
            if key not in out:
                out[key] = np.empty((*shape, *values.shape[1:])), attributes
            out[key][0][block.chain, place] = values
    return out


def _of_block(post, block, found):
    """{(what, name): (array (kept, ...), attributes)} of one block."""
    out = {("draws", ""): (found.x, {})} | {("stats", name): entry for name, entry in found.stats.items()}
    prior = post.prior_state_draws(block.generator(PRIOR), BLOCK)
    if prior is not None:
        out["prior_draws", ""] = prior[: block.kept], {}
    rng = block.generator(NOISE)
    for m, where in zip(post.problem.modalities, post.problem.data_slices.values(), strict=True):
        predicted, weight = found.clean[:, where], post.problem.weights[m.name]
        left = (predicted - m.data).T
        white = standardised(m.noise, left).T
        noise = m.noise.sample(rng, BLOCK)[: block.kept] / np.sqrt(weight) if is_gaussian(m.noise) else (
            m.noise.sample_given(rng, left, BLOCK))
        out["predictive_draws", m.name] = predicted + noise, {}
        out["log_likelihood", m.name] = _log_likelihood(m, white, weight) if is_gaussian(m.noise) else (
            m.noise.log_density(left).T), {}
        out["stats", f"chi2_{m.name}"] = (np.sum(white**2, axis=1),
                                          {"long_name": f"chi-squared of {m.name}, {m.size} data", "units": "1"})
    return out


def _log_likelihood(m, white, weight):
    """Log likelihood of every draw with the noise covariance C/w: pointwise where data are independent, else total."""
    if m.noise.independent:
        return -0.5 * np.log(2 * np.pi * m.noise.variance() / weight) - 0.5 * weight * white**2
    constant = -0.5 * (m.size * np.log(2 * np.pi / weight) + m.noise.logdet())
    return constant - 0.5 * weight * np.sum(white**2, axis=1)


def _draw_fields(post, found):
    """(fields of parameters, of modalities, figures of draws) that hold what was drawn, by name."""
    problem = post.problem
    parameters = {p.name: parameter_fields(p) for p in problem.parameters}
    for key in ("draws", "prior_draws"):
        if (key, "") in found:
            for name, values in problem.unpack(found[key, ""][0]).items():
                if key == "draws" or problem.by_name[name].bound_prior is not None:
                    parameters[name][key] = values
    modalities = {m.name: modality_fields(problem, m) | {
        "predictive_draws": found["predictive_draws", m.name][0], "log_likelihood": found["log_likelihood", m.name][0],
        "log_likelihood_kind": "pointwise" if m.noise.independent else "total"} for m in problem.modalities}
    return parameters, modalities, {name: entry for (what, name), entry in found.items() if what == "stats"}


def _parameter_summaries(post, alone, intervals):
    """{name: what is known of a parameter without draws}; `alone` means and std of the separate inversions."""
    arrays = {key: getattr(post, key)() for key in ("mean", "std", "mean_error", "std_error", "prior_std")}
    prior_mean = post.prior_state_mean()
    arrays["prior_mean"] = None if prior_mean is None else post.problem.unpack(prior_mean)
    return {
        p.name: {key: value[p.name] for key, value in arrays.items()
                 if value is not None and (p.bound_prior is not None or not key.startswith("prior"))} | {
            "separate": {f"{name}_only": {"mean": mean[p.name], "std": std[p.name]}
                         for name, (mean, std) in alone.items() if p.name in mean},
            "intervals": {} if p.mesh is None else {
                label: (*found[p.name], {"probability": STORED, "kind": words[p.name]})
                for label, (found, words) in intervals.items()}}
        for p in post.problem.parameters}


def _modality_summaries(post, separate):
    """{name: the fit of a survey}: where cells are hidden it is theirs too."""
    predicted, spread, chi2 = post.predicted_data(), post.prediction_std(), post.chi2()
    alone = {label: other.chi2() for label, other in separate.items()}
    return {m.name: {"predicted_mean": predicted[post.problem.data_slices[m.name]],
                     "predicted_std": spread[m.name], "chi2": chi2[m.name],
                     "separate": {f"{label}_only": found[m.name] for label, found in alone.items() if m.name in found}}
            for m in post.problem.modalities}


def clean_mean(post, name):
    """Clean data of the posterior mean, shape (n_data,)."""
    return post.predicted_data()[post.problem.data_slices[name]]


def chi2_of(m, predicted):
    """χ² of clean data, shape (n_data,), against what a modality observed, without the exponent."""
    return float(np.sum(standardised(m.noise, predicted - m.data) ** 2))


def prior_correlations(problem):
    """{(parameter, parameter): prior correlation in a cell} of the parameters that a joint covariance ties."""
    out = {}
    for coupling in problem.couplings:
        if hasattr(coupling, "joint_covariance"):
            names = coupling.parameters or [p.name for p in problem.parameters if p.mesh is not None]
            matrix = coupling.pointwise([problem.by_name[name] for name in names])
            out |= {(a, b): matrix[i, j] for i, a in enumerate(names) for j, b in enumerate(names) if i < j}
    return out


def _attributes(post, seed, result, intervals):
    attributes = {"method": post.method, "reason": post.reason, "settings": post.problem.settings(),
                  "versions": versions(), "seed": repr(seed) if isinstance(seed, np.random.Generator) else seed}
    attributes |= post.extra_attributes()
    *_, (_, kinds) = intervals.values()  # the engine's own are the last
    attributes |= {"markov": post.markov, "interval_kinds": kinds}
    evidence = post.evidence_or_none()
    if evidence is not None:
        attributes |= {"log_evidence": float(evidence), "log_evidence_error": evidence.error,
                       "log_evidence_method": evidence.method}
    if result is not None:
        attributes |= {"map_method": result.method, "map_converged": bool(result.converged),
                       "map_message": result.message}
    return attributes
