"""Gaussian fields that are functions of space: sums of random waves, the same on every mesh."""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri, ndtri

BLOCK = 2**23  # numbers in a block of the product below, so that a field of any size needs little beside itself


@dataclass(frozen=True)
class Waves:
    """Σ a cos(k·r) + b sin(k·r), r from `origin`.

    Parameters
    ----------
    wavenumbers : ndarray, shape (n, 3)
        Radians a metre, (upward, northing, easting).
    amplitudes : ndarray of complex, shape (n,)
        a − i b.
    origin : tuple of float
        (upward, northing, easting), metres.
    """

    wavenumbers: np.ndarray
    amplitudes: np.ndarray
    origin: tuple

    def on(self, upward, northing, easting):
        """Values at the nodes of a lattice of any spacing.

        Parameters
        ----------
        upward, northing, easting : ndarray, shapes (nz,), (ny,), (nx,)
            Metres.

        Returns
        -------
        ndarray of float32, shape (nz, ny, nx)
        """
        # Phases in double precision; the sum of a few hundred waves of order one is harmless in single.
        e_z, e_y, e_x = (np.exp(1j * np.outer(c - o, k)).astype(np.complex64) for c, o, k in zip(
            (upward, northing, easting), self.origin, self.wavenumbers.T, strict=True))
        right = np.concatenate([e_x.real, -e_x.imag], axis=1).T
        out = np.empty((upward.size, northing.size, easting.size), dtype=np.float32)
        e_z = e_z * self.amplitudes.astype(np.complex64)
        step = max(1, BLOCK // (2 * northing.size * self.amplitudes.size))
        for first in range(0, upward.size, step):
            left = e_z[first:first + step, None, :] * e_y
            left = np.concatenate([left.real, left.imag], axis=2)
            np.matmul(left.reshape(-1, left.shape[2]), right, out=out[first:first + step].reshape(-1, easting.size))
        return out


def matern_waves(rng, ranges, smoothness, count, origin, axes=None):
    """Waves of a Gaussian field of variance one and Matérn correlation.

    The spectral density of a Matérn field in three dimensions is that of a multivariate t with 2ν degrees of freedom
    (Rasmussen & Williams 2006, eq. 4.15). Wavenumbers come from a Latin hypercube of it, so that the correlation of
    every single world is near the average. Amplitudes are normal: at each point the field is exactly Gaussian.

    Parameters
    ----------
    rng : numpy.random.Generator
    ranges : tuple of float
        Along the three axes, metres.
    smoothness : float
        ν.
    count : int
        Number of waves.
    origin : tuple of float
        (upward, northing, easting), metres.
    axes : ndarray, shape (3, 3), optional
        Rows are the directions of the three ranges in (upward, northing, easting). Default: those themselves.

    Returns
    -------
    Waves
    """
    u = (rng.permuted(np.tile(np.arange(count), (4, 1)), axis=1) + rng.random((4, count))) / count
    chi = chdtri(2 * smoothness, u[3]) / (2 * smoothness)
    k = (ndtri(u[:3]) / np.sqrt(chi)).T / np.asarray(ranges, dtype=float)
    a, b = rng.standard_normal((2, count)) / np.sqrt(count)
    return Waves(k if axes is None else k @ axes, a - 1j * b, origin)


def gentle_waves(rng, wavelength, count, origin, strike=None, spread=0.35):
    """A few horizontal waves of about one length: folds. Their mean square is 1 on average.

    Parameters
    ----------
    rng : numpy.random.Generator
    wavelength : float
        Metres; single waves are 0.7 to 1.5 times as long.
    count : int
        Number of waves.
    origin : tuple of float
        (upward, northing, easting), metres.
    strike : float, optional
        Azimuth of the crests, degrees clockwise from north; default any for each wave.
    spread : float, default 0.35
        Standard deviation of a wave's own azimuth about it, radians.
    """
    turn = rng.uniform(0, np.pi, count) if strike is None else np.deg2rad(strike + 90) + spread * (
        rng.standard_normal(count))
    k = 2 * np.pi / (wavelength * np.exp(rng.uniform(np.log(0.7), np.log(1.5), count)))
    a, b = rng.standard_normal((2, count)) / np.sqrt(count)
    return Waves(np.stack([np.zeros(count), k * np.cos(turn), k * np.sin(turn)], axis=1), a - 1j * b, origin)
