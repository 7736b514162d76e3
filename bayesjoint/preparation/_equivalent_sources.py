"""A grid of a survey through equivalent sources, with the covariance of what it does not know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import as_finite, as_positive, checked, fail
from .._typing import Any, ArrayLike, Modality, Parameter, Survey
from ..noise import DenseNoise
from ._source_layers import LIMIT, Kriged, Layers, fitted_layers, points_of, spacing_of

KNOWN = 0.5  # of the field's std: nodes whose std is above it, and above a datum's noise, are gaps
WHITE = 1e-6  # of the mean variance, which keeps the covariance of smooth fields positive definite


@dataclass(frozen=True)
class Gridded:
    """A grid and what it does not know.

    Attributes
    ----------
    survey : Survey
        The grid: posterior means, gaps where the field is hardly known, std of every node.
    covariance : ndarray, shape (n, n)
        Between the errors of the nodes that are no gaps, in the order of ``survey.data.ravel()``.
    layers : Layers
        The equivalent sources.
    """

    survey: Survey
    covariance: np.ndarray
    layers: Layers

    def modality(self, parameter: Parameter, **options: Any) -> Modality:
        """The modality of the grid, whose noise is `covariance`.

        Errors of neighbouring nodes are alike, which independent noise would take for as many witnesses. The error of a
        posterior mean is independent of that mean, not of the field: where stations are sparse the grid is too smooth
        by as much. Scattered stations can be inverted as they are, by `Survey.modality`, which has neither.

        Parameters
        ----------
        parameter : Parameter
        **options
            Of `Survey.modality`.

        Returns
        -------
        Modality
        """
        return self.survey.modality(parameter, **options).replace(noise=DenseNoise(self.covariance))


@checked
def equivalent_sources(survey: Survey, spacing: float, upward: float | ArrayLike | None = None) -> Gridded:
    """Grid a survey through a layer of white equivalent sources, whose depth and strength its data tell.

    The field is that of the layer and a plane; depth, strength and, where the survey states none, the std of its noise
    are fitted by the restricted likelihood of blocks of 200 neighbouring stations. The grid is the posterior mean.

    Parameters
    ----------
    survey : Survey
        Of a potential field; scattered or a grid with gaps; at most 6,000 data.
    spacing : float
        Of the grid's nodes, metres.
    upward : float, optional
        Height of the grid, metres. Default: the mean of the stations'. Not below the sources.

    Returns
    -------
    Gridded

    Raises
    ------
    ValueError
        If there are fewer than 10 data or more than 6,000, more than 6,000 nodes, or nodes below the sources.

    Examples
    --------
    >>> from bayesjoint import Survey
    >>> rng = np.random.default_rng(0)
    >>> east, north = rng.uniform(0, 1000, (2, 60))
    >>> field = np.exp(-((east - 500) ** 2 + (north - 500) ** 2) / 9e4)
    >>> survey = Survey("gravity", field, east, north, upward=0.0, std=0.01)
    >>> grid = equivalent_sources(survey, 250.0)
    >>> grid.survey.shape, grid.covariance.shape[0] == grid.survey.observed.sum()
    ((3, 3), np.True_)
    """
    spacing = float(as_positive("spacing", spacing, 0))
    places, data, std = points_of(survey)
    height = float(places[:, 2].mean() if upward is None else as_finite("upward", upward, 0))
    axes = [_axis(places[:, k], spacing) for k in (0, 1)]
    if axes[0].size * axes[1].size > LIMIT:
        fail("spacing", f"give at most {LIMIT} nodes", f"{axes[0].size} x {axes[1].size}", "Take a larger one.")
    layers = fitted_layers(places, data, std, 1, spacing_of(places))
    kriged = Kriged(layers, places, data)
    north, east = np.meshgrid(axes[1], axes[0], indexing="ij")
    mean, covariance = kriged.predict(np.column_stack([east.ravel(), north.ravel(), np.full(east.size, height)]))
    variance = np.diag(covariance).clip(0.0)
    known = variance <= max(KNOWN * layers.stds[0], float(np.median(layers.noise))) ** 2
    if not known.any():
        fail("spacing", "leave a node near stations", "none whose field the data tell", "Take a smaller one.")
    covariance = covariance[np.ix_(known, known)]
    covariance[np.diag_indices(int(known.sum()))] += WHITE * variance[known].mean()
    shape, note = east.shape, _note(layers, survey, spacing)
    grid = survey.replace(
        data=np.where(known, mean, np.nan).reshape(shape), easting=axes[0], northing=axes[1], upward=height,
        std=np.where(known, np.sqrt(np.maximum(variance, WHITE * variance[known].mean())), np.nan).reshape(shape),
        lines=None, history=(*survey.history, note))
    return Gridded(grid, covariance, layers)


def _axis(values, spacing):
    """Nodes at multiples of the spacing inside the stations."""
    first, last = np.ceil(values.min() / spacing), np.floor(values.max() / spacing)
    if last < first:
        fail("spacing", "be smaller than the survey", f"{spacing:g} m", "Take a smaller one.")
    return spacing * np.arange(first, last + 1)


def _note(layers, survey, spacing):
    depth, off = layers.depths[0], layers.errors.get("depth 1", np.inf)
    noise = "as stated" if survey.std is not None else f"fitted, {layers.noise[0]:.3g} {survey.units}"
    return (f"gridded at {spacing:g} m through white sources {depth:.3g} m below the lowest station (a factor of "
            f"{np.exp(min(off, 9.0)):.2g} either way is one standard error), noise {noise}; errors of nodes are alike")
