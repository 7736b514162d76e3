"""How much of a discrepancy the model would explain away, and whether the data want one at all."""

import numpy as np

from ..augment import discrepancy_of, without_discrepancy
from ..dataset import DatasetBuilder
from ..engines import posterior
from ..gaussian import IterativeSystem, joined_columns, linear_gaussian

EXACT = 2_000  # data of the discrepancy up to which its whole covariance is used, not draws
DENSE = 6_000  # data up to which evidences are compared
SOLVE = 1e-6
CONFUSED, DISTINCT = 0.7, 0.3  # shares above and below which the verdict says so
WORTH = 3.0  # nats that an evidence must gain to speak for something


def discrepancy_overlap(problem, draws=64, seed=0):
    """Can a discrepancy be told from the model? Σ against the span of what the model explains, and its evidence.

    Without a discrepancy the posterior mean would take H δ of it for model response, H = S (S + R)⁻¹, S = A Γ Aᵀ:
    the share reported is tr(R⁻¹ H Σ Hᵀ) / tr(R⁻¹ Σ), by survey. Near 1 the two are confused whatever the data: the
    discrepancy then only widens the posterior. Near 0 the data see it.

    Parameters
    ----------
    problem : JointProblem
        With a discrepancy (`add_discrepancy`), linear-Gaussian.
    draws : int, default 64
        Of δ, where there are more than 2,000 data; exact below.
    seed : int or numpy.random.Generator, default 0

    Returns
    -------
    xarray.Dataset
        ``share`` over ``survey`` and ``share_all``, with their ``_error`` (one standard error over draws; 0 where
        exact), and up to 6,000 data ``evidence_gain``: log evidence less that without a discrepancy (nats; NaN where a
        prior is flat or data are more). The attribute ``verdict`` says it in words.

    Raises
    ------
    ValueError
        If there is no discrepancy, or the problem is not linear-Gaussian.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> m = bj.Parameter("m", 1, prior=bj.GaussianPrior(0.0, 100.0))
    >>> line = bj.Modality("line", [[1.0], [1.0]], [3.0, 3.0], bj.DiagonalNoise([0.1, 0.1]), "m")
    >>> common, opposed = ([[1.0, c], [c, 1.0]] for c in (0.999, -0.999))
    >>> [discrepancy_overlap(bj.add_discrepancy(bj.JointProblem([m], [line]), k)).share_all.item().__round__(3)
    ...  for k in (common, opposed)]
    [0.999, 0.0]
    """
    parameter, plain = discrepancy_of(problem), without_discrepancy(problem)
    model, columns = linear_gaussian(plain), joined_columns(problem, parameter.name)
    covariance = parameter.bound_prior.covariance
    exact = parameter.size <= EXACT
    if exact:
        values, vectors = np.linalg.eigh(covariance.dense())
        drawn = vectors * np.sqrt(values.clip(0.0))
    else:
        drawn = covariance.sample(np.random.default_rng(seed), draws).T
    white = model.whiten(columns @ drawn)
    explained = white - IterativeSystem(model, SOLVE).project(white)
    names = list(parameter.prior.names)
    found = [_share(explained[rows], white[rows], exact) for rows in map(problem.data_slices.get, names)]
    whole = _share(explained, white, exact)
    gain = _gain(problem, plain)
    table = DatasetBuilder()
    table.along("survey", names, "survey")
    table.add("share", ("survey",), [f[0] for f in found], "1", "share of the discrepancy that the model would explain "
              "away", [f[1] for f in found])
    table.add("share_all", (), whole[0], "1", "share of the discrepancy that the model would explain away, all surveys",
              whole[1])
    table.add("evidence_gain", (), gain, "nat", "log evidence with the discrepancy less that without it")
    how = "the whole covariance of the discrepancy" if exact else f"{draws} draws of the discrepancy"
    return table.dataset({"method": how, "seed": str(seed), "verdict": _verdict(whole[0], gain)})


def _share(explained, white, exact):
    """(share, standard error) of sums over draws of two squared norms."""
    top, bottom = (np.sum(v**2, axis=0) for v in (explained, white))
    share = float(top.sum() / bottom.sum())
    if exact:
        return share, 0.0
    return share, float(np.std(top - share * bottom, ddof=1) * np.sqrt(top.size) / bottom.sum())


def _gain(problem, plain):
    if problem.prior.flat or problem.data_size > DENSE:
        return np.nan
    return float(posterior(problem, "dense").log_evidence()) - float(posterior(plain, "dense").log_evidence())


def _verdict(share, gain):
    if share > CONFUSED:
        words = f"hardly identifiable: the model would explain {100 * share:.0f} % of such a discrepancy away"
    elif share < DISTINCT:
        words = f"identifiable if it is large: the model would explain no more than {100 * share:.0f} % of it away"
    else:
        words = f"identifiable in part: the model would explain {100 * share:.0f} % of such a discrepancy away"
    if not np.isfinite(gain):
        return words
    if gain > WORTH:
        return f"{words}; the data ask for it, by {gain:.1f} nats"
    against = f", and are {-gain:.1f} nats better off without" if gain < -WORTH else ""
    return f"{words}; the data do not ask for it ({gain:+.1f} nats){against}"
