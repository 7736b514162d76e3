"""The cosine preconditioner against its matrix, written out."""

import numpy as np
import pytest
from scipy.fft import dct

from bayesjoint.solvers import _cosine as cosine
from bayesjoint.solvers._block_cg import block_cg
from bayesjoint.solvers._cosine import CosinePreconditioner, cosine_autocorrelation
from bayesjoint.solvers._directional import DirectionalSymbol

from ..moments import sampling_excess
from ..refusals import refused

WINDOW, NOISE = (5, 6), np.array([0.2, 0.05])


def covariance_by_lag(shift=0.0, size=1.0, reach=2.5):
    p, q = np.meshgrid(np.arange(1 - WINDOW[0], WINDOW[0]), np.arange(1 - WINDOW[1], WINDOW[1]), indexing="ij")
    return size * np.exp(-np.hypot(p - shift, q + 0.5 * shift) / reach)


def lags_of(channels):
    lags = {(0, 0): covariance_by_lag()}
    cross = {(0, 1): covariance_by_lag(0.7, 0.4), (1, 1): covariance_by_lag(0, 2.0, 1.5)}
    return lags if channels == 1 else lags | cross


def toeplitz(values):
    i, j = np.divmod(np.arange(WINDOW[0] * WINDOW[1]), WINDOW[1])
    return values[i[:, None] - i + WINDOW[0] - 1, j[:, None] - j + WINDOW[1] - 1]


def covariance(channels):
    lags = lags_of(channels)
    size = WINDOW[0] * WINDOW[1]
    out = np.zeros((channels * size,) * 2)
    for (a, b), values in lags.items():
        block = toeplitz(values)
        out[a * size:(a + 1) * size, b * size:(b + 1) * size] = block
        out[b * size:(b + 1) * size, a * size:(a + 1) * size] = block.T
    return out + np.diag(np.repeat(NOISE[:channels], size))


def matrix(channels):
    """Dᵀ (block diagonal of D K Dᵀ) D."""
    transform = np.kron(dct(np.eye(WINDOW[0]), axis=0, norm="ortho"), dct(np.eye(WINDOW[1]), axis=0, norm="ortho"))
    transform = np.kron(np.eye(channels), transform)
    modes = transform @ covariance(channels) @ transform.T
    same = np.equal.outer(*(np.arange(len(modes)) % (WINDOW[0] * WINDOW[1]),) * 2)
    return transform.T @ (modes * same) @ transform


def preconditioner(channels, observed=None):
    observed = np.ones((channels, *WINDOW), bool) if observed is None else observed
    return CosinePreconditioner(lags_of(channels), NOISE[:channels], observed)


@pytest.mark.parametrize("channels", [1, 2])
def test_it_is_the_inverse_of_its_matrix(channels):
    found = preconditioner(channels).solve(np.eye(channels * 30))
    np.testing.assert_allclose(found, np.linalg.inv(matrix(channels)), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("channels", [1, 2])
def test_gaps_are_taken_out_exactly(channels, rng):
    observed = rng.random((channels, *WINDOW)) > 0.3
    observed[0, 1:4, 1:4] = False
    keep = observed.ravel()
    found = preconditioner(channels, observed).solve(np.eye(keep.sum()))
    np.testing.assert_allclose(found, np.linalg.inv(matrix(channels)[np.ix_(keep, keep)]), rtol=1e-8, atol=1e-9)


def skewed(angle=0.6):
    """Lags of a field that varies across one diagonal and hardly along it."""
    p, q = np.meshgrid(np.arange(1 - WINDOW[0], WINDOW[0]), np.arange(1 - WINDOW[1], WINDOW[1]), indexing="ij")
    across, along = np.cos(angle) * p + np.sin(angle) * q, np.cos(angle) * q - np.sin(angle) * p
    return {(0, 0): 3.0 * np.exp(-((across / 1.0) ** 2) - (along / 8.0) ** 2)}


def test_direction_is_brought_in_where_mirror_images_differ(rng):
    lags, noise = skewed(), np.array([0.01])
    found = CosinePreconditioner(lags, noise, np.ones((1, *WINDOW), bool))
    symbol = DirectionalSymbol(lags, noise, WINDOW)
    assert symbol.contrast < 0.25
    inverse = found.solve(np.eye(30))
    np.testing.assert_allclose(inverse, inverse.T, atol=1e-10 * np.abs(inverse).max())
    assert found.logdet() == pytest.approx(-np.linalg.slogdet(inverse)[1], rel=1e-9)
    draws = found.colour(rng, 4000).T
    assert min(sampling_excess(draws, np.zeros(30), np.linalg.inv(inverse))) > 1e-4
    # and it is worth it
    k = toeplitz(lags[0, 0]) + 0.01 * np.eye(30)
    plain = CosinePreconditioner(lags, noise, np.ones((1, *WINDOW), bool))
    plain._symbol, plain._inverse = None, plain._inverse**2
    spread = [np.linalg.eigvals(m.solve(k)).real for m in (found, plain)]
    assert spread[0].max() / spread[0].min() < 0.3 * spread[1].max() / spread[1].min()


def test_symmetric_covariances_have_no_direction():
    values = DirectionalSymbol(lags_of(1), NOISE[:1], WINDOW)
    assert values.contrast == pytest.approx(1.0, abs=1e-9) and values.logdet == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("missing", [False, True])
def test_log_determinant(missing, rng):
    observed = rng.random((2, *WINDOW)) > (0.3 if missing else -1)
    keep = observed.ravel()
    assert preconditioner(2, observed).logdet() == pytest.approx(np.linalg.slogdet(matrix(2)[np.ix_(keep, keep)])[1])


def test_single_precision_is_good_enough(rng):
    observed = rng.random((2, *WINDOW)) > 0.3
    single = CosinePreconditioner(lags_of(2), NOISE, observed, np.float32)
    right = rng.standard_normal((observed.sum(), 3))
    np.testing.assert_allclose(single.solve(right), preconditioner(2, observed).solve(right), rtol=0, atol=1e-4)


def test_samples_have_its_covariance(rng):
    observed = rng.random((2, *WINDOW)) > 0.3
    keep = observed.ravel()
    draws = preconditioner(2, observed).colour(rng, 4000).T
    assert min(sampling_excess(draws, np.zeros(keep.sum()), matrix(2)[np.ix_(keep, keep)])) > 1e-4


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_autocorrelations_of_cosines(n):
    modes = dct(np.eye(n), axis=0, norm="ortho")
    wanted = [[modes[k, p:] @ modes[k, : n - p] for p in range(n)] for k in range(n)]
    np.testing.assert_allclose(cosine_autocorrelation(n), wanted, atol=1e-14)


def test_compression_cannot_worsen_the_condition(rng):
    observed = rng.random((2, *WINDOW)) > 0.3
    keep = observed.ravel()

    def condition(k, m):
        values = np.linalg.eigvals(np.linalg.solve(m, k)).real
        return values.max() / values.min()

    whole, part = (covariance(2), matrix(2)), (a[np.ix_(keep, keep)] for a in (covariance(2), matrix(2)))
    assert condition(*part) <= condition(*whole) * (1 + 1e-9)
    assert condition(*whole) < 0.2 * np.linalg.cond(covariance(2))


def test_it_speeds_up_conjugate_gradients(rng):
    k, right = covariance(2), rng.standard_normal((60, 3))
    plain = block_cg(lambda v: k @ v, right, lambda r: r, tolerance=1e-8)
    fast = block_cg(lambda v: k @ v, right, preconditioner(2).solve, tolerance=1e-8)
    np.testing.assert_allclose(fast.x, np.linalg.solve(k, right), rtol=1e-5, atol=1e-6)
    assert fast.iterations.max() < 0.7 * plain.iterations.min()


def test_too_many_gaps_are_refused(monkeypatch):
    monkeypatch.setattr(cosine, "GAP_LIMIT", 5)
    refused(lambda: preconditioner(1, np.arange(30).reshape(1, *WINDOW) > 5), "mask")
