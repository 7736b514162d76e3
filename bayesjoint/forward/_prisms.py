"""The field of any list of prisms: octrees, bodies, anything that is no mesh."""

from __future__ import annotations

import numpy as np

from .._checks import as_finite, as_shape, checked, fail
from .._compiled import njit
from .._typing import ArrayLike
from ..quantities import quantity
from ._kernels import node_value
from ._threads import run_ranges


@checked
def forward_prisms(prisms: ArrayLike, properties: ArrayLike, stations: tuple, kind: str, intensity: float = 50_000.0,
                   inclination: float = 45.0, declination: float = 45.0) -> np.ndarray:
    """Field of a list of prisms at scattered stations.

    Corners are merged and their weights summed before anything is evaluated, so corners inside a homogeneous part of
    the model cost nothing: a model of many equal cells is as cheap as its interfaces.

    Parameters
    ----------
    prisms : array_like, shape (n, 6)
        (west, east, south, north, bottom, top) of each, metres; they may overlap, and their fields add.
    properties : array_like, shape (n,)
        Density contrast (kg/m³) or susceptibility (SI). Prisms with 0 are skipped, as are those without volume.
    stations : tuple of array_like
        (easting, northing, upward), each of shape (m,), metres; `upward` may be a scalar.
    kind : str
        "gravity" or "gz": g_z in mGal positive down; "magnetic" or "tfa": total-field anomaly in nT. Or a component:
        "gee", "gnn", "gzz", "gen", "gez", "gnz" (Eötvös, z down), "b_e", "b_n", "b_u" (nT).
    intensity, inclination, declination : float, default 50000.0, 45.0, 45.0
        Inducing field, nT and degrees; magnetics only.

    Returns
    -------
    ndarray, shape (m,)
        mGal, E or nT. g_z is finite everywhere, inside prisms too.

    Raises
    ------
    ValueError
        Bad shapes or values; a prism turned inside out; for all but g_z a station inside a prism, between two, or on
        an edge, where the field is singular or not that of a survey above ground.

    Examples
    --------
    >>> data = forward_prisms([[-50, 50, -50, 50, -150, -50]], [300.0], ([0.0, 500.0], [0.0, 0.0], 0.0), "gravity")
    >>> data.round(3).tolist()
    [0.189, 0.002]
    """
    what = quantity(kind, None, intensity, inclination, declination)
    prisms, properties, stations = _check(prisms, properties, stations)
    coefficients = what.coefficients
    out = np.zeros(len(stations))
    if not len(prisms):
        return out
    if what.singular:
        _refuse(prisms, properties, stations, coefficients, out)
    nodes, weights = _corners(prisms, properties)
    run_ranges(lambda a, b: _node_sums(nodes, weights, stations[a:b], coefficients, out[a:b]), len(stations))
    return out


def _check(prisms, properties, stations):
    prisms = as_finite("prisms", prisms, 2)
    if prisms.shape[1] != 6:
        fail("prisms", "have shape (n, 6)", f"shape {prisms.shape}", "Order: west east south north bottom top.")
    bad = np.flatnonzero((prisms[:, 1::2] < prisms[:, ::2]).any(axis=1))
    if bad.size:
        fail("prisms", "have west <= east, south <= north and bottom <= top", f"{bad.size} that do not, first {bad[0]}",
             "Order: west east south north bottom top.")
    properties = as_shape("properties", properties, (len(prisms),))
    if len(stations) != 3:
        fail("stations", "be (easting, northing, upward)", f"{len(stations)} items", "Pass three arrays.")
    easting = np.atleast_1d(as_finite("stations[0]", stations[0], (0, 1)))
    stations = [as_shape(f"stations[{k}]", values, easting.shape) for k, values in enumerate(stations)]
    full = (properties != 0) & (prisms[:, 1::2] > prisms[:, ::2]).all(axis=1)
    return prisms[full], properties[full], np.stack(stations, axis=1)


def _corners(prisms, properties):
    """Distinct corners (k, 3) and the signed sum of properties at each, those that cancel left out."""
    edges, index = [], []
    for axis in range(3):
        unique, inverse = np.unique(prisms[:, 2 * axis : 2 * axis + 2], return_inverse=True)
        edges.append(unique)
        index.append(inverse.reshape(-1, 2))
    keys, signed = [], []
    shape = tuple(e.size for e in edges)
    for corner in np.ndindex(2, 2, 2):
        keys.append(np.ravel_multi_index([index[axis][:, corner[axis]] for axis in range(3)], shape))
        signed.append(properties * (-1.0) ** (3 - sum(corner)))
    keys, inverse = np.unique(np.concatenate(keys), return_inverse=True)
    weights = np.bincount(inverse.ravel(), weights=np.concatenate(signed))
    kept = np.abs(weights) > 8 * np.finfo(float).eps * np.abs(properties).max()
    where = np.unravel_index(keys[kept], shape)
    return np.stack([edges[axis][where[axis]] for axis in range(3)], axis=1), weights[kept]


def _refuse(prisms, properties, stations, coefficients, out):
    """Refuse stations in or between prisms or on edges; add to `out` what eastern and northern faces need."""
    low, high, jump = prisms[:, ::2], prisms[:, 1::2], 4 * np.pi * coefficients[1:3]
    inside, edge, touched = (np.zeros((len(stations), *more), dtype=bool) for more in ((), (), (2, 3)))
    for s, place in enumerate(stations):
        near = np.flatnonzero(((low <= place) & (place <= high)).all(axis=1))
        on = np.stack([low[near] == place, high[near] == place])  # lower and upper face, prism, axis
        faces = on.sum(axis=(0, 2))
        inside[s], edge[s] = (faces == 0).any(), (faces > 1).any()
        alone = on[:, faces == 1]
        touched[s] = alone.any(axis=1)
        out[s] += properties[near][faces == 1] @ (alone[1, :, :2] * jump).sum(axis=1)  # to the limit outside
    inside |= touched.all(axis=1).any(axis=1)  # between two prisms
    for bad, where in ((inside, "inside"), (edge, "on an edge")):
        if bad.any():
            k = int(np.flatnonzero(bad)[0])
            e, n, u = stations[k]
            fail("stations", "lie outside the prisms and off their edges",
                 f"{int(bad.sum())} {where}, first number {k} at ({e:.10g}, {n:.10g}, {u:.10g}) m",
                 "Move it, or leave that prism out; a millimetre clears an edge.")


@njit(cache=True, nogil=True)
def _node_sums(nodes, weights, stations, coefficients, out):
    """out[s] += Σ weight · corner function, compensated (Neumaier): the corners' terms are large and cancel."""
    for s in range(stations.shape[0]):
        total, lost = out[s], 0.0
        for k in range(nodes.shape[0]):
            term = weights[k] * node_value(
                nodes[k, 0] - stations[s, 0], nodes[k, 1] - stations[s, 1], nodes[k, 2] - stations[s, 2], coefficients
            )
            new = total + term
            lost += (total - new) + term if abs(total) >= abs(term) else (term - new) + total
            total = new
        out[s] = total + lost
