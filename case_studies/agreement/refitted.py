"""Tests whose hyperparameters came from the same data: how wrong nominal p-values are, and recalibrated ones.

Prior std and noise std are fitted to every simulated pair by the evidence, on a grid of their ratio with the common
scale in closed form. Recalibration is a parametric bootstrap that refits: a pair is simulated from the fitted problem,
fitted and tested in turn, and the p-value becomes its rank among the p-values of such pairs. Four such pairs for each
simulation, ranked among all, stand for many for each (Giacomini, Politis & White 2013, Econometric Theory 29, 567).
"""

import numpy as np
from scipy.stats import chi2
from setting import BASES, GAIN_NULL, PAIRS, SEED, pair_of, surveys

from bayesjoint.agreement._gain_test import GainScore
from bayesjoint.agreement._nuisance_test import NuisanceFit
from bayesjoint.agreement._pair import Pair
from bayesjoint.augment._bias_basis import bias_basis
from bayesjoint.gaussian import DenseSystem

SHAPE = (2, 10, 11)
AGAIN = 4  # pairs simulated from every fitted problem
GRID = np.geomspace(0.15, 6.0, 60) ** 2  # prior variance over noise variance, in units of the truth's


class Refits:
    """The pair for every ratio of the grid: K = τ² (γ S̃ + I)."""

    def __init__(self):
        self.made = pair_of(surveys("one property", SHAPE))
        whole = self.made.both
        signal = whole.signal
        values, self.vectors = np.linalg.eigh(signal)
        self.values = values.clip(0.0)
        self.pairs, self.fits, self.scores = [], [], []
        self.modality = self.made.problem.modalities[1]
        columns = {name: bias_basis(self.modality, basis)[0] for name, basis in BASES.items()}
        for ratio in GRID:
            both = DenseSystem(whole.model, ratio * signal)
            self.pairs.append(Pair(self.made.groups, both))
            self.fits.append({name: NuisanceFit(both, self.modality.name, c) for name, c in columns.items()})
            score = GainScore(both, self.modality.name)
            null = score.null(GAIN_NULL, np.random.default_rng(SEED + 1))
            self.scores.append((score, null.mean(), np.sort(np.abs(null - null.mean()))))

    def fit(self, white):
        """(index into the grid, τ²) of maximal evidence for every column."""
        squares = (self.vectors.T @ white) ** 2
        spread = GRID[:, None] * self.values + 1.0
        scale = (1.0 / spread) @ squares / len(self.values)
        score = -0.5 * (len(self.values) * np.log(scale) + np.log(spread).sum(axis=1)[:, None])
        best = score.argmax(axis=0)
        return best, scale[best, np.arange(best.size)]

    def p_values(self, white):
        """Nominal p-values under the hyperparameters fitted to each column, and the fit."""
        best, scale = self.fit(white)
        out = {name: np.empty(best.size) for name in ("likelihood ratio", "node split a -> b", "node split b -> a",
                                                      *BASES, "gain")}
        for k in np.unique(best):
            mine, made = best == k, self.pairs[k]
            y = white[:, mine] / np.sqrt(scale[mine])
            found = made.statistics(y)
            out["likelihood ratio"][mine] = made.spectrum().tail(found.ratio)[0]
            out["node split a -> b"][mine] = chi2.sf(found.into_second, made.second.size)
            out["node split b -> a"][mine] = chi2.sf(found.into_first, made.first.size)
            for name, fit in self.fits[k].items():
                out[name][mine] = chi2.sf(fit.test(y)[0], fit.rank)
            score, middle, null = self.scores[k]
            beyond = null.size - np.searchsorted(null, np.abs(score.score(y) - middle), side="left")
            out["gain"][mine] = (1 + beyond) / (null.size + 1)
        return out, best, scale

    def simulate(self, rng, best, scale):
        """One pair from each fitted problem."""
        out = self.vectors @ (np.sqrt(GRID[best] * self.values[:, None] + 1.0) * rng.standard_normal(
            (len(self.values), best.size)))
        return out * np.sqrt(scale)


def refitted(count=PAIRS):
    """({test: recalibrated p-values}, {test: nominal ones}, facts)."""
    refits, rng = Refits(), np.random.default_rng(SEED + 3)
    white = refits.made.both.draw(rng, count)
    nominal, best, scale = refits.p_values(white)
    again = [refits.p_values(refits.simulate(rng, best, scale))[0] for _ in range(AGAIN)]
    pooled = {name: np.sort(np.concatenate([each[name] for each in again])) for name in nominal}
    ranked = {name: (1 + np.searchsorted(pooled[name], p, side="right")) / (AGAIN * count + 1)
              for name, p in nominal.items()}
    return ranked, nominal, {
        "data": refits.made.both.size, "fitted prior std over truth, 5 50 95 %":
        [round(float(v), 3) for v in np.quantile(np.sqrt(GRID[best] * scale), (0.05, 0.5, 0.95))],
        "fitted noise std over truth, 5 50 95 %":
        [round(float(v), 3) for v in np.quantile(np.sqrt(scale), (0.05, 0.5, 0.95))],
        "fits at an end of the grid": int(np.sum((best == 0) | (best == GRID.size - 1)))}
