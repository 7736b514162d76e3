"""How a survey shows itself: in a line, in a notebook, as a map."""

from __future__ import annotations

from importlib import import_module

import numpy as np

from .._checks import checked
from .._html import card, span, span_of
from .._typing import Axes
from ._lattice import on_lattice


@checked
class SurveyViews:
    """The part of `Survey` that shows it."""

    def plot(self, what: str = "observed", ax: Axes | None = None):
        """Map the data, or the standard deviation of their noise.

        Parameters
        ----------
        what : {"observed", "noise_std"}, default "observed"
            What to map.
        ax : matplotlib.axes.Axes, optional
            Where; default new axes.

        Returns
        -------
        matplotlib.axes.Axes

        Examples
        --------
        >>> from matplotlib.figure import Figure
        >>> from bayesjoint import Survey
        >>> survey = Survey("gravity", np.ones((2, 2)), [0, 4000], [0, 4000], upward=0.0)
        >>> survey.plot(ax=Figure().add_subplot()).get_xlabel()
        'easting (km)'
        """
        # Like `modality`, the step is offered by a room that knows nothing of the one that takes it.
        return import_module("...plot._of_objects", __name__).plot_survey(self, what, ax)

    def _extent(self):
        return (f"east {self.easting.min():.10g} to {self.easting.max():.10g}, "
                f"north {self.northing.min():.10g} to {self.northing.max():.10g} m")

    def _layout(self):
        if self.is_grid:
            return f"{self.shape[0]} x {self.shape[1]} grid"
        grid = on_lattice(self)
        nodes = "" if grid is None else f" on a {grid.shape[0]} x {grid.shape[1]} lattice, see to_grid()"
        return f"{self.size} stations{nodes}"

    def _height(self):
        low, high = np.nanmin(self.upward), np.nanmax(self.upward)
        return f"upward {low:g} m" if low == high else f"upward {low:g} to {high:g} m"

    def __repr__(self):
        noise = "no std" if self.std is None else f"std {np.nanmedian(self.std):.3g} {self.units}"
        return (f"Survey({self.name!r}: {self._layout()}, {int(self.observed.sum())} observed, {self.units}, "
                f"{self._height()}, {noise})")

    def _repr_html_(self):
        field = None if self.intensity is None else (
            f"{self.intensity:g} nT, inclination {self.inclination:g}°, declination {self.declination:g}°")
        gaps = self.size - int(self.observed.sum())
        return card(f"Survey {self.name!r} ({self.kind})", [
            ("stations", self._layout() + (f", {gaps} of them gaps" if gaps else "")),
            ("data", span_of(self.data, self.units)),
            ("noise std", "not known yet" if self.std is None else span_of(self.std, self.units)),
            ("extent", self._extent()), ("height", span(np.nanmin(self.upward), np.nanmax(self.upward), "m")),
            ("crs", self.crs or "not stated"), ("inducing field", field), ("source", self.source),
            ("licence", self.licence), ("last step", self.history[-1] if self.history else None)])
