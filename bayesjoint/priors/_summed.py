"""The covariance of fields that are sums of independent ones, each with a correlation of its own."""

import numpy as np

from ._covariance import Covariance


class SumCovariance(Covariance):
    """Σ of `MixedCovariance`, each over some of several fields on the same cells.

    Parameters
    ----------
    count : int
        Fields.
    terms : list of (tuple of int, MixedCovariance)
        Which of the fields a term is over, in its order.
    """

    def __init__(self, count, terms):
        self.count, self.terms = count, tuple(terms)
        self._cells = self.terms[0][1].correlation.size
        self.size = count * self._cells

    def matmat(self, vectors):
        """Γ V for V of shape (size, k); terms on which V is zero cost nothing."""
        fields = np.reshape(vectors, (self.count, self._cells, -1))
        out = np.zeros(fields.shape)
        for members, term in self.terms:
            part = fields[list(members)]
            if part.any():
                out[list(members)] += term.matmat(part.reshape(term.size, -1)).reshape(part.shape)
        return out.reshape(self.size, -1)

    def diagonal(self):
        """Variances, shape (size,)."""
        out = np.zeros((self.count, self._cells))
        for members, term in self.terms:
            out[list(members)] += term.diagonal().reshape(len(members), -1)
        return out.ravel()

    def sample(self, rng, count):
        """`count` zero-mean draws, shape (count, size)."""
        out = np.zeros((count, self.count, self._cells))
        for members, term in self.terms:
            out[:, list(members)] += term.sample(rng, count).reshape(count, len(members), -1)
        return out.reshape(count, self.size)
