"""The gravity of topography for each unit of density: a column whose density an inversion can find."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import as_count, as_finite, as_positive, checked, fail
from .._typing import Any, JointProblem, Survey
from ..augment import add_bias
from ..forward import GravityOperator
from ..mesh import Mesh
from ..quantities import component_of

PLACES = ("topography's easting", "topography's northing", "topography's upward")


@dataclass(frozen=True)
class TerrainEffect:
    """What ground above a reference height does to gravity, mGal at 1 kg/m³.

    Attributes
    ----------
    column : ndarray, shape (n,)
        At every station with data.
    error : float
        Root mean square change from half as many layers, over that of `column`: how wrong its steps make it.
    """

    column: np.ndarray
    error: float

    def corrected(self, survey: Survey, density: float) -> Survey:
        """The survey less the effect at a density in kg/m³."""
        density = float(as_finite("density", density, 0))
        effect = np.zeros(survey.size)
        effect[survey.observed.ravel()] = density * self.column
        note = f"terrain above the reference taken off at {density:g} kg/m³, its steps wrong by {self.error:.1%}"
        return survey.replace(data=survey.data - effect.reshape(survey.shape), history=(*survey.history, note))

    def add_to(self, problem: JointProblem, survey: str, std: float = 200.0) -> JointProblem:
        """The problem with the reduction density's difference from what was taken off as one more unknown.

        Parameters
        ----------
        problem : JointProblem
        survey : str
            Name of the modality.
        std : float, default 200
            Of that difference, kg/m³: near-surface rocks span some 1,800 to 2,800.

        Returns
        -------
        JointProblem
            With a parameter ``<survey>_reduction_density``, whose value is in kg/m³.
        """
        return add_bias(problem, survey, basis={"density": self.column}, std=std, name=f"{survey}_reduction_density",
                        units="kg/m3")


@checked
def terrain_effect(survey: Survey, topography: Any, cell: float, reference: float = 0.0,
                   layers: int = 40) -> TerrainEffect:
    """Gravity at a survey's stations of the ground between a reference height and the topography, for 1 kg/m³.

    Ground above the reference counts as mass, hollows below it as mass that is lacking. Both are prisms of `cell` by
    `cell`, in layers; stations must lie above the ground they stand on.

    Parameters
    ----------
    survey : Survey
        Of gravity.
    topography : xarray.DataArray or (easting, northing, upward)
        As for `Mesh.with_topography`; it should reach some ten kilometres beyond the stations where relief is large.
    cell : float
        Width of prisms, metres.
    reference : float, default 0
        Height of the datum of the reduction, metres.
    layers : int, default 40
        Between the reference and the highest, and the lowest, ground.

    Returns
    -------
    TerrainEffect

    Raises
    ------
    ValueError
        If the survey is not of gravity, or the topography holds no height.

    Examples
    --------
    >>> from bayesjoint import Survey
    >>> east, north = (a.ravel() for a in np.meshgrid(np.arange(0.0, 2001.0, 100.0), np.arange(0.0, 2001.0, 100.0)))
    >>> survey = Survey("gravity", [0.0, 0.0], [900.0, 1100.0], [1000.0, 1000.0], upward=101.0)
    >>> effect = terrain_effect(survey, (east, north, np.full(east.size, 100.0)), cell=100.0)
    >>> (effect.column / 4.19e-5 / 100).round(1).tolist()  # of the endless slab
    [1.0, 1.0]
    """
    component = component_of(survey.kind)
    if component is None or component.unit.symbol != "mGal":
        fail("survey", "be of gravity", repr(survey.kind), "Magnetic terrain is ground with a susceptibility.")
    cell, layers = float(as_positive("cell", cell, 0)), as_count("layers", layers, 2, "40 will do.")
    east, north, height = _points(topography)
    seen = survey.observed.ravel()
    stations = [axis[seen] for axis in survey.coordinates()]
    fine, coarse = (_column(stations, (east, north, height), cell, float(reference), n) for n in (layers, layers // 2))
    size = float(np.sqrt(np.mean(fine**2)))
    return TerrainEffect(fine, float(np.sqrt(np.mean((fine - coarse) ** 2)) / size) if size > 0 else 0.0)


def _points(topography):
    if set(getattr(topography, "dims", ())) == {"northing", "easting"} and hasattr(topography, "transpose") and {
            "northing", "easting"} <= set(getattr(topography, "coords", ())):
        axes = [np.asarray(topography.coords[name], dtype=float) for name in ("northing", "easting")]
        north, east = np.meshgrid(*axes, indexing="ij")
        values = np.asarray(topography.transpose("northing", "easting"), dtype=float)
        known = np.isfinite(values)
        return east[known], north[known], values[known]
    if not isinstance(topography, list | tuple) or len(topography) != 3:
        fail("topography", "be a grid with dims northing and easting, or (easting, northing, upward)",
             type(topography).__name__, "Pass an xarray.DataArray or three arrays.", TypeError)
    return tuple(as_finite(name, axis, 1) for name, axis in zip(PLACES, topography, strict=True))


def _column(stations, points, cell, reference, layers):
    """Mass above the reference less what is lacking below it."""
    height, out = points[2], np.zeros(stations[0].size)
    shape = [max(1, int(np.ceil(np.ptp(axis) / cell))) for axis in points[1::-1]]
    for low, high, sign in ((reference, height.max(), 1.0), (height.min(), reference, -1.0)):
        if high - low <= 0:
            continue
        mesh = Mesh.regular((layers + 1, *shape), ((high - low) / layers, cell, cell), top=float(high),
                            west=float(points[0].min()), south=float(points[1].min())).with_topography(points)
        mass = mesh.active.copy() if sign > 0 else ~mesh.active
        mass[0] = False  # one layer more, so that there is ground whatever the topography
        if mass.any():
            operator = GravityOperator.at_stations(mesh, *stations, active=np.ones(mesh.shape, dtype=bool))
            out += sign * operator.matvec(mass.ravel().astype(float))
    return out
