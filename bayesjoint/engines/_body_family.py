"""What compact bodies may be like: the family over which `method="bodies"` goes, and what it stands on in a problem."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import qr, solve_triangular

from .._checks import as_count, as_finite, as_positive, checked, fail
from .._shown import short
from ._body_kernels import SIZE, Ground, fill
from ._body_moves import TURN, Law, draw_all
from ._whitened import whitened_matrix

STANDS_OUT = 5.0  # texture stds: a body that stands out less is texture to the eye
CELLS = 2.0  # median half axis: four cells across is the least whose shape a mesh shows
LARGEST_BYTES = 4e9


@checked
@short
@dataclass(frozen=True, kw_only=True)
class BodyFamily:
    """Family of compact bodies for ``posterior(problem, method="bodies")``: superquadrics shared by all properties.

    Bodies are independent of one another; where they overlap their contrasts add. Centres are uniform in the box round
    the mesh's ground, strike 0 to 360°, dip 0 to 90°. Half axes along strike, down dip and across are independent.

    Parameters
    ----------
    contrast : dict of {str: float}, optional
        Prior standard deviation of a body's contrast in every property on the mesh, its units; the mean is 0, and
        contrasts of bodies and properties are independent. Default: five times the largest prior std of the property,
        for a body that stands out less is not told from the texture. State your own where rocks are known.
    most : int, default 6
        Largest number of bodies, of at least 1; more were not tried.
    decline : float, default 0.5
        Chance of one body more over that of one less: few bodies, unless the data ask for them.
    size : float, optional
        Median half axis, metres. Default: twice the size of a cell (geometric mean of its edges, median over the
        ground), the smallest whose shape the mesh shows; 100 m on cells of 50 m.
    log_std : float, default 0.5
        Standard deviation of the logarithm of a half axis: two thirds lie within a factor of 1.65.
    exponent : tuple of float, default (2.0, 8.0)
        Uniform between; 2 is an ellipsoid, 8 nearly a box.
    soft : float, optional
        Width over which the share of a cell falls from 1 to 0, metres. Default: the size of a cell, so that it is near
        the share of its volume inside.

    Raises
    ------
    ValueError, TypeError
        If a number is not positive, there may be no body, or exponents do not ascend from at least 2.

    Examples
    --------
    >>> BodyFamily(contrast={"density": 500.0}, size=150.0).most
    6
    """

    contrast: dict | None = None
    most: int = 6
    decline: float = 0.5
    size: float | None = None
    log_std: float = 0.5
    exponent: tuple = (2.0, 8.0)
    soft: float | None = None

    def __post_init__(self):
        """Refuse what cannot be."""
        as_count("most", self.most, 1, "1 allows one body.")
        for name in ("decline", "log_std", *(n for n in ("size", "soft") if getattr(self, n) is not None)):
            as_positive(name, getattr(self, name), 0)
        ends = as_finite("exponent", self.exponent, 1)
        if ends.size != 2 or not 2.0 <= ends[0] < ends[1]:
            fail("exponent", "be two numbers that ascend, at least 2", f"{self.exponent}", "Give for example (2, 8).")
        for name, value in (self.contrast or {}).items():
            as_positive(f"contrast of {name}", value, 0)


def settled(family, problem):
    """A family with every default filled in for a problem."""
    fields = gridded(problem)
    mesh = fields[0].mesh
    steps = [np.diff(edges) for edges in (mesh.upward_edges, mesh.northing_edges, mesh.easting_edges)]
    cell = float(np.median(np.cbrt(_products(steps))[mesh.active]))
    std = np.sqrt(problem.prior.gaussian_moments()[1].diagonal())
    contrast = {p.name: STANDS_OUT * p.scale * float(std[problem.slices[p.name]].max()) for p in fields}
    if family.contrast is not None:
        if set(family.contrast) != set(contrast):
            fail("contrast", f"have the keys {sorted(contrast)}", f"{sorted(family.contrast)}",
                 "Give a std for every property on the mesh.")
        contrast = {name: float(family.contrast[name]) for name in contrast}
    return replace(family, contrast=contrast, size=CELLS * cell if family.size is None else float(family.size),
                   soft=cell if family.soft is None else float(family.soft))


def law_of(family, mesh):
    """`Law` of the bodies of a settled family in a mesh."""
    low, high = np.full(SIZE, -np.inf), np.full(SIZE, np.inf)
    for d, edges in enumerate((mesh.upward_edges, mesh.northing_edges, mesh.easting_edges)):
        held = np.flatnonzero(mesh.active.any(axis=tuple(a for a in range(3) if a != d)))
        low[d], high[d] = edges[held[0]], edges[held[-1] + 1]
    low[6:], high[6:] = (0.0, 0.0, family.exponent[0]), (TURN, 0.25 * TURN, family.exponent[1])
    return Law(low, high, float(np.log(family.size)), float(family.log_std), float(family.decline), 2.0 * family.size)


def draw_bodies(family, mesh, rng, count):
    """(bodies (count, most, SIZE), how many (count,)) of a settled family in a mesh."""
    law, share = law_of(family, mesh), float(family.decline) ** np.arange(family.most)
    counts = 1 + rng.choice(family.most, count, p=share / share.sum())
    bodies = np.zeros((count, family.most, SIZE))
    draw_all(rng.random((count, family.most, 6)), rng.standard_normal((count, family.most, 3)), counts, law, bodies)
    return bodies, counts


def gridded(problem):
    """Parameters on the mesh, refused where there is none or they have different ones."""
    fields = [p for p in problem.parameters if p.mesh is not None]
    if not fields:
        fail("problem", "have a parameter on a mesh for bodies", f"plain vectors {sorted(problem.by_name)}",
             "Give a Parameter a Mesh.")
    if any(p.mesh != fields[0].mesh for p in fields):
        fail("parameters", "lie on one mesh for bodies that they share", f"{len(fields)} that differ",
             "Use the same Mesh for all.")
    return fields


def ground_of(problem, system, family):
    """(`Ground` of a settled family, places of its cells in x, (property, cell)) of a problem with this `DenseSystem`.

    Data are whitened by all that is not a body, flat values projected out.
    """
    fields = gridded(problem)
    mesh, inside = fields[0].mesh, fields[0].ground
    places = np.stack([np.flatnonzero(inside) + problem.slices[p.name].start for p in fields])
    std = np.array([family.contrast[p.name] / p.scale for p in fields])
    matrix, _ = whitened_matrix(problem, LARGEST_BYTES)
    seen = solve_triangular(system.factor, matrix[:, places.ravel()], lower=True, check_finite=False, overwrite_b=True)
    data = solve_triangular(system.factor, system.residual, lower=True)
    if system.rank:
        basis, _ = qr(solve_triangular(system.factor, system.basis, lower=True), mode="economic")
        seen -= basis @ (basis.T @ seen)
        data -= basis @ (basis.T @ data)
    rows = np.ascontiguousarray(seen.reshape(-1, *places.shape).transpose(2, 1, 0))
    touched = [np.flatnonzero(rows[:, p].any(axis=0)) for p in range(len(places))]
    span = np.array([(each.min(initial=data.size), each.max(initial=-1) + 1) for each in touched])
    cell = np.full(mesh.size, -1)
    cell[inside] = np.arange(places.shape[1])
    edges = (mesh.upward_edges, mesh.northing_edges, mesh.easting_edges)
    volume = _products([np.diff(e) for e in edges])[mesh.active]
    centres = [np.ascontiguousarray(0.5 * (e[1:] + e[:-1])) for e in edges]
    return Ground(*centres, cell.reshape(mesh.shape), rows, span, data, family.soft, std**2, volume), places


def put(bodies, counts, contrasts, ground, places, out):
    """Add bodies, (state, body, SIZE), of given contrasts, (state, body, property), to state vectors, in place."""
    shares, cells = np.empty(places.shape[1]), np.empty(places.shape[1], dtype=np.int64)
    for s in range(len(out)):
        for b in range(counts[s]):
            filled = fill(bodies[s, b], ground, shares, cells)
            for p, where in enumerate(places):
                out[s, where[cells[:filled]]] += contrasts[s, b, p] * shares[:filled]
    return out


def _products(steps):
    return steps[0][:, None, None] * steps[1][:, None] * steps[2]
