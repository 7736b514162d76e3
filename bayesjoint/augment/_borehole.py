"""Boreholes and samples: what was measured where along a hole, and how it joins a problem."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .._checks import as_finite, as_positive, as_shape, checked, fail
from .._shown import short
from .._typing import JointProblem, Parameter
from ..forward import IntervalOperator
from ..noise import DiagonalNoise
from ..problem import Modality, check_field
from ._bias import add_bias


@checked
@short
@dataclass(frozen=True, eq=False)
class Borehole:
    """A property measured along a hole, or on samples: a modality that sees the property itself.

    Each value is the average over an interval, and the problem compares it with the length-weighted average of the
    cells that the interval crosses. That the log knows the rock within a metre of the hole, where a cell is a
    hundred metres wide, is part of `std`: state for each interval the instrument's error **and** how far the rock at
    the hole may lie from the average over the cell, which is mostly much more. Where the log as a whole may be off
    (calibration, the background that a contrast is taken from), give `offset_std`.

    Parameters
    ----------
    name : str
        Identifier; the modality's name.
    values : array_like, shape (n,)
        In units of the parameter, and relative to what it is relative to: for a density contrast, less the background
        density. NaN where nothing was measured: such intervals are left out.
    std : float or array_like, shape (n,)
        Standard deviation of each value about the average of its cells, > 0.
    easting, northing : float or array_like, shape (n,), optional
        Of a vertical hole, or of each interval or sample, metres.
    top, bottom : array_like, shape (n,), optional
        Upward coordinates of the ends of every interval, metres; not depths. Without `bottom` the values are samples,
        hand specimens at an outcrop for example, at the height `top`.
    path : array_like, shape (n + 1, 3), optional
        Points (easting, northing, upward) along a deviated hole, in place of the coordinates above: value i is the
        average between points i and i + 1.
    property : str, default "density"
        Name of the parameter.
    offset_std : float, optional
        Standard deviation of a constant that is added to all values, units of the parameter, > 0; default none.
    metadata : dict, optional
        Strings and numbers kept with the result.

    Attributes
    ----------
    start, end : ndarray, shape (n, 3)
        Ends of every interval kept.

    Raises
    ------
    ValueError, TypeError
        If sizes disagree, a bottom lies above its top, coordinates are missing or given twice, nothing was measured.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((4, 6, 6), (50, 100, 100))
    >>> density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=300.0))
    >>> gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    >>> survey = bj.Modality("gravity", gravity, np.ones(36), bj.DiagonalNoise(np.full(36, 0.1)), "density")
    >>> hole = Borehole("DH1", [180.0, 220.0], 40.0, easting=250, northing=250, top=[0, -60], bottom=[-60, -110])
    >>> problem = bj.JointProblem([density], [survey, hole.modality(density)])
    >>> problem = bj.add_bias(problem, "DH1", "constant", std=30.0)
    >>> [m.name for m in problem.modalities], bj.posterior(problem).mean()["DH1_bias"].shape
    (['gravity', 'DH1'], (1,))
    """

    name: str
    values: np.ndarray
    std: np.ndarray
    easting: np.ndarray = None
    northing: np.ndarray = None
    top: np.ndarray = None
    bottom: np.ndarray = None
    path: np.ndarray = None
    property: str = "density"
    offset_std: float | None = None
    metadata: dict = None
    start: np.ndarray = field(init=False, repr=False, default=None)
    end: np.ndarray = field(init=False, repr=False, default=None)

    def __post_init__(self):
        """Check, and lay out the ends of the intervals that were measured."""
        values = np.atleast_1d(as_finite("values", self.values, (0, 1), allow_nan=True))
        std = as_shape("std", as_positive("std", self.std, (0, 1)), values.shape)
        if self.offset_std is not None:
            as_positive("offset_std", self.offset_std, 0)
        start, end = self._along_path(values.size) if self.path is not None else self._columns(values.size)
        kept = np.isfinite(values)
        if not kept.any():
            fail("values", "hold at least one that was measured", "none", "Leave the hole out.")
        found = {"values": values[kept], "std": std[kept], "start": start[kept], "end": end[kept]}
        for name, array in found.items():
            object.__setattr__(self, name, array)

    def _along_path(self, count):
        given = [k for k in ("easting", "northing", "top", "bottom") if getattr(self, k) is not None]
        if given:
            fail("path", f"stand without {', '.join(given)}", "both", "Give the points of the hole, or its columns.")
        points = as_finite("path", self.path, 2)
        if points.shape != (count + 1, 3):
            fail("path", f"have shape ({count + 1}, 3), one point more than values", f"shape {points.shape}",
                 "Value i is the average between points i and i + 1; NaN where nothing was measured.")
        return points[:-1], points[1:]

    def _columns(self, count):
        columns = {}
        for name in ("easting", "northing", "top", "bottom"):
            value = getattr(self, "top" if name == "bottom" and self.bottom is None else name)
            if value is None:
                fail(name, "be given where no path is", "None", "Metres; top and bottom upward.")
            columns[name] = as_shape(name, value, (count,))
        if (bad := columns["bottom"] > columns["top"]).any():
            k = int(np.flatnonzero(bad)[0])
            fail("bottom", "not lie above top", f"{columns['bottom'][k]:g} above {columns['top'][k]:g} in number {k}",
                 "Both are upward coordinates: height of the collar less the depth.")
        return tuple(np.stack([columns["easting"], columns["northing"], columns[z]], axis=1)
                     for z in ("top", "bottom"))

    def modality(self, parameter: Parameter) -> Modality:
        """The hole as data on a parameter.

        Its offset is joined by ``bj.add_bias(problem, hole.name, "constant", std=...)``, or by `add_boreholes`.

        Parameters
        ----------
        parameter : Parameter
            On a mesh, of the name `property`.

        Returns
        -------
        Modality

        Raises
        ------
        ValueError, TypeError
            If the parameter is another property, or an interval is in air or outside of its mesh.
        """
        check_field(parameter, "Give the field that the hole is in.")
        if parameter.name != self.property:
            fail("parameter", f"be {self.property!r}, which {self.name} measured", repr(parameter.name),
                 "Give that parameter, or state property= of the hole.")
        forward = IntervalOperator(parameter.mesh, self.start, self.end, kind=self.property, units=parameter.units)
        return Modality(self.name, forward, self.values, DiagonalNoise(self.std), parameter.name,
                        metadata=self.metadata)


@checked
def add_boreholes(problem: JointProblem, holes: list) -> JointProblem:
    """A problem with boreholes, each with the offset that it states.

    Parameters
    ----------
    problem : JointProblem
        With the parameters that the holes measure.
    holes : list of Borehole

    Returns
    -------
    JointProblem
        With a modality for each hole, and for each with an `offset_std` a bias parameter ``<name>_bias``.

    Raises
    ------
    ValueError, TypeError
        If a hole measures no parameter of the problem, a name is taken, or an interval lies in air or outside.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((4, 6, 6), (50, 100, 100))
    >>> density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=300.0))
    >>> gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    >>> survey = bj.Modality("gravity", gravity, np.ones(36), bj.DiagonalNoise(np.full(36, 0.1)), "density")
    >>> hole = bj.Borehole("DH1", [180.0], 40.0, easting=250, northing=250, top=0, bottom=-60, offset_std=30.0)
    >>> sample = bj.Borehole("outcrop", [150.0, 90.0], 60.0, easting=[50, 420], northing=[80, 510], top=0)
    >>> list(add_boreholes(bj.JointProblem([density], [survey]), [hole, sample]).by_name)
    ['density', 'DH1_bias']
    """
    holes = list(holes) if isinstance(holes, (list, tuple)) else [holes]
    if not holes or not all(isinstance(h, Borehole) for h in holes):
        fail("holes", "be a list of Borehole", repr(holes)[:60], "Build bj.Borehole(...), or read them.", TypeError)
    for hole in holes:
        if hole.property not in problem.by_name:
            fail(f"property of {hole.name}", f"be among {sorted(problem.by_name)}", repr(hole.property),
                 "Add the parameter, or state property= of the hole.")
    surveys = [hole.modality(problem.by_name[hole.property]) for hole in holes]
    problem = problem.replace(modalities=[*problem.modalities, *surveys])
    for hole in holes:
        if hole.offset_std is not None:
            problem = add_bias(problem, hole.name, "constant", std=hole.offset_std)
    return problem
