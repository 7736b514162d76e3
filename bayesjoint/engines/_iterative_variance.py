"""Pointwise posterior variance from solves: a deterministic leading part, draws for the rest, and control variates."""

import numpy as np
from scipy.ndimage import uniform_filter

from .._places import blocks
from ._torus_control import TorusControl

POOLED = 7  # cells across the squares over which coefficients and error bars are pooled
RIDGE = 1e-6  # of the controls' moments: keeps a coefficient finite where a control says nothing
TRUSTED = 0.2  # of a pooled plain estimate: a regression that ends below it is not believed
LEAST = 1e-9  # of the prior variance: an estimate below it is noise about nothing
COLUMNS = 64  # directions carried through the prior at once
DRAW_BYTES = 8e8  # of one block of draws and what stands beside them
SPARE = 10  # directions beyond the rank in the sketch


class PointwiseVariance:
    """Posterior variance of every value of x, and its standard error.

    A draw of the prior m with noisy data r gives m' = m − G K⁻¹r, a draw of the posterior about its mean, independent
    of δ = G K⁻¹r. Their variances P and D add up to the prior's Γ. With Q a basis of informative directions, QᵀKQ = I,
    G Q QᵀGᵀ is a part of D known exactly, and δ is taken without it: Γ − diag(G Q QᵀGᵀ) = P + D_rest. So of N draws
    m'² has the mean P, and m'² + δ² − (P + D_rest) the mean 0. So have m'_T² − P_T and δ_T² − D_T, of the draws that
    endless data on the torus would make of the same random numbers. P is estimated by regression on those controls,
    coefficients from one half of the draws and means from the other, so that it stays unbiased; coefficients and error
    bars are pooled over squares of 7 x 7 cells of a layer, error bars half with a cell's own where that is larger.

    Parameters
    ----------
    post : IterativePosterior
        Engine that solves.
    solves : int
        N, even.
    rank : int
        Directions in Q.
    rng : numpy.random.Generator
        Source of the draws.

    Attributes
    ----------
    variance, error : ndarray, shape (size,)
        P and its standard error.
    rank : int
        Directions used.
    narrows : float
        Median factor by which directions and controls narrowed the error of plain draws.
    """

    def __init__(self, post, solves, rank, rng):
        self._post, self._model = post, post.system.model
        self._basis = informative_basis(post.system, rank, rng)
        self.rank = self._basis.shape[1]
        self._remaining = self._model.prior_variance()
        for part in blocks(self.rank, COLUMNS):
            self._remaining -= np.sum(post.gain(self._basis[:, part]) ** 2, axis=1)
        self._remaining[post.system.flat.index] = 0.0
        groups = self._model.groups
        self._controls = [TorusControl(self._model, g) if TorusControl.applies(g) else None for g in groups]
        self._width = 1 + 2 * any(c is not None for c in self._controls)
        halves = [self._moments(rng, solves // 2) for _ in range(2)]
        self._combine(halves)
        index, flat = post.system.flat.index, post.system.flat
        if index.size:
            self.variance += np.sum((post.gain(flat.solved) @ np.linalg.cholesky(flat.inverse)) ** 2, axis=1)
            self.variance[index], self.error[index] = np.diag(flat.inverse), 0.0

    # -- draws ---------------------------------------------------------------------------------------------------------
    def _moments(self, rng, count):
        """(number, Σ f h, Σ f h fhᵀ) with f = m'² first and the controls behind it, shapes (w, size), (w, w, size)."""
        width, size = self._width + 1, self._model.size
        first, second = np.zeros((width, size)), np.zeros((width, width, size))
        step = min(self._post.system.width(), max(1, int(DRAW_BYTES // (8 * 8 * size))))
        for start in range(0, count, step):
            for values in self._observed(rng, min(step, count - start)):
                first += values
                for a in range(width):
                    second[a] += values[a] * values
        return count, first, second

    def _observed(self, rng, count):
        """Yield (w, size) arrays of m'² and the controls, draw by draw of a block."""
        post, model, whole = self._post, self._model, []
        x, clean = model.draw(rng, count, whole)
        white = rng.standard_normal((count, model.data_size)).T
        right = model.whiten(clean.T) + white
        weights = post.solve_draws(right)
        through = self._basis @ (self._basis.T @ right)
        draw = x - post.gain(weights).T
        rest = x - draw - post.gain(through).T if self._basis.shape[1] else x - draw
        controls = np.zeros((2, count, model.size)) if self._width > 1 else None
        noise = model.colour(white).T
        for control, spectra in zip(self._controls, whole, strict=True):
            if control is not None:
                estimate, known = control.estimates(rng, spectra, noise), control.reduced
                left = model.prior_variance()[control.places] - known
                controls[0][:, control.places] = (x[:, control.places] - estimate) ** 2 - left
                controls[1][:, control.places] = estimate**2 - known
        for k in range(count):
            plain = draw[k] ** 2
            values = [plain, plain + rest[k] ** 2 - self._remaining]
            yield np.stack(values if controls is None else [*values, *controls[:, k]])

    # -- estimate ------------------------------------------------------------------------------------------------------
    def _combine(self, halves):
        shape = halves[0][1].shape[1]
        self.variance, variance, plain = np.empty(shape), np.empty(shape), np.empty(shape)
        problem = self._model.problem
        for p in problem.parameters:
            where = problem.slices[p.name]
            parts = [(n, first[:, where].reshape(-1, *p.shape) / n, second[..., where].reshape(
                *second.shape[:2], *p.shape) / n) for n, first, second in halves]
            rough = 0.5 * (parts[0][1][0] + parts[1][1][0])
            scale = _pooled(rough, p, 3)  # about P, against which moments of unlike cells are pooled
            scale = np.where(scale > 0, scale, 1.0)
            fits = [self._fit(part, scale, p) for part in parts]
            estimate = 0.5 * sum(mean[0] - np.sum(coefficients * mean[1:], axis=0)
                                 for (_, mean, _), coefficients in zip(parts, fits[::-1], strict=True))
            own = np.maximum(estimate, TRUSTED * scale)  # errors go with P itself, which is larger in a small gap
            spread = sum(0.25 * self._left(mean, second, coefficients, own, p) / n
                         for (n, mean, second), coefficients in zip(parts, fits[::-1], strict=True))
            bare = 2 * scale**2 / sum(part[0] for part in parts)
            # with few draws a coefficient may miss by so much that plain draws are better
            lost = (estimate < TRUSTED * scale) | (spread > bare)
            estimate = np.where(lost, rough, estimate)
            spread = np.where(lost, bare, spread)
            self.variance[where], variance[where] = estimate.ravel(), spread.ravel()
            plain[where] = bare.ravel()
        prior = self._model.prior_variance()
        known = prior == 0  # cells known exactly: their neighbours' errors are not theirs
        least = LEAST * np.where(np.isfinite(prior), prior, 0.0)
        self.variance = np.where(known, 0.0, np.maximum(self.variance, least))
        variance[known] = 0.0
        self.error = np.sqrt(variance)
        left = variance > 0
        self.narrows = float(np.median(np.sqrt(plain[left] / variance[left]))) if left.any() else 1.0

    def _fit(self, part, scale, p):
        """Coefficients (w, *shape) of the controls by pooled least squares."""
        _, mean, second = part
        width = self._width
        pooled = np.stack([_pooled((second[a, b] - mean[a] * mean[b]) / scale**2, p, POOLED)
                           for a in range(width + 1) for b in range(width + 1)]).reshape(width + 1, width + 1, *p.shape)
        matrix = np.moveaxis(pooled[1:, 1:], (0, 1), (-2, -1)).copy()
        diagonal = np.einsum("...aa->...a", matrix)
        matrix += (RIDGE * diagonal + 1e-12)[..., None] * np.eye(width)
        right = np.moveaxis(pooled[1:, 0], 0, -1)
        return np.moveaxis(np.linalg.solve(matrix, right[..., None])[..., 0], -1, 0)

    def _left(self, mean, second, coefficients, scale, p):
        """Variance of m'² less its regression on the controls: pooled, or half of it the cell's own."""
        covariance = second - mean[:, None] * mean[None]
        turned = np.concatenate([np.ones((1, *p.shape)), -coefficients])
        left = np.maximum(np.einsum("a...,ab...,b...->...", turned, covariance, turned), 0.0)
        pooled = scale**2 * _pooled(left / scale**2, p, POOLED)
        return np.maximum(pooled, 0.5 * (pooled + left))  # controls explain less where single data are missing


def informative_basis(system, rank, rng):
    """Q, shape (n_data, r): leading directions of the whitened signal from a sketch, with QᵀK̃Q = I."""
    rank = min(rank, system.size)
    if rank == 0:
        return np.zeros((system.size, 0))
    sketch = rng.standard_normal((system.size, min(rank + SPARE, system.size)))
    for _ in range(2):  # S̃ = K̃ − I: the power makes the small ones smaller
        sketch = system.product(np.asfortranarray(sketch)) - sketch
    image, _ = np.linalg.qr(sketch)
    core = image.T @ system.product(np.asfortranarray(image))
    values, turn = np.linalg.eigh(0.5 * (core + core.T))
    keep = np.argsort(-values)[:rank]
    return image @ (turn[:, keep] / np.sqrt(values[keep]))


def _pooled(values, p, width):
    """Means over squares of ground cells of a layer, 0 in air; a plain vector is left as it is."""
    if p.mesh is None:
        return values
    square = {"size": (1, width, width), "mode": "nearest"}
    if not p.has_air:
        return uniform_filter(values, **square)
    share = uniform_filter(p.mesh.active.astype(float), **square)
    whole = uniform_filter(np.where(p.mesh.active, values, 0.0), **square)
    return np.divide(whole, share, out=np.zeros_like(whole), where=p.mesh.active)
