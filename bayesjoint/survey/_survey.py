"""The `Survey`: data of one kind with their stations, heights, standard deviations and provenance."""

from __future__ import annotations

from importlib import import_module

import numpy as np

from .._checks import as_count, as_finite, checked, fail
from .._crs import checked_crs
from .._typing import Any, ArrayLike, LinearOperator, Modality, Parameter, Sequence, xr
from ..quantities import component_of
from . import _rules as rules
from ._plausible import check_plausible
from ._steps import SurveySteps
from ._views import SurveyViews

FIELDS = (
    "kind", "data", "easting", "northing", "upward", "std", "name", "units", "crs",
    "intensity", "inclination", "declination", "source", "licence", "history", "lines",
)  # fmt: skip
LONG_NAMES = {
    "easting": "easting of the station",
    "northing": "northing of the station",
    "upward": "height of the station, positive up",
}
GRID_FILL = 0.25  # of a lattice's nodes: fewer stations than that are scattered, not gridded


@checked
class Survey(SurveySteps, SurveyViews):
    """Measured data of one kind, with where and how well they were measured.

    A survey is either a *grid* (2-D data on a lattice of stations) or *scattered* (1-D data, one coordinate pair a
    station). It never changes: every method returns a new one, and what was done is kept in `history`.

    Parameters
    ----------
    kind : str
        ``"gravity"`` (g_z, mGal, positive down), ``"magnetic"`` (total-field anomaly, nT), one of their components
        (``"gzz"``, Eötvös; ``"b_u"``, nT; see `GravityOperator` and `MagneticOperator`), or any other word for other
        physics (then `units` is needed).
    data : array_like, shape (ny, nx) or (n,)
        Measurements; NaN (or a mask) marks a gap. Dims are ``("northing", "easting")``.
    easting, northing : array_like
        Metres. Grid: the axes, (nx,) and (ny,), strictly ascending or strictly descending (a descending axis is
        turned round together with the data). Scattered: one value a station, (n,).
    upward : float or array_like of data's shape
        Height of the stations in metres, positive up, in the datum of the mesh; NaN only where there is no datum. There
        is no default: a survey whose height is unknown cannot be inverted.
    std : float or array_like of data's shape, optional
        Standard deviation of the noise, in `units`, > 0 wherever there is a datum. None: not known yet.
    name : str, optional
        Name in problems and datasets: letters, digits, underscores. Default: `kind`.
    units : str, optional
        Units of `data`. Default, and only choice, for gravity ``"mGal"``, its gradients ``"E"``, magnetics ``"nT"``.
    crs : str or int, optional
        Coordinate reference system, e.g. ``"EPSG:28351"``, in metres: recorded, and compared between surveys.
    intensity, inclination, declination : float, optional
        Inducing field of a magnetic survey: nT, degrees (positive down), degrees (clockwise from north).
    source, licence : str, optional
        Where the data come from and under which terms; reports print them.
    history : tuple of str, optional
        What was done to the data so far.
    lines : array_like of str, optional
        Name of the line of each of scattered stations, such as ``"L100"`` or ``"T20"``.

    Attributes
    ----------
    is_grid : bool
        Whether the data lie on a lattice.
    observed : ndarray of bool
        True where there is a datum, of data's shape.
    shape, size : tuple of int, int
        Of `data`, gaps included.
    dims : tuple of str
        ``("northing", "easting")`` or ``("station",)``.

    Raises
    ------
    ValueError, TypeError
        If shapes disagree, a value is Inf, every datum is a gap, an axis is not monotonic, std <= 0, or the inducing
        field is out of range.

    Examples
    --------
    >>> survey = Survey("gravity", [[1.0, 2.0], [3.0, np.nan]], easting=[0, 100], northing=[100, 0], upward=0.0)
    >>> survey
    Survey('gravity': 2 x 2 grid, 3 observed, mGal, upward 0 m, no std)
    >>> survey.northing, survey.data[0]
    (array([  0., 100.]), array([ 3., nan]))
    """

    def __init__(self, kind: str, data: ArrayLike, easting: ArrayLike, northing: ArrayLike, upward: ArrayLike,
                 std: ArrayLike | None = None, *, name: str | None = None, units: str | None = None,
                 crs: str | int | None = None, intensity: float | None = None, inclination: float | None = None,
                 declination: float | None = None, source: str | None = None, licence: str | None = None,
                 history: Sequence[str] = (),
                 lines: ArrayLike | None = None) -> None:
        self.kind = rules.word("kind", kind)
        self.name = rules.word("name", kind if name is None else name)
        if self.name in rules.RESERVED or not self.name.isidentifier():
            fail("name", f"be letters, digits and _ and none of {', '.join(rules.RESERVED)}", repr(self.name),
                 "Pass name=, for example 'gravity'.")
        self.units = rules.validated_units(self.kind, units)
        data, upward, std = (rules.plain(values, easting, northing) for values in (data, upward, std))
        data = as_finite("data", data, (1, 2), allow_nan=True).copy()
        self.is_grid = data.ndim == 2
        self.dims = ("northing", "easting") if self.is_grid else ("station",)
        self.shape, self.size = data.shape, data.size
        easting = as_finite("easting", easting, 1).copy()
        northing = as_finite("northing", northing, 1).copy()
        rules.check_stations(data.shape, easting, northing)
        upward = rules.validated_height(upward, data.shape)
        std = rules.validated_std(std, data)
        if self.is_grid:
            northing, data, upward, std = rules.oriented("northing", northing, 0, data, upward, std)
            easting, data, upward, std = rules.oriented("easting", easting, 1, data, upward, std)
        self.data, self.easting, self.northing, self.upward, self.std = data, easting, northing, upward, std
        self.observed = ~np.isnan(data)
        if not self.observed.any():
            fail("data", "hold at least one value", f"{data.size} gap(s) and nothing else", "Check the missing value.")
        check_plausible(self)
        field = rules.validated_field(self.kind, intensity, inclination, declination)
        self.intensity, self.inclination, self.declination = field
        self.crs, self.source, self.licence = checked_crs(crs), source, licence
        self.history, self.lines = tuple(history), rules.validated_lines(lines, data.shape)
        for array in (self.data, self.easting, self.northing, self.upward, self.std, self.observed, self.lines):
            if isinstance(array, np.ndarray):
                array.flags.writeable = False

    def coordinates(self) -> tuple:
        """Coordinates of every station, gaps included, in the order of ``data.ravel()``.

        Returns
        -------
        easting, northing, upward : ndarray, shape (size,)
            Metres.

        Examples
        --------
        >>> Survey("gravity", np.ones((2, 2)), [0, 100], [0, 50], 5.0).coordinates()[1]
        array([ 0.,  0., 50., 50.])
        """
        easting, northing = self.easting, self.northing
        if self.is_grid:
            northing, easting = np.meshgrid(northing, easting, indexing="ij")
        return easting.ravel(), northing.ravel(), np.broadcast_to(self.upward, self.shape).ravel()

    def replace(self, **changes: Any) -> Survey:
        """Return a copy with some constructor arguments changed.

        Parameters
        ----------
        **changes
            Any argument of `Survey`, by name.

        Returns
        -------
        Survey

        Raises
        ------
        TypeError
            If an argument is unknown.

        Examples
        --------
        >>> Survey("gravity", [1.0, 2.0], [0, 1], [0, 1], 0.0).replace(std=0.1).std
        array([0.1, 0.1])
        """
        unknown = sorted(set(changes) - set(FIELDS))
        if unknown:
            fail("replace", f"name arguments among {', '.join(FIELDS)}", ", ".join(unknown), "Correct the spelling.",
                 TypeError)
        return Survey(**{field: getattr(self, field) for field in FIELDS} | changes)

    def window(self, west: float | None = None, east: float | None = None, south: float | None = None,
               north: float | None = None) -> Survey:
        """Keep the stations inside a rectangle, its border included.

        Parameters
        ----------
        west, east, south, north : float, optional
            Limits in metres. None: no limit on that side.

        Returns
        -------
        Survey

        Raises
        ------
        ValueError
            If west > east or south > north, or no datum is left.

        Examples
        --------
        >>> Survey("gravity", np.ones((4, 5)), np.arange(5), np.arange(4), 0.0).window(west=1, north=2).shape
        (3, 4)
        """
        limits = [
            default if value is None else float(as_finite(key, value, 0))
            for key, value, default in (("west", west, -np.inf), ("east", east, np.inf),
                                        ("south", south, -np.inf), ("north", north, np.inf))
        ]
        for low, high, keys in ((*limits[:2], "west and east"), (*limits[2:], "south and north")):
            if low > high:
                fail(keys, "be ascending", f"{low:g} and {high:g}", "Swap them.")
        columns = (self.easting >= limits[0]) & (self.easting <= limits[1])
        rows = (self.northing >= limits[2]) & (self.northing <= limits[3])
        index = np.ix_(rows, columns) if self.is_grid else columns & rows
        if not self.observed[index].any():
            fail("window", "hold at least one observed station", "none", f"The survey covers {self._extent()}.")
        step = "window west={:g} east={:g} south={:g} north={:g}".format(*limits)
        if not self.is_grid:
            rows = columns = index
        lines = None if self.lines is None else self.lines[index]
        return self._changed(step, lambda values: values[index], easting=self.easting[columns],
                             northing=self.northing[rows], lines=lines)

    def to_grid(self) -> Survey:
        """Put scattered stations that lie on a lattice (an exported grid, "XYZ") on that lattice; holes become gaps.

        Returns
        -------
        Survey
            The survey itself if it is a grid already.

        Raises
        ------
        ValueError
            If two stations share a node or the stations fill less than a quarter of the lattice: then they are
            scattered.

        Examples
        --------
        >>> Survey("gravity", [1.0, 2.0, 3.0], [0, 100, 0], [0, 0, 50], upward=0.0).to_grid().data
        array([[ 1.,  2.],
               [ 3., nan]])
        """
        if self.is_grid:
            return self
        easting, column = np.unique(np.round(self.easting, 3), return_inverse=True)
        northing, row = np.unique(np.round(self.northing, 3), return_inverse=True)
        shape = northing.size, easting.size
        node = row * shape[1] + column
        repeats = node.size - np.unique(node).size
        filled = node.size / (shape[0] * shape[1])
        if repeats or filled < GRID_FILL:
            fail("the stations", "lie one to a node on a lattice they fill by at least a quarter",
                 f"{repeats} repeat(s), {filled:.2g} of {shape[0]} x {shape[1]} nodes filled",
                 "Keep the survey scattered: `modality` handles it.")
        low, high = np.nanmin(self.upward), np.nanmax(self.upward)
        level = self.replace(upward=float(low)) if low == high else self
        if np.ndim(level.upward) and filled < 1:
            fail("upward", "be known on every node", "heights that differ from station to station, and empty nodes",
                 "Keep the survey scattered: `modality` handles it.")

        def place(values):
            out = np.full(shape, np.nan)
            out[row, column] = values
            return out

        return level._changed("placed on its lattice", place, easting=easting, northing=northing, lines=None)

    def detrended(self, degree: int = 1) -> Survey:
        """Subtract a polynomial surface, fitted by least squares: one crude way to deal with the regional field.

        The fit cannot tell a deep or wide body from the regional field: it takes part of the signal of anything wider
        than about half the survey, and the noise model does not know. An inversion of detrended data therefore
        says nothing about such bodies, however narrow its posterior looks there. `add_bias` with a polynomial basis
        keeps that uncertainty.

        Parameters
        ----------
        degree : int, default 1
            Total degree of the polynomial in easting and northing: 0 mean, 1 plane, 2 quadratic. A plane is what a
            regional field is over a window smaller than the crust is thick.

        Returns
        -------
        Survey

        Raises
        ------
        ValueError
            If `degree` is not an integer >= 0, or the stations cannot determine the surface.

        Examples
        --------
        >>> Survey("gravity", [1.0, 2.0, 3.0, 5.0], [0, 1, 0, 1], [0, 0, 1, 1], 0.0).detrended(0).data
        array([-1.75, -0.75,  0.25,  2.25])
        """
        degree = as_count("degree", degree, 0, "1 takes a plane out.")
        x, y = (2 * (c - c.min()) / max(np.ptp(c), 1e-9) - 1 for c in self.coordinates()[:2])
        basis = np.stack([x**i * y**j for i in range(degree + 1) for j in range(degree + 1 - i)], axis=1)
        seen = self.observed.ravel()
        coefficients, _, rank, _ = np.linalg.lstsq(basis[seen], self.data.ravel()[seen], rcond=None)
        if rank < basis.shape[1]:
            fail("degree", "be one that the stations determine", f"{degree} with rank {rank} of {basis.shape[1]}",
                 "Use a lower degree.")
        surface = (basis @ coefficients).reshape(self.shape)
        took = float(np.std(surface[self.observed]))
        step = f"polynomial of degree {degree} subtracted (its std over the stations: {took:.4g} {self.units})"
        return self.replace(data=self.data - surface, history=(*self.history, step))

    def modality(self, parameter: Parameter, std: str | ArrayLike | None = None,
                 forward: str | ArrayLike | LinearOperator = "auto", name: str | None = None) -> Modality:
        """Build the `Modality` that ties these data to a parameter: forward operator, noise and gaps in one step.

        Parameters
        ----------
        parameter : Parameter
            Density contrast or susceptibility on a mesh.
        std : float, array_like of data's shape, or "unknown", optional
            Standard deviation of independent noise, in `units`. Default: the survey's own. "unknown": a guess, marked
            as one, for `fit_hyperparameters` to start from.
        forward : {"auto", "fft", "direct", "sampling"} or LinearOperator, default "auto"
            See `bayesjoint.problem._from_survey.modality_from_survey` for the rule that ``"auto"`` follows.
        name : str, optional
            Default: the survey's name.

        Returns
        -------
        Modality

        Raises
        ------
        ValueError
            If there is no std, the kind has no operator of its own, or the stations do not suit the operator.

        Examples
        --------
        >>> from bayesjoint import Mesh, Parameter
        >>> survey = Survey("gravity", np.ones((2, 2)), [0, 100], [0, 100], upward=0.0, std=0.1)
        >>> survey.modality(Parameter("density", Mesh.from_surveys([survey], depth=500.0)))
        Modality('gravity', 4 data, parameter=('density',))
        """
        # The one late binding of the package: a survey may offer the next step without knowing the rooms below it.
        build = import_module("...problem._from_survey", __name__).modality_from_survey
        return build(self, parameter, std=std, forward=forward, name=name)

    def to_dataset(self) -> xr.Dataset:
        """Return the survey as an `xarray.Dataset` that `read_survey` understands once saved.

        Returns
        -------
        xarray.Dataset
            Variables `name` and, if there is a std, ``name_std``; dims ``("northing", "easting")`` or
            ``("station",)``; every variable with `units` and `long_name`. Attributes are numbers and strings.

        Examples
        --------
        >>> Survey("gravity", [1.0, 2.0], [0, 1], [0, 1], 0.0).to_dataset()["gravity"].attrs["units"]
        'mGal'
        """
        import xarray as xr

        component = component_of(self.kind)
        long_name = f"{self.kind} data" if component is None else component.long_name
        attributes = {"units": self.units, "long_name": long_name, "kind": self.kind}
        variables = {self.name: (self.dims, self.data, attributes)}
        if self.std is not None:
            noise = {"units": self.units, "long_name": f"standard deviation of the noise of {self.name}"}
            variables[f"{self.name}_std"] = (self.dims, self.std, noise)
        coordinates = {key: (key if self.is_grid else "station", getattr(self, key), {"units": "m", "long_name": words})
                       for key, words in LONG_NAMES.items() if key != "upward"}
        upward = {"units": "m", "long_name": LONG_NAMES["upward"], "positive": "up"}
        coordinates["upward"] = (self.dims if np.ndim(self.upward) else (), self.upward, upward)
        if self.lines is not None:
            coordinates["line"] = ("station", self.lines, {"long_name": "line of the station"})
        return xr.Dataset(variables, coordinates, self._attributes())

    def _attributes(self):
        values = {
            "crs": self.crs, "source": self.source, "licence": self.licence, "history": "; ".join(self.history) or None,
            **{attribute: getattr(self, key) for key, attribute in rules.FIELD_ATTRIBUTES.items()},
        }  # fmt: skip
        return {key: value for key, value in values.items() if value is not None}

    def _changed(self, step, pick, **changes):
        """Apply `pick` to every array of data's shape and add `step` to the history."""
        arrays = {key: getattr(self, key) for key in ("data", "upward", "std")}
        arrays = {key: pick(value) if np.ndim(value) else value for key, value in arrays.items()}
        return self.replace(**arrays, **changes, history=(*self.history, step))
