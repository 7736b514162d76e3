import numpy as np
import pytest
from scipy.stats import truncnorm

from bayesjoint.engines._truncated_normal import EDGE, draw, draw_tilted, left_share, mirror, quantile_of_tilted

U = np.linspace(0.002, 0.998, 250)
INTERVALS = [(-1, 2), (0.5, np.inf), (4.1, np.inf), (29, np.inf), (30, 31), (31, 31.001), (-np.inf, -8), (-35, -29.9),
             (-np.inf, 0.3), (5, 5.01), (-20, 20), (200, np.inf), (-np.inf, np.inf)]


@pytest.mark.parametrize(("low", "high"), INTERVALS)
def test_draws_and_their_mirror_images_have_scipys_quantiles(low, high):
    law = truncnorm(low, high)
    z = np.array([draw(u, low, high) for u in U])
    assert np.all((z >= low) & (z <= high))
    np.testing.assert_allclose(law.cdf(z), U, atol=1e-10)
    image = np.array([mirror(x, low, high, 0.5) for x in z])
    np.testing.assert_allclose(law.cdf(image), 1 - U, atol=1e-10)
    np.testing.assert_allclose([mirror(x, low, high, 0.5) for x in image], z, atol=1e-9)


def test_a_value_whose_quantile_has_no_digits_left_is_drawn_anew():
    """Mirrored between its bound and 37 standard deviations a cell would heat all others."""
    assert mirror(0.0, 0.0, np.inf, 0.25) == draw(0.25, 0.0, np.inf)
    assert mirror(9.0, -1.0, np.inf, 0.25) == draw(0.25, -1.0, np.inf)
    just_inside = draw(2 * EDGE, -1.0, np.inf)
    assert mirror(just_inside, -1.0, np.inf, 0.25) > 5


@pytest.mark.parametrize(("tilt", "peak", "low", "high"), [
    (1, 0.3, -2, 3), (0.5, -5, -1, 2), (5, 2, -1, 9), (40, 3, -np.inf, np.inf), (40, -60, -100, np.inf),
    (3, 0, 0, np.inf), (1000, -50, -50, 100), (2, 1, -np.inf, 1)])
def test_tilted_laws_against_quadrature(tilt, peak, low, high):
    left = left_share(tilt, peak, low, high)
    z = np.unique(np.concatenate([np.linspace(max(low, -60), min(high, 60), 400_001),
                                  peak + np.linspace(-60, 60, 400_001) / max(tilt, 1)]))
    z = z[(z >= low) & (z <= high)]
    log = -0.5 * z**2 - tilt * np.abs(z - peak)
    w = np.exp(log - log.max())
    share = np.concatenate([[0], np.cumsum(0.5 * np.diff(z) * (w[1:] + w[:-1]))])
    found = np.array([draw_tilted(u, tilt, peak, low, high, left) for u in U])
    np.testing.assert_allclose(np.interp(found, z, share / share[-1]), U, atol=1e-7)
    np.testing.assert_allclose([quantile_of_tilted(x, tilt, peak, low, high, left) for x in found], U, atol=1e-9)
