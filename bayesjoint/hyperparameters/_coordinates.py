"""One hyperparameter: what it scales, its value in natural units, and the coordinate the search moves in."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree


@dataclass(frozen=True, kw_only=True)
class Coordinate:
    """A hyperparameter with its value in the problem, its bounds, and the scale of its weakly informative prior.

    The search moves in log value, in atanh value for a correlation, in radians for an angle: there all are of order
    one.

    Parameters
    ----------
    name : str
        Such as "density_std", "range", "correlation", "gravity_noise".
    kind : {"std", "range", "angle", "correlation", "noise", "noise_range", "vector_std"}
        What it is; "vector_std" is the common size of a bias's coefficients. Of a discrepancy: "discrepancy_std",
        "discrepancy_range", "discrepancy_correlation", and "discrepancy_whole" for the size of one given as a matrix.
    targets : tuple of str
        Names of the parameters it belongs to, or of the modality.
    value, low, high : float
        In `units`; the value the problem states, and where the search may go.
    scale : float, default 1.0
        Where the prior density has its tail: 5 % of it lies above this value for a std, below it for a range.
    units : str, default "1"
    axes : tuple of int, default ()
        For a range: which of (upward, northing, easting) it scales. For an angle: its place in `Matern.law`.
    part : str, default ""
        For noise: "all", "white" or "correlated" part of the modality's covariance.
    held : bool, default False
        Fitted only where it is asked for by name: somebody stated it.
    place : int, default 0
        For a std or a range of a sum of Matérns: of which part.
    """

    name: str
    kind: str
    targets: tuple
    value: float
    low: float
    high: float
    scale: float = 1.0
    units: str = "1"
    axes: tuple = ()
    part: str = ""
    held: bool = False
    place: int = 0

    def working(self, value):
        """Natural value to the search's coordinate."""
        if self.kind == "angle":
            return float(np.radians(value))
        return float(np.arctanh(value) if self.kind.endswith("correlation") else np.log(value))

    def natural(self, working):
        """The search's coordinate to natural value; arrays allowed."""
        if self.kind == "angle":
            return np.degrees(working)
        return np.tanh(working) if self.kind.endswith("correlation") else np.exp(working)

    @property
    def bounds(self):
        """(low, high) in the search's coordinate."""
        return self.working(self.low), self.working(self.high)

    @property
    def start(self):
        """The problem's value in the search's coordinate, inside the bounds."""
        return float(np.clip(self.working(self.value), *self.bounds))


def sized(name, kind, targets, value, around, span, **rest):
    """A coordinate of a size, sought from `span[0]` to `span[1]` times what it should be `around`, or further."""
    return Coordinate(name=name, kind=kind, targets=targets, value=value, low=min(span[0] * around, value / 10),
                      high=max(span[1] * around, value * 10), **rest)


def reaching(name, kind, targets, value, spacing, extent, **rest):
    """A coordinate of a range, sought from half a spacing to twice an extent, metres, or further."""
    return Coordinate(name=name, kind=kind, targets=targets, value=value, units="m", scale=spacing,
                      low=min(0.5 * spacing, value / 2), high=max(2 * extent, 2 * value), **rest)


def laid_out(place):
    """(median distance between neighbours, extent) of stations, shape (n, 2), metres."""
    spacing = float(np.median(cKDTree(place).query(place, k=2)[0][:, 1])) if len(place) > 1 else 1.0
    return spacing, float(np.ptp(place, axis=0).max())
