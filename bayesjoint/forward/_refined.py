"""The same stations over cells several times finer: what a mesh of coarse cells leaves out."""

import numpy as np
from scipy.fft import next_fast_len

from .._checks import fail
from ..mesh import Mesh
from ._base import ForwardOperator
from ._convolution import LayeredConvolution, circulants
from ._direct import StationOperator
from ._processing import ComposedOperator, unwrapped
from ._toeplitz import LatticeOperator


class RefinedLattice(ForwardOperator):
    """A lattice operator's field of a model on finer cells, at the same stations.

    The cells at one place within every coarse column make a lattice of the stations' own spacing, so that the product
    is one layered convolution over (fine layer, place) whose transforms have the size of the coarse operator's.

    Parameters
    ----------
    lattice : LatticeOperator
        Whose stations, and whose columns are split.
    mesh : Mesh
        Cells of the columns of `lattice.mesh`, extended or not, split `factor` times along both horizontal axes.
    factor : int
        Odd where stations lie on the top face and the field is magnetic: a station on an edge sees a singular field.
    dtype : {"float32", "float64"}, default "float32"
        Type of spectra and products: single precision is 3e-7 of the largest datum off.

    Examples
    --------
    >>> from bayesjoint import GravityOperator
    >>> coarse = Mesh.regular(shape=(1, 4, 5), spacing=(50, 100, 100))
    >>> lattice = GravityOperator(coarse, coarse.easting, coarse.northing)
    >>> fine = RefinedLattice(lattice, Mesh.regular(shape=(2, 12, 15), spacing=(25, 100 / 3, 100 / 3)), 3)
    >>> bool(np.allclose(fine.predict(300.0), lattice.predict(300.0), rtol=1e-5))
    True
    """

    def __init__(self, lattice, mesh, factor, dtype="float32"):
        super().__init__(mesh, lattice.kind, lattice.data_shape, lattice.data_dims, dtype, units=lattice.units)
        self.lattice, self.factor = lattice, int(factor)
        _, ny, nx = mesh.shape
        self._columns_of = (ny // self.factor, nx // self.factor)
        step = lattice.spacing
        fine = mesh.horizontal_spacing()
        if ny % self.factor or nx % self.factor or not np.allclose(np.multiply(fine, self.factor), step, rtol=1e-6):
            fail("mesh", f"split the lattice's columns of {step[0]:g} x {step[1]:g} m by {self.factor}",
                 f"columns of {fine[0]:g} x {fine[1]:g} m", "Use bayesjoint.forward.refined_mesh(mesh, factor).")
        first = [float(edges[0]) + 0.5 * s for edges, s in zip((mesh.northing_edges, mesh.easting_edges), step,
                                                               strict=True)]
        self._window = [round((values[0] - start) / s) for values, start, s in zip(
            (lattice.northing, lattice.easting), first, step, strict=True)]
        self._convolution = self._embed()

    def coordinates(self):
        """Easting, northing and upward of every datum, three arrays of shape (n_data,), metres."""
        return self.lattice.coordinates()

    def _kernels(self):
        """Yield, layer after layer and place after place, the field by lag, both axes ascending."""
        stations, f = (self.lattice.northing.size, self.lattice.easting.size), self.factor
        north, east = ((first + 1 - cells, count + cells - 1) for first, cells, count in zip(
            self._window, self._columns_of, stations, strict=True))
        for field in self.lattice.by_lag(north, east, self.mesh.upward_edges, f):
            places = field.reshape(north[1], f, east[1], f)[:, ::-1, :, ::-1]
            for j, i in np.ndindex(f, f):
                yield places[:, j, :, i]

    def _embed(self):
        (ny, nx), (sy, sx) = self._columns_of, (self.lattice.northing.size, self.lattice.easting.size)
        padded = (next_fast_len(sy + ny - 1), next_fast_len(sx + nx - 1, real=True))
        kernels = circulants(self._kernels(), padded, (1 - ny, 1 - nx))
        return LayeredConvolution(kernels, self.lattice.height.size, self.mesh.shape[0] * self.factor**2, padded,
                                  (ny, nx), (sy, sx), (0, 0), False, self.dtype)

    def _forward(self, columns):
        (ny, nx), f = self._columns_of, self.factor
        cells = columns.reshape(self.mesh.shape[0], ny, f, nx, f, -1).transpose(0, 2, 4, 1, 3, 5)
        return self._convolution.forward(cells.reshape(columns.shape))

    def _backward(self, columns):
        (ny, nx), f = self._columns_of, self.factor
        out = self._convolution.backward(columns)
        cells = out.reshape(self.mesh.shape[0], f, f, ny, nx, -1).transpose(0, 3, 1, 4, 2, 5)
        return cells.reshape(out.shape)


def refined_mesh(mesh, factor, layers, beyond=(0, 0)):
    """A mesh with every cell split, and perhaps more columns around it.

    Parameters
    ----------
    mesh : Mesh
        Any rectilinear mesh; equal columns where columns are added.
    factor, layers : int
        Parts of each column along both horizontal axes, and of each layer.
    beyond : (int, int), default (0, 0)
        Columns of the mesh to add on each side along northing and easting, with the ground of the outermost ones.

    Returns
    -------
    Mesh

    Examples
    --------
    >>> refined_mesh(Mesh.regular((1, 2, 2), (50, 100, 100)), 2, 2, beyond=(0, 1)).shape
    (2, 4, 8)
    """
    north, east = mesh.northing_edges, mesh.easting_edges
    if any(beyond):
        steps = mesh.horizontal_spacing()
        north, east = (np.concatenate([e[0] - s * np.arange(n, 0, -1), e, e[-1] + s * np.arange(1, n + 1)])
                       for e, s, n in zip((north, east), steps, beyond, strict=True))
    active = np.pad(mesh.active, ((0, 0), *((n, n) for n in beyond)), mode="edge") if mesh.has_air else None
    if active is not None:
        active = active.repeat(layers, 0).repeat(factor, 1).repeat(factor, 2)
    return Mesh(_split(east, factor), _split(north, factor), _split(mesh.upward_edges, layers), active)


def refined(forward, mesh, factor):
    """A forward operator's map from a finer mesh to the same data, or None where it is none of this package's.

    Parameters
    ----------
    forward : LinearOperator
        On a lattice, at stations, or composed of one of these and processings.
    mesh : Mesh
        From `refined_mesh`.
    factor : int
        As there.

    Returns
    -------
    LinearOperator or None
    """
    forward, steps = unwrapped(forward)
    if isinstance(forward, LatticeOperator):
        fine = RefinedLattice(forward, mesh, factor)
    elif isinstance(forward, StationOperator):
        fine = StationOperator(mesh, *forward.coordinates(), forward.quantity, mesh.active)
    else:
        return None
    for step in steps:
        fine = ComposedOperator(step, fine)
    return fine


def _split(edges, parts):
    """Edges with every step cut into equal parts; the old edges stay what they are."""
    share = np.arange(parts) / parts
    return np.append((edges[:-1, None] + np.diff(edges)[:, None] * share).ravel(), edges[-1])
