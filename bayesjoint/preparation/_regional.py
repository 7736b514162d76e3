"""A regional field and what is left of it, as two layers of sources, with what the split leaves unknown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import as_positive, checked
from .._typing import Any, Modality, Parameter, Survey
from ..noise import DenseNoise
from ._source_layers import Kriged, Layers, fitted_layers, level_of, origin_of, points_of, spacing_of, trend_of

FLAT = 10.0  # std of the plane's coefficients in a modality, in standard deviations of the data


@dataclass(frozen=True)
class RegionalSplit:
    """A survey as regional field and residual.

    Attributes
    ----------
    survey : Survey
        As it was.
    regional, residual : Survey
        Posterior means at the stations, with their standard deviations: those of the residual are of the residual
        field and leave the noise out.
    layers : Layers
        Residual sources first, regional ones second.
    """

    survey: Survey
    regional: Survey
    residual: Survey
    layers: Layers

    def modality(self, parameter: Parameter, **options: Any) -> Modality:
        """The survey as it was, with the regional field and a plane as correlated noise.

        What the mesh explains is then weighed against what the regional field may be; subtracting `regional` instead
        would take part of a wide body away, and say nothing of it.

        Parameters
        ----------
        parameter : Parameter
        **options
            Of `Survey.modality`.

        Returns
        -------
        Modality
        """
        places, data, _ = points_of(self.survey)
        made = self.survey.modality(parameter, std=np.where(
            self.survey.observed, 1.0, np.nan) if self.survey.std is None else None, **options)
        covariance = self.layers.covariance(places, places, level_of(places), slice(1, 2))
        plane = trend_of(places, origin_of(places))
        covariance += (FLAT * np.std(data)) ** 2 * plane @ plane.T
        covariance[np.diag_indices(data.size)] += self.layers.noise**2
        return made.replace(noise=DenseNoise(covariance))


@checked
def regional_split(survey: Survey, depth: float | None = None) -> RegionalSplit:
    """Split a survey into a regional field and a residual, with the uncertainty of both.

    Both are fields of white sources, on two planes; a plane trend goes with the regional one. Depths and strengths are
    fitted by the restricted likelihood of blocks of 200 neighbouring stations, or the regional depth is given.

    Parameters
    ----------
    survey : Survey
        At most 6,000 data.
    depth : float, optional
        Of the regional sources below the lowest station, metres. Default: fitted. Blocks hold little about wavelengths
        longer than themselves: give it where geology says more.

    Returns
    -------
    RegionalSplit

    Raises
    ------
    ValueError
        If there are fewer than 10 data or more than 6,000.

    Examples
    --------
    >>> from bayesjoint import Survey
    >>> rng = np.random.default_rng(0)
    >>> east, north = rng.uniform(0, 10_000, (2, 80))
    >>> field = 0.001 * east + np.exp(-((east - 5000) ** 2 + (north - 5000) ** 2) / 1e6)
    >>> split = regional_split(Survey("gravity", field, east, north, upward=0.0, std=0.02), depth=8000.0)
    >>> bool(np.corrcoef(split.regional.data, east)[0, 1] > 0.99)
    True
    """
    places, data, std = points_of(survey)
    layers = fitted_layers(places, data, std, 2, spacing_of(places))
    if depth is not None:
        depth = float(as_positive("depth", depth, 0))
        layers = Layers(np.array([layers.depths[0], depth]), layers.stds, layers.noise, layers.errors)
    kriged = Kriged(layers, places, data)
    parts = [kriged.predict(places, slice(k, k + 1), trend=k == 1) for k in (1, 0)]
    regional, residual = (_as_survey(survey, mean, np.sqrt(np.diag(covariance).clip(0.0)), words)
                          for (mean, covariance), words in zip(parts, ("regional", "residual"), strict=True))
    return RegionalSplit(survey, regional, residual, layers)


def _as_survey(survey, mean, std, words):
    """A survey of a part, gaps where there were some."""
    def placed(values):
        out = np.full(survey.size, np.nan)
        out[survey.observed.ravel()] = values
        return out.reshape(survey.shape)

    least = 1e-9 * max(float(np.abs(mean).max(initial=0.0)), 1e-300)
    return survey.replace(data=placed(mean), std=placed(np.maximum(std, least)),
                          history=(*survey.history, f"{words} part of a split into two layers of sources"))
