"""Rectilinear meshes of prisms: edges, centres, ground and air, and how to lay one under a set of surveys."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ._checks import as_count, as_finite, as_positive, checked, fail, frozen
from ._geometry import check_air, check_together
from ._html import card, span_of
from ._memory import check_memory
from ._surface_height import surface_over
from ._typing import Any, ArrayLike

SPACING_TOLERANCE = 1e-6  # of a cell: rounding in edges that were built by addition
OFFSET_TOLERANCE = 1e-3  # of a cell: station coordinates stored in single precision must still count as a lattice


@checked
class Mesh:
    """A rectilinear mesh of prisms.

    Parameters
    ----------
    easting_edges, northing_edges, upward_edges : array_like, shape (n+1,)
        Cell edges in metres, strictly increasing. Any rectilinear spacing. `upward` is positive up, so the last
        edge of `upward_edges` is the top of the mesh.
    active : array_like of bool, shape (nz, ny, nx), optional
        True where a cell is ground, False where it is air. Air has no property: it is NaN in every answer, acts on no
        datum and is counted by nothing. Default: all cells are ground.

    Attributes
    ----------
    shape : tuple of int
        (nz, ny, nx): cells in ``("upward", "northing", "easting")``.
    size : int
        Number of cells.
    easting, northing, upward : ndarray
        Cell centres in metres, ascending.
    active : ndarray of bool, shape (nz, ny, nx)
        Which cells are ground.

    Raises
    ------
    ValueError
        If an edge array is not finite, one-dimensional and strictly increasing; if `active` is no boolean array of the
        mesh's shape or marks no cell.

    Examples
    --------
    >>> mesh = Mesh([0, 100, 200], [0, 100], [-300, -100, 0])
    >>> mesh.shape
    (2, 1, 2)
    >>> mesh.upward
    array([-200.,  -50.])
    """

    dims = ("upward", "northing", "easting")

    def __init__(self, easting_edges: ArrayLike, northing_edges: ArrayLike, upward_edges: ArrayLike,
                 active: ArrayLike | None = None) -> None:
        self.easting_edges = _edges("easting_edges", easting_edges)
        self.northing_edges = _edges("northing_edges", northing_edges)
        self.upward_edges = _edges("upward_edges", upward_edges)
        self.easting, self.northing, self.upward = (
            0.5 * (e[1:] + e[:-1]) for e in (self.easting_edges, self.northing_edges, self.upward_edges)
        )
        self.shape = (self.upward.size, self.northing.size, self.easting.size)
        self.size = int(np.prod(self.shape, dtype=float))
        check_memory("mesh", 16.0 * self.size, f"{' x '.join(map(str, self.shape))} cells would take at least",
                     "Take larger cells, or a smaller area.")
        self.active = _ground(active, self.shape)

    @classmethod
    def regular(cls, shape: tuple, spacing: tuple, west: float = 0.0, south: float = 0.0, top: float = 0.0) -> Mesh:
        """Mesh of equal cells.

        Parameters
        ----------
        shape : tuple of int
            (nz, ny, nx).
        spacing : tuple of float
            (dz, dy, dx) in metres.
        west, south, top : float, default 0
            Position of the west, south and top faces in metres; the mesh reaches down from `top`.

        Returns
        -------
        Mesh

        Examples
        --------
        >>> Mesh.regular(shape=(2, 3, 4), spacing=(50, 100, 100), top=20).upward_edges
        array([-80., -30.,  20.])
        """
        if np.shape(shape) != (3,):
            fail("shape", "be three positive integers (nz, ny, nx)", repr(shape), "Count the cells along each axis.")
        if np.shape(spacing) != (3,):
            fail("spacing", "be three lengths (dz, dy, dx)", repr(spacing), "Give one per axis, in metres.")
        dz, dy, dx = as_positive("spacing", spacing, 1)
        nz, ny, nx = (as_count("shape", n, 1, "Count the cells along each axis.") for n in shape)
        west, south, top = (float(as_finite(k, v, 0)) for k, v in (("west", west), ("south", south), ("top", top)))
        return cls(
            west + dx * np.arange(nx + 1), south + dy * np.arange(ny + 1), top + dz * np.arange(-nz, 1, dtype=float)
        )

    @classmethod
    def from_surveys(cls, surveys: Any, depth: float, layers: int = 15, padding: int = 5,
                     spacing: float | tuple | None = None, top: float | None = None, growth: float = 1.0,
                     topography: Any = None) -> Mesh:
        """Lay a mesh under surveys, its columns centred on the stations of the gridded ones.

        Parameters
        ----------
        surveys : list of Survey
            Gridded surveys must share one lattice (each may be a window of it), unless `spacing` is given.
        depth : float
            Depth of the bottom below `top`, metres; with `topography`, below the lowest ground.
        layers : int, default 15
            Number of layers.
        padding : int, default 5
            Extra columns on each side. Bodies outside the stations act on the data too; five columns let them
            into the model without much cost.
        spacing : float or tuple of float, optional
            (northing, easting) cell size in metres. Needed when no survey is gridded; otherwise the survey's own.
            Columns stay centred on the first gridded survey's south-west station.
        top : float, optional
            Upward coordinate of the mesh top, metres. Default 0, or the highest ground of `topography`. Without
            topography no station may lie below it, and where all stations lie well above the default 0 a warning says
            so: their heights may be elevations, and the ground not at 0.
        growth : float, default 1
            Ratio of a layer's thickness to that of the layer above.
        topography : xarray.DataArray or (easting, northing, upward), optional
            Height of the ground, as for `with_topography`. A cell that holds a station is then air, with what lies
            above it: stations stand on the ground, and steps of cells cannot follow it more closely.

        Returns
        -------
        Mesh

        Raises
        ------
        ValueError
            If lattices disagree, no spacing can be found, a station lies below `top`, or the surveys are in different
            coordinate systems or far apart.
        """
        surveys = list(surveys) if isinstance(surveys, Iterable) and not isinstance(surveys, str) else [surveys]
        if not surveys or not all(hasattr(s, "is_grid") for s in surveys):
            fail("surveys", "be a list of at least one Survey", repr(surveys), "Pass [survey, ...].")
        as_count("layers", layers, 1, "Give a count of cells.")
        as_count("padding", padding, 0, "Give a count of cells.")
        depth, growth = (float(as_positive(k, v, 0)) for k, v in (("depth", depth), ("growth", growth)))
        check_together(surveys, depth)
        easting = _columns([s.easting for s in surveys], [s.is_grid for s in surveys], spacing, padding, "easting")
        northing = _columns([s.northing for s in surveys], [s.is_grid for s in surveys], spacing, padding, "northing")
        surface = np.zeros(1) if topography is None else surface_over(easting, northing, topography)
        stated = top is not None
        top = float(surface.max() if top is None else as_finite("top", top, 0))
        lowest = min(float(np.nanmin(s.upward)) for s in surveys)
        if topography is None and lowest < top - 1e-9:
            fail("top", "not lie above any station", f"top {top:g} m, lowest station {lowest:g} m",
                 "Lower `top`, or give `topography`, the height of the ground.")
        if topography is None and not stated:
            check_air(lowest, min(float(np.diff(edges).min()) for edges in (easting, northing)))
        bottom = (top if topography is None else min(top, float(surface.min()))) - depth
        thickness = growth ** np.arange(int(layers), dtype=float)
        upward = top - (top - bottom) * np.concatenate([[0.0], np.cumsum(thickness) / thickness.sum()])
        mesh = cls(easting, northing, upward[::-1])
        return mesh if topography is None else mesh.with_topography(topography, surveys)

    def with_topography(self, topography: Any, surveys: list = ()) -> Mesh:
        """The same mesh with ground where a cell's centre lies below the topography, and air above.

        Parameters
        ----------
        topography : xarray.DataArray or (easting, northing, upward)
            Height of the ground: a grid with dims northing and easting (NaN where unknown), or the coordinates of
            points; metres, positive up, in the mesh's coordinates. A column takes the mean of the points in it;
            between points heights are interpolated linearly, beyond them the nearest one counts.
        surveys : list of Survey, default ()
            A cell that holds one of their stations is air too, with what lies above it, as in `from_surveys`.

        Returns
        -------
        Mesh

        Raises
        ------
        ValueError, TypeError
            If the topography lies wholly beside the mesh, holds no height, or leaves no ground.

        Examples
        --------
        >>> mesh = Mesh.regular((2, 1, 3), (100, 100, 100), top=100.0)
        >>> hill = mesh.with_topography(([50.0, 150.0, 250.0], [50.0, 50.0, 50.0], [0.0, 100.0, 0.0]))
        >>> hill.active[1, 0].tolist(), hill.surface[0].tolist()
        ([False, True, False], [0.0, 100.0, 0.0])
        """
        surface = surface_over(self.easting_edges, self.northing_edges, topography)
        return self.with_active((self.upward[:, None, None] < surface) & ~self._at_or_above_stations(surveys))

    def with_active(self, active: ArrayLike | None):
        """The same mesh with other cells marked as ground; None marks all."""
        return Mesh(self.easting_edges, self.northing_edges, self.upward_edges, active)

    @property
    def has_air(self):
        """Whether some cell is air."""
        return not self.active.all()

    @property
    def surface(self):
        """Upward coordinate of the top of the highest ground cell of each column, (ny, nx), NaN where all is air."""
        return np.where(self.active, self.upward_edges[1:, None, None], -np.inf).max(
            axis=0, initial=-np.inf, where=self.active) + np.where(self.active.any(axis=0), 0.0, np.nan)

    @property
    def depth_below_ground(self):
        """Depth of the cell centres below the surface of their column, shape (nz, ny, nx), metres, NaN in air."""
        return np.where(self.active, self.surface - self.upward[:, None, None], np.nan)

    def same_cells(self, other: Any):
        """Whether another mesh has the same cells, wherever either has air."""
        return isinstance(other, Mesh) and all(
            np.array_equal(getattr(self, f"{d}_edges"), getattr(other, f"{d}_edges")) for d in self.dims)

    def _at_or_above_stations(self, surveys):
        """Cells that hold a station above their bottom, those on both sides of one on an edge, and cells above them."""
        out = np.zeros(self.shape, dtype=bool)
        for survey in surveys:
            if not hasattr(survey, "coordinates"):
                fail("surveys", "hold surveys", type(survey).__name__, "Pass [bj.Survey(...), ...].", TypeError)
            easting, northing, upward = survey.coordinates()
            for sides in (("left", "left"), ("left", "right"), ("right", "left"), ("right", "right")):
                z, y, x = (np.searchsorted(edges, values, side=side) - 1 for edges, values, side in (
                    (self.upward_edges, upward, "right"), (self.northing_edges, northing, sides[0]),
                    (self.easting_edges, easting, sides[1])))
                inside = np.all([(i >= 0) & (i < n) for i, n in zip((z, y, x), self.shape, strict=True)], axis=0)
                z, y, x = (i[inside] for i in (z, y, x))
                np.maximum.at(out, (z, y, x), upward[inside] > self.upward_edges[z])
        return np.logical_or.accumulate(out, axis=0)

    @property
    def thickness(self):
        """Layer thicknesses, shape (nz,), metres, bottom layer first."""
        return np.diff(self.upward_edges)

    @property
    def depth(self):
        """Depth of the layer centres below the mesh top, shape (nz,), metres, positive."""
        return self.upward_edges[-1] - self.upward

    def horizontal_spacing(self):
        """(dy, dx) in metres if the columns are equal, else raise ValueError.

        Equal columns are what the FFT operator and stationary priors need.
        """
        spacing = []
        for name, edges in (("northing", self.northing_edges), ("easting", self.easting_edges)):
            step = np.diff(edges)
            if np.ptp(step) > SPACING_TOLERANCE * step.mean():
                fail(f"{name}_edges", "be equally spaced here", f"steps from {step.min():g} to {step.max():g} m",
                     "Use a mesh with equal columns, or the direct operator (`at_stations`) and a cellwise prior.")
            spacing.append(float((edges[-1] - edges[0]) / (edges.size - 1)))
        return tuple(spacing)

    def prisms(self):
        """Every cell as (west, east, south, north, bottom, top), shape (size, 6), in flattening order."""
        edges = self.upward_edges, self.northing_edges, self.easting_edges
        bottom, south, west = np.meshgrid(*(e[:-1] for e in edges), indexing="ij")
        top, north, east = np.meshgrid(*(e[1:] for e in edges), indexing="ij")
        return np.stack([a.ravel() for a in (west, east, south, north, bottom, top)], axis=1)

    def coords(self):
        """Cell centres as a dict of (dim, values, attributes), ready for xarray."""
        names = {"upward": "height of the cell centre, positive up", "northing": "northing of the cell centre",
                 "easting": "easting of the cell centre"}
        return {d: (d, getattr(self, d), {"units": "m", "long_name": names[d]}) for d in self.dims}

    def __eq__(self, other):
        return self.same_cells(other) and np.array_equal(self.active, other.active)

    __hash__ = None

    def _repr_html_(self):
        widths = [np.diff(getattr(self, f"{dim}_edges")) for dim in reversed(self.dims)]
        ends = [getattr(self, f"{dim}_edges")[[0, -1]] for dim in reversed(self.dims)]
        air = f"{int((~self.active).sum())} of {self.size} cells" if self.has_air else "none"
        cells = f"{' x '.join(map(str, self.shape))} (upward, northing, easting)"
        return card("Mesh", [("cells", cells), ("air", air)],
                    (["axis", "extent, m", "cell size, m"], [
                        [dim, f"{low:.10g} to {high:.10g}", span_of(width, "1")] for dim, (low, high), width in zip(
                            reversed(self.dims), ends, widths, strict=True)]))

    def __repr__(self):
        nz, ny, nx = self.shape
        w, e = self.easting_edges[[0, -1]]
        s, n = self.northing_edges[[0, -1]]
        b, t = self.upward_edges[[0, -1]]
        air = f", {int((~self.active).sum())} of them air" if self.has_air else ""
        return f"Mesh({nz} x {ny} x {nx} cells{air}; east {w:g} to {e:g}, north {s:g} to {n:g}, up {b:g} to {t:g} m)"


def _edges(name, values):
    edges = as_finite(name, values, 1).copy()
    if edges.size < 2 or np.any(np.diff(edges) <= 0):
        found = f"{edges.size} value(s)" if edges.size < 2 else "a step <= 0"
        fail(name, "be strictly increasing with at least two values", found, "Sort the edges and drop repeats.")
    return edges


def _ground(active, shape):
    if active is None:
        return frozen(np.ones(shape, dtype=bool))
    active = np.asarray(active)
    if active.dtype != bool or active.shape != shape:
        fail("active", f"be a boolean array of shape {shape}", f"{active.dtype} of shape {active.shape}",
             "Mark air cells False in an array (upward, northing, easting).")
    if not active.any():
        fail("active", "mark at least one cell True", "none", "False means air; check the height of the topography.")
    return frozen(active)


def _columns(coordinates, gridded, spacing, padding, axis):
    """Column edges along one axis: the union of the lattices, padded; or a lattice of `spacing` over all stations."""
    lattices = [values for values, grid in zip(coordinates, gridded, strict=True) if grid]
    step = _step(lattices, axis) if spacing is None else _given_step(spacing, axis)
    low = min(float(np.min(v)) for v in coordinates)
    high = max(float(np.max(v)) for v in coordinates)
    origin = float(lattices[0][0]) if lattices else low
    off = [abs((v[0] - origin) / step - round((v[0] - origin) / step)) for v in lattices]
    if spacing is None and max(off) > OFFSET_TOLERANCE:
        fail("surveys", f"share one lattice in {axis}", f"an offset of {max(off):.3g} cells of {step:g} m",
             "Pass `spacing=` and let stations off the lattice be sampled or computed directly.")
    first = int(np.floor((low - origin) / step + OFFSET_TOLERANCE))
    last = int(np.ceil((high - origin) / step - OFFSET_TOLERANCE))
    check_memory("spacing", 64.0 * (last - first + 2.0 * padding), f"columns of {step:g} m along {axis} would take",
                 "Give a larger one, or a smaller padding.")
    return origin + step * (np.arange(first - padding, last + padding + 2) - 0.5)


def _given_step(spacing, axis):
    if np.shape(spacing) not in ((), (2,)):
        fail("spacing", "be a length or a pair (northing, easting)", repr(spacing), "Give metres.")
    return float(np.broadcast_to(as_positive("spacing", spacing), (2,))[0 if axis == "northing" else 1])


def _step(lattices, axis):
    """Spacing that the gridded surveys share along one axis."""
    steps = [np.diff(values) for values in lattices if values.size > 1]
    if not steps:
        fail("spacing", f"be given when no survey is gridded along {axis}", "None", "Pass spacing=(northing, easting).")
    step = float(np.mean(steps[0]))
    every = np.concatenate(steps)
    drift = max(abs(s.mean() - step) * s.size for s in steps)  # by the far end of the survey
    if max(np.abs(every - step).max(), drift) > OFFSET_TOLERANCE * step:
        fail("surveys", f"share one equal spacing in {axis}", f"steps from {every.min():g} to {every.max():g} m",
             "Pass `spacing=` and let stations off the lattice be sampled or computed directly.")
    return step
