"""A family for those who state none of their own: offered by name, never used unasked."""

from __future__ import annotations

import numpy as np

from .._checks import as_positive, checked, fail
from .._typing import Mesh, Sequence
from ._distributions import Centred, LogNormal, LogUniform, Normal, Poisson, Signed, Uniform
from ._family import Geology
from ._mixture import Mixture
from ._solids import Bodies, Dykes
from ._strata import Cover, Layers, Plurigaussian
from ._texture import GaussianField

MOST = 400  # bodies expected in a world at most: beyond, they are the texture of the ground
WEIGHTS = (0.25, 0.3, 0.25, 0.2)  # what fills the ground is what sparse families hold worst, so it has more than half
# Contrast of an object in units of the std over all cells, found so that each family reaches that std on average.
SPARSE, FILLING, THIN = 2.0, 0.9, 2.5


@checked
def geology_default(mesh: Mesh, std: dict, length: float | None = None, positive: Sequence[str] = ("susceptibility",),
                    log_std: float = 0.35, shared: float = 0.5) -> Mixture:
    """The family "mixture": bodies, layers with folds and faults, units that fill the ground, dykes under cover.

    Parameters
    ----------
    mesh : Mesh
        Its extent and depth give numbers and depths.
    std : dict of {str: float}
        Standard deviation over the cells that the family should have, by parameter, in its units: such as the prior's.
        Families reach it on average; single worlds differ by a factor of two or more.
    length : float, optional
        Typical size of a body, metres. Default: half the depth of the mesh, for what is much smaller lies unseen below
        the top layers, and what is much larger leaves the mesh.
    positive : tuple of str, default ("susceptibility",)
        Parameters that have one sign; the others have both.
    log_std : float, default 0.35
        Of the factor on all contrasts of a property in one world. Smaller ones cost coverage where contrasts differ.
    shared : float, default 0.5
        Share of worlds in which properties have one geometry.

    Returns
    -------
    Mixture

    Raises
    ------
    ValueError, TypeError
        If a size is not positive, or `std` no dict.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((10, 40, 40), (100.0, 100.0, 100.0))
    >>> family = bj.geology_default(mesh, {"density": 100.0, "susceptibility": 0.01})
    >>> family.name, [f.name for f in family.families]
    ('mixture', ['bodies', 'layers', 'units', 'dykes under cover'])
    """
    if not isinstance(std, dict) or not std:
        fail("std", "be a dict {parameter: standard deviation}", repr(std), 'Try {"density": 100.0}.', TypeError)
    std = {k: float(as_positive(f"std[{k!r}]", v, 0)) for k, v in std.items()}
    north, east, depth = (float(np.ptp(e)) for e in (mesh.northing_edges, mesh.easting_edges, mesh.upward_edges))
    size = 0.5 * depth if length is None else float(as_positive("length", length, 0))
    scaled = _Simulators(std, positive, size)
    common = {"shared": shared, "log_std": log_std, "positive": tuple(p for p in positive if p in std),
              "host": {p: LogNormal(0.1 * std[p], 0.5) for p in positive if p in std}}
    families = [
        Geology([scaled.bodies(north * east * depth, depth), scaled.texture()], name="bodies", **common),
        Geology([scaled.layers(), scaled.texture()], name="layers", **common),
        Geology([scaled.units(), scaled.texture()], name="units", **common),
        Geology([scaled.dykes(north * east, depth), scaled.cover(), scaled.texture()], name="dykes under cover",
                **common),
    ]
    return Mixture(families, WEIGHTS, name="mixture")


class _Simulators:
    """Structures of one size."""

    def __init__(self, std, positive, size):
        self.std, self.positive, self.size = std, positive, size

    def contrasts(self, times):
        """Each object has its own, about a median; both signs unless the parameter has one."""
        plain = {p: LogNormal(times * s, 0.5) for p, s in self.std.items()}
        return {p: law if p in self.positive else Signed(law, Uniform(0.2, 0.8)) for p, law in plain.items()}

    def about(self, low, high):
        """A length that is uncertain between worlds and varies within one."""
        return LogNormal(LogUniform(low * self.size, high * self.size), 0.35)

    def bodies(self, volume, depth):
        """Compact bodies that fill about a tenth of the ground."""
        number = np.clip(np.array([0.05, 0.4]) * volume / self.size**3, [1, 3], MOST)
        return Bodies(contrasts=self.contrasts(SPARSE), number=Poisson(LogUniform(*map(float, number))),
                      size=self.about(0.6, 1.5), strike=Normal(Uniform(0, 360), Uniform(10, 90)), depth=(0.0, depth))

    def filling(self):
        """Contrasts of what fills the ground: about zero, unless the parameter has one sign."""
        return {p: law if p in self.positive else Centred(law) for p, law in self.contrasts(FILLING).items()}

    def layers(self):
        """Layers with folds and faults."""
        return Layers(contrasts=self.filling(), thickness=self.about(0.4, 1.2), fold=self.about(0.05, 0.4),
                      wavelength=self.about(4, 16), throw=self.about(0.1, 0.6))

    def units(self):
        """Units that fill the ground."""
        return Plurigaussian(contrasts=self.filling(), range=self.about(0.7, 3))

    def dykes(self, area, depth):
        """Sheets, more of them on a larger mesh."""
        number = np.clip(np.array([0.3, 3.0]) * area / (5 * self.size) ** 2, [1, 4], MOST)
        return Dykes(contrasts=self.contrasts(THIN), number=Poisson(LogUniform(*map(float, number))),
                     thickness=self.about(0.15, 0.5), length=self.about(2, 10), width=self.about(1, 5),
                     depth=(0.0, 0.5 * depth))

    def cover(self):
        """Light ground on top, in which a property of one sign is weak."""
        law = {p: LogNormal(0.2 * s, 0.5) if p in self.positive else Signed(
            LogNormal(1.5 * s, 0.5), 0.0 if p == "density" else 0.5) for p, s in self.std.items()}
        return Cover(contrasts=law, thickness=self.about(0.05, 0.3), range=self.about(1, 8))

    def texture(self):
        """Variation inside all that: added, or for a property of one sign a factor."""
        law = {p: LogUniform(0.2, 0.6) if p in self.positive else LogNormal(0.2 * s, 0.5) for p, s in self.std.items()}
        return GaussianField(std=law, range=self.about(0.5, 3), log=tuple(p for p in self.positive if p in self.std),
                             waves=128)
