"""Lattice operators on a periodic lattice of columns: what one column of cells does to every station, by wavenumber."""

import numpy as np
from scipy import fft

from ._processing import unwrapped
from ._threads import worker_count
from ._toeplitz import LatticeOperator


def lattice_and_processing(forward):
    """Split a forward operator into a lattice operator F and what is done to its data, H.

    Parameters
    ----------
    forward : LinearOperator
        F itself, or H∘F however often composed.

    Returns
    -------
    (LatticeOperator, tuple of Processing) or None
        The processings in the order in which they act; None where no lattice operator is at the bottom.

    Examples
    --------
    >>> from bayesjoint import GravityOperator, Mesh, UpwardContinuation
    >>> mesh = Mesh.regular(shape=(1, 4, 4), spacing=(10, 10, 10))
    >>> lattice = GravityOperator(mesh, mesh.easting, mesh.northing)
    >>> found, steps = lattice_and_processing(UpwardContinuation(lattice, 5.0) @ lattice)
    >>> found is lattice, len(steps)
    (True, 1)
    """
    lattice, steps = unwrapped(forward)
    return (lattice, steps) if isinstance(lattice, LatticeOperator) else None


def periodic_spectra(lattice, torus, keep=True):
    """Transfer of each layer to the stations of each height on a periodic lattice of columns.

    A station feels the cells up to half the torus away on every side; those exactly half of it away count half on
    each. The last result is kept with the operator: an evidence is sought over many priors, with one set of kernels.

    Parameters
    ----------
    lattice : LatticeOperator
        Kernel, layers and heights.
    torus : tuple of int
        (rows, columns) of the periodic lattice.
    keep : bool, default True
        Keep the result for the next call.

    Returns
    -------
    ndarray of complex128, shape (heights, nz, rows, columns // 2 + 1)
        ``rfft2`` of the field by lag, station less cell, per unit of property.
    """
    held = getattr(lattice, "_periodic", None)
    if held is not None and held[0] == torus:
        return held[1]
    (py, px), nz = torus, lattice.mesh.shape[0]
    low = (-(py // 2), -(px // 2))
    spectra = np.empty((lattice.height.size * nz, py, px // 2 + 1), dtype=np.complex128)
    # lags from −P/2 to P/2, of which an even P holds both ends
    for n, block in enumerate(lattice.by_lag((low[0], 2 * (py // 2) + 1), (low[1], 2 * (px // 2) + 1))):
        spectra[n] = fft.rfft2(_folded(_folded(block, py, low[0], 0), px, low[1], 1), workers=worker_count())
    spectra = spectra.reshape(lattice.height.size, nz, py, -1)
    if keep:
        lattice._periodic = (torus, spectra)
    return spectra


def _folded(block, period, low, axis):
    """Put lags low.. on a period along one axis, lag 0 first; an even period halves its two ends and adds them."""
    if period % 2 == 0:
        block = np.moveaxis(block, axis, 0)
        body = block[:-1].copy()
        body[0] = 0.5 * (block[0] + block[-1])
        block = np.moveaxis(body, 0, axis)
    return np.roll(block, low, axis=axis)
