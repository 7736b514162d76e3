"""The Matérn prior: a Gaussian field with a correlation range; and sums of them, with several."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .._checks import as_finite, as_positive, as_shape, checked, fail, frozen, one_of
from .._correlation import CORRELATIONS
from .._shown import short, shown
from .._typing import Any, ArrayLike, Mesh, Parameter, Sequence
from ._covariance import ScaledCovariance, StationaryCorrelation
from ._gaussian import BoundGaussian
from ._orientation import axes_of
from ._summed import SumCovariance

EXTENTS = ("mesh", "continued")


@checked
@short
@dataclass(frozen=True)
class Matern:
    """Gaussian field with Matérn correlation between cell centres.

    Smoothness 3/2, the default, is (1 + √3 r/ℓ) exp(−√3 r/ℓ): differentiable once, so neither as rough as an
    exponential nor as stiff as a squared exponential (Rasmussen & Williams 2006, §4.2). ``a + b`` of two is the sum of
    two independent fields, of several scales: `SumOfMaterns`.

    Parameters
    ----------
    std : float or array_like
        Prior standard deviation, physical units of the parameter: a number, one per layer (nz,) bottom layer first,
        or one per cell. 0 where the field is not: the sum of one field a region has a std and a range by region.
    range : float or tuple of float
        Correlation range ℓ in metres; three numbers are (upward, northing, easting), or, with a `dip`, (across the
        layering, along strike, down dip). ``math.inf`` is a field that does not vary along an axis; along all of them,
        one level: the mean of a region that is not known, with its std.
    smoothness : {0.5, 1.5, 2.5}, default 1.5
        ν.
    extent : {"mesh", "continued"}, default "mesh"
        "mesh": the field is the mesh's cells; nothing outside varies. "continued": it goes on beyond them, on a
        periodic lattice of columns that the problem lays out and records; cells outside the mesh are hidden from
        results, but data feel them. Its prior mean is that of the mesh's cells, and 0 beyond. Needs forward operators
        on a lattice, and a std that depends on the layer alone.
    mean : float or array_like, optional
        Prior mean, physical units; default the parameter's `reference`, else 0.
    dip : float, optional
        Degrees from the horizontal at which layering dips, 0 to 90, for three ranges. Default: ranges along the axes of
        the mesh, which is a dip of 0 under a strike of 0.
    strike : float, optional
        Degrees clockwise from north, -360 to 360; layering dips to its right, so that 0 dips to the east. Default 0
        where a dip is given.

    Raises
    ------
    ValueError
        If a value is not positive, an angle is out of range or of one range only, or the smoothness is another one;
        when a parameter is built with it, if a continued field has a std that varies within a layer, or known cells.

    Examples
    --------
    >>> from bayesjoint import Mesh, Parameter
    >>> mesh = Mesh.regular((2, 4, 4), (100, 100, 100))
    >>> prior = Parameter("density", mesh, prior=Matern(std=100.0, range=300.0)).bound_prior
    >>> prior.covariance.diagonal()[0]  # in (g/cm³)²
    np.float64(0.010000000000000002)

    Layers that strike to the north-east and dip steeply to the south-east:

    >>> print(Matern(std=100.0, range=(100.0, 800.0, 400.0), strike=45.0, dip=70.0))
    Matern, std 100, range 100 × 800 × 400 m, strike 45°, dip 70°, smoothness 1.5, ends with the mesh
    """

    std: object
    range: object
    smoothness: float = 1.5
    extent: str = "mesh"
    mean: ArrayLike | None = None
    dip: float | None = None
    strike: float | None = None

    def __post_init__(self):
        """Refuse bad settings at once."""
        one_of("extent", self.extent, EXTENTS)
        _check_std(self.std, self.extent)
        _check_range(self.range, self.extent)
        one_of("smoothness", self.smoothness, tuple(CORRELATIONS))
        self._check_angles()
        for name in ("std", "mean"):
            if np.ndim(getattr(self, name)):
                object.__setattr__(self, name, frozen(getattr(self, name)))
            elif getattr(self, name) is not None:
                as_finite(name, getattr(self, name))

    def _check_angles(self):
        for name, least, most in (("dip", 0.0, 90.0), ("strike", -360.0, 360.0)):
            value = getattr(self, name)
            if value is not None and not least <= as_finite(name, value, 0) <= most:
                fail(name, f"lie between {least:g} and {most:g} degrees", f"{value:g}",
                     "Strike is clockwise from north, and layers dip to its right.")
        if self.strike is not None and self.dip is None:
            fail("strike", "go with a dip", f"{self.strike:g} and no dip", "Give dip=90 for upright layers.")
        if self.dip is not None and np.ndim(self.range) == 0:
            fail("dip", "go with three ranges", f"range={self.range!r}",
                 "Give range=(across the layering, along strike, down dip), metres.")

    def __str__(self):
        """In words, for the record of a run: what differs from the plain case is left to be told apart."""
        std, reach = (_words(v) for v in (self.std, self.range))
        turn = "" if self.dip is None else f", strike {self.orientation()[0]:g}°, dip {self.dip:g}°"
        mean = "" if self.mean is None else f", mean {_words(self.mean)}"
        extent = "ends with the mesh" if self.extent == "mesh" else "continued beyond the mesh"
        return f"Matern, std {std}, range {reach} m{turn}, smoothness {self.smoothness:g}, {extent}{mean}"

    def __add__(self, other: Any):
        """The sum of two independent fields."""
        return SumOfMaterns((self, *parts_of(other))) if parts_of(other) else NotImplemented

    def ranges(self):
        """(upward, northing, easting) ranges in metres."""
        return tuple(float(r) for r in np.broadcast_to(np.asarray(self.range, dtype=float), (3,)))

    def orientation(self):
        """(strike, dip) in degrees; (0, 0) where ranges lie along the axes of the mesh."""
        return float(self.strike or 0.0), float(self.dip or 0.0)

    def law(self):
        """(upward, northing, easting) ranges, metres; where there is a dip also strike and dip, degrees."""
        return self.ranges() if self.dip is None else (*self.ranges(), *self.orientation())

    def correlation(self, mesh: Mesh):
        """The correlation over a mesh, as a covariance with unit variances."""
        axes = None if self.dip is None else axes_of(*self.orientation())
        return StationaryCorrelation(mesh, CORRELATIONS[self.smoothness], self.ranges(), axes)

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


@checked
@short
@dataclass(frozen=True)
class SumOfMaterns:
    """Sum of independent Matérn fields of several scales; ``bj.Matern(...) + bj.Matern(...)`` makes one.

    Covariances add: Γ = Σ_i diag(s_i) R_i diag(s_i) (Rasmussen & Williams 2006, §4.2.4), so that variances do, and a
    sum of two parts of one range and smoothness is one field whose std is the root of the sum of squares.

    Parameters
    ----------
    parts : sequence of Matern
        Two or more, each with a std and a range, and a smoothness of its own if that is wanted. They have one extent;
        at most one states the mean, which is that of the sum. Under `Coregionalization` the first part is the one that
        properties share.

    Raises
    ------
    ValueError, TypeError
        If there are fewer than two parts, something else among them, two extents, or two means; when a parameter is
        built with it, as of `Matern`.

    Examples
    --------
    >>> from bayesjoint import Mesh, Parameter
    >>> mesh = Mesh.regular((2, 4, 4), (100, 100, 100))
    >>> prior = Matern(std=80.0, range=2000.0) + Matern(std=60.0, range=300.0)
    >>> density = Parameter("density", mesh, prior=prior)
    >>> float(density.bound_prior.covariance.diagonal()[0].round(9))  # (0.08² + 0.06²) (g/cm³)²
    0.01
    """

    parts: Sequence[Matern]

    def __post_init__(self):
        """Refuse what is no sum at once."""
        object.__setattr__(self, "parts", tuple(self.parts))
        if len(self.parts) < 2 or not all(isinstance(part, Matern) for part in self.parts):
            fail("parts", "be two or more Matern", shown(self.parts), "Write bj.Matern(...) + bj.Matern(...).",
                 TypeError)
        if len({part.extent for part in self.parts}) > 1:
            fail("extent", "be the same of every part of a sum", ", ".join(repr(part.extent) for part in self.parts),
                 'Give all parts "mesh", or all "continued".')
        if sum(part.mean is not None for part in self.parts) > 1:
            fail("mean", "be stated by one part of a sum at most, for the whole", "two means", "Add them up in one.")

    def __add__(self, other: Any):
        """The sum with one more field, or several."""
        return SumOfMaterns((*self.parts, *parts_of(other))) if parts_of(other) else NotImplemented

    def __str__(self):
        """In words, for the record of a run."""
        return "sum of " + " + ".join(str(part) for part in self.parts)

    @property
    def extent(self):
        """"mesh" or "continued", the same of all parts."""
        return self.parts[0].extent

    @property
    def mean(self):
        """Prior mean of the sum, physical units, or None."""
        return next((part.mean for part in self.parts if part.mean is not None), None)

    def std_hat(self, parameter: Parameter):
        """Standard deviation of m̂ in every cell, shape (size,), 0 in air."""
        return np.sqrt(sum(part.std_hat(parameter) ** 2 for part in self.parts))

    def mean_hat(self, parameter: Parameter):
        """Prior mean of m̂, shape (size,)."""
        return parameter.reference_hat if self.mean is None else parameter.to_hat(self.mean, "mean")

    def bind(self, parameter: Parameter):
        """Return the prior over one parameter."""
        terms = [((0,), part.bind(parameter).covariance) for part in self.parts]
        return BoundGaussian(self.mean_hat(parameter), SumCovariance(1, terms))


def _check_std(std, extent):
    values = as_finite("std", std)
    everywhere = values.ndim == 0 or extent == "continued"
    if values.size and (values.min() < 0 or not values.max() > 0 or (everywhere and not values.min() > 0)):
        fail("std", "be > 0" if everywhere else "be > 0, or 0 in cells where the field is not",
             f"{values.min():g} to {values.max():g}", "Check units and sign.")


def _check_range(reach, extent):
    several = isinstance(reach, tuple | list) or (isinstance(reach, np.ndarray) and reach.ndim > 0)
    endless = [isinstance(r, float) and np.isposinf(r) for r in (reach if several else [reach])]
    finite = [1.0 if e else r for e, r in zip(endless, reach if several else [reach], strict=True)]
    if as_positive("range", finite if several else finite[0], (0, 1)).size not in (1, 3):
        fail("range", "be one number or three (upward, northing, easting)", repr(reach), "Give metres.")
    if any(endless) and extent == "continued":
        fail("range", "be finite where the field is continued", repr(reach), 'Use extent="mesh".')


def parts_of(prior):
    """The Matérn fields that a prior is the sum of: one, several, or none where it is another prior."""
    return (prior,) if isinstance(prior, Matern) else prior.parts if isinstance(prior, SumOfMaterns) else ()


def with_parts(prior, parts):
    """A prior of the same kind of other parts, as many."""
    return replace(prior, parts=tuple(parts)) if isinstance(prior, SumOfMaterns) else parts[0]


def _words(value):
    """A number, several, or the span of many."""
    values = np.atleast_1d(np.asarray(value, dtype=float)).ravel()
    if values.size > 3:
        return f"{values.min():.4g} to {values.max():.4g}"
    return " × ".join(f"{v:.4g}" for v in values)
