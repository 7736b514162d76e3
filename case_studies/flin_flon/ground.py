"""The ground of Flin Flon: surveys, a mesh with topography, and the third-party truth resampled on it."""

from pathlib import Path

import numpy as np
import xarray as xr

import bayesjoint as bj
from bayesjoint.forward import ForwardOperator

HERE = Path(__file__).parent
DATA = HERE / "data"
FIELD = {"intensity": 60_000.0, "inclination": 79.0, "declination": 11.0}
SOURCE = "simpeg-drivers 0.4.0, inversion_demo.geoh5 (Mira Geoscience); noise added here: 0.02 mGal, 2 nT"
LICENCE = "MIT, (c) 2023-2025 Mira Geoscience Ltd."
UNITS = ("air", "rhyolite", "chloritic schist", "mafic volcanics", "mafic dykes", "host mafic", "basalt", "ore",
         "overburden", "tailings")
BLOCK = 3  # octree cells of 20 m in a column: 60 m, between the flight height (40 m) and the gravity spacing (100 m)
COLUMNS = (57, 55, 48, 50)  # first easting and northing index of the octree, columns east and north
THICKNESS = (40, *(20,) * 6, *(40,) * 3, 60, 60, 80, 100, 100, 120, 160, 200)  # metres, downwards from TOP
TOP = 80  # octree index of the highest ground


def surveys():
    """The noisy columns, as they would come from the field."""
    common = {"source": SOURCE, "licence": LICENCE, "crs": "UTM zone 14N, metres"}
    columns = {"easting": "easting_m", "northing": "northing_m", "upward": "height_m"}
    gravity = bj.read_survey(DATA / "gravity.csv", "gravity", **common,
                             columns={**columns, "data": "gravity_noisy_mGal", "std": "sigma_mGal"})
    magnetic = bj.read_survey(DATA / "magnetic.csv", "magnetic", **common, **FIELD,
                              columns={**columns, "data": "magnetic_noisy_nT", "std": "sigma_nT"})
    return gravity, magnetic


class Octree:
    """The third-party model as a raster of 20 m cells, arrays (upward, northing, easting)."""

    def __init__(self):
        with xr.open_dataset(DATA / "truth_octree.nc", engine="scipy") as tree:
            west, south, bottom, size = (tree[k].values.astype(int) for k in "ijkn")
            self.cell = float(tree.attrs["cell_m"])
            self.origin = [tree.attrs[f"origin_{k}_m"] for k in ("height", "northing", "easting")]
            unit = tree["unit"].values
            laws = {k: tree[k].values.astype(float) * s for k, s in (("density_contrast", 1e3), ("susceptibility", 1))}
        shape = tuple(int((low + size).max()) for low in (bottom, south, west))
        self.unit = np.zeros(shape, dtype=np.int8)
        for k, j, i, n, u in zip(bottom, south, west, size, unit, strict=True):
            self.unit[k : k + n, j : j + n, i : i + n] = u
        self.density, self.susceptibility = (
            np.array([law[unit == u][0] for u in range(len(UNITS))])[self.unit] for law in laws.values())

    def edges(self, axis, index):
        """Coordinates in metres of octree node planes along an axis (0 upward, 1 northing, 2 easting)."""
        return self.origin[axis] + self.cell * np.asarray(index)

    def surface(self):
        """Height of the ground over each 20 m column: top of the highest cell that is not air."""
        return self.edges(0, self.unit.shape[0] - np.argmax(self.unit[::-1] != 0, axis=0))


def levels():
    """Octree indices of the mesh's upward, northing and easting edges, ascending."""
    down = np.concatenate([[0], np.cumsum(THICKNESS)]) // 20
    west, south, nx, ny = COLUMNS
    return TOP - down[::-1], south + BLOCK * np.arange(ny + 1), west + BLOCK * np.arange(nx + 1)


def lay_mesh(octree, surveys):
    """Mesh whose edges are the octree's, so that the truth can be averaged on it without interpolation.

    The ground is the mean of the octree's surface over each column, as a digital elevation model would give it; cells
    that would hold a station are air too (a station stands on the ground, whatever a stepped surface says).
    """
    up, north, east = levels()
    mesh, surface = bj.Mesh(octree.edges(2, east), octree.edges(1, north), octree.edges(0, up)), octree.surface()
    centres = {dim: octree.edges(axis, np.arange(surface.shape[axis - 1]) + 0.5)
               for axis, dim in ((1, "northing"), (2, "easting"))}
    return mesh.with_topography(xr.DataArray(surface, centres, ("northing", "easting")), surveys)


def truth_on(octree):
    """Mean of each property over the ground in each mesh cell, and the unit that fills most of it."""
    index, ground = levels(), octree.unit != 0
    volume = _by_blocks(ground, index)
    model = {name: _by_blocks(getattr(octree, name) * ground, index) / np.maximum(volume, 1)
             for name in ("density", "susceptibility")}
    shares = np.stack([_by_blocks(octree.unit == u, index) for u in range(1, len(UNITS))])
    return model, 1 + np.argmax(shares, axis=0)


def _by_blocks(values, index):
    """Sums of a raster between index planes along each axis."""
    values = values[tuple(slice(planes[0], planes[-1]) for planes in index)]
    for axis, planes in enumerate(index):
        values = np.add.reduceat(values, planes[:-1] - planes[0], axis=axis, dtype=float)
    return values


class StoredOperator(ForwardOperator):
    """A station operator with its matrix kept: 1,472 data are used some hundred times here."""

    def __init__(self, operator):
        super().__init__(operator.mesh, operator.kind, operator.data_shape, operator.data_dims, units=operator.units)
        self.matrix, self._stations = operator.to_dense(), operator.coordinates()

    def coordinates(self):
        return self._stations

    def rows(self, index):
        return self.matrix[self._index(index)]

    def _forward(self, columns):
        return self.matrix @ columns

    def _backward(self, columns):
        return self.matrix.T @ columns


def operators(mesh, surveys):
    """Direct prism sums at the stations of both surveys."""
    gravity, magnetic = surveys
    return (bj.GravityOperator.at_stations(mesh, *gravity.coordinates()),
            bj.MagneticOperator.at_stations(mesh, *magnetic.coordinates(), **FIELD))
