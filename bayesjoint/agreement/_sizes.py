"""The smallest disturbances that node splits and the likelihood ratio see, at any level and power."""

import numpy as np
from scipy.stats import chi2

from .._places import blocks
from ..gaussian import DenseSystem
from ._likelihood_ratio import split_dof, split_name
from ._local_conflict import smallest
from ._shared import crossing, widened
from ._spectral_conflict import noncentrality

DRAWS, VALUES = 20_000, 2e8  # of the likelihood ratio under agreement, and random numbers spent on them
GROUNDS = 200  # data sets behind a gain and behind levels, whose size differs from ground to ground
BLOCK = 100  # of them at once
UNSEEN = 1e-12  # share of a disturbance's own precision below which a statistic does not feel it
CLOSE = 1e-4  # relative, of a size
RANDOM = ("gain", "levels")  # kinds whose columns are drawn: of the ground's signal, and of the lines' levels


class Sizes:
    """What node splits and likelihood ratio see of disturbances; what is added is known, gains and levels are drawn.

    Parameters
    ----------
    pair : Pair
    fitted : list of (Disturbance, SinglePlaces, LevelFit or GainFit)
    seed : int
    spectrum : CanonicalSpectrum

    Attributes
    ----------
    tests : list of str
        Names of the two splits and of the likelihood ratio.
    """

    def __init__(self, pair, fitted, seed, spectrum):
        self._forms, self._fits = zip(*fitted, strict=True)
        white = widened(pair.both, [(d.survey, d.column(fit.least_seen)) for d, fit in fitted])
        self._felt, rng = pair.statistics(white), np.random.default_rng(seed)
        self._dof = [split_dof(pair, source) for source in (0, 1)]
        self.tests = [split_name(pair, 0), split_name(pair, 1), "likelihood ratio"]
        self._null, self._linear = _ratio_draws(pair, white, rng, spectrum)
        self._paths = {}
        if isinstance(pair.both, DenseSystem):
            self._paths = {k: _paths(pair, d, rng) for k, d in enumerate(self._forms) if d.kind in RANDOM}

    def of(self, which, k, level, power):
        """(size, its error) of disturbance k that one of `tests` sees; NaN where it sees none."""
        d, square = self._forms[k], (self._felt.into_second, self._felt.into_first, self._felt.ratio)[which][k]
        own = self._fits[k].detectable(level, power)
        least = UNSEEN * (smallest(level=level, power=power) / own) ** 2
        if not square > least or (which < 2 and not self._dof[which]):
            return np.nan, np.nan
        if k in self._paths:
            threshold = np.quantile(self._null, 1 - level) if which == 2 else chi2.isf(level, self._dof[which])
            return _drawn_size([path[which] for path in self._paths[k]], threshold, d.scale, power)
        if which < 2:
            size = float(np.sqrt(noncentrality(float(self._dof[which]), level, power) / square))
            return size, 0.5 * size * float(self._felt.error[k]) / square
        return _ratio_size(self._null, self._linear[k], square, d.scale, level, power)

    def table(self, level, power):
        """(sizes, errors), shapes (disturbances, 3)."""
        found = [[self.of(which, k, level, power) for which in range(3)] for k in range(len(self._forms))]
        return tuple(np.array([[cell[j] for cell in row] for row in found]) for j in (0, 1))


def _paths(pair, disturbance, rng):
    """For both signs, (constant, slope, square) of statistics (3, GROUNDS) in the size of what is drawn."""
    rows, out = pair.both.rows[disturbance.survey], []
    flat = pair.both.flat_estimate(pair.both.residual[:, None])
    mean = pair.both.model.whiten(pair.both.model.data_mean)[rows]
    for block in blocks(GROUNDS, BLOCK):
        count = block.stop - block.start
        clean, added = pair.both.draw_clean(rng, count), np.zeros((pair.both.size, count))
        noisy = clean + rng.standard_normal(clean.shape)
        if disturbance.kind == "gain":
            added[rows] = 0.01 * ((flat + clean)[rows] + mean[:, None])
        else:
            levels = rng.standard_normal((disturbance.columns.shape[1], count))
            added = widened(pair.both, [(disturbance.survey, disturbance.columns @ levels)])
        constant, square, both = (_three(pair.statistics(v)) for v in (noisy, added, noisy + added))
        out.append(np.stack([constant, both - constant - square, square]))
    constant, slope, square = np.concatenate(out, axis=-1)
    return [[(constant[w], sign * slope[w], square[w]) for w in range(3)] for sign in (1, -1)]


def _three(found):
    return np.stack([found.into_second, found.into_first, found.ratio])


def _drawn_size(paths, threshold, scale, power):
    """(size seen with a power over data sets, of either sign alike; its error), of [(constant, slope, square)]."""
    def seen(size):
        return float(np.mean([np.mean(c + size * s + size**2 * q > threshold) for c, s, q in paths]))

    size, slope = _crossed(seen, scale, power)
    return size, float(np.sqrt(power * (1 - power) / paths[0][0].size) / slope)


def _crossed(seen, scale, power):
    """(size seen with a power, slope of the power there), NaN where there is none."""
    size = crossing(lambda a: seen(a) - power, scale, CLOSE)
    return size, max((seen(1.1 * size) - seen(0.9 * size)) / (0.2 * size), 1e-300)


def _ratio_draws(pair, white, rng, spectrum):
    """(q under agreement, (draws,), what is linear in each disturbance, (k, draws)): q + a linear + a² felt."""
    if pair.method != "dense":
        null = spectrum.null().sample(rng, DRAWS) if spectrum.testable else np.zeros(DRAWS)
        pulled = pair.both.project(white)  # 2 hᵀM e is linear, M the matrix of q_ab − q_a − q_b; e has the covariance K
        for part, rows in pair.parts:
            pulled[rows] -= part.project(white[rows])
        spread = 2 * np.sqrt(np.maximum(np.einsum("ij,ij->j", pulled, pair.both.product(pulled)), 0.0))
        return null, spread[:, None] * rng.standard_normal((white.shape[1], DRAWS))
    u, v, w = pair.canonical.of(white)
    rho = spectrum.correlations[:, None]
    shifts = np.concatenate([(u - v) / np.sqrt(2 * (1 - rho)), (u + v) / np.sqrt(2 * (1 + rho)), w])
    weights = np.concatenate([spectrum.correlations, -spectrum.correlations, np.ones(pair.excess)])
    count = max(1, min(DRAWS, int(VALUES // max(weights.size, 1))))
    null, linear = np.zeros(count), np.zeros((white.shape[1], count))
    for block in blocks(weights.size, 256):
        z = rng.standard_normal((weights[block].size, count))
        null += weights[block] @ z**2
        linear += 2 * (weights[block, None] * shifts[block]).T @ z
    return null, linear


def _ratio_size(null, linear, square, scale, level, power):
    """(size that the likelihood ratio sees with the power asked for, its error)."""
    threshold = np.quantile(null, 1 - level)

    def seen(size, threshold=threshold):
        return float(np.mean(null + size * linear + size**2 * square > threshold))

    size, slope = _crossed(seen, scale, power)
    # both the threshold and the power come from a sample: the level is off by √(α (1 − α) / N), which moves the power
    drift = abs(seen(size, np.quantile(null, 1 - 1.1 * level)) - seen(size)) / (0.1 * level) * np.sqrt(
        level * (1 - level) / null.size)
    return size, float(np.hypot(np.sqrt(power * (1 - power) / null.size), drift) / slope)
