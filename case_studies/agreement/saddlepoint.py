"""Tails of weighted χ² sums by saddlepoint alone, to be held against Imhof's integral."""

import numpy as np
from scipy.stats import norm

CENTRE = 1e-3  # |w| below which the formula is taken at its limit


def saddlepoint_tail(form, x):
    """P(X >= x) of a `WeightedChi2` at x, shape (k,): Lugannani & Rice (1980, Adv. Appl. Probab. 12, 475)."""
    s, w = form.saddle(x), form.signed_root(x)
    spread = np.sqrt(form.cumulant(s, 2))
    skew, centre = form.cumulant(s, 3) / spread**3, np.abs(w) < CENTRE
    away, u = np.where(centre, 1.0, w), np.where(centre, 1.0, s * spread)
    value = norm.sf(away) + norm.pdf(away) * (1.0 / u - 1.0 / away)
    middle = 0.5 - (skew / 6 + s * spread) / np.sqrt(2 * np.pi)
    return np.clip(np.where(centre, middle, value), 0.0, 1.0)
