"""What every structure of a ground is: numbers with distributions, settled once a world, and a shape made of them."""

from dataclasses import dataclass, fields, replace

import numpy as np

from .._checks import KINDS, as_positive, check_kind, fail
from .._shown import short
from ._distributions import Distribution, as_distribution, by_parameter, times

SIGNED = ("strike", "dip", "tilt", "depth")  # numbers that may lie below zero


@short
@dataclass(frozen=True, kw_only=True)
class Structure:
    """What structures share: contrasts, units, and how they are resized.

    Parameters
    ----------
    contrasts : dict of {str: float, (low, high) or Distribution}, optional
        Contrast of each object by parameter, in its units; used where the geology has no rock table. A parameter that
        is not named is left as it is.
    units : tuple of str, optional
        Names of the rocks that its objects may be made of, in proportion to their shares; used where the geology has a
        rock table. Default: all of them.
    """

    contrasts: dict | None = None
    units: tuple | None = None

    LENGTHS = ()

    def __post_init__(self):
        """Take numbers and pairs for distributions; refuse anything else."""
        for name in self.varying:
            law = as_distribution(name, getattr(self, name))
            if name not in SIGNED and getattr(law, "value", 0) < 0:
                fail(name, "be >= 0", f"{law.value:g}", "Check its sign.")
            object.__setattr__(self, name, law)
        if self.contrasts is not None:
            laws = by_parameter("contrasts", self.contrasts, '{"density": bj.Normal(0, 200)}')
            object.__setattr__(self, "contrasts", laws)
        if isinstance(self.units, str):
            object.__setattr__(self, "units", (self.units,))
        elif self.units is not None:
            check_kind("units", self.units, [KINDS["Sequence[str]"]])
            object.__setattr__(self, "units", tuple(self.units))

    @property
    def varying(self):
        """Names of the fields that may be distributions: those annotated `object`."""
        return tuple(f.name for f in fields(self) if f.type in (object, "object"))

    @property
    def kind(self):
        """Its class in lower case, the name under which `Geology.without` knows it."""
        return type(self).__name__.lower()

    def settled(self, rng):
        """The numbers of one world: {name: settled distribution}."""
        return {name: getattr(self, name).settle(rng) for name in self.varying}

    def resized(self, factor):
        """The same structure with all its lengths times `factor`; depths and numbers stay.

        Parameters
        ----------
        factor : float

        Returns
        -------
        Structure
        """
        as_positive("factor", factor, 0)
        return replace(self, **{name: times(getattr(self, name), factor) for name in self.LENGTHS})

    def describe(self):
        """What it is made of, in words."""
        numbers = [f"{f.name.replace('_', ' ')} {getattr(self, f.name)}" for f in fields(self)
                   if isinstance(getattr(self, f.name), Distribution)]
        stated = [] if self.contrasts is None else [f"{k} {v}" for k, v in self.contrasts.items()]
        stated += [] if self.units is None else ["made of " + ", ".join(self.units)]
        return f"{type(self).__name__} ({'; '.join(numbers + stated)})"


def count_of(distribution, rng, least=0):
    """A whole number of a settled distribution."""
    return max(least, round(float(distribution.draw(rng))))


def axes_of(strike, dip):
    """Directions along strike, down dip and across, each (upward, northing, easting), shape (n, 3, 3).

    Strike is clockwise from north; the dip is downwards to the right of it. Degrees.
    """
    s, d = np.deg2rad(np.broadcast_arrays(np.asarray(strike, float), np.asarray(dip, float)))
    zero = np.zeros_like(s)
    along = np.stack([zero, np.cos(s), np.sin(s)], axis=-1)
    down = np.stack([-np.sin(d), -np.cos(d) * np.sin(s), np.cos(d) * np.cos(s)], axis=-1)
    across = np.stack([np.cos(d), -np.sin(d) * np.sin(s), np.sin(d) * np.cos(s)], axis=-1)
    return np.stack([along, down, across], axis=-2)
