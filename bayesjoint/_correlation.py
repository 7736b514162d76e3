"""The Matérn family of half-integer smoothness, and its slope, as functions of scaled distance."""

import numpy as np


def _exponential(r):
    return np.exp(-r)


def _three_halves(r):
    s = np.sqrt(3.0) * r
    return (1.0 + s) * np.exp(-s)


def _five_halves(r):
    s = np.sqrt(5.0) * r
    return (1.0 + s + s**2 / 3.0) * np.exp(-s)


def _exponential_slope(r):
    return np.exp(-r) / np.maximum(r, np.finfo(float).tiny)


def _three_halves_slope(r):
    return 3.0 * np.exp(-np.sqrt(3.0) * r)


def _five_halves_slope(r):
    s = np.sqrt(5.0) * r
    return 5.0 / 3.0 * (1.0 + s) * np.exp(-s)


CORRELATIONS = {0.5: _exponential, 1.5: _three_halves, 2.5: _five_halves}
# −f'(r)/r: with scaled offsets d, r² = Σ d², the derivative of f by log ℓ of axis i is d_i² times it, by that of a
# common range r² times it
SLOPES = {0.5: _exponential_slope, 1.5: _three_halves_slope, 2.5: _five_halves_slope}
