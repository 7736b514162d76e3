"""A family of grounds: structures painted one over another, with what they are made of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from zlib import crc32

import numpy as np

from .._checks import as_finite, as_positive, checked, fail, one_of
from .._shown import short
from .._typing import Any, Seed, Sequence
from ..mesh import Mesh
from ._canvas import Canvas, Domain, Paint
from ._distributions import as_distribution
from ._rocks import PROPERTIES, RockTable
from ._structure import Structure

PLAIN = ("density", "susceptibility")


@checked
@short
@dataclass(frozen=True)
class Geology:
    """A family of grounds from which worlds are drawn.

    Each world draws its hyperparameters anew, then its bodies, then what they are made of. Later structures overprint
    earlier ones. Geometry is a function of space, never of cells: one seed on a finer mesh of the same extent is the
    same world seen finer.

    Parameters
    ----------
    structures : sequence of Structure
        `Bodies`, `Dykes`, `Layers`, `Cover`, `Plurigaussian`, `GaussianField`, in the order in which they are painted.
    rocks : RockTable, optional
        What objects are made of. Each world draws its own table, as far as it is uncertain. Without it each structure
        states its `contrasts`.
    shared : float, default 0.5
        Share of the worlds in which the properties have one geometry. In the others each has its own: a family that
        insists on sharing misleads where nothing is shared.
    log_std : float, default 0.35
        Standard deviation of the logarithm of a factor by which all contrasts of a property are multiplied in one
        world: nobody knows contrasts better. 0 turns it off.
    host : dict or str, optional
        Contrast of what no structure covers, {parameter: distribution}, drawn once a world; default 0. With rocks: the
        unit's name; default the one with the largest share.
    positive : tuple of str, default ()
        Parameters whose values below 0 are set to 0.
    name : str, default "geology"
    factors : dict of {str: float}, optional
        All contrasts of a parameter times this; see `scaled`.

    Raises
    ------
    ValueError, TypeError
        If a structure is none, states neither contrasts nor rocks, names an unknown rock, or a number is out of range.

    Notes
    -----
    Any callable f(mesh, seed) that returns {parameter: (nz, ny, nx)} can stand in place of a Geology.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((8, 20, 20), (100.0, 200.0, 200.0))
    >>> bodies = bj.Bodies(size=(600, 1500), number=(2, 6), contrasts={
    ...     "density": bj.Signed(bj.LogNormal(300, 0.5)), "susceptibility": bj.LogNormal(0.02, 0.7)})
    >>> cover = bj.Cover(contrasts={"density": bj.Uniform(-600, -200)}, thickness=(50, 200))
    >>> family = bj.Geology([bodies, cover], name="bodies under cover")
    >>> world = family.draw(mesh, seed=7)
    >>> sorted(world), world["density"].shape
    (['density', 'susceptibility', 'unit'], (8, 20, 20))
    """

    structures: object
    rocks: RockTable | None = None
    shared: float = 0.5
    log_std: float = 0.35
    host: object = None
    positive: Sequence[str] = ()
    name: str = "geology"
    factors: dict = field(default_factory=dict)

    def __post_init__(self):
        """Refuse bad settings at once."""
        structures = (self.structures,) if isinstance(self.structures, Structure) else (
            tuple(self.structures) if isinstance(self.structures, list | tuple) else ())
        if not structures or not all(isinstance(s, Structure) for s in structures):
            fail("structures", "be a sequence of at least one structure", repr(self.structures),
                 "Try [bj.Bodies(...)].", TypeError)
        object.__setattr__(self, "structures", structures)
        if not 0 <= as_finite("shared", self.shared, 0) <= 1:
            fail("shared", "be a share of the worlds", f"{self.shared:g}", "Give a number from 0 to 1.")
        if as_finite("log_std", self.log_std, 0) < 0:
            fail("log_std", "be >= 0", f"{self.log_std:g}", "0 means that contrasts are known.")
        for key, value in self.factors.items():
            as_positive(f"factors[{key!r}]", value, 0)
        if self.rocks is None:
            self._check_contrasts()
        else:
            self._check_rocks()

    def _check_contrasts(self):
        for s in self.structures:
            if s.contrasts is None and not hasattr(s, "field"):
                fail(f"contrasts of {type(s).__name__}", "be given where there is no rock table", "None",
                     "Give them, or pass rocks=bj.RockTable...")
        host = {} if self.host is None else self.host
        if not isinstance(host, dict):
            fail("host", "be a dict {parameter: contrast} where there is no rock table", repr(host), "Or give rocks.",
                 TypeError)
        object.__setattr__(self, "host", {k: as_distribution(f"host[{k!r}]", v) for k, v in host.items()})

    def _check_rocks(self):
        if not isinstance(self.rocks, RockTable):
            fail("rocks", "be a RockTable", type(self.rocks).__name__, "Try bj.RockTable.textbook().", TypeError)
        host = self.host if self.host is not None else self.rocks.names[int(np.argmax(self.rocks.shares))]
        object.__setattr__(self, "host", one_of("host", host, self.rocks.names))
        for s in self.structures:
            for unit in s.units or ():
                one_of(f"units of {type(s).__name__}", unit, self.rocks.names)

    @property
    def parameters(self):
        """Parameters that the family speaks of: those of the rock table, or those with contrasts."""
        if self.rocks is not None:
            return PROPERTIES
        named = {k for s in self.structures for k in ((s.contrasts or {}) | getattr(s, "std", {}))} | set(self.host)
        return tuple(p for p in PLAIN if p in named) + tuple(sorted(named - set(PLAIN)))

    def draw(self, mesh: Mesh, seed: Seed = 0, parameters: Sequence[str] | None = None) -> dict:
        """One world.

        Parameters
        ----------
        mesh : Mesh
            Any rectilinear mesh, with or without topography.
        seed : int or numpy.random.Generator, default 0
        parameters : sequence of str, optional
            What to draw; default all that the family speaks of. A parameter has the same values whatever is drawn
            beside it.

        Returns
        -------
        dict of {str: ndarray, shape (nz, ny, nx)}
            Contrasts by parameter, float32, NaN in air; and ``unit``, int16, -1 in air: with a rock table the number of
            the rock in it, else 0 for the host and 1, 2, ... for each object in the order of painting. In a world
            without shared geometry it is that of the first parameter.

        Raises
        ------
        ValueError, TypeError
            If `mesh` is none or a parameter is unknown.
        """
        if not isinstance(mesh, Mesh):
            fail("mesh", "be a Mesh", type(mesh).__name__, "Pass bj.Mesh(...).", TypeError)
        parameters = self.parameters if parameters is None else tuple(parameters)
        for p in parameters:
            one_of("parameters", p, self.parameters)
        rng = np.random.default_rng(seed)
        world = World(self, Domain.of(mesh), int(rng.integers(2**62)))
        shared = rng.random() < self.shared
        groups = [parameters] if shared else [(p,) for p in parameters]
        painted = [(group, world.painted(group, "" if shared else group[0])) for group in groups]
        air = ~mesh.active if mesh.has_air else None
        out = {}
        for group, canvas in painted:
            for p, values in zip(group, canvas.fields, strict=True):
                out[p] = self._finished(p, values, air)
        unit = painted[0][1].unit
        if air is not None:
            unit[air] = -1
        return out | {"unit": unit}

    __call__ = draw

    def _finished(self, parameter, values, air):
        if parameter in self.positive:
            np.maximum(values, 0, out=values)
        if self.factors.get(parameter, 1.0) != 1.0:
            values *= np.float32(self.factors[parameter])
        if air is not None:
            values[air] = np.nan
        return values

    def scaled(self, **factors: Any) -> Geology:
        """The same family with contrasts multiplied.

        Parameters
        ----------
        **factors : float
            By parameter: ``scaled(density=1.4, susceptibility=1.4)``.

        Returns
        -------
        Geology

        Raises
        ------
        ValueError
            If a parameter is unknown or a factor not positive.
        """
        for p in factors:
            one_of("factors", p, self.parameters)
        factors = {p: self.factors.get(p, 1.0) * f for p, f in factors.items()}
        return replace(self, factors=self.factors | factors)

    def without(self, *kinds: Any):
        """The same family without structures of some kinds: ``without("cover")``.

        Raises
        ------
        ValueError
            If there is none of a kind, or nothing is left.
        """
        here = tuple(dict.fromkeys(s.kind for s in self.structures))
        for kind in kinds:
            one_of("kinds", kind, here)
        left = tuple(s for s in self.structures if s.kind not in kinds)
        if not left:
            fail("kinds", "leave a structure", f"none of {', '.join(here)}", "Name fewer.")
        return replace(self, structures=left)

    def resized(self, factor: float) -> Geology:
        """The same family with the lengths of all structures multiplied; depths and numbers stay.

        Parameters
        ----------
        factor : float
            > 0.

        Returns
        -------
        Geology
        """
        factor = float(as_positive("factor", factor, 0))
        return replace(self, structures=tuple(s.resized(factor) for s in self.structures))

    def describe(self):
        """What the family is, in sentences, for the record of a run."""
        said = "; then ".join(s.describe() for s in self.structures)
        rocks = "" if self.rocks is None else f" Rocks: {self.rocks.describe()} Host: {self.host}."
        host = "".join(f" Host {k}: {v}." for k, v in self.host.items()) if self.rocks is None else ""
        factors = "".join(f" Contrasts of {k} times {v:g}." for k, v in self.factors.items() if v != 1)
        return (f"{self.name}: {said}.{rocks}{host} Properties share their geometry in {100 * self.shared:.0f} % of "
                f"the worlds. Contrasts of a property times exp({self.log_std:g} N(0, 1)) in each world.{factors}")


@short
@dataclass(frozen=True)
class World:
    """One world of a family: streams of random numbers that do not depend on what else is drawn."""

    family: Geology
    domain: Domain
    base: int

    def stream(self, *labels):
        """Random numbers for one purpose."""
        return np.random.default_rng([self.base, *(crc32(str(k).encode()) for k in labels)])

    def painted(self, group, geometry):
        """Paint parameters that share a geometry, named by `geometry`."""
        family = self.family
        rocks = None if family.rocks is None else family.rocks.draw(self.stream("rocks"))
        gains = np.array([np.exp(family.log_std * self.stream("gain", p).standard_normal()) for p in group])
        host, unit = self._host(group, rocks)
        canvas = Canvas.blank(self.domain, host * gains, unit)
        label = 0
        for number, structure in enumerate(family.structures):
            if hasattr(structure, "field"):
                self._textured(canvas, structure, number, group, gains)
                continue
            shape = structure.shape(self.domain, self.stream("geometry", geometry, number))
            if rocks is None:
                paint = self._stated(structure, number, group, shape.count, label)
            else:
                paint = self._of_rocks(rocks, structure, number, group, shape.count, geometry)
            shape.paint(canvas, replace(paint, values=(paint.values * gains).astype(np.float32)))
            label += shape.count
        return canvas

    def _host(self, group, rocks):
        if rocks is not None:
            unit = rocks.names.index(self.family.host)
            return rocks.typical()[unit, [PROPERTIES.index(p) for p in group]], unit
        law = self.family.host
        return np.array([law[p].settle(r).draw(r) if p in law else 0.0 for p in group
                         for r in [self.stream("host", p)]]), 0

    def _textured(self, canvas, structure, number, group, gains):
        for p, gain, values in zip(group, gains, canvas.fields, strict=True):
            if p in structure.std:
                texture = structure.field(self.domain, self.stream("texture", p, number), p)
                if p in structure.log:
                    values *= np.exp(texture, out=texture)
                else:
                    texture *= np.float32(gain)
                    values += texture

    def _stated(self, structure, number, group, count, label):
        values = np.zeros((count, len(group)))
        for i, p in enumerate(group):
            if p in structure.contrasts:
                rng = self.stream("contrast", p, number)
                values[:, i] = structure.contrasts[p].settle(rng).draw(rng, count)
        touched = np.array([p in structure.contrasts for p in group])
        return Paint(values, touched, np.arange(label + 1, label + 1 + count, dtype=np.int16))

    def _of_rocks(self, rocks, structure, number, group, count, geometry):
        rng = self.stream("made of", geometry, number)
        candidates = np.arange(len(rocks.names)) if structure.units is None else np.array(
            [rocks.names.index(u) for u in structure.units])
        units = rng.choice(candidates, count, p=rocks.shares[candidates] / rocks.shares[candidates].sum())
        values = rocks.sample(units, rng)[:, [PROPERTIES.index(p) for p in group]]
        return Paint(values, np.ones(len(group), dtype=bool), units.astype(np.int16))
