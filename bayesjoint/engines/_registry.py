"""The engines there are: one list, read by `posterior`, the command and the documents."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pkgutil import resolve_name

import numpy as np

from .._checks import checked, fail
from .._typing import Callable
from ._protocol import PosteriorEngine


@dataclass(frozen=True, kw_only=True)
class EngineEntry:
    """One engine.

    Parameters
    ----------
    name : str
        As in ``posterior(problem, method=name)``.
    make : callable or str
        Class or function that takes a problem and options and returns a `PosteriorEngine`; "module:Class" of this room
        is imported when it is first used.
    purpose : str
        What it is for and how exact it is, one sentence.
    needs_map : bool, default False
        Whether it takes a converged MAP after the problem.
    other_data : bool, default False
        Whether it answers other data by one solve (`Posterior.mean_given`), as `recalibrate` wants.
    own_prior : bool, default False
        Whether its prior holds more than the problem's, so that truths of the problem's are not its own.
    """

    name: str
    make: object
    purpose: str
    needs_map: bool = False
    other_data: bool = False
    own_prior: bool = False

    def load(self):
        """The class or function itself."""
        if isinstance(self.make, EntryPoint):
            return self.make.load()
        if isinstance(self.make, str):
            return resolve_name(f"{__package__}.{self.make}")
        return self.make


ENGINES = {entry.name: entry for entry in (
    EngineEntry(name="dense", make="dense:DensePosterior", other_data=True,
                purpose="exact, for linear-Gaussian problems of up to 20,000 data"),
    EngineEntry(name="iterative", make="iterative:IterativePosterior", other_data=True,
                purpose="exact mean and draws of linear-Gaussian problems at survey size, standard deviations with "
                "their standard error"),
    EngineEntry(name="laplace", make="laplace:LaplacePosterior", needs_map=True,
                purpose="a Gaussian at a converged MAP, for the rest; approximate, with a measured verdict on whether "
                "it holds"),
    EngineEntry(name="lowrank", make="lowrank:LowRankPosterior", other_data=True,
                purpose="for linear-Gaussian problems, exact mean, standard deviations too large by a measured amount"),
    EngineEntry(name="gibbs", make="gibbs:GibbsPosterior",
                purpose="exact up to Monte Carlo error, for focusing priors with p = 1, for a Gramian with one weight "
                "and for Student-t noise, with bounds or without"),
    EngineEntry(name="truncated", make="truncated:TruncatedPosterior",
                purpose="exact up to Monte Carlo error where its chains agree, which it says, for Gaussian priors "
                "between bounds; at most 80,000 unknowns, of which tens of thousands mix slowly"),
    EngineEntry(name="nuts", make="nuts:NutsPosterior",
                purpose="exact up to Monte Carlo error, any density of at most 500 unknowns, to check other engines "
                "by; needs `pip install 'bayesjoint[nuts]'`"),
    EngineEntry(name="spectral", make="spectral:SpectralPosterior", other_data=True,
                purpose="for continued fields of one correlation on lattices, by wavenumber: exact mean, standard "
                "deviations in seconds at survey size with an error measured by exact solves at random cells"),
    EngineEntry(name="bodies", make="bodies:BodiesPosterior", own_prior=True,
                purpose="one to six compact bodies over a Gaussian background, for windows of at most 2,000 data; "
                "exact up to Monte Carlo error for its family alone, refused where chains do not agree"),
)}


SHIPPED = tuple(ENGINES)


@cache
def _find_installed():
    """Add the engines of installed packages, which name them under the entry points "bayesjoint.engines"."""
    for point in entry_points(group="bayesjoint.engines"):
        ENGINES.setdefault(point.name, EngineEntry(name=point.name, make=point, purpose=f"of {point.value}"))


def methods():
    """What `posterior` takes for `method`."""
    _find_installed()
    return ("auto", *ENGINES)


def answers_other_data(method):
    """Whether the engine of that name answers other data by one solve; "auto" may turn out to."""
    return method == "auto" or ENGINES[method].other_data


def has_own_prior(method):
    """Whether the prior of the engine of that name holds more than the problem's."""
    return method in ENGINES and ENGINES[method].own_prior


@checked
def register_engine(name: str, make: Callable, purpose: str, needs_map: bool = False, other_data: bool = False) -> None:
    """Make an engine of your own known to `posterior` and to the command.

    Parameters
    ----------
    name : str
        As in ``posterior(problem, method=name)``; none of the package's own. One of yours is replaced.
    make : callable
        ``make(problem, **options)``, or ``make(problem, at, **options)`` if it needs a MAP; returns a
        `PosteriorEngine`, most easily a subclass of `Posterior`.
    purpose : str
        What it is for and how exact it is, one sentence.
    needs_map : bool, default False
        Whether it takes a converged MAP.
    other_data : bool, default False
        Whether it has a `mean_given` of its own, by one solve for other data.

    Raises
    ------
    ValueError, TypeError
        If the name is one of the package's own or no identifier, or `make` cannot be called.

    Examples
    --------
    >>> from bayesjoint.engines import ENGINES
    >>> register_engine("twice", lambda problem: None, "an example")
    >>> ENGINES.pop("twice").purpose
    'an example'
    """
    if not isinstance(name, str) or not name.isidentifier():
        fail("name", "be an identifier (letters, digits, _)", repr(name), 'Use for example "grid".', TypeError)
    if name in ("auto", *SHIPPED):
        fail("name", f"be none of {('auto', *SHIPPED)}", repr(name), "Choose another one.")
    if not callable(make):
        fail("make", "be a class or a function", type(make).__name__, "Pass a subclass of bj.Posterior.", TypeError)
    ENGINES[name] = EngineEntry(name=name, make=make, purpose=purpose, needs_map=needs_map,
                                other_data=other_data)


def check_engine(post, name):
    """Refuse what an engine gave if it is no posterior, or its mean has not one value for each unknown."""
    missing = [key for key in dir(PosteriorEngine) if not key.startswith("_") and not hasattr(post, key)]
    missing += [key for key in PosteriorEngine.__annotations__ if not hasattr(post, key)]
    if missing:
        fail(f"engine {name!r}", "give a PosteriorEngine", f"{type(post).__name__} without {', '.join(missing)}",
             "Derive it from bj.Posterior: see docs/extending.md.", TypeError)
    if name not in SHIPPED:
        check_shape(name, "state_mean()", post.state_mean(), (post.problem.size,))


def check_shape(name, what, array, shape):
    """Refuse what an engine gave in another shape."""
    if np.shape(array) != shape:
        fail(f"{what} of engine {name!r}", f"have shape {shape}", f"{np.shape(array)}", "See PosteriorEngine.")
