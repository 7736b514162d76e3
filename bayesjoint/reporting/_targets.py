"""Ranked targets: connected cells that are surely above, or surely below, what the prior takes for ordinary.

A cell counts if its chance of departing from the prior mean by more than one prior standard deviation, to one side, is
at least 90 %. Before any survey one cell in six departs so far to a given side. Bodies are cells joined by faces, under
the stations. The chance is a cell's: what is stated of a body is its surest cell.
"""

from dataclasses import dataclass

import numpy as np
from scipy.constants import mu_0
from scipy.ndimage import label, maximum
from scipy.stats import norm

from .. import plot
from ..dataset import read_attributes
from ._facts import GAUSSIAN, unmixed, unvalidated
from ._words import listing, number, percent, plain, quantity, signed

SURE = 0.9  # chance from which a cell counts
SHOWN = 12  # bodies listed
LEAST_DRAWS = 20  # for a standard deviation of a sum
MEGATONNE = 1e9  # kg


@dataclass(frozen=True, kw_only=True)
class Chance:
    """P(m beyond the threshold) of every cell: a value with its error, or the limits that an interval sets.

    Parameters
    ----------
    value, error : ndarray
        Per cell; the error is NaN where it is not known, and 0 where `value` is a lower limit.
    most : ndarray
        The most it can be.
    least : bool
        Whether `value` is a lower limit.
    """

    value: np.ndarray
    error: np.ndarray
    most: np.ndarray
    least: bool


@dataclass(frozen=True, kw_only=True)
class Body:
    """Connected sure cells of one property on one side: the number `mark` among `marks`, with what ranks it."""

    name: str
    sign: int
    chance: Chance
    marks: np.ndarray
    mark: int
    value: float
    volume: float


def targets(tree, fits=()):
    """Rows and sentences of the ranked bodies, or None where the tree knows no property with prior and posterior.

    `fits` are those of the data sets: chances rest on prior and noise, which a fit may contradict.

    Returns
    -------
    dict
        ``rows``, ``rule`` and ``notes``; ``why`` instead of rows where no chance can be stated.
    """
    names = [name for name in plot.mesh_parameters(tree) if plot.has(tree, "posterior_summary", f"{name}_std")
             and plot.has(tree, "prior_summary", f"{name}_std")]
    if not names:
        return None
    if unmixed(tree) is not None or unvalidated(tree):
        return {"rows": [], "why": "No targets are listed: the posterior is not validated, so no chance can be stated.",
                "notes": []}
    if not any(plot.has(tree, "posterior_summary", f"{name}_lower") for name in names):
        return None
    mesh = plot.mesh_of(tree)
    found = sorted((body for name in names for body in _bodies(tree, name, mesh)),
                   key=lambda body: (-round(body.value, 2), -body.volume))
    rows = [_row(tree, mesh, body) for body in found[:SHOWN]]
    amounts = listing(f"{quantity(_amount(tree, name), _units(tree, name))} for {plot.title_of(tree, name)}"
                      for name in names)
    return {"rows": rows, "cut": any(row["note"] for row in rows), "count": len(found), "why": "",
            "rule": _rule(amounts), "notes": _notes(tree, names, found, fits)}


def _units(tree, name):
    return tree["posterior_summary"][f"{name}_mean"].attrs["units"]


def _amount(tree, name):
    """One prior standard deviation; its median where it varies."""
    return float(np.nanmedian(tree["prior_summary"][f"{name}_std"].values))


def _rule(amounts):
    return (f"Connected cells under the stations, each with a chance of {percent(SURE)} or more to lie beyond the "
            f"prior mean by more than one prior standard deviation, {amounts}, to one side. Of a Gaussian prior one "
            "cell in six lies so far to that side. Ranked by the chance of the surest cell, then by volume.")


def _notes(tree, names, found, fits):
    out = ["The chance is a cell's, not the whole body's. Volume and mass are those of the sure cells: the real body "
           f"may be larger. Its top: from where it cannot be ruled out (chance over {100 * (1 - SURE):.0f} % in the "
           "cells above) to where it is sure, in steps of the layers."]
    if "recalibration" in tree.children:
        out.append("Chances come from the recalibrated intervals. They hold on average over cells of such worlds; of "
                   "cells picked because they stand out fewer may hold. Masses, moments and their errors are the "
                   "engine's, for the stated prior.")
    else:
        out.append("Chances, masses and their errors hold for the stated prior; real ground was not asked.")
    doubted = [plain(f.name) for f in fits if f.verdict not in ("as expected", "not stated")]
    if doubted:
        out.append(f"The fit of {listing(doubted)} says that prior or noise is not as stated, so all of it may be off.")
    draws = _draws(tree, names[0])
    if draws is not None and found:
        spread = 1 / np.sqrt(2 * (len(draws) - 1))
        markov = "mixing" in tree.children
        out.append(f"“±” is the standard deviation of the sum over {len(draws)} posterior draws, itself known to "
                   f"{percent(spread)}{' or worse, since they are Markov chains' if markov else ''}.")
    elif found:
        out.append("“± at most”: as if all cells of a body erred together, since the dataset holds no draws.")
    return out


def _draws(tree, name):
    if not plot.has(tree, "posterior", name):
        return None
    draws = tree["posterior"][name].values
    draws = draws.reshape(-1, *draws.shape[2:])
    return draws if len(draws) >= LEAST_DRAWS else None


def chance_of(tree, name, sign):
    """`Chance` of m − prior mean beyond one prior standard deviation on the side of `sign`, or None if not justified.

    Recalibrated intervals and those of draws tell only on which side of their ends a threshold lies; a Gaussian
    marginal tells the chance itself.
    """
    lower = plot.held(tree, "posterior_summary", f"{name}_lower")
    if lower is None:
        return None
    threshold = plot.prior_mean(tree, name) + sign * tree["prior_summary"][f"{name}_std"].values
    kind, probability = str(lower.attrs["kind"]), float(lower.attrs["probability"])
    if not kind.startswith(GAUSSIAN):
        least = 0.5 + probability / 2 if "equal-tailed" in kind else probability
        upper = tree["posterior_summary"][f"{name}_upper"].values
        near, far = (lower.values, upper) if sign > 0 else (upper, lower.values)
        return Chance(value=np.where(sign * (near - threshold) > 0, least, 0.0), error=np.zeros(near.shape), least=True,
                      most=np.where(sign * (far - threshold) < 0, 1 - least, 1.0))
    if any(plot.has(tree, "constant_data", f"{name}_bound_{side}") for side in ("lower", "upper")):
        return None
    mean, std = plot.model_values(tree, name, "mean").values, plot.model_values(tree, name, "std").values
    known = np.isfinite(mean) & (std > 0)
    score = sign * np.divide(mean - threshold, std, out=np.full_like(mean, -np.inf), where=known)
    errors = [plot.held(tree, "posterior_summary", f"{name}_{key}_error") for key in ("mean", "std")]
    wrong = [np.full_like(mean, np.nan) if e is None else e.values for e in errors]
    finite = np.where(known, score, 0.0)
    error = norm.pdf(finite) * (wrong[0] + np.abs(finite) * wrong[1]) / np.where(known, std, 1.0)
    value = norm.cdf(score)
    return Chance(value=value, error=error, most=value + np.nan_to_num(error), least=False)


def _bodies(tree, name, mesh):
    """Every `Body` of one property, on both sides."""
    seen, volumes = _seen(tree, mesh), _volumes(mesh)
    for sign in (1, -1):
        chance = chance_of(tree, name, sign)
        if chance is None:
            continue
        marks, count = label((chance.value - np.nan_to_num(chance.error) >= SURE) & seen)
        marked = np.arange(1, count + 1)
        sizes = np.bincount(marks.ravel(), weights=volumes.ravel(), minlength=count + 1)[1:]
        for mark, value, volume in zip(marked, maximum(chance.value, marks, marked), sizes, strict=True):
            yield Body(name=name, sign=sign, chance=chance, marks=marks, mark=int(mark), value=float(value),
                       volume=float(volume))


def _seen(tree, mesh):
    return plot.under_stations(tree, mesh) & mesh.active


def _volumes(mesh):
    up, north, east = (np.diff(getattr(mesh, f"{dim}_edges")) for dim in mesh.dims)
    return up[:, None, None] * north[:, None] * east


def _row(tree, mesh, body):
    name, sign, chance, inside = body.name, body.sign, body.chance, body.marks == body.mark
    cells, volumes = np.flatnonzero(inside), _volumes(mesh)
    at, volume = np.unravel_index(cells, mesh.shape), volumes.ravel()[cells]
    strength = np.abs(plot.standing_out(tree, name)).ravel()[cells]
    best = int(np.lexsort((strength, chance.value.ravel()[cells]))[-1])
    divisor, unit = plot.length_scale(mesh.easting_edges, mesh.northing_edges)
    centre = [float(np.average(a.ravel()[cells], weights=volume)) for a in np.broadcast_arrays(
        mesh.depth_below_ground, mesh.northing[:, None], mesh.easting)]
    threshold = float(np.median(np.broadcast_to(plot.prior_mean(tree, name), mesh.shape)[inside])
                      + sign * _amount(tree, name))
    error = float(chance.error.ravel()[cells][best])
    return {"property": name, "words": plot.title_of(tree, name), "side": "above" if sign > 0 else "below",
            "threshold": threshold, "beyond": f"{signed(threshold)} {plot.pretty(_units(tree, name))}".strip(),
            "value": body.value, "chance": _said(body.value, error, chance.least), "cells": cells.size,
            "volume": body.volume, "volume_words": _volume(body.volume),
            "top": _top(mesh, chance, inside, divisor, unit),
            "centre": f"{number(centre[0] / divisor)} {unit}",
            "place": f"{centre[2] / divisor:.2f}, {centre[1] / divisor:.2f} {unit}",
            "amount": _total(tree, name, inside, volumes), "note": _cut(inside, _seen(tree, mesh)),
            "cell": " ".join(str(int(a[best])) for a in at)}


def _top(mesh, chance, inside, divisor, unit):
    """Depth of the top: from where a body cannot be ruled out, cell upon cell above it, to where it is sure."""
    faces, open_ = mesh.surface - mesh.upward_edges[1:, None, None], (chance.most > 1 - SURE) & mesh.active
    reach = inside.copy()
    for k in range(1, len(reach)):
        reach[k] |= reach[k - 1] & open_[k]
    shallow, sure = (float(faces[mask].min()) / divisor for mask in (reach, inside))
    words = number(sure) if np.isclose(shallow, sure) else f"{number(shallow)} to {number(sure)}"
    return f"{words} {unit}"


def _said(value, error, least):
    if least:
        return f"{percent(value)} or more"
    told = "over 99 %" if value > 0.99 else percent(value)
    return f"{told} (error not known)" if np.isnan(error) else f"{told} ± {percent(error)}" if error > 0.001 else told


def _volume(cubic_metres):
    return f"{number(cubic_metres / 1e9)} km³" if cubic_metres >= 1e8 else f"{number(cubic_metres)} m³"


def _total(tree, name, inside, volumes):
    """Sum over a body of m − prior mean times volume: excess mass, induced moment, or just that; with its error."""
    units, factor = _units(tree, name), 1.0
    field = _inducing(tree, name) if units == "SI" else None
    if units == "kg/m3":
        factor, shown = 1 / MEGATONNE, "Mt"
    elif field:
        factor, shown = field * 1e-9 / mu_0, "A m²"
    else:
        shown = f"{plot.pretty(units)} m³".strip()
    weights = factor * volumes[inside]
    mean = plot.model_values(tree, name, "mean").values[inside]
    prior = np.broadcast_to(plot.prior_mean(tree, name), inside.shape)[inside]
    total, draws = float(weights @ (mean - prior)), _draws(tree, name)
    if draws is not None:
        return f"{signed(total)} ± {number(float((draws[:, inside] @ weights).std(ddof=1)), 2)} {shown}"
    most = float(weights @ plot.model_values(tree, name, "std").values[inside])
    return f"{signed(total)} ± at most {number(most, 2)} {shown}"


def _inducing(tree, name):
    """The one inducing field, nT, of the surveys that see a property, or None."""
    found = set()
    for variable in tree["observed_data"].data_vars.values() if "observed_data" in tree.children else ():
        attrs = read_attributes(variable)
        if "intensity" in attrs and name in attrs.get("parameters", [name]):
            found.add(float(attrs["intensity"]))
    return found.pop() if len(found) == 1 else None


def _cut(inside, seen):
    """Where a body ends because nothing was looked at beyond."""
    columns, under = inside.any(axis=0), seen.any(axis=0)
    wide = np.pad(under, 1)
    rim = under & ~(wide[:-2, 1:-1] & wide[2:, 1:-1] & wide[1:-1, :-2] & wide[1:-1, 2:])
    notes = (["cut at the edge of the stations"] if (columns & rim).any() else []) + (
        ["reaches the bottom of the mesh"] if inside[0].any() else [])
    return "; ".join(notes)
