"""Signed weighted sums of χ² variables: tails by Imhof's integral, with their error."""

import numpy as np
from scipy.stats import norm

from .._checks import as_finite, fail

STEP = 1 / 16  # of the trapezoidal rule in v; the rule at twice the step tells its error
NODES = 16  # evaluated at once: one unit of v
FARTHEST = 80  # blocks of nodes: v = 80, where a sum of two terms has fallen below rounding
BEND = 0.5  # slope at which the path leaves for the side where exp(−s x) dies out
NEGLIGIBLE = 1e-17  # of what has been summed
NEAR = 0.5  # of a standard deviation of s: nearer the pole at 0 the path is moved away
STEPS = 200  # of Newton's method for the saddlepoint
SERIES = 1e-2  # below it z/(1−z) + log(1−z) is summed as a series
BLOCK = 60_000  # complex numbers held at once: they stay in the cache


class WeightedChi2:
    """X = Σ_k λ_k χ²_{c_k}: independent χ² variables with signed weights and (possibly fractional) degrees of freedom.

    Parameters
    ----------
    weights : array_like, shape (n,)
        λ, of either sign; zeros are left out.
    counts : array_like, shape (n,) or float, default 1.0
        c > 0.

    Attributes
    ----------
    mean, variance : float
        Σ c λ and 2 Σ c λ².

    Raises
    ------
    ValueError
        If no weight differs from zero, or a count is negative.

    Examples
    --------
    >>> from scipy.stats import chi2
    >>> p, error = WeightedChi2([1.0, 1.0, 1.0]).tail(7.0)
    >>> bool(abs(p - chi2.sf(7.0, 3)) < 1e-12), bool(error < 1e-9)
    (True, True)
    >>> float(WeightedChi2([0.9, -0.9]).tail(0.0)[0].round(12))
    0.5
    """

    def __init__(self, weights, counts=1.0):
        weights = as_finite("weights", weights, 1)
        counts = np.broadcast_to(as_finite("counts", counts, (0, 1)), weights.shape)
        if counts.size and counts.min() < 0:
            fail("counts", "be >= 0", f"{counts.min():g}", "They are degrees of freedom.")
        kept = (weights != 0) & (counts > 0)
        if not kept.any():
            fail("weights", "hold one that is not zero", "none", "The sum is the constant 0.")
        self.weights, self.counts = weights[kept], counts[kept]
        self.mean = float(self.counts @ self.weights)
        self.variance = 2.0 * float(self.counts @ self.weights**2)
        ends = self.weights.min(), self.weights.max()
        self._low = 0.5 / ends[0] if ends[0] < 0 else -np.inf
        self._high = 0.5 / ends[1] if ends[1] > 0 else np.inf

    # -- cumulants ---------------------------------------------------------------------------------------------------
    def cumulant(self, s, order=0):
        """K(s) = −½ Σ c log(1 − 2sλ), or a derivative.

        Parameters
        ----------
        s : array_like, shape (k,)
            Between 1/(2 min λ) and 1/(2 max λ).
        order : int, default 0
            0 to 4.

        Returns
        -------
        ndarray, shape (k,)
        """
        s = np.atleast_1d(np.asarray(s))
        if order == 0:
            return self._over(s, lambda z: -0.5 * self._logs(z))
        factor = 2.0 ** (order - 1) * (1.0, 1.0, 2.0, 6.0)[order - 1]
        return self._over(s, lambda z: factor * ((self.weights / (1.0 - z)) ** order @ self.counts))

    def _over(self, s, use):
        """``use(2 s λ)``, shape (k,), for s of shape (k,), in blocks."""
        step = max(1, BLOCK // self.weights.size)
        return np.concatenate([use(2.0 * s[k : k + step, None] * self.weights) for k in range(0, s.size, step)])

    def _logs(self, z):
        """Σ c log(1 − z), from real logarithms and angles: several times faster than complex logarithms."""
        if not np.iscomplexobj(z):
            return np.log1p(-z) @ self.counts
        real = 1.0 - z.real
        return 0.5 * np.log(real**2 + z.imag**2) @ self.counts + 1j * (np.arctan2(-z.imag, real) @ self.counts)

    def saddle(self, x):
        """The s with K'(s) = x, shape (k,), by Newton's method inside a shrinking bracket."""
        x = np.atleast_1d(np.asarray(x, dtype=float))
        low, high = np.full(x.shape, self._low), np.full(x.shape, self._high)
        low, high = np.where(x > self.mean, 0.0, low), np.where(x < self.mean, 0.0, high)
        s = _inside((x - self.mean) / self.variance, low, high, np.zeros(x.shape))
        for _ in range(STEPS):
            off = self.cumulant(s, 1) - x
            high, low = np.where(off > 0, s, high), np.where(off < 0, s, low)
            new = _inside(s - off / self.cumulant(s, 2), low, high, s)
            done = np.abs(new - s) <= 1e-14 * np.abs(s)
            s = new
            if done.all():
                break
        return s

    # -- tails -------------------------------------------------------------------------------------------------------
    def tail(self, x):
        """P(X >= x) by Imhof's integral, along a path through the saddlepoint.

        The Fourier inversion of Imhof (1961, Biometrika 48, 419) on the path of Rice (1980, SIAM J. Sci. Stat. Comput.
        1, 438), which keeps its relative accuracy however small the probability: s = c + κ (i sinh v ± ½(cosh v − 1))
        with κ = K''(c)^{-1/2}, by the trapezoidal rule in v.

        Parameters
        ----------
        x : array_like, shape () or (k,)

        Returns
        -------
        probability, error : ndarray, shape of x
            The error is the difference from the rule with twice the step, plus rounding: far larger than what is left.
        """
        x = np.asarray(as_finite("x", x, (0, 1)))
        flat = np.atleast_1d(x)
        below = (flat <= 0) & np.isinf(self._low)
        outside = below | ((flat >= 0) & np.isinf(self._high))
        value, error = self._imhof(np.where(outside, self.mean, flat))
        value = np.where(outside, below, np.clip(value, 0.0, 1.0))
        return value.reshape(x.shape), np.where(outside, 0.0, error).reshape(x.shape)

    def _imhof(self, x):
        upper, s, away = x >= self.mean, self.saddle(x), NEAR / np.sqrt(self.variance)
        spread = 1.0 / np.sqrt(self.cumulant(s, 2))
        least = np.where(upper, np.minimum(away, 0.5 * self._high), np.maximum(-away, 0.5 * self._low))
        c = np.where(np.abs(s) >= NEAR * spread, s, least)
        step = max(1, BLOCK // (NODES * self.weights.size))
        parts = [self._integral(x[k : k + step], c[k : k + step]) for k in range(0, x.size, step)]
        value, error = (np.concatenate(part) for part in zip(*parts, strict=True))
        return np.where(upper, value, 1.0 + value), error

    def _integral(self, x, c):
        """(1/2πi) ∫ exp(K(s) − s x) ds/s through c: P(X >= x) where c > 0, less 1 where c < 0; and its error."""
        spread, bend = 1.0 / np.sqrt(self.cumulant(c, 2)), BEND * np.sign(x)
        total, coarse, size = np.zeros(x.shape), np.zeros(x.shape), np.zeros(x.shape)
        for block in range(FARTHEST):
            v = STEP * (block * NODES + np.arange(NODES))
            s = c[:, None] + spread[:, None] * (1j * np.sinh(v) + bend[:, None] * (np.cosh(v) - 1.0))
            slope = spread[:, None] * (1j * np.cosh(v) + bend[:, None] * np.sinh(v))
            power = self.cumulant(s.ravel()).reshape(s.shape) - s * x[:, None]
            values = (np.exp(power) * slope / (1j * s)).real * np.where(v == 0, 0.5, 1.0)
            total += values.sum(axis=1)
            coarse += values[:, ::2].sum(axis=1)
            size += np.abs(values).sum(axis=1)
            if np.all(np.abs(values[:, -8:]).max(axis=1) <= NEGLIGIBLE * size):
                break
        value = STEP / np.pi * total
        return value, np.abs(value - 2 * STEP / np.pi * coarse) + 64 * np.finfo(float).eps * STEP / np.pi * size

    def log_tail(self, x):
        """Logarithm of P(X >= x), a float; where it underflows by Lugannani & Rice (1980, Adv. Appl. Probab. 12, 475).

        Examples
        --------
        >>> WeightedChi2([1.0, -1.0]).log_tail(2000.0).__round__(1)
        -1004.2
        """
        p = float(self.tail(x)[0])
        if p > 1e-300:
            return float(np.log(p))
        if x >= 0 and np.isinf(self._high):  # X is never there
            return -np.inf
        s = self.saddle(x)
        w, u = float(self.signed_root(x)[0]), float((s * np.sqrt(self.cumulant(s, 2)))[0])
        return float(norm.logpdf(w) + np.log(np.exp(norm.logsf(w) - norm.logpdf(w)) + 1.0 / u - 1.0 / w))

    def signed_root(self, x):
        """The w of s whose K'(s) = x, shape (k,): w²/2 = s x − K(s), without cancellation near s = 0."""
        s = self.saddle(x)

        def half(z):
            small = np.abs(z) < SERIES
            safe = np.where(small, 0.5, z)
            series = z**2 * (1 / 2 + z * (2 / 3 + z * (3 / 4 + z * (4 / 5 + z * (5 / 6 + z * (6 / 7 + z * 7 / 8))))))
            return 0.5 * np.where(small, series, safe / (1 - safe) + np.log1p(-safe)) @ self.counts

        return np.sign(s) * np.sqrt(2.0 * np.maximum(self._over(s, half), 0.0))

    def sample(self, rng, count):
        """`count` draws, shape (count,)."""
        step = max(1, BLOCK // self.weights.size)
        return np.concatenate([rng.chisquare(self.counts, (min(step, count - k), self.weights.size)) @ self.weights
                               for k in range(0, count, step)])


def _inside(s, low, high, start):
    """The values proposed where they lie strictly within the bracket, else its middle (twice as far where open)."""
    with np.errstate(invalid="ignore"):
        middle = np.where(np.isinf(high), np.maximum(2 * start, low + 1.0),
                          np.where(np.isinf(low), np.minimum(2 * start, high - 1.0), 0.5 * (low + high)))
    return np.where((s > low) & (s < high), s, middle)
