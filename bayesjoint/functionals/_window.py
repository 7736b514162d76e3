"""A window whose place is picked from the estimate: where the most is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import as_positive, checked
from .._typing import Any, Mesh
from ._protocol import on_mesh, volumes


@checked
@dataclass(frozen=True, kw_only=True)
class Window:
    """A box of given size, put where the estimate's excess in it is largest in size.

    To look for a place first and ask what is there afterwards makes the answer look larger than it is. A recalibrated
    posterior picks in every world as it does here, so that its interval knows of that; an engine's own does not.

    Parameters
    ----------
    northing, easting : float
        Size, metres; rounded to whole columns.
    depth : float, optional
        Of the bottom below the ground, metres; default the whole mesh.

    Examples
    --------
    >>> Window(northing=400.0, easting=400.0).depth is None
    True
    """

    northing: float
    easting: float
    depth: float | None = None

    def __post_init__(self):
        """Refuse sizes that are none."""
        for name in ("northing", "easting", *(() if self.depth is None else ("depth",))):
            as_positive(name, getattr(self, name), 0)

    def columns(self, mesh: Mesh):
        """(rows, columns) of the mesh that the window covers, at least one of each and at most all."""
        steps = mesh.horizontal_spacing()
        return tuple(int(np.clip(round(size / step), 1, count)) for size, step, count in zip(
            (self.northing, self.easting), steps, mesh.shape[1:], strict=True))

    def box(self, mesh: Mesh, place: Any):
        """(west, east, south, north, bottom, top) of the window whose south-west column is (row, column)."""
        (row, column), (rows, columns) = place, self.columns(mesh)
        return (mesh.easting_edges[column], mesh.easting_edges[column + columns], mesh.northing_edges[row],
                mesh.northing_edges[row + rows], mesh.upward_edges[0], mesh.upward_edges[-1])


class WindowedMass:
    """Excess mass in a `Window`, as a functional that picks its place.

    Parameters
    ----------
    problem : JointProblem
    window : Window
    parameter : str, default "density"
    """

    name, weights, offset = "excess_mass", None, 0.0

    def __init__(self, problem, window, parameter="density"):
        p = on_mesh(problem, parameter)
        self.parameter, self.window, self.mesh = parameter, window, p.mesh
        self.units = "kg" if p.units == "kg/m3" else f"{p.units} m3"
        self.long_name = "excess mass in the window picked from the estimate"
        deep = np.nan_to_num(p.mesh.depth_below_ground, nan=np.inf)
        self._weights = np.where(p.mesh.active & (deep <= (window.depth or np.inf)), volumes(p.mesh), 0.0)

    def sums(self, model):
        """Excess mass in the window at every place, (count, places north, places east)."""
        values = np.where(self._weights > 0, model[self.parameter], 0.0)
        columns = np.einsum("kzyx,zyx->kyx", values, self._weights)
        total = np.pad(columns.cumsum(axis=1).cumsum(axis=2), ((0, 0), (1, 0), (1, 0)))
        rows, width = self.window.columns(self.mesh)
        return (total[:, rows:, width:] - total[:, :-rows, width:] - total[:, rows:, :-width]
                + total[:, :-rows, :-width])

    def pick(self, model):
        """Flat index of the place where the excess is largest in size, (count,)."""
        sums = self.sums(model)
        return np.argmax(np.abs(sums.reshape(len(sums), -1)), axis=1)

    def at(self, model, place):
        """Excess mass at given places, (count,)."""
        sums = self.sums(model)
        return np.take_along_axis(sums.reshape(len(sums), -1), place[:, None], axis=1)[:, 0]

    def evaluate(self, model):
        """Excess mass where it is largest in size, (count,)."""
        return self.at(model, self.pick(model))

    def box(self, mean):
        """The box picked from a posterior mean {parameter: array}."""
        model = {self.parameter: mean[self.parameter][None]}
        place = np.unravel_index(int(self.pick(model)[0]), self.sums(model).shape[1:])
        return self.window.box(self.mesh, place)
