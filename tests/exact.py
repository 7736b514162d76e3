"""Posteriors of tiny problems in rational numbers: no rounding, so that stated errors can be held against true ones."""

from decimal import Decimal, localcontext
from fractions import Fraction
from math import prod

import numpy as np

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494")


def rational(array):
    """Floats as what they are, exactly; fractions as they are."""
    return np.vectorize(Fraction, otypes=[object])(np.asarray(array))


def solve(matrix, right):
    """(matrix⁻¹ right, det matrix) by Gaussian elimination; positive definite, so without pivots."""
    a, n = np.hstack([matrix, right]), len(matrix)
    pivots = []
    for k in range(n):
        pivots.append(a[k, k])
        a[k] = a[k] / a[k, k]
        for i in range(n):
            if i != k:
                a[i] = a[i] - a[i, k] * a[k]
    return a[:, n:], prod(pivots)


def posterior(mean, prior, matrix, noise, data):
    """Mean, variance (as fractions), log evidence (Decimal) of d = A m + e."""
    mean, prior, matrix, noise, data = (rational(x) for x in (mean, prior, matrix, noise, data))
    through = matrix @ prior
    innovation = (data - matrix @ mean)[:, None]
    solved, determinant = solve(through @ matrix.T + noise, np.hstack([innovation, through]))
    fit = (innovation.T @ solved[:, :1]).item()
    with localcontext() as context:
        context.prec = 60

        def number(x):
            return Decimal(x.numerator) / Decimal(x.denominator)

        evidence = -(number(fit) + number(determinant).ln() + len(data) * (2 * PI).ln()) / 2
    return mean + through.T @ solved[:, 0], np.diag(prior) - np.sum(through * solved[:, 1:], axis=0), evidence


def root(x):
    """Square root of a fraction to 60 digits."""
    with localcontext() as context:
        context.prec = 60
        return (Decimal(x.numerator) / Decimal(x.denominator)).sqrt()


def three_halves(square):
    """(1 + √3 r) exp(−√3 r) for a fraction r², to 60 digits."""
    with localcontext() as context:
        context.prec = 60
        s = root(3 * square)
        return Fraction((1 + s) * (-s).exp())
