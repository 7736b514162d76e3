"""Gaussian fields: texture inside what other structures painted, and a family of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import as_count, checked, fail, one_of
from .._shown import short
from .._typing import Any, Sequence
from ._distributions import LogUniform, by_parameter, once
from ._spectral import matern_waves
from ._strata import field_on
from ._structure import Structure


@checked
@short
@dataclass(frozen=True, kw_only=True)
class GaussianField(Structure):
    """A Gaussian field of Matérn correlation, added to what is there; each parameter has one of its own.

    Parameters
    ----------
    std : dict of {str: float, (low, high) or Distribution}
        Standard deviation by parameter, in its units; drawn once a world. Of a parameter in `log`: of its logarithm.
    range : distribution, default LogUniform(200, 2000)
        Correlation range, metres; drawn once a world and parameter.
    flattening : distribution, default 1
        Vertical range over horizontal range.
    smoothness : float, default 1.5
        ν; 1.5 as in `Matern`.
    log : tuple of str, default ()
        Parameters that are multiplied by the exponential of the field instead: positive ones stay positive.
    waves : int, default 512
        Terms of the sum. The covariance of a single world strays by about 1/√waves of the variance from the Matérn one.

    Raises
    ------
    ValueError, TypeError
        If a number is none, `std` is no dict, or the smoothness or number of waves is not positive.

    Notes
    -----
    A sum of random waves (`spectral.matern_waves`), which needs no grid: the same seed gives the same field on every
    mesh. Given the wavenumbers it is exactly Gaussian, with standard deviation `std` at every point; over worlds the
    covariance is the Matérn one on average.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((4, 40, 40), (100.0, 100.0, 100.0))
    >>> field = bj.GaussianField(std={"density": 100.0}, range=200.0)
    >>> world = bj.Geology([field], log_std=0).draw(mesh, seed=2)
    >>> bool(80 < world["density"].std() < 120)
    True
    """

    std: dict
    range: object = LogUniform(200, 2000)
    flattening: object = 1.0
    smoothness: float = 1.5
    log: Sequence[str] = ()
    waves: int = 512

    LENGTHS = ("range",)

    def __post_init__(self):
        """Refuse bad settings at once."""
        super().__post_init__()
        object.__setattr__(self, "std", by_parameter("std", self.std, '{"density": 50.0}'))
        one_of("smoothness", self.smoothness, (0.5, 1.5, 2.5))
        as_count("waves", self.waves, 1, "512 serve most meshes.")
        if self.contrasts is not None or self.units is not None:
            fail("contrasts and units", "not be given to a Gaussian field", "one of them", "Its size is `std`.")

    def field(self, domain: Any, rng: np.random.Generator, parameter: str):
        """The field of one parameter, shape (nz, ny, nx), in its units or as a logarithm."""
        law = self.settled(rng)
        reach, flat = (float(law[k].draw(rng)) for k in self.varying)
        std = float(once(self.std[parameter], rng))
        waves = matern_waves(rng, (flat * reach, reach, reach), self.smoothness, self.waves, domain.origin)
        out = field_on(waves, domain)
        out *= np.float32(std)
        return out

    def describe(self):
        """What it is made of, in words."""
        sizes = "; ".join(f"std of {'log ' if k in self.log else ''}{k} {v}" for k, v in self.std.items())
        return f"GaussianField ({sizes}; range {self.range}; smoothness {self.smoothness:g})"
