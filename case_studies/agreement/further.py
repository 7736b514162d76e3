"""The rest of the suite for many pairs at once: bands of wavelength, maps of places, and each survey on its own."""

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh
from scipy.optimize import brentq
from scipy.stats import chi2

from bayesjoint.agreement._local_conflict import patch_weights, two_sided
from bayesjoint.agreement._wavenumbers import CosineModes, band_edges
from bayesjoint.agreement._weighted_chi2 import WeightedChi2

BANDS = 8


class Predicted:
    """A survey given the other: what `bands_test` and `map_test` say of many residuals.

    Parameters
    ----------
    made : Pair
        Of surveys with independent noise of one std each: statistics are then those of whitened residuals.
    which : int
        0 or 1: which survey is predicted.
    """

    def __init__(self, made, which):
        self.mine, self.known = made.rows[which], made.rows[1 - which]
        covariance = made.both.covariance
        self.gain = cho_solve(cho_factor(covariance[np.ix_(self.known, self.known)]),
                              covariance[np.ix_(self.known, self.mine)]).T
        own = covariance[np.ix_(self.mine, self.mine)] - self.gain @ covariance[np.ix_(self.known, self.mine)]
        precision, modality = np.linalg.inv(own), made.problem.modalities[which]
        self.means, self.scores = [], []
        for weights in patch_weights(modality)[1]:
            ones = weights.toarray()
            mean = ones / ones.sum(axis=1, keepdims=True)
            self.means.append(mean / np.sqrt(np.einsum("ij,jk,ik->i", mean, own, mean, optimize=True))[:, None])
            score = ones @ precision
            self.scores.append(score / np.sqrt(np.einsum("ij,ij->i", score, ones))[:, None])
        self.modes = CosineModes(modality)
        edges = band_edges(self.modes.wavenumber, self.modes.extent, BANDS)
        inside = np.digitize(self.modes.wavenumber, edges) - 1
        self.rows = [np.flatnonzero(inside == b) for b in range(edges.size - 1)]
        half = self.modes.analyse(own)
        self.factors = [cho_factor(self.modes.analyse(half[r].T)[r]) for r in self.rows]

    def p_values(self, white):
        """(of the bands, of the map), for whitened residuals (n_data, k)."""
        left = white[self.mine] - self.gain @ white[self.known]
        coefficients = self.modes.analyse(left)
        each = [chi2.sf(np.einsum("ij,ij->j", coefficients[r], cho_solve(f, coefficients[r])), r.size)
                for r, f in zip(self.rows, self.factors, strict=True)]
        bands = np.minimum(len(each) * np.min(each, axis=0), 1.0)
        maps = [_simes(np.concatenate([two_sided(h @ left, np.inf) for h in each])) for each in (
            self.means, self.scores)]
        return bands, np.minimum(2 * np.minimum(*maps), 1.0)


def _simes(p):
    rank = np.arange(1, len(p) + 1)[:, None]
    return np.minimum(np.min(np.sort(p, axis=0) * len(p) / rank, axis=0), 1.0)


class Alone:
    """A survey against its own prior and noise: p-values of `own_model_tests` for many data sets.

    Parameters
    ----------
    data : DenseSystem
        Of the survey alone, nothing flat.
    """

    def __init__(self, data):
        self.values, self.vectors = eigh(data.covariance)
        signal = np.maximum(self.values - 1.0, 0.0)
        shares = signal / (1.0 + signal), 1.0 / (1.0 + signal)
        self.weights = [shares[k] - (shares[k] @ shares[1 - k]) / (shares[1 - k] @ shares[1 - k]) * shares[1 - k]
                        for k in (0, 1)]
        self.critical = None

    def p_values(self, white):
        """(of the prior std, of the noise std), for whitened residuals of this survey (n, k)."""
        upper = [WeightedChi2(w).tail(w @ self._squares(white))[0] for w in self.weights]
        return [np.minimum(2 * np.minimum(p, 1.0 - p), 1.0) for p in upper]

    def alarms(self, white, level=0.05):
        """The same, right about that level and nothing else: 0 below it and 1 above."""
        if self.critical is None:
            self.critical = [_quantiles(WeightedChi2(w), level / 2) for w in self.weights]
        found = [w @ self._squares(white) for w in self.weights]
        return [np.where((x <= low) | (x >= high), 0.0, 1.0) for x, (low, high) in
                zip(found, self.critical, strict=True)]

    def _squares(self, white):
        return (self.vectors.T @ white) ** 2 / self.values[:, None]


def _quantiles(null, share):
    spread = np.sqrt(null.variance)
    return [brentq(lambda x, p=p: float(null.tail(x)[0]) - p, null.mean - 8 * spread, null.mean + 8 * spread,
                   xtol=1e-4 * spread) for p in (1 - share, share)]
