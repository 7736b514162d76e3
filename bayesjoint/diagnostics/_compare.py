"""What the joint inversion bought over separate ones, and what it cost."""

from __future__ import annotations

import numpy as np

from .._checks import checked, fail
from .._typing import Seed, xr
from ..dataset import DatasetBuilder
from ..engines import Posterior, clean_mean
from ..noise import is_gaussian
from ..problem import add_map
from ._estimator import over, probe_count, use_exact
from ._fusion import Fusion
from ._scores import write_scores

HELPED = 0.95  # joint / separate std below which a cell counts as helped
HARMED = 1.001  # and above which it knows less than before
DRAWS = 200  # of truths and data; an error of the fusion is then known to 5 % in a cell


@checked
def compare(joint: Posterior, separate: dict, method: str = "auto", draws: int = DRAWS, seed: Seed = 0) -> xr.Dataset:
    """Compare a joint posterior with separate ones: std, variance explained, fit, and what their fusion would give.

    Parameters
    ----------
    joint : Posterior
        Of the joint problem.
    separate : dict of {modality name: Posterior}
        Of the separate inversions, each with that one survey: ``joint.separate()``, or made one by one.
    method : {"auto", "exact", "stochastic"}, default "auto"
        How the error of the fusion is found: dense algebra, or truths drawn from the joint problem; as in `resolution`.
    draws : int, default 200
        Such truths; an error is then known to 5 % in a cell. Where a prior is flat or not Gaussian there is no fusion.
    seed : int or numpy.random.Generator, default 0

    Returns
    -------
    xarray.Dataset
        For parameter p and survey s: maps ``<p>_std_ratio__<s>`` (joint / separate), ``<p>_explained`` and
        ``<p>_explained__<s>`` (1 − posterior / prior variance); over (parameter, survey) ``median_ratio`` and shares of
        cells: ``helped`` (ratio below 0.95 by two of its errors), ``harmed`` (above 1.001 by as much), ``unchanged``
        (between the two), ``undecided`` (the rest: the error is too large, or unknown). The error of a share is the
        share undecided.
        Over ``survey``: ``chi2_joint``, ``chi2_separate``, ``price`` (their difference) and ``price_expected``, what
        the price would be on average if the joint problem is right (NaN where the engine or the noise does not tell).
        The baseline: ``<p>_fused_mean``, ``<p>_fused_std`` (what cell-by-cell fusion of the separate results claims),
        ``<p>_fused_rmse`` (how wrong it is if the joint problem is right) and ``<p>_joint_over_fused``, joint std over
        that rmse: below 1 by as much as the joint inversion knows that fusion does not. Where joint and separate
        posteriors were recalibrated on one family with one seed: ``score_over_no_data`` and, over (parameter, survey),
        ``score_over_separate`` and ``separate_score_over_no_data``, ratios of mean interval scores (90 %, worlds left
        out; below 1 the first is better), with ``_error``. The attribute ``interval_scores`` says what they rest on.

    Raises
    ------
    ValueError, TypeError
        If the separate posteriors are not given under names of the joint problem's surveys.

    Notes
    -----
    A ratio below 1 says what the coupling and the other data add if they are right; it is no evidence that they are.
    Ratios of interval scores need not rest on the coupling: they are found on simulated ground, world by world.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    >>> a, b = (bj.Modality(k, [[1.0]], [3.0], bj.DiagonalNoise([1.0]), "slope") for k in "ab")
    >>> post = bj.posterior(bj.JointProblem([slope], [a, b]))
    >>> found = compare(post, post.separate())
    >>> found.slope_std_ratio__a.values.round(3), found.slope_fused_std.values.round(3)
    (array([0.816]), array([0.577]))
    """
    draws = probe_count(draws, "draws")
    _check(joint, separate)
    problem, result = joint.problem, DatasetBuilder()
    names = list(separate)
    result.along("survey", names, "survey inverted alone")
    result.along("parameter", [p.name for p in problem.parameters], "parameter")
    _write_ratios(result, joint, separate)
    _write_explained(result, joint, separate)
    _write_price(result, joint, separate)
    attributes = {"engine": joint.method, "helped_below": HELPED, "harmed_above": HARMED, "seed": str(seed),
                  "interval_scores": write_scores(result, joint, separate)}
    joint, separate = _engine(joint), {name: _engine(post) for name, post in separate.items()}
    if problem.linear_gaussian and not problem.prior.flat:
        exact = use_exact(joint, method)
        _write_fusion(result, joint, Fusion(joint, separate), draws, np.random.default_rng(seed), exact)
        attributes["fusion"] = "dense algebra over cells and data" if exact else f"{draws} truths"
    return result.dataset(attributes)


def _engine(post):
    """What std, fit and fusion rest on: the posterior before it was recalibrated."""
    return getattr(post, "engine", post)


def _check(joint, separate):
    if not isinstance(joint, Posterior):
        fail("joint", "be a posterior", type(joint).__name__, "Pass posterior(problem).", TypeError)
    if not isinstance(separate, dict) or not separate:
        fail("separate", "be a dict of posteriors by modality name", repr(separate)[:60], "Pass joint.separate().",
             TypeError)
    known = [m.name for m in joint.problem.modalities]
    for name, post in separate.items():
        if name not in known or not isinstance(post, Posterior) or name not in post.problem.weights:
            fail("separate", f"hold posteriors of surveys among {known} under their names", f"{name!r}: "
                 f"{type(post).__name__}", "Pass joint.separate(), or {name: posterior(problem)}.")
        for p in post.problem.parameters:
            if p.name not in joint.problem.by_name or joint.problem.by_name[p.name].shape != p.shape:
                fail(f"separate[{name!r}]", "have parameters of the joint problem", p.name, "Use the same mesh.")


def _ratio(top, top_error, below, below_error):
    """A quotient and its error to first order; NaN where nothing is below."""
    value = over(top, below, np.nan)
    return value, np.abs(value) * np.hypot(over(top_error, top), over(below_error, below))


def _write_ratios(result, joint, separate):
    problem = joint.problem
    keys = {"median_ratio": "median over cells of joint / separate std",
            "helped": f"share of cells whose std fell below {HELPED:g} of the separate one, beyond error",
            "unchanged": "share of cells whose std stayed about the same, beyond error",
            "harmed": f"share of cells whose std rose above {HARMED:g} of the separate one, beyond error",
            "undecided": "share of cells whose std is not known well enough to tell"}
    table = np.full((len(keys), len(problem.parameters), len(separate)), np.nan)
    median_error = np.full(table.shape[1:], np.nan)
    for j, (name, post) in enumerate(separate.items()):
        for i, p in enumerate(problem.parameters):
            if p.name not in post.problem.by_name:
                continue
            ratio, error = _ratio(joint.std()[p.name], joint.std_error()[p.name], post.std()[p.name],
                                  post.std_error()[p.name])
            add_map(result, p, f"std_ratio__{name}", ratio, "1",
                    f"joint / separate posterior std of {p.name}, against {name}", error)
            known = np.isfinite(ratio)
            if known.any():
                table[:, i, j] = np.median(ratio[known]), *_shares(ratio[known], 2 * error[known])
                median_error[i, j] = np.median(error[known])  # no larger if errors have much in common
    for (key, words), values in zip(keys.items(), table, strict=True):
        errors = {"median_ratio": median_error, "undecided": None}.get(key, table[-1])
        result.add(key, ("parameter", "survey"), values, "1", words, errors)


def _shares(ratio, slack):
    """Shares of cells that were helped, left unchanged and harmed, and of those that cannot be told."""
    helped, harmed = ratio + slack < HELPED, ratio - slack > HARMED
    same = (ratio - slack >= HELPED) & (ratio + slack <= HARMED)
    return np.mean(helped), np.mean(same), np.mean(harmed), np.mean(~(helped | harmed | same))


def _write_explained(result, joint, separate):
    for label, post in {"": joint, **{f"__{name}": post for name, post in separate.items()}}.items():
        prior = post.prior_std()
        if prior is None:
            continue
        for p in post.problem.parameters:
            base = np.where(np.isfinite(prior[p.name]), prior[p.name], 0.0)  # none where it is flat, nor in air
            std, error = post.std()[p.name], post.std_error()[p.name]
            share, slack = 1 - over(std**2, base**2, np.nan), over(2 * std * error + error**2, base**2, np.nan)
            alone = f", {label[2:]} alone" if label else ""
            add_map(result, p, f"explained{label}", share, "1",
                    f"share of the prior variance of {p.name} that the data explain{alone}", slack)


def _write_price(result, joint, separate):
    values, errors = [], []
    spread = joint.prediction_std()
    for name, post in separate.items():
        m = joint.problem.surveys[name]
        both = [each.chi2()[name] for each in (joint, post)]
        slack = [_chi2_error(each, m) for each in (joint, post)]
        alone = post.prediction_std()[name]
        tempered = any(w != 1 for w in (*joint.problem.weights.values(), *post.problem.weights.values()))
        plain = is_gaussian(m.noise) and m.noise.independent and not tempered
        known = plain and spread[name] is not None and alone is not None
        # E χ² of a posterior mean is m − tr(C⁻¹ A P Aᵀ)
        expected = np.sum((alone**2 - spread[name] ** 2) / m.noise.variance()) if known else np.nan
        values.append((*both, both[0] - both[1], expected))
        errors.append((*slack, sum(slack), 0.0 if known else np.nan))
    words = {"chi2_joint": "χ² of the survey at the joint mean",
             "chi2_separate": "χ² of the survey at its separate mean",
             "price": "price of the compromise: joint less separate χ²",
             "price_expected": "mean of that price if prior, noise and coupling are right"}
    for (key, meaning), value, error in zip(words.items(), np.transpose(values), np.transpose(errors), strict=True):
        result.add(key, ("survey",), value, "1", meaning, error)


def _chi2_error(post, m):
    """What the stated error of the mean can change in χ², to first order and adding up.

    NaN of a loaded posterior and of Student-t noise.
    """
    if post.held is not None or not is_gaussian(m.noise):
        return np.nan
    residual = clean_mean(post, m.name) - m.data
    gradient = post.problem.operator(m.name).rmatvec(2 * m.noise.solve(residual))
    return float(np.abs(gradient) @ post.state_mean_error())


def _write_fusion(result, joint, fusion, draws, rng, exact):
    rmse, rmse_error = fusion.true_error(draws, rng, exact)
    std, std_error = np.sqrt(joint.state_variance()), joint.state_std_error()
    ratio, ratio_error = _ratio(std, std_error, rmse, rmse_error)
    mean_error, spread_error = fusion.errors()
    found = {"fused_mean": ("mean of the separate results fused cell by cell", fusion.mean, mean_error),
             "fused_std": ("std that cell-by-cell fusion claims", np.sqrt(fusion.variance), spread_error),
             "fused_rmse": ("rms error of cell-by-cell fusion if the joint problem is right", rmse, rmse_error)}
    for p in joint.problem.parameters:
        where = joint.problem.slices[p.name]
        for key, (words, values, error) in found.items():
            add_map(result, p, key, p.from_hat(values[where]), p.units, f"{p.name}: {words}",
                    p.from_hat(np.broadcast_to(error, values.shape)[where]))
        add_map(result, p, "joint_over_fused", ratio[where], "1",
                f"{p.name}: joint std / rms error of cell-by-cell fusion", ratio_error[where])
