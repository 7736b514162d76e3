"""Functionals of draws, and how far such figures may be from the truth, for independent draws and for chains."""

import numpy as np
from scipy import fft, special

from ..engines.drawing import blocks_of
from ..engines.drawing import drawn as draw_blocks

TOGETHER = 100  # stored draws of chains looked at together


def drawn(post, evaluate, draws, chains, seed):
    """Evaluate something on posterior draws without holding them all.

    Parameters
    ----------
    post : Posterior
        Where draws come from; only chains that are Markov are held whole.
    evaluate : callable
        {parameter: (count, *shape)}, physical units, to an array (count, ...).
    draws, chains : int
        As in `Posterior.sample`.
    seed : int or numpy.random.Generator
        The same seed gives the same numbers.

    Returns
    -------
    ndarray, shape (chains, draws, ...)
    """
    if post.markov:
        kept = {name: a.reshape(-1, *a.shape[2:]) for name, a in post.sample(draws, chains, seed).items()}
        parts = [evaluate({name: a[first : first + TOGETHER] for name, a in kept.items()})
                 for first in range(0, draws * chains, TOGETHER)]
    else:
        found = draw_blocks(post, blocks_of(seed, draws, chains), clean=False)
        parts = [evaluate(post.problem.unpack(block.x)) for block in found]
    values = np.concatenate(parts)
    return values.reshape(chains, draws, *values.shape[1:])


def effective_count(values, markov):
    """Effective number of draws for the mean, over chains; their number where draws are independent.

    Geyer's initial monotone sequence on autocovariances pooled over chains, with the variance between chains counted
    (Vehtari et al. 2021, Bayesian Analysis 16, sec. 3); NaN where nothing varies.

    Parameters
    ----------
    values : ndarray, shape (chain, draw, ...)
        One functional, or many.
    markov : bool
        Whether draws of a chain depend on one another.

    Returns
    -------
    ndarray, shape (...)
    """
    m, n = values.shape[:2]
    if not markov or n < 4:
        return np.full(values.shape[2:], float(m * n))
    values = np.asarray(values, dtype=float)
    middle = values.mean(axis=1, keepdims=True)
    size = fft.next_fast_len(2 * n, real=True)
    power = np.abs(fft.rfft(values - middle, size, axis=1)) ** 2
    covariance = fft.irfft(power, size, axis=1)[:, :n].mean(axis=0) / n
    within = covariance[0] * n / (n - 1)
    total = within * (n - 1) / n + (middle[:, 0].var(axis=0, ddof=1) if m > 1 else 0.0)
    varies = total > 0
    correlation = 1 - (within - covariance) / np.where(varies, total, 1.0)
    pairs = correlation[: n - n % 2].reshape(n // 2, 2, *values.shape[2:]).sum(axis=1)
    positive = np.minimum.accumulate(pairs > 0, axis=0)
    tau = 2 * np.sum(np.where(positive, np.minimum.accumulate(pairs, axis=0), 0.0), axis=0) - 1
    tau = np.maximum(tau, 1 / np.log10(max(m * n, 11)))
    return np.where(varies, m * n / tau, np.nan)


def mean_and_std(values, markov):
    """(mean, its error, std, its error) over draws (chain, draw, ...) of those that are not NaN.

    Means given a condition are ratios of two means; their errors are those of the linearised ratio, with the effective
    number of draws. NaN where fewer than two draws meet the condition.
    """
    present = np.isfinite(values)
    count = present.sum(axis=(0, 1))
    enough = count > 1
    filled = np.where(present, values, 0.0)
    mean = np.divide(filled.sum(axis=(0, 1)), count, out=np.full(count.shape, np.nan), where=enough)
    deviation = np.where(present, filled - np.nan_to_num(mean), 0.0)
    variance = np.divide((deviation**2).sum(axis=(0, 1)), count - 1, out=np.full(count.shape, np.nan), where=enough)
    std = np.sqrt(variance)
    # d std = d var / (2 std), and the variance is a mean of squares
    excess = np.where(present, deviation**2 - np.nan_to_num(variance), 0.0)
    spread = np.divide(_ratio_error(excess, present, markov), 2 * std, out=np.zeros(count.shape), where=std > 0)
    return (mean, np.where(enough, _ratio_error(deviation, present, markov), np.nan), std,
            np.where(enough, spread, np.nan))


def quantiles(values, levels, markov):
    """(quantiles, their errors) of draws (chain, draw) that are not NaN; NaN where fewer than two are there.

    The error is half the width of the 68 % band of the order statistic.
    """
    present = np.isfinite(values)
    kept = values[present]
    found, errors = np.full(len(levels), np.nan), np.full(len(levels), np.nan)
    for k, level in enumerate(levels if kept.size > 1 else ()):
        found[k] = np.quantile(kept, level)
        below = np.where(present, (values <= found[k]) - np.mean(kept <= found[k]), 0.0)
        error = _ratio_error(below, present, markov)
        count = kept.size if error == 0 else np.mean(below[present] ** 2) / error**2
        band = special.betaincinv(count * level + 1, count * (1 - level) + 1, special.ndtr([-1.0, 1.0]))
        errors[k] = 0.5 * np.ptp(np.quantile(kept, band))
    return found, errors


def _ratio_error(deviation, present, markov):
    """Standard error of a mean given `present`, from deviations that are 0 where it is not."""
    share = np.maximum(present.mean(axis=(0, 1)), 1e-300)
    count = effective_count(deviation, markov)
    count = np.where(np.isnan(count), float(deviation.shape[0] * deviation.shape[1]), count)
    return np.sqrt(np.mean(deviation**2, axis=(0, 1)) / count) / share


def shares(hits, markov):
    """(share of draws, its error) of a condition, hits (chain, draw, ...) of bool.

    The error is that of a share of (k + ½)/(N + 1): seen in no draw is not known to be impossible.
    """
    total = hits.shape[0] * hits.shape[1]
    share = hits.mean(axis=(0, 1))
    count = effective_count(hits, markov)
    if markov:
        least = np.nanmin(count) if np.isfinite(count).any() else total
        count = np.where(np.isnan(count), least, count)  # a cell that never changes tells nothing of its mixing
    smoothed = (share * count + 0.5) / (count + 1)
    return share, np.sqrt(smoothed * (1 - smoothed) / count)

