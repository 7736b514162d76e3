"""Mixtures of families, and one world of anything that can stand for a family."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from .._checks import as_finite, as_positive, checked, fail, one_of
from .._shown import short
from .._typing import Any, Mesh, Seed, Sequence


@checked
@short
@dataclass(frozen=True)
class Mixture:
    """Several families of ground; each world comes from one of them.

    Parameters
    ----------
    families : sequence of Geology, Mixture or callable
        A callable f(mesh, seed) returns {parameter: array (nz, ny, nx)}.
    weights : array_like, optional
        How often each is drawn, in proportion; default equally.
    name : str, default "mixture"
    factors : dict of {str: float}, optional
        All contrasts of a parameter times this; see `scaled`.

    Raises
    ------
    ValueError, TypeError
        If there is no family, one cannot be called, or weights do not suit.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> blocks = bj.Geology([bj.Bodies(contrasts={"density": 300})], name="blocks")
    >>> smooth = bj.Geology([bj.GaussianField(std={"density": 100})], name="smooth")
    >>> both = bj.Mixture([blocks, smooth], weights=[3, 1])
    >>> mesh = bj.Mesh.regular((3, 4, 5), (100.0, 100.0, 100.0))
    >>> both.draw(mesh, seed=3)["density"].shape
    (3, 4, 5)
    """

    families: object
    weights: object = None
    name: str = "mixture"
    factors: dict = field(default_factory=dict)

    def __post_init__(self):
        """Refuse bad settings at once."""
        families = tuple(self.families) if isinstance(self.families, (list, tuple)) else ()
        if not families or not all(callable(f) for f in families):
            fail("families", "be a sequence of at least one Geology or callable", repr(self.families),
                 "Pass [bj.Geology(...), ...].", TypeError)
        weights = as_finite("weights", np.ones(len(families)) if self.weights is None else self.weights, 1)
        if weights.size != len(families) or weights.min() < 0 or weights.sum() <= 0:
            fail("weights", f"be {len(families)} numbers >= 0, not all 0", repr(self.weights), "One for each family.")
        for key, value in self.factors.items():
            as_positive(f"factors[{key!r}]", value, 0)
        object.__setattr__(self, "families", families)
        object.__setattr__(self, "weights", tuple(float(w) for w in weights / weights.sum()))

    @property
    def parameters(self):
        """Parameters that all families speak of; callables are taken to know them."""
        known = [f.parameters for f in self.families if hasattr(f, "parameters")]
        return tuple(p for p in known[0] if all(p in k for k in known)) if known else ()

    def draw(self, mesh: Mesh, seed: Seed = 0, parameters: Sequence[str] | None = None) -> dict:
        """One world, of one of the families; see `Geology.draw`.

        Parameters
        ----------
        mesh : Mesh
        seed : int or numpy.random.Generator, default 0
        parameters : sequence of str, optional
            Default all that the families share.

        Returns
        -------
        dict of {str: ndarray, shape (nz, ny, nx)}
        """
        rng = np.random.default_rng(seed)
        family = self.families[rng.choice(len(self.families), p=self.weights)]
        wanted = parameters if parameters is not None else self.parameters or None
        world = draw_world(family, mesh, int(rng.integers(2**62)), wanted)
        return {k: v * np.float32(self.factors[k]) if k in self.factors else v for k, v in world.items()}

    __call__ = draw

    def scaled(self, **factors: Any):
        """The same mixture with contrasts multiplied; see `Geology.scaled`."""
        for p in factors:
            one_of("factors", p, self.parameters or tuple(factors))
        return replace(self, factors=self.factors | {p: self.factors.get(p, 1.0) * f for p, f in factors.items()})

    def without(self, *kinds: Any):
        """The same mixture without structures of some kinds; a family of nothing else is left out.

        Raises
        ------
        ValueError
            If no family has a structure of a kind, or nothing is left.
        """
        here = [{s.kind for s in getattr(f, "structures", ())} for f in self.families]
        for kind in kinds:
            one_of("kinds", kind, tuple(sorted(set().union(*here))))
        kept = [(f.without(*k & set(kinds)) if k & set(kinds) else f, w)
                for f, k, w in zip(self.families, here, self.weights, strict=True) if not k or k - set(kinds)]
        if not kept:
            fail("kinds", "leave a family", "none", "Name fewer.")
        return replace(self, families=tuple(f for f, _ in kept), weights=tuple(w for _, w in kept))

    def resized(self, factor: float):
        """The same mixture with lengths multiplied, where families can do that; see `Geology.resized`."""
        as_positive("factor", factor, 0)
        return replace(self, families=tuple(f.resized(factor) if hasattr(f, "resized") else f for f in self.families))

    @property
    def structures(self):
        """Structures of all families."""
        return tuple(s for f in self.families for s in getattr(f, "structures", ()))

    def describe(self):
        """What the mixture is, in sentences."""
        parts = " ".join(f"{100 * w:.0f} % {describe(f)}" for f, w in zip(self.families, self.weights, strict=True))
        factors = "".join(f" Contrasts of {k} times {v:g}." for k, v in self.factors.items() if v != 1)
        return f"{self.name}: each world is drawn from one of {len(self.families)} families. {parts}{factors}"


def describe(geology):
    """Sentences for anything that can stand for a family."""
    return geology.describe() if hasattr(geology, "describe") else f"{name_of(geology)}: a function of the user's."


def name_of(geology):
    """A name for anything that can stand for a family."""
    return getattr(geology, "name", None) or getattr(geology, "__name__", type(geology).__name__)


def draw_world(geology, mesh, seed=0, parameters=None):
    """One world of a Geology, a Mixture or any callable f(mesh, seed), checked.

    Parameters
    ----------
    geology : Geology, Mixture or callable
    mesh : Mesh
    seed : int or numpy.random.Generator, default 0
    parameters : sequence of str, optional
        What is needed; default all there is.

    Returns
    -------
    dict of {str: ndarray, shape (nz, ny, nx)}
        NaN in air, and ``unit`` where the family knows it.

    Raises
    ------
    ValueError, TypeError
        If it cannot be called, or returns no finite array of the mesh's shape for a parameter.

    Examples
    --------
    >>> import numpy as np
    >>> from bayesjoint import Mesh
    >>> mesh = Mesh.regular((1, 2, 2), (1.0, 1.0, 1.0))
    >>> draw_world(lambda mesh, seed: {"density": np.ones(mesh.shape)}, mesh)["density"].shape
    (1, 2, 2)
    """
    if not callable(geology):
        fail("geology", "be a Geology or a callable f(mesh, seed)", type(geology).__name__, "Try bj.Geology([...]).",
             TypeError)
    if hasattr(geology, "draw"):
        return geology.draw(mesh, seed, parameters)
    world = geology(mesh, seed)
    if not isinstance(world, dict):
        fail(f"what {name_of(geology)} returns", "be a dict {parameter: array}", type(world).__name__,
             'Return {"density": values}.', TypeError)
    for p in parameters if parameters is not None else [k for k in world if k != "unit"]:
        one_of(f"parameters of {name_of(geology)}", p, tuple(world))
    chosen = {k: v for k, v in world.items() if parameters is None or k in parameters or k == "unit"}
    return {k: np.asarray(v) if k == "unit" else _checked(geology, k, v, mesh) for k, v in chosen.items()}


def _checked(geology, parameter, values, mesh):
    name = f"{parameter} of {name_of(geology)}"
    values = np.asarray(values)
    if values.shape != mesh.shape:
        fail(name, f"have the mesh's shape {mesh.shape}", f"shape {values.shape}", "Return one value a cell.")
    as_finite(name, values[mesh.active])
    return np.where(mesh.active, values, np.nan) if mesh.has_air else values
