"""A scalar question put to a model, and the boxes that such questions are about."""

from dataclasses import dataclass

import numpy as np

from .._checks import as_finite, fail, one_of


@dataclass(frozen=True, kw_only=True)
class Functional:
    """A number computed from a model.

    Parameters
    ----------
    name : str
        Identifier.
    long_name, units : str
        Words and units.
    evaluate : callable
        {parameter: (count, *shape)} in physical units to (count,); NaN where the model has no such number.
    weights : dict of ndarray, optional
        {parameter: array of its shape} of a linear functional Σ w m − `offset`, in units of it per physical unit.
    offset : float, default 0
        Of a linear functional.
    """

    name: str
    long_name: str
    units: str
    evaluate: object
    weights: dict | None = None
    offset: float = 0.0


def linear(name, long_name, units, weights, offset=0.0):
    """The `Functional` Σ w m − offset."""
    def evaluate(model):
        return sum(_weighted(model[p], w) for p, w in weights.items()) - offset

    return Functional(name=name, long_name=long_name, units=units, evaluate=evaluate, weights=weights, offset=offset)


def _weighted(values, weights):
    """Σ w m over cells with a weight: air has none, and is NaN."""
    used = np.flatnonzero(weights)
    return values.reshape(*values.shape[: values.ndim - weights.ndim], -1)[..., used] @ weights.ravel()[used]


def on_mesh(problem, name):
    """The parameter called `name`, which must live on a mesh."""
    meshed = tuple(p.name for p in problem.parameters if p.mesh is not None)
    return problem.by_name[one_of("parameter", name, meshed or ("(none: no parameter lives on a mesh)",))]


def shares_in(mesh, box):
    """Share of each ground cell's volume inside a box; 0 in air.

    Parameters
    ----------
    mesh : Mesh
        The cells.
    box : (west, east, south, north, bottom, top) or None
        Metres, `bottom` and `top` as upward coordinates; None is the whole mesh.

    Returns
    -------
    ndarray, shape mesh.shape
        From 0 to 1.

    Raises
    ------
    ValueError
        If a side is not longer than 0 or no ground lies inside.
    """
    if box is None:
        return mesh.active.astype(float)
    box = as_finite("box", box, 1)
    if box.size != 6 or np.any(box[1::2] <= box[::2]):
        fail("box", "be (west, east, south, north, bottom, top) with west < east, south < north, bottom < top",
             f"{box.tolist()}", "Upward coordinates are negative below the datum: bottom=-2000, top=-500.")
    sides = []
    for (low, high), edges in zip(box.reshape(3, 2), (mesh.easting_edges, mesh.northing_edges, mesh.upward_edges),
                                  strict=True):
        inside = np.minimum(edges[1:], high) - np.maximum(edges[:-1], low)
        sides.append(np.clip(inside, 0.0, None) / np.diff(edges))
    shares = sides[2][:, None, None] * sides[1][:, None] * sides[0]
    if not shares.any():
        fail("box", "overlap the mesh", f"{box.tolist()} beside {mesh!r}", "Check the order and the coordinates.")
    if not shares[mesh.active].any():
        fail("box", "overlap the ground", f"{box.tolist()}, all air", "Lower it.")
    return np.where(mesh.active, shares, 0.0)


def volumes(mesh):
    """Cell volumes, m³, shape mesh.shape."""
    up, north, east = (np.diff(getattr(mesh, f"{dim}_edges")) for dim in mesh.dims)
    return up[:, None, None] * north[:, None] * east
