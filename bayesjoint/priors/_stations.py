"""Stationary covariances between stations: by FFT where they share a lattice, by a matrix where they are few."""

from functools import cached_property

import numpy as np

from .._checks import fail
from .._cholesky import lower_factor
from ..mesh import Mesh
from ._covariance import Covariance, DenseCovariance, MixedCovariance, StationaryCorrelation

MATRIX_LIMIT = 6_000  # stations; the matrix takes 0.3 GB there
FILLED = 0.25  # share of a lattice's nodes that stations hold at least, or the FFT would work on air
ALIGNED = 1e-3  # of a step: how far off its node a station may be
JITTER = 1e-10  # share of the variance that lets a Cholesky factor pass rounding


class SelectedCovariance(Covariance):
    """Some values of what a larger covariance covers, repeats allowed.

    Parameters
    ----------
    base : Covariance
        Of everything.
    index : ndarray of int, shape (size,)
        What is kept.
    """

    def __init__(self, base, index):
        self.base, self.index, self.size = base, index, index.size
        self._distinct = np.unique(index).size == index.size

    def matmat(self, vectors):
        """Γ V for V of shape (size, k)."""
        wide = np.zeros((self.base.size, vectors.shape[1]))
        if self._distinct:
            wide[self.index] = vectors
        else:
            np.add.at(wide, self.index, vectors)
        return self.base.matmat(wide)[self.index]

    def diagonal(self):
        """Variances, shape (size,)."""
        return self.base.diagonal()[self.index]

    def sample(self, rng, count):
        """`count` zero-mean draws, shape (count, size)."""
        return self.base.sample(rng, count)[:, self.index]


class MatrixCovariance(DenseCovariance):
    """A covariance matrix that need be semidefinite only; draws add 1e-10 of the variance to pass rounding."""

    solve = Covariance.solve

    def __init__(self, matrix):
        self._matrix, self.size = matrix, matrix.shape[0]

    @cached_property
    def _lower(self):
        return lower_factor(self._matrix + np.diag(JITTER * np.diag(self._matrix)), "covariance",
                            "be positive semidefinite", "Mend the matrix.")


def station_covariance(easting, northing, member, stds, mixing, function, ranges):
    """Covariance M_kl s_k s_l f(r) of values of several surveys at their stations.

    Stations on one lattice are handled by FFT, whatever their number: products exactly, draws through a circulant
    embedding that grows until it is positive semidefinite to 1e-9 (`StationaryCorrelation`). Others by a matrix.

    Parameters
    ----------
    easting, northing : ndarray, shape (n,)
        Metres.
    member : ndarray of int, shape (n,)
        Which survey a station belongs to.
    stds : array_like, shape (K,)
        s.
    mixing : ndarray, shape (K, K)
        M.
    function : callable
        Correlation at scaled distance.
    ranges : (float, float)
        (northing, easting), metres.

    Returns
    -------
    Covariance

    Raises
    ------
    ValueError
        If more than 6,000 stations are on no common lattice.
    """
    found = common_lattice(easting, northing)
    if found is not None:
        mesh, node = found
        correlation = StationaryCorrelation(mesh, function, (1.0, *ranges))
        field = MixedCovariance(correlation, [np.full(mesh.size, s) for s in stds], mixing)
        return SelectedCovariance(field, member * mesh.size + node)
    if easting.size > MATRIX_LIMIT:
        fail("surveys", f"lie on one lattice, or have at most {MATRIX_LIMIT} stations together",
             f"{easting.size} stations on none", "Thin them, or give each survey a discrepancy of its own lattice.")
    size = np.asarray(stds)[member]
    return MatrixCovariance(np.outer(size, size) * np.asarray(mixing)[np.ix_(member, member)]
                            * function(scaled_distance(easting, northing, ranges)))


def scaled_distance(easting, northing, ranges):
    """Horizontal distances over the ranges (northing, easting), shape (n, n)."""
    return np.hypot((northing[:, None] - northing) / ranges[0], (easting[:, None] - easting) / ranges[1])


def common_lattice(easting, northing):
    """(one-layer mesh, node of each station) of stations on one lattice that they fill by a quarter, else None."""
    axes, nodes = [], []
    for values in (northing, easting):
        place = np.unique(values.round(3))
        step = np.diff(place).min() if place.size > 1 else 1.0
        node = (values - place[0]) / step
        if np.abs(node - node.round()).max() > ALIGNED:
            return None
        nodes.append(node.round().astype(int))
        count = int(nodes[-1].max()) + 1
        axes.append(place[0] + step * (np.arange(count + 1) - 0.5))
    rows, columns = (a.size - 1 for a in axes)
    node = nodes[0] * columns + nodes[1]
    if np.unique(node).size < FILLED * rows * columns:
        return None
    return Mesh(axes[1], axes[0], [-1.0, 0.0]), node
