"""What is done to a survey before it is inverted, or looked at."""

from __future__ import annotations

import numpy as np

from .._checks import checked
from .._typing import Any
from ._decimate import kept_stations
from ._filters import at_the_pole, continued
from ._igrf import inducing_field


@checked
class SurveySteps:
    """The part of `Survey` that prepares data."""

    def igrf(self, date: Any, longitude: float | None = None, latitude: float | None = None,
             height: float | None = None):
        """Set the inducing field of a magnetic survey to that of the IGRF (version 14, by ppigrf).

        A declination of the IGRF is against true north, but northing is along the grid's: where the coordinate
        reference system is known the grid's convergence is taken off.

        Parameters
        ----------
        date : str or datetime.date
            When the survey was flown, such as "2009-06-30".
        longitude, latitude : float, optional
            Of the survey's middle, degrees. Default: by its `crs`, with pyproj.
        height : float, optional
            Metres above the ellipsoid. Default: the mean of the stations', which differs by the height of the geoid and
            of the surface datum; 100 m change the intensity by about 2 nT.

        Returns
        -------
        Survey

        Raises
        ------
        ValueError, TypeError
            If the date lies outside 1900 to 2029, or nothing says where the survey is.
        ImportError
            If ppigrf, or pyproj where there is a `crs`, is not installed.

        Examples
        --------
        >>> from bayesjoint import Survey
        >>> survey = Survey("magnetic", [1.0, 2.0], [0, 1], [0, 1], upward=60.0)
        >>> round(survey.igrf("2009-06-30", longitude=121.5, latitude=-31.2).inclination, 1)
        -65.1
        """
        field, note = inducing_field(self, date, longitude, latitude, height)
        return self.replace(**field, history=(*self.history, note))

    def decimate(self, spacing: float):
        """Keep stations about `spacing` apart: rows and columns of a grid, one station a square else.

        Data stay as measured, so their noise does too; wavelengths below twice the spacing fold into longer ones.
        An interpolated grid has fewer data than nodes: at its stations' spacing it says no more than they did.

        Parameters
        ----------
        spacing : float
            Metres.

        Returns
        -------
        Survey

        Raises
        ------
        ValueError
            If the spacing is not positive, or leaves gaps alone.

        Examples
        --------
        >>> from bayesjoint import Survey
        >>> Survey("gravity", np.ones((5, 7)), np.arange(7) * 50.0, np.arange(5) * 50.0, 0.0).decimate(100.0).shape
        (3, 4)
        """
        kept, note = kept_stations(self, spacing)
        rows, columns = kept if self.is_grid else (kept[0], kept[0])
        index = np.ix_(*kept)
        lines = None if self.lines is None else self.lines[index]
        return self._changed(note, lambda values: values[index], easting=self.easting[columns],
                             northing=self.northing[rows], lines=lines)

    def upward_continued(self, distance: float):
        """Grid as it would be `distance` metres higher, by Fourier transform, for looking: it has no std any more.

        Parameters
        ----------
        distance : float
            Metres.

        Returns
        -------
        Survey

        Raises
        ------
        ValueError
            If it is no grid without gaps at equal steps.

        Examples
        --------
        >>> from bayesjoint import Survey
        >>> grid = Survey("gravity", np.eye(8), np.arange(8) * 100.0, np.arange(8) * 100.0, upward=0.0)
        >>> grid.upward_continued(200.0).upward
        200.0
        """
        data, note = continued(self, distance)
        return self.replace(data=data, std=None, upward=self.upward + distance, history=(*self.history, note))

    def reduced_to_pole(self):
        """Total-field anomalies as they would be under a vertical field, for looking: no std any more.

        It takes all magnetisation for induced. An inversion needs no reduction: it knows the inducing field.

        Returns
        -------
        Survey

        Raises
        ------
        ValueError
            If it is no grid without gaps at equal steps, or the inducing field is unknown or within 20° of the
            horizontal.

        Examples
        --------
        >>> from bayesjoint import Survey
        >>> axis = np.arange(8) * 100.0
        >>> grid = Survey("magnetic", np.eye(8), axis, axis, 50.0, intensity=5e4, inclination=60.0, declination=0.0)
        >>> grid.reduced_to_pole().inclination
        90.0
        """
        data, note = at_the_pole(self)
        return self.replace(data=data, std=None, inclination=float(np.copysign(90.0, self.inclination)),
                            declination=0.0, history=(*self.history, note))
