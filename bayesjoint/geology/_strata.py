"""Layers with folds and faults, cover, and units by truncated Gaussian fields: a label for every cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from .._shown import short
from .._typing import Any
from ._canvas import Domain
from ._distributions import LogNormal, LogUniform, Poisson, Uniform
from ._kernels import layer_labels, paint_labels, truncated_labels
from ._spectral import Waves, gentle_waves, matern_waves
from ._structure import Structure, axes_of, count_of

FOLDS = 12  # waves in a fold: enough to be irregular, few enough to keep its length
SMOOTH = 2.5  # smoothness of the thickness of a cover
SURFACE_WAVES, VOLUME_WAVES = 128, 192


@short
@dataclass(frozen=True)
class Labels:
    """A label for every cell, -1 where nothing is painted; `count` kinds."""

    labels: np.ndarray
    count: int

    def paint(self, canvas, paint):
        """Paint all cells that have a label."""
        paint_labels(canvas.fields, canvas.unit, self.labels, paint.values, paint.touched, paint.units)


def _on_map(waves, domain):
    mesh = domain.mesh
    return waves.on(np.array([domain.origin[0]]), mesh.northing, mesh.easting)[0]


@short
@dataclass(frozen=True, kw_only=True)
class Layers(Structure):
    """A stack of layers, tilted, folded, then cut by faults.

    Parameters
    ----------
    contrasts, units
        What they are made of; see `Bodies`.
    number : distribution, default Uniform(2, 6)
        Layers, the lowest of which has no bottom; rounded, at least 1.
    thickness : distribution, default LogNormal(LogUniform(100, 500), 0.5)
        Of each layer, metres. The first is cut off by the level at which the stack begins.
    tilt : distribution, default LogNormal(3, 1)
        Dip of the whole stack, degrees, towards any direction, about the middle of the mesh.
    fold : distribution, default LogNormal(LogUniform(20, 200), 0.3)
        Root mean square height of the folds, metres.
    wavelength : distribution, default LogNormal(LogUniform(1000, 5000), 0.3)
        Of the folds, metres.
    faults : distribution, default Poisson(2)
        Number of faults, each a plane across the whole mesh.
    throw : distribution, default LogNormal(LogUniform(50, 300), 0.5)
        Vertical displacement across a fault, metres.
    strike, dip : distribution, default Uniform(0, 360), Uniform(50, 90)
        Of the faults, degrees; the hanging wall, on the side of the dip, goes down.

    Raises
    ------
    ValueError, TypeError
        If a number is none, or `contrasts` no dict.

    Notes
    -----
    Depths of the stack count from the top of the mesh. Faults carry the ground straight down: the heave along a
    dipping plane is left out. Folds have the same height at all depths.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((10, 30, 30), (100.0, 100.0, 100.0))
    >>> layers = bj.Layers(contrasts={"density": bj.Normal(0, 150)}, number=3, thickness=300, tilt=0, fold=0, faults=0)
    >>> bj.Geology([layers]).draw(mesh)["unit"][:, 0, 0].tolist()
    [3, 3, 3, 3, 2, 2, 2, 1, 1, 1]
    """

    number: object = Uniform(2, 6)
    thickness: object = LogNormal(LogUniform(100, 500), 0.5)
    tilt: object = LogNormal(3, 1)
    fold: object = LogNormal(LogUniform(20, 200), 0.3)
    wavelength: object = LogNormal(LogUniform(1000, 5000), 0.3)
    faults: object = Poisson(2)
    throw: object = LogNormal(LogUniform(50, 300), 0.5)
    strike: object = Uniform(0, 360)
    dip: object = Uniform(50, 90)

    LENGTHS = ("thickness", "fold", "wavelength", "throw")

    def shape(self, domain: Any, rng: np.random.Generator):
        """The stack of one world, `Labels`."""
        law = self.settled(rng)
        number = count_of(law["number"], rng, 1)
        boundaries = np.cumsum(law["thickness"].draw(rng, number))[:-1]
        sunk = self._folded(domain, law, rng)
        n = count_of(law["faults"], rng)
        northing, easting = domain.places(rng, n)
        throws, strike, dip = (np.asarray(law[k].draw(rng, n)) for k in ("throw", "strike", "dip"))
        # Across a plane that dips to the right of strike, the positive side of `across` is the hanging wall.
        normals = axes_of(strike, dip)[:, 2]
        offsets = normals[:, 1] * northing + normals[:, 2] * easting
        mesh = domain.mesh
        coords = (mesh.upward - domain.origin[0], mesh.northing, mesh.easting)
        return Labels(layer_labels(coords, sunk, boundaries, normals, offsets, throws), number)

    @staticmethod
    def _folded(domain, law, rng):
        """How far tilt and folds carry the stack down, (ny, nx), metres."""
        mesh = domain.mesh
        towards, slope = rng.uniform(0, 2 * np.pi), np.tan(np.deg2rad(law["tilt"].draw(rng)))
        north, east = (c - 0.5 * (e[0] + e[-1]) for c, e in (
            (mesh.northing, mesh.northing_edges), (mesh.easting, mesh.easting_edges)))
        tilted = slope * (np.cos(towards) * north[:, None] + np.sin(towards) * east)
        waves = gentle_waves(rng, law["wavelength"].draw(rng), FOLDS, domain.origin, rng.uniform(0, 360))
        return tilted + law["fold"].draw(rng) * _on_map(waves, domain)


@short
@dataclass(frozen=True, kw_only=True)
class Cover(Structure):
    """What lies on top: a layer of varying thickness below the ground.

    Parameters
    ----------
    contrasts, units
        What it is made of; see `Bodies`.
    thickness : distribution, default LogNormal(LogUniform(20, 200), 0.3)
        Median over the ground, metres.
    variation : distribution, default Uniform(0.2, 0.8)
        Standard deviation of the logarithm of the thickness from place to place.
    range : distribution, default LogUniform(500, 5000)
        Correlation range of that logarithm, metres.

    Raises
    ------
    ValueError, TypeError
        If a number is none, or `contrasts` no dict.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((10, 5, 5), (20.0, 100.0, 100.0))
    >>> cover = bj.Cover(contrasts={"density": -600}, thickness=60, variation=0)
    >>> bj.Geology([cover], log_std=0).draw(mesh)["density"][:, 0, 0].tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -600.0, -600.0, -600.0]
    """

    thickness: object = LogNormal(LogUniform(20, 200), 0.3)
    variation: object = Uniform(0.2, 0.8)
    range: object = LogUniform(500, 5000)

    LENGTHS = ("thickness", "range")

    def shape(self, domain: Any, rng: np.random.Generator):
        """The cover of one world, `Labels`."""
        law = self.settled(rng)
        waves = matern_waves(rng, (law["range"].draw(rng),) * 3, SMOOTH, SURFACE_WAVES, domain.origin)
        thickness = law["thickness"].draw(rng) * np.exp(law["variation"].draw(rng) * _on_map(waves, domain))
        covered = domain.mesh.upward[:, None, None] > domain.surface - thickness.astype(float)
        return Labels(covered - np.int16(1), 1)


@short
@dataclass(frozen=True, kw_only=True)
class Plurigaussian(Structure):
    """Units that fill the ground, by truncation of two Gaussian fields.

    Parameters
    ----------
    contrasts, units
        What they are made of; see `Bodies`.
    number : distribution, default Uniform(2, 5)
        Units; rounded, at least 2.
    range : distribution, default LogNormal(LogUniform(300, 2000), 0.3)
        Horizontal correlation range of the fields along strike, metres.
    across : distribution, default LogUniform(0.3, 1)
        Range across strike over that along it.
    flattening : distribution, default LogUniform(0.3, 1)
        Vertical range over that along strike.
    strike : distribution, default Uniform(0, 360)
        Degrees clockwise from north.
    evenness : distribution, default LogUniform(1, 5)
        Of the shares: the concentration of their Dirichlet distribution. Large: all alike.

    Raises
    ------
    ValueError, TypeError
        If a number is none, or `contrasts` no dict.

    Notes
    -----
    Half of the units, rounded up, are bands of the first field; what lies above them is divided into bands of the
    second (Armstrong et al. 2011, Plurigaussian Simulations in Geosciences, ch. 2). Fields are Matérn of smoothness
    3/2.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((10, 30, 30), (100.0, 100.0, 100.0))
    >>> units = bj.Plurigaussian(contrasts={"density": bj.Normal(0, 150)}, number=3)
    >>> sorted(set(bj.Geology([units]).draw(mesh)["unit"].ravel().tolist()))
    [1, 2, 3]
    """

    number: object = Uniform(2, 5)
    range: object = LogNormal(LogUniform(300, 2000), 0.3)
    across: object = LogUniform(0.3, 1)
    flattening: object = LogUniform(0.3, 1)
    strike: object = Uniform(0, 360)
    evenness: object = LogUniform(1, 5)

    LENGTHS = ("range",)

    def shape(self, domain: Any, rng: np.random.Generator):
        """The units of one world, `Labels`."""
        law = self.settled(rng)
        number = count_of(law["number"], rng, 2)
        reach, across, flat, strike, even = (float(law[k].draw(rng)) for k in self.varying[1:])
        shares = rng.dirichlet(np.full(number, even))
        first = (number + 1) // 2
        lower = ndtri(np.cumsum(shares[:first]))
        rest = shares[first:].sum()
        upper = ndtri(np.cumsum(shares[first:])[:-1] / rest) if rest > 0 else np.zeros(0)
        axes = axes_of(strike, 0.0)  # along, across, up
        fields = [field_on(matern_waves(rng, (reach, across * reach, flat * reach), 1.5, VOLUME_WAVES, domain.origin,
                                        axes), domain) for _ in range(2)]
        return Labels(truncated_labels(*fields, lower, upper), number)


def field_on(waves: Waves, domain: Domain):
    """A field in the cells of a domain, (nz, ny, nx), float32."""
    mesh = domain.mesh
    return waves.on(mesh.upward, mesh.northing, mesh.easting)
