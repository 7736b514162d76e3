"""The Matérn prior: a Gaussian field with a correlation range."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import as_finite, as_positive, as_shape, checked, fail, frozen, one_of
from .._correlation import CORRELATIONS
from .._shown import short
from .._typing import ArrayLike, Mesh, Parameter
from ._covariance import ScaledCovariance, StationaryCorrelation
from ._gaussian import BoundGaussian

EXTENTS = ("mesh", "continued")


@checked
@short
@dataclass(frozen=True)
class Matern:
    """Gaussian field with Matérn correlation between cell centres.

    Smoothness 3/2, the default, is (1 + √3 r/ℓ) exp(−√3 r/ℓ): differentiable once, so neither as rough as an
    exponential nor as stiff as a squared exponential (Rasmussen & Williams 2006, §4.2).

    Parameters
    ----------
    std : float or array_like
        Prior standard deviation, physical units of the parameter: a number, one per layer (nz,) bottom layer first,
        or one per cell.
    range : float or tuple of float
        Correlation range ℓ in metres; three numbers are (upward, northing, easting).
    smoothness : {0.5, 1.5, 2.5}, default 1.5
        ν.
    extent : {"mesh", "continued"}, default "mesh"
        "mesh": the field is the mesh's cells; nothing outside varies. "continued": it goes on beyond them, on a
        periodic lattice of columns that the problem lays out and records; cells outside the mesh are hidden from
        results, but data feel them. Its prior mean is that of the mesh's cells, and 0 beyond. Needs forward operators
        on a lattice, and a std that depends on the layer alone.
    mean : float or array_like, optional
        Prior mean, physical units; default the parameter's `reference`, else 0.

    Raises
    ------
    ValueError
        If a value is not positive or the smoothness is another one; when a parameter is built with it, if a continued
        field has a std that varies within a layer, or known cells.

    Examples
    --------
    >>> from bayesjoint import Mesh, Parameter
    >>> mesh = Mesh.regular((2, 4, 4), (100, 100, 100))
    >>> prior = Parameter("density", mesh, prior=Matern(std=100.0, range=300.0)).bound_prior
    >>> prior.covariance.diagonal()[0]  # in (g/cm³)²
    np.float64(0.010000000000000002)
    """

    std: object
    range: object
    smoothness: float = 1.5
    extent: str = "mesh"
    mean: ArrayLike | None = None

    def __post_init__(self):
        """Refuse bad settings at once."""
        as_positive("std", self.std)
        if as_positive("range", self.range, (0, 1)).size not in (1, 3):
            fail("range", "be one number or three (upward, northing, easting)", repr(self.range), "Give metres.")
        one_of("smoothness", self.smoothness, tuple(CORRELATIONS))
        one_of("extent", self.extent, EXTENTS)
        for name in ("std", "mean"):
            if np.ndim(getattr(self, name)):
                object.__setattr__(self, name, frozen(getattr(self, name)))
            elif getattr(self, name) is not None:
                as_finite(name, getattr(self, name))

    def __str__(self):
        """In words, for the record of a run: what differs from the plain case is left to be told apart."""
        std, reach = (_words(v) for v in (self.std, self.range))
        mean = "" if self.mean is None else f", mean {_words(self.mean)}"
        extent = "ends with the mesh" if self.extent == "mesh" else "continued beyond the mesh"
        return f"Matern, std {std}, range {reach} m, smoothness {self.smoothness:g}, {extent}{mean}"

    def ranges(self):
        """(upward, northing, easting) ranges in metres."""
        return tuple(float(r) for r in np.broadcast_to(np.asarray(self.range, dtype=float), (3,)))

    def correlation(self, mesh: Mesh):
        """The correlation over a mesh, as a covariance with unit variances."""
        return StationaryCorrelation(mesh, CORRELATIONS[self.smoothness], self.ranges())

    def std_hat(self, parameter: Parameter):
        """Standard deviation of m̂ in every cell, shape (size,), 0 in air."""
        std = np.asarray(self.std, dtype=float)
        if std.ndim == 1:
            if std.size != parameter.shape[0]:
                fail("std", f"have one value for each of the {parameter.shape[0]} layers", f"{std.size}",
                     "Give a number, (nz,) values bottom layer first, or one per cell.")
            std = np.broadcast_to(std[:, None, None], parameter.shape)
        # no std in air: the field of the ground cells is left with its marginal, and air takes no part in anything
        return np.where(parameter.ground, as_shape("std", std, parameter.shape).ravel() / parameter.scale, 0.0)

    def mean_hat(self, parameter: Parameter):
        """Prior mean of m̂, shape (size,)."""
        return parameter.reference_hat if self.mean is None else parameter.to_hat(self.mean, "mean")

    def bind(self, parameter: Parameter):
        """Return the prior over one parameter."""
        if parameter.mesh is None:
            fail("prior", "suit a plain vector", "Matern", "Use GaussianPrior(mean, covariance).", TypeError)
        if self.extent == "continued":
            self._check_continued(parameter)
        covariance = ScaledCovariance(self.correlation(parameter.mesh), self.std_hat(parameter))
        return BoundGaussian(self.mean_hat(parameter), covariance)

    def _check_continued(self, parameter):
        std = np.asarray(self.std, dtype=float)
        if std.ndim > 1 and np.ptp(std.reshape(std.shape[0], -1), axis=1).any():
            fail("std", "be one number or one per layer where the field is continued", "a std that varies in a layer",
                 'Give (nz,) values, or use extent="mesh".')
        if parameter.fixed_mask.any():
            fail("fixed", "know no cells of a continued field", f"{int(parameter.fixed_mask.sum())} known cells",
                 'Use extent="mesh".')


def _words(value):
    """A number, several, or the span of many."""
    values = np.atleast_1d(np.asarray(value, dtype=float)).ravel()
    if values.size > 3:
        return f"{values.min():.4g} to {values.max():.4g}"
    return " × ".join(f"{v:.4g}" for v in values)
