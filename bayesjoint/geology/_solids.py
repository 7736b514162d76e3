"""Bodies and dykes: solids with a centre, three half axes and an exponent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._shown import short
from .._typing import Any
from ._distributions import LogNormal, LogUniform, Normal, Poisson, Uniform
from ._kernels import paint_solid
from ._structure import Structure, axes_of, count_of


@short
@dataclass(frozen=True)
class Solids:
    """Superquadrics |u|ᵉ + |v|ᵉ + |w|ᵉ <= 1 along their own axes.

    Parameters
    ----------
    centres, halves : ndarray, shape (n, 3)
        Centres (upward, northing, easting) and half axes (along strike, down dip, across), metres.
    axes : ndarray, shape (n, 3, 3)
        Rows are those directions in (upward, northing, easting).
    exponents : ndarray, shape (n,)
        At least 2; infinite for a box.
    soft : ndarray, shape (n,)
        Width over which values fade at the surface, metres.
    """

    centres: np.ndarray
    halves: np.ndarray
    axes: np.ndarray
    exponents: np.ndarray
    soft: np.ndarray

    @property
    def count(self):
        """How many."""
        return self.exponents.size

    def boxes(self, coords):
        """Index ranges of the cells that each may fill, shape (n, 3, 2)."""
        # A superquadric with an exponent of 2 or more lies in the box of its half axes; a soft one a little outside.
        reach = np.einsum("nai,na->ni", np.abs(self.axes), self.halves + self.soft[:, None])
        return np.stack([np.stack([np.searchsorted(c, self.centres[:, d] - reach[:, d]),
                                   np.searchsorted(c, self.centres[:, d] + reach[:, d], side="right")], axis=1)
                         for d, c in enumerate(coords)], axis=1)

    def paint(self, canvas, paint):
        """Paint all, later ones over earlier ones, each within its own box of cells."""
        mesh = canvas.domain.mesh
        coords = (mesh.upward, mesh.northing, mesh.easting)
        for n, box in enumerate(self.boxes(coords)):
            paint_solid(canvas.fields, canvas.unit, coords, box, self.centres[n], self.halves[n], self.axes[n],
                        self.exponents[n], self.soft[n], paint.values[n], paint.touched, paint.units[n])


@short
@dataclass(frozen=True, kw_only=True)
class Bodies(Structure):
    """Compact bodies: superquadrics of random number, size, shape, orientation, edges and depth.

    Every number may be a number, a pair (low, high) or a distribution, whose own parameters may be distributions: those
    are drawn once a world.

    Parameters
    ----------
    contrasts, units
        What they are made of; see `Structure`: values relative to zero contrast by parameter, or names of rocks.
    number : distribution, default Poisson(LogUniform(2, 20))
        Bodies in the mesh: worlds differ in how many there are to be expected, too.
    size : distribution
        Geometric mean of the three full axes, metres. Default LogNormal(LogUniform(200, 1000), 0.5); state your own.
    elongation : distribution, default LogNormal(1.5, 0.4)
        Axis along strike over axis down dip.
    flatness : distribution, default LogNormal(1.5, 0.4)
        Axis down dip over thickness.
    strike : distribution, default Uniform(0, 360)
        Degrees clockwise from north. Normal(Uniform(0, 360), 20) gives each world a grain of its own.
    dip : distribution, default Uniform(30, 90)
        Degrees, down to the right of strike.
    exponent : distribution, default Uniform(2, 8)
        2 is an ellipsoid, 8 nearly a box.
    depth : distribution
        Of the centre below the ground above it, metres. Default Uniform(0, 1000).
    soft : distribution, default 0
        Width of the edge over which values fade, metres.

    Raises
    ------
    ValueError, TypeError
        If a number is none, or `contrasts` no dict.

    Notes
    -----
    Centres are uniform over the extent of the mesh. A cell belongs to a body if its centre lies in it. The volume of a
    superquadric is 8abc Γ(1+1/e)³/Γ(1+3/e) (Jaklič, Leonardis & Solina 2000, §2.3, with both exponents equal).

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((10, 30, 30), (100.0, 100.0, 100.0))
    >>> bodies = bj.Bodies(contrasts={"density": bj.Signed(bj.LogNormal(300, 0.5))}, number=4, size=(400, 900))
    >>> world = bj.Geology([bodies]).draw(mesh, seed=1)
    >>> world["density"].shape, sorted(set(world["unit"].ravel().tolist()))
    ((10, 30, 30), [0, 1, 2, 3, 4])
    """

    number: object = Poisson(LogUniform(2, 20))
    size: object = LogNormal(LogUniform(200, 1000), 0.5)
    elongation: object = LogNormal(1.5, 0.4)
    flatness: object = LogNormal(1.5, 0.4)
    strike: object = Uniform(0, 360)
    dip: object = Uniform(30, 90)
    exponent: object = Uniform(2, 8)
    depth: object = Uniform(0, 1000)
    soft: object = 0.0

    LENGTHS = ("size", "soft")

    def shape(self, domain: Any, rng: np.random.Generator):
        """The bodies of one world, `Solids`."""
        upper, drawn = _drawn(self, domain, rng)
        down = (drawn["flatness"] / drawn["elongation"]) ** (1 / 3)
        ratios = np.stack([drawn["elongation"] * down, down, down / drawn["flatness"]], axis=1)
        return Solids(upper, 0.5 * drawn["size"][:, None] * ratios,
                      axes_of(drawn["strike"], drawn["dip"]), np.maximum(drawn["exponent"], 2.0),
                      np.maximum(drawn["soft"], 0.0))


@short
@dataclass(frozen=True, kw_only=True)
class Dykes(Structure):
    """Thin dipping sheets.

    Parameters
    ----------
    contrasts, units
        What they are made of; see `Bodies`.
    number : distribution, default Poisson(LogUniform(1, 10))
    thickness : distribution, default LogNormal(LogUniform(50, 200), 0.4)
        Metres. On cells wider than the sheet it is seen where it meets a cell's centre: draw on finer cells.
    length, width : distribution, default LogNormal(LogUniform(1000, 10000), 0.5)
        Along strike and down dip, metres.
    strike : distribution, default Normal(Uniform(0, 360), 15)
        Degrees clockwise from north: a swarm with a direction of its own in each world.
    dip : distribution, default Uniform(50, 90)
        Degrees, down to the right of strike.
    depth : distribution, default Uniform(0, 500)
        Of the upper edge below the ground, metres.

    Raises
    ------
    ValueError, TypeError
        If a number is none, or `contrasts` no dict.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((10, 30, 30), (100.0, 100.0, 100.0))
    >>> dykes = bj.Dykes(contrasts={"susceptibility": 0.02}, number=3, thickness=250)
    >>> bool(bj.Geology([dykes], log_std=0).draw(mesh)["susceptibility"].any())
    True
    """

    number: object = Poisson(LogUniform(1, 10))
    thickness: object = LogNormal(LogUniform(50, 200), 0.4)
    length: object = LogNormal(LogUniform(1000, 10000), 0.5)
    width: object = LogNormal(LogUniform(1000, 10000), 0.5)
    strike: object = Normal(Uniform(0, 360), 15)
    dip: object = Uniform(50, 90)
    depth: object = Uniform(0, 500)

    LENGTHS = ("thickness", "length", "width")

    def shape(self, domain: Any, rng: np.random.Generator):
        """The sheets of one world, `Solids`."""
        upper, drawn = _drawn(self, domain, rng)
        axes = axes_of(drawn["strike"], drawn["dip"])
        halves = 0.5 * np.stack([drawn["length"], drawn["width"], drawn["thickness"]], axis=1)
        return Solids(upper + halves[:, 1:2] * axes[:, 1], halves, axes, np.full(len(upper), np.inf),
                      np.zeros(len(upper)))


def _drawn(structure, domain, rng):
    """(Places at the depths drawn, shape (n, 3), {name: n numbers}) of the solids of one world."""
    law = structure.settled(rng)
    n = count_of(law["number"], rng)
    northing, easting = domain.places(rng, n)
    drawn = {k: law[k].draw(rng, n) for k in structure.varying if k != "number"}
    return np.stack([domain.ground_at(northing, easting) - drawn["depth"], northing, easting], axis=1), drawn
