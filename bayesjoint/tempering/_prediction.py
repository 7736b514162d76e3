"""Data of all other surveys predicted from some, at any exponent of theirs: one eigendecomposition serves them all."""

import numpy as np
from scipy.optimize import minimize_scalar

GRID = 61
STEP = 1e-3  # of differences by log w


class OtherSurveys:
    """Pointwise log densities of the other surveys' data given one group of surveys.

    Parameters
    ----------
    whitened : DenseSystem
        Whitened by the noise as stated, no exponents in it.
    group : tuple of str
        Whose exponent varies.
    weights : dict of {str: float}
        Exponents of the others, which stay.
    """

    def __init__(self, whitened, group, weights):
        rest = [name for name in whitened.rows if name not in group]
        mine, others = (whitened.index(names) for names in (group, rest))
        self._values, vectors = np.linalg.eigh(whitened.signal[np.ix_(mine, mine)])
        self._values = self._values.clip(0.0)
        self._through = whitened.signal[np.ix_(others, mine)] @ vectors
        self._seen, self._flat = vectors.T @ whitened.residual[mine], vectors.T @ whitened.columns[mine]
        self._data, self._columns = whitened.residual[others], whitened.columns[others]
        noise = np.concatenate([np.full(whitened.index([n]).size, 1 / weights[n]) for n in rest])
        self._variance = np.diag(whitened.signal)[others] + noise
        self._constant = -0.5 * sum(m.noise.logdet() for m in whitened.model.problem.modalities if m.name in rest)

    def density(self, log_weight):
        """Log p of each datum of the others, shape (n_other,); what whitening adds is spread evenly."""
        inverse = 1 / (self._values + np.exp(-log_weight))
        seen, columns = inverse * self._seen, self._columns
        mean, variance = self._through @ seen, self._variance - self._through**2 @ inverse
        if self._flat.shape[1]:
            held = inverse[:, None] * self._flat
            spread = np.linalg.inv(self._flat.T @ held)
            left = columns - self._through @ held
            mean = mean + left @ (spread @ (self._flat.T @ seen))
            variance = variance + np.einsum("iq,qr,ir->i", left, spread, left)
        away = (self._data - mean) ** 2 / variance
        return -0.5 * (away + np.log(2 * np.pi * variance)) + self._constant / self._data.size

    def best(self, low, high):
        """(w, standard error of log w): the top of the summed density, and its sandwich error over data."""
        grid = np.linspace(low, high, GRID)
        values = [self.density(t).sum() for t in grid]
        k = int(np.argmax(values))
        around = grid[max(k - 1, 0)], grid[min(k + 1, GRID - 1)]
        top = minimize_scalar(lambda t: -self.density(t).sum(), bounds=around, method="bounded",
                              options={"xatol": 1e-6}).x
        if min(top - low, high - top) < 1e-3:
            return float(np.exp(low if top - low < high - top else high)), np.nan
        up, at, down = (self.density(top + s) for s in (STEP, 0.0, -STEP))
        slope, bend = (up - down) / (2 * STEP), float(np.sum(up - 2 * at + down)) / STEP**2
        error = np.sqrt(slope.size * np.var(slope, ddof=1)) / -bend if bend < 0 and slope.size > 1 else np.nan
        return float(np.exp(top)), float(error)
