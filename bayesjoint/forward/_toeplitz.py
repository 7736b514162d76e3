"""The fast operators: stations on a lattice over the mesh's columns, by block-Toeplitz matrices and FFTs."""

from __future__ import annotations

import numpy as np
from scipy.fft import next_fast_len

from .._checks import checked, fail, one_of
from .._typing import ArrayLike
from ..mesh import Mesh
from ..quantities import quantity
from ._base import ForwardOperator
from ._convolution import LayeredConvolution, circulants
from ._direct import StationOperator
from ._kernels import layer_fields
from ._lattice import lattice_axis, lattice_heights, top_of_ground


class LatticeOperator(ForwardOperator):
    """Field on a lattice of stations above the centres of a mesh's columns.

    Each layer's sensitivity is block-Toeplitz with Toeplitz blocks, embedded in a circulant of at least
    (s_x + n_x − 1) × (s_y + n_y − 1) and applied by FFT: one forward transform a layer and one inverse for A x, the
    reverse for Aᵀ y. Users build `GravityOperator` or `MagneticOperator`.

    Parameters
    ----------
    mesh : Mesh
        Equal columns; layers of any thickness.
    easting, northing : array_like, shapes (s_x,), (s_y,)
        Station coordinates along each axis, metres, ascending, at the centres of the mesh's columns or of columns the
        mesh would have if it were extended.
    height : float or array_like
        Upward coordinate of the stations, metres; several heights give data (height, northing, easting).
    quantity : Quantity
        What is computed.
    dtype : {"float64", "float32"}, default "float64"
        Type of spectra and products.
    active : array_like of bool, shape (nz, ny, nx), optional
        False marks air, which acts on no datum and where stations may be. Default: the mesh's own.
    """

    def __init__(self, mesh, easting, northing, height, quantity, dtype="float64", active=None):
        if not isinstance(mesh, Mesh):
            fail("mesh", "be a bayesjoint.Mesh", type(mesh).__name__, "Build one with Mesh or Mesh.regular.", TypeError)
        dtype = one_of("dtype", dtype, ("float64", "float32"))
        self.spacing = mesh.horizontal_spacing()
        self.easting, column = lattice_axis("easting", easting, mesh.easting, self.spacing[1])
        self.northing, row = lattice_axis("northing", northing, mesh.northing, self.spacing[0])
        self.window = (row, column)
        self.height, several = lattice_heights(mesh, height)
        shape = (self.northing.size, self.easting.size)
        dims = ("northing", "easting")
        if several:
            shape, dims = (self.height.size, *shape), ("height", *dims)
        super().__init__(mesh, quantity.kind, shape, dims, dtype, active, quantity.units)
        self._refuse_ground()
        self._set_quantity(quantity)
        self._convolution = self._embed()

    def __getstate__(self):
        """Leave out of pickles what is found again when it is asked for: spectra on a torus."""
        return {key: value for key, value in super().__getstate__().items() if key != "_periodic"}

    def _refuse_ground(self):
        """Refuse stations inside the ground, or between ground above and below."""
        top = top_of_ground(self.mesh.with_active(self.active), self.window, (self.northing.size, self.easting.size))
        bottom = self.mesh.upward_edges[0]
        inside = (self.height > bottom) & (self.height < top)
        if inside.any():
            fail("height", f"not lie inside the mesh's ground ({bottom:g} to {top:g} m where the stations are)",
                 f"{self.height[inside][0]:g} m",
                 "Lower the mesh's top, mark air with mesh.with_topography, raise the stations, or use at_stations.")

    def coordinates(self):
        """Easting, northing and upward of every datum, three arrays of shape (n_data,), metres."""
        upward, northing, easting = np.meshgrid(self.height, self.northing, self.easting, indexing="ij")
        return easting.ravel(), northing.ravel(), upward.ravel()

    def rows(self, index):
        """Dense sensitivities of some data, shape (k, n_cells), float64, from direct prism sums."""
        index = self._index(index)
        shape = (self.height.size, self.northing.size, self.easting.size)
        height, row, column = np.unravel_index(index, shape)
        nz, ny, nx = self.mesh.shape
        out = np.empty((index.size, nz, ny, nx))
        for n, block in enumerate(self._blocks()):
            here = np.flatnonzero(height == n // nz)
            for k in here:  # entry (i, j) of a Toeplitz block is its lag row − j: a reversed slice
                part = block[row[k] : row[k] + ny, column[k] : column[k] + nx]
                out[k, n % nz] = part[::-1, ::-1]
        if self.air is not None:
            out[:, ~self.active] = 0.0
        return out.reshape(index.size, -1)

    @property
    def padded(self):
        """(rows, columns) of the circulant the transforms work on."""
        return self._convolution.padded

    @property
    def nbytes(self):
        """Bytes of the spectra, all that the operator stores."""
        return self._convolution.spectra.nbytes

    def _blocks(self):
        """Yield, height after height and layer after layer, the field by lag: (s_y + n_y − 1, s_x + n_x − 1)."""
        (row, column), (_, ny, nx) = self.window, self.mesh.shape
        # Lags, station less cell, run from −(n − 1) to s − 1 past the window's corner.
        north, east = (row + 1 - ny, self.northing.size + ny - 1), (column + 1 - nx, self.easting.size + nx - 1)
        yield from self.by_lag(north, east)

    def by_lag(self, north, east, faces=None, parts=1):
        """Field at a station of a cell `lag` columns from it, station less cell, for ranges of lags.

        Parameters
        ----------
        north, east : tuple of int
            (first lag, number of lags) along each axis; cells need not be on the mesh.

        Yields
        ------
        ndarray, shape (lags north, lags east)
            Layer after layer within height after height, per unit of property.
        """
        # Edges lie half a step off. Lags ascend while edges descend: differences want these ascending.
        northing, easting = (-step * (first + count - 0.5 - np.arange(count * parts + 1) / parts)
                             for step, (first, count) in zip(self.spacing, (north, east), strict=True))
        faces = self.mesh.upward_edges if faces is None else faces
        for height in self.height:
            for block in layer_fields(easting, northing, faces - height, self.coefficients):
                yield block[::-1, ::-1]

    def _embed(self):
        (nz, ny, nx), (sy, sx) = self.mesh.shape, (self.northing.size, self.easting.size)
        padded = (next_fast_len(sy + ny - 1), next_fast_len(sx + nx - 1, real=True))
        # A window centred in the mesh sees lags ±L; without odd corner functions (gravity, or a vertical field) its
        # kernels are even about lag 0, not about the window's corner.
        row, column = self.window
        centred = row >= 0 and column >= 0 and 2 * row + sy == ny and 2 * column + sx == nx
        even = centred and not self.coefficients[4:].any()
        corner = (row, column) if even else (0, 0)

        kernels = circulants(self._blocks(), padded, (corner[0] + 1 - ny, corner[1] + 1 - nx))
        return LayeredConvolution(kernels, self.height.size, nz, padded, (ny, nx), (sy, sx), corner, even, self.dtype)

    def _forward(self, columns):
        return self._convolution.forward(columns)

    def _backward(self, columns):
        return self._convolution.backward(columns)

    def add_adjoint(self, vector, out):
        """Add Aᵀ y to `out`, layer by layer: without air no array of the model's size between them."""
        if self.air is not None:
            super().add_adjoint(vector, out)
            return
        self._convolution.add_backward(self._columns(vector, self.shape[0])[:, 0], out)


@checked
class GravityOperator(LatticeOperator):
    """Gravity in mGal, positive down, or its gradients, of a density contrast in kg/m³, on a lattice of stations.

    Parameters
    ----------
    mesh : Mesh
        Equal columns; layers of any thickness.
    easting, northing : array_like, shapes (s_x,), (s_y,)
        Station coordinates along each axis, metres, ascending, at the centres of the mesh's columns. A window of the
        mesh is fine (the rest is padding), and it may reach beyond the mesh. A station within 1e-3 of a cell of its
        lattice position is taken to be there.
    height : float or array_like, shape (h,), default 0.0
        Upward coordinate of the stations, metres. A sequence gives data (height, northing, easting).
    dtype : {"float64", "float32"}, default "float64"
        Type of spectra and products. float32 halves memory and takes about 0.6 of the time, at a relative error near
        3e-7 of the largest datum: harmless next to any survey's noise.
    active : array_like of bool, shape (nz, ny, nx), optional
        False marks air, which acts on no datum and where stations may be. Default: the mesh's own.
    component : str, default "gz"
        "gz", or a gradient in Eötvös (1e-9 s⁻²): "gee", "gnn", "gzz", "gen", "gez", "gnz"; e and n towards east and
        north, z down. On the mesh's top face a gradient is the limit from above.

    Attributes
    ----------
    mesh, kind, units, data_shape, data_dims, easting, northing, height, active
        What it maps from and to.

    Raises
    ------
    ValueError
        Unequal columns, stations off the lattice, unequal station spacing, a station inside the ground, NaN or Inf, an
        unknown component.

    See Also
    --------
    GravityOperator.at_stations : scattered stations and any rectilinear mesh.

    Examples
    --------
    An infinite slab 1 km thick of 100 kg/m³ would give 2πGρt = 4.19 mGal; this one is 40 km wide.

    >>> from bayesjoint import Mesh
    >>> mesh = Mesh.regular(shape=(4, 41, 41), spacing=(250, 1000, 1000))
    >>> op = GravityOperator(mesh, mesh.easting, mesh.northing)
    >>> data = op.predict(100.0)
    >>> data.shape, round(float(data[20, 20]), 2)
    ((41, 41), 4.1)
    """

    kind = "gravity"

    def __init__(self, mesh: Mesh, easting: ArrayLike, northing: ArrayLike, height: float | ArrayLike = 0.0,
                 dtype: str = "float64", active: ArrayLike | None = None, component: str = "gz") -> None:
        super().__init__(mesh, easting, northing, height, quantity("gravity", component), dtype, active)

    @staticmethod
    def at_stations(mesh: Mesh, easting: ArrayLike, northing: ArrayLike, upward: ArrayLike,
                    active: ArrayLike | None = None, component: str = "gz"):
        """Gravity at scattered stations over any rectilinear mesh, by direct prism sums.

        Parameters
        ----------
        mesh : Mesh
            Any rectilinear mesh.
        easting, northing, upward : array_like, shape (n,)
            Stations, metres; `upward` may be a scalar.
        active : array_like of bool, shape (nz, ny, nx), optional
            False marks air, which contributes nothing. Default: the mesh's own.
        component : str, default "gz"
            As for `GravityOperator`.

        Returns
        -------
        StationOperator
            Data dims ``("station",)``. Exact, matrix-free, some 40 ns a product for each pair of station and cell.
            Stations of g_z may be anywhere, in boreholes too; ``.buried`` marks those inside the ground.

        Raises
        ------
        ValueError
            NaN, lengths that disagree, an unknown component; a gradient inside an active cell or on its edge.

        Examples
        --------
        >>> from bayesjoint import Mesh
        >>> mesh = Mesh([0, 100, 250], [0, 100], [-200, -50, 0])
        >>> op = GravityOperator.at_stations(mesh, [30.0, 120.0], [20.0, 90.0], [1.5, 0.0])
        >>> op.predict(1000.0).round(3).tolist()
        [2.039, 2.27]
        """
        return StationOperator(mesh, easting, northing, upward, quantity("gravity", component), active)


@checked
class MagneticOperator(LatticeOperator):
    """Magnetic anomaly in nT of an induced susceptibility (SI), total field or a component, on a lattice of stations.

    Parameters
    ----------
    mesh, easting, northing, height, dtype, active
        As for `GravityOperator`. On the mesh's top face the field is the limit from above.
    intensity : float, default 50000.0
        Inducing field, nT: mid-latitudes.
    inclination, declination : float, default 45.0
        Degrees; inclination positive down, declination clockwise from north.
    component : str, default "tfa"
        "tfa", the total-field anomaly, or "b_e", "b_n", "b_u": the anomalous field towards east, north and up, nT.

    Raises
    ------
    ValueError
        As for `GravityOperator`; and a field that is not positive or an angle out of range.

    Notes
    -----
    Magnetisation is induced and weak: demagnetisation (order χ², 1 % at 0.1 SI and more) and remanence are left out.

    Examples
    --------
    At the pole a shallow magnetic body gives a high above it.

    >>> from bayesjoint import Mesh
    >>> mesh = Mesh.regular(shape=(2, 9, 9), spacing=(100, 100, 100))
    >>> op = MagneticOperator(mesh, mesh.easting, mesh.northing, height=50, inclination=90)
    >>> model = np.zeros(mesh.shape)
    >>> model[0, 4, 4] = 0.01
    >>> data = op.predict(model)
    >>> bool(data[4, 4] == data.max() > 0)
    True
    """

    kind = "magnetic"

    def __init__(self, mesh: Mesh, easting: ArrayLike, northing: ArrayLike, height: float | ArrayLike = 0.0,
                 intensity: float = 50_000.0, inclination: float = 45.0, declination: float = 45.0,
                 dtype: str = "float64", active: ArrayLike | None = None, component: str = "tfa") -> None:
        what = quantity("magnetic", component, intensity, inclination, declination)
        super().__init__(mesh, easting, northing, height, what, dtype, active)

    @staticmethod
    def at_stations(mesh: Mesh, easting: ArrayLike, northing: ArrayLike, upward: ArrayLike,
                    active: ArrayLike | None = None, intensity: float = 50_000.0, inclination: float = 45.0,
                    declination: float = 45.0, component: str = "tfa"):
        """Total-field anomaly at scattered stations over any rectilinear mesh, by direct prism sums.

        Parameters
        ----------
        mesh, easting, northing, upward, active
            As for `GravityOperator.at_stations`. On a face of an active cell the field is the limit from outside.
        intensity, inclination, declination : float, default 50000.0, 45.0, 45.0
            Inducing field, nT and degrees.
        component : str, default "tfa"
            As for `MagneticOperator`.

        Returns
        -------
        StationOperator
            Data dims ``("station",)``; carries `intensity`, `inclination` and `declination`.

        Raises
        ------
        ValueError
            As for `GravityOperator.at_stations`; and a field that is not positive or an angle out of range.

        Examples
        --------
        >>> from bayesjoint import Mesh
        >>> mesh = Mesh([0, 100, 250], [0, 100], [-200, -50, 0])
        >>> op = MagneticOperator.at_stations(mesh, [30.0], [20.0], 40.0, inclination=70.0, declination=10.0)
        >>> op.shape, op.units
        ((1, 4), 'nT')
        """
        what = quantity("magnetic", component, intensity, inclination, declination)
        return StationOperator(mesh, easting, northing, upward, what, active)


def lattice_operator(mesh, easting, northing, height, kind, **field):
    """Operator on a lattice for what a name stands for: a `GravityOperator` or `MagneticOperator` where it is theirs.

    Parameters
    ----------
    mesh, easting, northing, height
        As for `GravityOperator`.
    kind : str
        A kind or a component.
    **field
        The inducing field, for kinds that need one.

    Returns
    -------
    LatticeOperator

    Raises
    ------
    ValueError
        As for `GravityOperator`; or if the name stands for nothing known.
    """
    what = quantity(kind, **field)
    own = next((c for c in (GravityOperator, MagneticOperator) if c.kind == what.kind), None)
    if own is None:
        return LatticeOperator(mesh, easting, northing, height, what)
    return own(mesh, easting, northing, height, component=what.component.name, **field)
