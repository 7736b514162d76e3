"""A focusing prior with p = 1 as a mixture of Gaussians over the scales of its cells."""

import numpy as np

from ._focusing import _majoriser


def draw_inverse_gaussian(rng, mean, shape):
    """Draws of the inverse Gaussian law with density ∝ u^{-3/2} exp(−λ(u − μ)² / (2μ²u)).

    Michael, Schucany & Haas (1976), with the smaller root written so that nothing cancels when μ ≫ λ: there, at
    cells that a focusing prior pins, NumPy's own sampler may lose every digit.

    Parameters
    ----------
    rng : numpy.random.Generator
    mean, shape : ndarray
        μ > 0 and λ > 0, broadcast together.

    Returns
    -------
    ndarray
    """
    t = rng.standard_normal(np.broadcast_shapes(np.shape(mean), np.shape(shape))) ** 2
    t *= 0.5 * mean / shape
    small = 1.0 / (1.0 + t + np.sqrt(t * (t + 2.0)))
    return mean * np.where(rng.random(t.shape) * (1.0 + small) <= 1.0, small, 1.0 / small)


class ScaleMixture:
    """exp(−a √(x² + ε²)) = ∫ exp(−u (x² + ε²)/2) g(u) du, with g ∝ u^{-3/2} exp(−a²/(2u)), the Lévy density.

    So, given the precisions u, x is Gaussian with mean 0 and precision u, and given x, u is inverse Gaussian with
    mean a/√(x² + ε²) and shape a² (Andrews & Mallows 1974; Park & Casella 2008, here with ε > 0). Integrated over u,
    the density of x is exactly that of the prior.

    Parameters
    ----------
    bound : BoundFocusing
        p = 1, of the model.
    cells : ndarray of int
        Those that are not known.
    """

    def __init__(self, bound, cells):
        self.rate = bound.rate[cells]
        self.center = bound.reference[cells]
        self._square = bound.epsilon**2

    def draw_precisions(self, rng, flat):
        """Draw u given m̂ of the cells, shape (..., cells), and return it in the same shape."""
        return draw_inverse_gaussian(rng, self.rate / np.sqrt((flat - self.center) ** 2 + self._square), self.rate**2)

    def disperse(self, rng, count):
        """`count` models spread at least as widely as the prior, to start chains from: shape (count, cells)."""
        return self.center + rng.laplace(scale=1.0 / self.rate + np.sqrt(self._square), size=(count, self.rate.size))


def typical_precision(bound):
    """Precision matrix of a Gaussian about as wide as a focusing prior, (size, size), to set scales by.

    The parabola that touches φ where its argument is 1/a + ε: for p = 1 its variance is within a factor of two of the
    prior's at any ε.
    """
    rate = bound.rate
    distance = 1.0 / rate + bound.epsilon
    weights = rate * _majoriser(bound.p, distance, bound.epsilon)
    if bound.gradient_operator is None:
        return np.diag(weights)
    differences = bound.gradient_operator @ np.eye(bound.reference.size)
    return differences.T @ (weights[:, None] * differences)
