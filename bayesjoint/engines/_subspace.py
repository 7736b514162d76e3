"""A growing subspace of the data in which most of the signal lies, and solves that are deflated by it."""

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from .._checks import fail
from .._places import blocks
from ..solvers import block_cg

COLUMNS = 64  # carried through prior and operators at once
PASSES = 4000  # of conjugate gradients: the deflated system needs about √(largest eigenvalue left out)


class DataSubspace:
    """Orthonormal directions Q of the whitened data, S̃Q and G̃Q for S̃ = Cov(d̃, d̃) and G̃ = Cov(x, d̃).

    Double-pass randomised range finder (Halko, Martinsson & Tropp 2011; Saibaba, Lee & Kitanidis 2016): one product
    with S̃ finds new directions among random vectors, less what Q has already; a second one makes QᵀS̃Q exact for them.

    Parameters
    ----------
    model : LinearGaussian
        The problem.
    rng : numpy.random.Generator
        Source of the random vectors.
    largest_bytes : float
        Of Q, S̃Q and G̃Q.

    Attributes
    ----------
    basis, signal, gain : ndarray, shape (n_data, r), (n_data, r), (size, r)
        Q, S̃Q, G̃Q.
    trailing : float
        Smallest eigenvalue of QᵀS̃Q: about the largest of those left out.
    """

    def __init__(self, model, rng, largest_bytes):
        self.model, self._rng, self._limit = model, rng, largest_bytes
        self.basis = self.signal = np.zeros((model.data_size, 0))
        self.gain = np.zeros((model.size, 0))

    @property
    def rank(self):
        """Number of directions."""
        return self.basis.shape[1]

    def gain_and_signal(self, white):
        """(G̃ V, S̃ V), in blocks."""
        gain, signal = np.empty((self.model.size, white.shape[1])), np.empty(white.shape)
        for part in blocks(white.shape[1], COLUMNS):
            gain[:, part], physical = self.model.gain_and_signal(self.model.whiten_adjoint(white[:, part]))
            signal[:, part] = self.model.whiten(physical)
        return gain, signal

    def covariance(self, white):
        """K̃ V = S̃ V + V, in blocks."""
        out = np.empty(white.shape)
        for part in blocks(white.shape[1], COLUMNS):
            out[:, part] = self.model.whiten(self.model.signal(self.model.whiten_adjoint(white[:, part])))
        return out + white

    def grow(self, count):
        """Add up to `count` directions; none where all data are spanned."""
        count = min(count, self.model.data_size - self.rank)
        size = 8.0 * (self.rank + count) * (2 * self.model.data_size + self.model.size)
        if size > self._limit:
            fail("rank", f"leave the factors within {self._limit / 1e9:g} GB", f"{self.rank + count} directions of "
                 f"{self.model.size} unknowns, {size / 1e9:.3g} GB", 'Use method="iterative", which keeps no factor.')
        random = self._rng.standard_normal((self.model.data_size, count))
        found = self.covariance(random) - random
        for _ in range(2):  # twice: what is left after the first is small against what was taken away
            found -= self.basis @ (self.basis.T @ found)
        fresh, _ = np.linalg.qr(found)
        fresh, _ = np.linalg.qr(fresh - self.basis @ (self.basis.T @ fresh))
        gain, signal = self.gain_and_signal(fresh)
        self.basis, self.signal = np.hstack([self.basis, fresh]), np.hstack([self.signal, signal])
        self.gain = np.hstack([self.gain, gain])
        self._factorise()

    def cut(self, rank):
        """Keep the `rank` directions of largest signal-to-noise variance λ, and return those λ, descending."""
        values, vectors = np.linalg.eigh(self._projected())
        values, turn = values[::-1][:rank], vectors[:, ::-1][:, :rank]
        self.basis, self.signal, self.gain = self.basis @ turn, self.signal @ turn, self.gain @ turn
        self._factorise()
        return values

    def _projected(self):
        product = self.basis.T @ self.signal
        return 0.5 * (product + product.T)

    def _factorise(self):
        product = self._projected()
        self.trailing = float(np.linalg.eigvalsh(product)[0])
        self._factor = cho_factor(product + np.eye(self.rank), lower=True)

    def inner(self, vectors):
        """(QᵀS̃Q + I)⁻¹ V."""
        return cho_solve(self._factor, vectors)

    def project(self, white):
        """Q (QᵀS̃Q + I)⁻¹ Qᵀ V: the best of K̃⁻¹ V within Q."""
        return self.basis @ self.inner(self.basis.T @ white)

    def variance_reduction(self):
        """Diagonal of G̃Q (QᵀS̃Q + I)⁻¹ QᵀG̃ᵀ, shape (size,)."""
        return np.einsum("ij,ij->i", self.gain, self.inner(self.gain.T).T)

    def solve(self, white, tolerance):
        """(K̃⁻¹ V − its projection, its projection, norms of the residuals) by deflated conjugate gradients.

        Every column of V on its own; `tolerance` is on the norm of its residual over that of what the projection
        leaves. Preconditioned by Q(QᵀS̃Q + I)⁻¹Qᵀ + I − QQᵀ.
        """
        inner = self.inner(self.basis.T @ white)
        start = self.basis @ inner
        found = block_cg(self.covariance, white - start - self.signal @ inner, self._deflate, tolerance=tolerance,
                         max_iterations=PASSES)
        if not found.converged.all():
            fail("rank", f"leave a system that {PASSES} conjugate-gradient steps solve", f"{self.rank} directions, "
                 f"after which eigenvalues of about {self.trailing:.2g} remain", "Raise rank.")
        return found.x, start, found.residual

    def _deflate(self, white):
        """V with its part in Q solved for."""
        return white - self.basis @ (self.basis.T @ white) + self.project(white)
