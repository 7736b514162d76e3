"""What is written, whatever the format: fields on one mesh with units and words, taken from a posterior."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .._checks import as_share, fail, one_of
from .._crs import checked_crs
from ..engines import load
from ..mesh import Mesh

STATISTICS = ("mean", "std", "lower", "upper")
MORE = ("mean_error", "std_error")  # what is added when asked
WORDS = {"mean": "posterior mean", "std": "posterior standard deviation", "mean_error": "error of the posterior mean",
         "std_error": "error of the posterior standard deviation"}


@dataclass(frozen=True, kw_only=True)
class Field:
    """One statistic of one property on the mesh.

    Parameters
    ----------
    parameter, statistic : str
        Such as "density" and "std".
    values : ndarray, shape (nz, ny, nx)
        NaN in air.
    units : str
        Of the values.
    words : str
        What it is, with probability and kind of an interval.
    ground : ndarray of bool, shape (nz, ny, nx)
        False in air.
    """

    parameter: str
    statistic: str
    values: np.ndarray
    units: str
    words: str
    ground: np.ndarray

    @property
    def name(self):
        """Name of the variable, such as "density_std"."""
        return f"{self.parameter}_{self.statistic}"


@dataclass(frozen=True, kw_only=True)
class Content:
    """Fields on one mesh, and what has to be said of them all.

    Parameters
    ----------
    mesh : Mesh
        With the ground that every field has.
    fields : list of Field
    crs : str or None
        Coordinate reference system.
    probability : float
        Of the intervals.
    statements : list of str
        How the posterior was computed, and every approximation with its error.
    source : Path or None
        File that the posterior came from.
    """

    mesh: Mesh
    fields: list
    crs: str | None
    probability: float
    statements: list = field(default_factory=list)
    source: Path | None = None

    def of(self, parameter):
        """Fields of one property."""
        return [f for f in self.fields if f.parameter == parameter]

    @property
    def parameters(self):
        """Names of the properties."""
        return list(dict.fromkeys(f.parameter for f in self.fields))


def content_of(source, parameter=None, statistics=STATISTICS, probability=0.9, crs=None):
    """`Content` of a posterior, a tree, or the file of one; arguments as of `save_vtk`."""
    path = Path(source) if isinstance(source, str | os.PathLike) else None
    post = _posterior_of(source if path is None else _file_of(path))
    share, statistics = as_share("probability", probability), _asked("statistics", statistics, (*STATISTICS, *MORE))
    if "mean" in statistics and not {"std", "lower"} & set(statistics):
        fail("statistics", "hold the standard deviation or the interval beside a mean", f"{statistics}",
             "A number without its error misleads: add 'std'.")
    fields = [p for p in post.problem.parameters if p.mesh is not None]
    if not fields:
        fail("source", "hold a property on a mesh", "plain vectors only", "Write post.to_file(...) instead.")
    names = _asked("parameter", [p.name for p in fields] if parameter is None else parameter, [p.name for p in fields])
    chosen = [p for p in fields if p.name in names]
    if not all(p.mesh.same_cells(chosen[0].mesh) for p in chosen):
        fail("parameter", "name properties on one mesh", f"{names} on several", "Export one after the other.")
    stated = {p.name: np.reshape(p.ground, p.shape) for p in chosen}
    mesh = chosen[0].mesh.with_active(np.any(list(stated.values()), axis=0))
    return Content(mesh=mesh, fields=_fields(post, chosen, stated, statistics, share), probability=share, source=path,
                   crs=checked_crs(crs) if crs is not None else _crs_of(post), statements=_statements(post))


def _file_of(path):
    """The posterior's file: itself, or the one in a folder of results."""
    return path / "posterior.nc" if path.is_dir() else path


def _posterior_of(source):
    if isinstance(source, str | os.PathLike) or "posterior_summary" in getattr(source, "children", ()):
        return source if hasattr(source, "interval") else load(source)
    if not hasattr(source, "interval") or not hasattr(source, "std"):
        found = type(source).__name__
        estimate = hasattr(source, "chi2") and hasattr(source, "model")
        fail("source", "be a posterior, its dataset or the file of one", f"{found}, which has no standard deviations"
             if estimate else found, "Pass bj.posterior(problem, at=result)." if estimate else
             "Pass what bj.posterior(...) or bj.load(...) gives.", TypeError)
    return source


def _asked(argument, given, known):
    names = [given] if isinstance(given, str) else list(given)
    for name in names:
        one_of(argument, name, known)
    if not names or len(set(names)) < len(names):
        fail(argument, "name each one once, and at least one", repr(names), "Leave it out for all.")
    return names


def _fields(post, chosen, ground, statistics, share):
    """One `Field` for each property and statistic; each is asked for once, for some are dear."""
    made = {key: getattr(post, key)() for key in statistics if key in WORDS}
    interval = post.interval(share) if {"lower", "upper"} & set(statistics) else {}
    out = []
    for p in chosen:
        said = dict(WORDS)
        if interval:
            kind = post.interval_words(p.name)
            said |= {side: f"{side} end of the {share:.12g} interval ({kind})" for side in ("lower", "upper")}
        for key in statistics:
            values = interval[p.name][("lower", "upper").index(key)] if key in ("lower", "upper") else made[key][p.name]
            values = np.where(ground[p.name], np.reshape(values, p.shape), np.nan)
            out.append(Field(parameter=p.name, statistic=key, values=values, units=p.units, ground=ground[p.name],
                             words=f"{said[key]} of {p.name}"))
    return out


def _crs_of(post):
    """The one system of the surveys, or None; a problem holds no two."""
    if hasattr(post, "children"):
        surveys = post["observed_data"].data_vars.values()
        found = [values.attrs.get("crs") for values in surveys]
    else:
        found = [(getattr(m, "metadata", None) or {}).get("crs") for m in post.problem.modalities]
    return next((str(crs) for crs in found if crs), None)


def _statements(post):
    return [f"method: {post.method}", *(f"{a.name} ({a.status}): {a.statement}" for a in post.approximations)]
