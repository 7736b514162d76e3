"""One rock with its properties, and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import as_finite, as_positive, checked, fail
from .._shown import short


@checked
@short
@dataclass(frozen=True)
class RockUnit:
    """One rock, or one unit of a map.

    Parameters
    ----------
    name : str
    density : float
        Mean of its samples, kg/m³, absolute.
    density_std : float
        Spread from place to place, kg/m³.
    susceptibility : float
        Median, SI.
    susceptibility_log_std : float
        Spread of its natural logarithm.
    correlation : float, default 0
        Of density and log susceptibility from place to place.
    share : float, default 1
        Of the volume of the ground, in proportion to the others'.
    samples : float, default 10
        How many samples all this stands on: the mean has a standard error of std/√n, the std a relative one of
        1/√(2(n−1)). At least 2.
    density_error, susceptibility_log_error, std_log_error : float, optional
        Standard errors of the mean density (kg/m³), of the log of the median susceptibility, and of the logs of both
        spreads, where they are known otherwise.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Examples
    --------
    >>> RockUnit("granite", 2640, 80, 0.001, 1.5, share=0.7, samples=40).errors()["std"].__round__(3)
    0.113
    """

    name: str
    density: float
    density_std: float
    susceptibility: float
    susceptibility_log_std: float
    correlation: float = 0.0
    share: float = 1.0
    samples: float = 10
    density_error: float | None = None
    susceptibility_log_error: float | None = None
    std_log_error: float | None = None

    def __post_init__(self):
        """Refuse what cannot be."""
        for key in ("density", "density_std", "susceptibility", "susceptibility_log_std", "share"):
            as_positive(f"{key} of {self.name}", getattr(self, key), 0)
        if not abs(as_finite(f"correlation of {self.name}", self.correlation, 0)) < 1:
            fail(f"correlation of {self.name}", "lie between -1 and 1", f"{self.correlation:g}", "Check it.")
        if as_finite(f"samples of {self.name}", self.samples, 0) < 2:
            fail(f"samples of {self.name}", "be at least 2", f"{self.samples:g}",
                 "Merge the unit with one like it, or state its errors.")
        for key in ("density_error", "susceptibility_log_error", "std_log_error"):
            if getattr(self, key) is not None and as_finite(f"{key} of {self.name}", getattr(self, key), 0) < 0:
                fail(f"{key} of {self.name}", "be >= 0", f"{getattr(self, key):g}", "Check the sign.")

    def errors(self):
        """Standard errors of ``density``, ``susceptibility`` (log), ``std`` (log) and ``correlation`` (atanh)."""
        root = np.sqrt(self.samples)
        stated = (self.density_error, self.susceptibility_log_error, self.std_log_error)
        counted = (self.density_std / root, self.susceptibility_log_std / root, 1 / np.sqrt(2 * (self.samples - 1)))
        found = [c if s is None else s for s, c in zip(stated, counted, strict=True)]
        keys = ("density", "susceptibility", "std", "correlation")
        return dict(zip(keys, map(float, [*found, 1 / np.sqrt(max(self.samples - 3, 1.0))]), strict=True))
