"""Log determinants by stochastic Lanczos quadrature on a preconditioned operator, the trace by deflation and probes."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh_tridiagonal, solve_triangular

BASIS_BYTES = 4e8  # of Lanczos vectors held at once
SHORTER = 0.8  # of the steps: what a quadrature that much shorter would say tells the step bias
FEWEST, GROWTH = 8, 2  # probes at first, and by how much more where the error asked for was not reached


@dataclass(frozen=True, kw_only=True)
class LogDeterminant:
    """Log det K − log det M, estimated.

    Attributes
    ----------
    value : float
    error : float
        Standard error from the probes.
    bias : float
        Change over the last fifth of the Lanczos steps: an upper bound on what the rest would change, with its sign.
    probes, steps : int
        Fresh probes, beside as many that make the basis; most steps any of them took. Below 32 values both
        determinants are computed: as many probes as values, and no steps.
    """

    value: float
    error: float
    bias: float
    probes: int
    steps: int


def preconditioned_log_trace(product, solve, sample, size, rng, *, error=0.25, most=64, tolerance=1e-3, steps=400):
    """Estimate tr log(M⁻¹K) = log det K − log det M, for M close to K.

    Probes with covariance M⁻¹ are standard normal in the coordinates where M is the identity; M's inner product
    stands for the Euclidean one there, so that no square root of M is needed. The trace is Hutch++ (Meyer, Musco,
    Musco & Woodruff 2021, SOSA): some probes make a basis whose part is exact, as many fresh ones estimate the rest,
    independently, so that their spread tells the error. Where more are needed all there are make the next basis.
    log(M⁻¹K) acts by Lanczos (Ubaru, Chen & Saad 2017) in the form of conjugate gradients.

    Parameters
    ----------
    product, solve : callable
        V, shape (n, k), to K V, and to M⁻¹ V; both symmetric positive definite.
    sample : callable
        ``sample(rng, count)``: (n, count) columns with covariance M.
    size : int
        n.
    rng : numpy.random.Generator
        Equal seeds give common probes, which differences between near operators need.
    error : float, default 0.25
        Standard error aimed at: probes are doubled until it is reached or `most` are in use.
    most : int, default 64
        Probes at most.
    tolerance : float, default 1e-3
        Relative size, in the norm of M⁻¹, of the residual at which a probe's steps end; quadrature converges twice
        as fast.
    steps : int, default 400
        At most.

    Returns
    -------
    LogDeterminant

    Examples
    --------
    >>> spectrum = np.linspace(0.5, 4.0, 300)[:, None]
    >>> found = preconditioned_log_trace(lambda v: spectrum * v, lambda v: v, lambda rng, k: rng.standard_normal(
    ...     (300, k)), 300, np.random.default_rng(0), error=2.0)
    >>> bool(abs(found.value - np.log(spectrum).sum()) < 3 * found.error)
    True
    """
    if size < 4 * FEWEST:  # too few probes to know their own error
        return _exact(product, solve, size)
    count, basis, taken = min(FEWEST, most, size // 4), None, 0
    while True:
        if basis is None:
            basis, taken = _probes(product, solve, sample(rng, count), tolerance, steps)
        fresh, more = _probes(product, solve, sample(rng, count), tolerance, steps)
        value, spread, bias, again = _deflated(product, solve, basis, fresh, size, tolerance, steps)
        taken = max(taken, more, again)
        if spread <= error or 2 * count > min(most, size // 2):
            return LogDeterminant(value=value, error=spread, bias=bias, probes=count, steps=taken)
        basis = tuple(np.hstack(pair) for pair in zip(basis, fresh, strict=True))  # all there are; others are drawn
        count *= GROWTH


def _probes(product, solve, drawn, tolerance, steps):
    """(M⁻¹Y, Y, log(M⁻¹K) M⁻¹Y, M times that) of columns Y with covariance M, and the steps it took."""
    *images, _, taken = lanczos_log(product, solve, drawn, tolerance, steps)
    return (solve(drawn), drawn, *images), taken


def _exact(product, solve, size):
    """Both determinants from their matrices; the error is that of their rounding."""
    values = [np.linalg.eigvalsh(0.5 * (m + m.T)) for m in (apply(np.eye(size)) for apply in (product, solve))]
    rounding = sum(float(np.sum(size * np.finfo(float).eps * v[-1] / v)) for v in values)
    return LogDeterminant(value=float(sum(np.log(v).sum() for v in values)), error=rounding, bias=0.0, probes=size,
                          steps=0)


def lanczos_log(product, solve, right, tolerance, steps):
    """log(M⁻¹K) applied to the columns of M⁻¹ Y.

    Parameters
    ----------
    product, solve : callable
    right : ndarray, shape (n, k)
        Y.
    tolerance : float
    steps : int

    Returns
    -------
    primal, dual : ndarray, shape (n, k)
        log(M⁻¹K) M⁻¹Y, and M times it.
    bias : ndarray, shape (k,)
        Change of the quadratic form over the last fifth of the steps.
    steps : int
        Most that a column took.
    """
    width = max(1, int(BASIS_BYTES // (16 * right.shape[0] * 60)))
    out = [np.empty_like(right), np.empty_like(right), np.empty(right.shape[1])]
    taken = 0
    for first in range(0, right.shape[1], width):
        block = slice(first, min(first + width, right.shape[1]))
        *parts, count = _lanczos_block(product, solve, right[:, block], tolerance, steps)
        for whole, part in zip(out, parts, strict=True):
            whole[..., block] = part
        taken = max(taken, count)
    return *out, taken


def _lanczos_block(product, solve, right, tolerance, steps):
    """Conjugate gradients on the columns, with the residuals kept as Lanczos vectors."""
    r = np.array(right)
    z = solve(r)
    energy = np.einsum("ij,ij->j", r, z)
    first, direction = energy.copy(), z.copy()
    residuals, preconditioned, alphas, betas = [], [], [], []
    live = np.ones(r.shape[1], dtype=bool)
    length = np.zeros(r.shape[1], dtype=int)
    while live.any() and len(alphas) < steps:
        norm = np.sqrt(np.where(live, energy, 1.0))
        residuals.append(r / norm)
        preconditioned.append(z / norm)
        image = product(direction)
        # a column that is done stands still: it would only grow on what rounding left
        alpha = np.where(live, energy, 0.0) / np.where(live, np.einsum("ij,ij->j", direction, image), 1.0)
        r = r - alpha * image
        z = solve(r)
        previous, energy = energy, np.einsum("ij,ij->j", r, z)
        beta = np.where(live, energy, 0.0) / np.where(live, previous, 1.0)
        length[live] += 1
        alphas.append(alpha)
        betas.append(beta)
        live &= energy > tolerance**2 * first
        direction = z + beta * direction
    out = np.zeros_like(right), np.zeros_like(right)
    bias = np.empty(right.shape[1])
    for c in range(right.shape[1]):
        weights, bias[c] = _first_column(np.array(alphas)[: length[c], c], np.array(betas)[: length[c], c], first[c])
        for whole, basis in zip(out, (preconditioned, residuals), strict=True):
            whole[:, c] = sum(w * vectors[:, c] for w, vectors in zip(weights, basis, strict=False))
    return *out, bias, int(length.max())


def _first_column(alpha, beta, energy):
    """‖z‖ log(T) e₁ with alternating signs, and the change of zᵀ log(B) z over the last steps."""
    count = alpha.size
    diagonal = 1.0 / alpha
    diagonal[1:] += beta[:-1] / alpha[:-1]
    off = np.sqrt(beta[:-1]) / alpha[:-1]
    values, vectors = eigh_tridiagonal(diagonal, off)
    column = vectors @ (np.log(values) * vectors[0])
    short = max(1, int(SHORTER * count))
    few, turn = eigh_tridiagonal(diagonal[:short], off[: short - 1])
    change = energy * (column[0] - float(turn[0] ** 2 @ np.log(few)))
    return np.sqrt(energy) * column * (-1.0) ** np.arange(count), change


def _deflated(product, solve, basis, fresh, size, tolerance, steps):
    """Hutch++'s estimate, its error, the step bias, and the steps of the second round, in M's inner product.

    The fresh probes know nothing of the basis, so that what they say of the rest is independent: its spread is the
    error. Of few probes it is itself uncertain, and widened to the variance of Student's t.
    """
    _, _, q, dual = basis
    for _ in range(2):  # twice makes Cholesky's QR orthogonal to rounding
        root = np.linalg.cholesky(q.T @ dual).T
        q, dual = (solve_triangular(root, m.T, lower=False, trans=1).T for m in (q, dual))
    image, image_dual, bias, taken = lanczos_log(product, solve, dual, tolerance, steps)
    h = q.T @ image_dual
    h = 0.5 * (h + h.T)
    u, y, logs, _ = fresh
    inside, cross = q.T @ y, image.T @ y
    form = np.einsum("ij,ij->j", y, logs) + np.einsum("ij,ij->j", inside, h @ inside - 2.0 * cross)
    count = u.shape[1]
    # of the length outside the basis the direction alone is random: the estimates are those of probes on a sphere
    rest = form * (size - h.shape[0]) / (np.einsum("ij,ij->j", u, y) - np.sum(inside**2, axis=0))
    error = np.std(rest, ddof=1) / np.sqrt(count) * np.sqrt((count - 1) / (count - 3))
    return float(np.trace(h) + np.mean(rest)), float(error), float(bias.sum()), taken
