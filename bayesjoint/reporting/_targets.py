"""Ranked targets: connected cells that are surely above, or surely below, what the prior takes for ordinary.

A cell counts if its chance of departing from the prior mean by more than one prior standard deviation, to one side, is
at least 90 %. Before any survey one cell in six departs so far to a given side. Bodies are cells under the stations
that share a face, an edge or a corner: fields are smooth over several cells, so cells that touch are one thing, and a
dipping sheet is a staircase. The chance is a cell's: what is stated of a body is its surest cell.

A property of which no cell is that sure has candidates instead: cells that are more likely than not beyond one prior
standard deviation, or else half of one, by the engine's Gaussian. They are called unsure everywhere.
"""

from dataclasses import dataclass

import numpy as np
from scipy.constants import mu_0
from scipy.ndimage import label, maximum

from .. import plot
from ..dataset import read_attributes
from ._chances import NORMAL, WORLDS, Chance, chance_of, gaussian_chance
from ._facts import UNDOUBTED, unmixed, unvalidated
from ._words import capital, fixed, listing, number, percent, place_digits, plain, quantity, signed, within

SURE = 0.9  # chance from which a cell counts
LIKELY = 0.5  # chance from which a candidate's does
FACTORS = (1.0, 0.5)  # prior standard deviations that candidates are beyond, tried in turn
TOUCHING = np.ones((3, 3, 3))  # cells are joined by faces, edges and corners
SHOWN = 8  # bodies listed of a property
LEAST_DRAWS = 20  # for a standard deviation of a sum
MEGATONNE = 1e9  # kg


@dataclass(frozen=True, kw_only=True)
class Body:
    """Connected cells of one property on one side: the number `mark` among `marks`, with what ranks it."""

    name: str
    sign: int
    factor: float
    sure: bool
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
        ``rows``, ``rule`` and ``notes``; ``largest``, a row of every property that has one; ``counts``, how many sure
        ones it has; ``why`` instead of rows where no chance can be stated.
    """
    names = [name for name in plot.mesh_parameters(tree) if plot.has(tree, "posterior_summary", f"{name}_std")
             and plot.has(tree, "prior_summary", f"{name}_std")]
    if not names:
        return None
    if unmixed(tree) is not None or unvalidated(tree):
        return {"rows": [], "notes": [], "largest": {},
                "why": "No targets are listed: the posterior is not validated, so no chance can be stated."}
    if not any(plot.has(tree, "posterior_summary", f"{name}_lower") for name in names):
        return None
    mesh = plot.mesh_of(tree)
    bodies = {name: sorted(_bodies(tree, name, mesh), key=_rank) for name in names}
    kept = sorted((body for found in bodies.values() for body in found[:SHOWN]), key=_rank)
    most = max((body.volume for found in bodies.values() for body in found), default=0.0)
    rows = [_row(tree, mesh, body, most) for body in kept]
    amounts = listing(f"{quantity(_amount(tree, name), _units(tree, name))} for {plot.title_of(tree, name)}"
                      for name in names)
    largest = {name: _row(tree, mesh, max(found, key=lambda body: body.volume), most)
               for name, found in bodies.items() if found}
    return {"rows": rows, "count": sum(map(len, bodies.values())), "why": "", "rule": _rule(amounts),
            "notes": _notes(tree, bodies, fits), "largest": largest,
            "counts": {name: sum(body.sure for body in found) for name, found in bodies.items()}}


def _rank(body):
    return not body.sure, -round(body.value, 2), -body.volume


def _units(tree, name):
    return tree["posterior_summary"][f"{name}_mean"].attrs["units"]


def _amount(tree, name):
    """One prior standard deviation; its median where it varies."""
    return float(np.nanmedian(tree["prior_summary"][f"{name}_std"].values))


def _rule(amounts):
    return (f"Cells under the stations that touch by face, edge or corner, each with a chance of {percent(SURE)} or "
            f"more to lie beyond the prior mean by more than one prior standard deviation, {amounts}, to one side. Of "
            "a Gaussian prior one cell in six lies so far to that side. Ranked by the chance of the surest cell, then "
            "by volume.")


def _notes(tree, bodies, fits):
    found = [body for each in bodies.values() for body in each]
    out = [_absent(tree, name, each) for name, each in bodies.items() if not any(body.sure for body in each)]
    out += ["The chance is a cell's, not the whole body's. Volume and mass are those of the listed cells: the real "
            "body may be larger. Its top: from where it cannot be ruled out (chance over "
            f"{100 * (1 - SURE):.0f} % in the cells above) to where it is sure, in steps of the layers."]
    bases = {body.chance.basis for body in found}
    if WORLDS in bases or "recalibration" in tree.children:
        out.append(f"“{capital(WORLDS)}”: by intervals learned from worlds, which hold on average over cells of such "
                   "worlds; of cells picked because they stand out fewer may hold. Means, masses, moments and their "
                   f"errors are the engine's ({NORMAL}).")
    else:
        out.append("Chances, masses and their errors hold for the stated prior; real ground was not asked.")
    doubted = [plain(f.name) for f in fits if f.verdict not in UNDOUBTED]
    if doubted:
        out.append(f"The fit of {listing(doubted)} says that prior or noise is not as stated, so all of it may be off.")
    draws = _draws(tree, next(iter(bodies)))
    if draws is not None and found:
        spread = 1 / np.sqrt(2 * (len(draws) - 1))
        markov = "mixing" in tree.children
        out.append(f"“±” is the standard deviation of the sum over {len(draws)} posterior draws, itself known to "
                   f"{percent(spread)}{' or worse, since they are Markov chains' if markov else ''}.")
    elif found:
        out.append("“± at most”: as if all cells of a body erred together, since the dataset holds no draws.")
    return out


def _absent(tree, name, found):
    """That a property has no sure cell, and what its candidates are."""
    words = capital(plot.title_of(tree, name))
    if not found:
        return f"{words}: no cell under the stations is sure or more likely than not."
    beyond = "one prior standard deviation" if found[0].factor == 1 else "half a prior standard deviation"
    return (f"{words}: no cell under the stations is sure. Listed as “unsure” are cells more likely than not beyond "
            f"{beyond} ({NORMAL}).")


def _draws(tree, name):
    if not plot.has(tree, "posterior", name):
        return None
    draws = tree["posterior"][name].values
    draws = draws.reshape(-1, *draws.shape[2:])
    return draws if len(draws) >= LEAST_DRAWS else None


def _bodies(tree, name, mesh):
    """Every sure `Body` of one property, on both sides; its candidates where there is none."""
    found = _joined(tree, name, mesh, chance_of, 1.0, SURE)
    for factor in FACTORS:
        found = found or _joined(tree, name, mesh, gaussian_chance, factor, LIKELY)
    return found


def _joined(tree, name, mesh, chances, factor, enough):
    seen, volumes, out = _seen(tree, mesh), _volumes(mesh), []
    for sign in (1, -1):
        chance = chances(tree, name, sign, factor)
        if chance is None:
            continue
        marks, count = label((chance.value - np.nan_to_num(chance.error) >= enough) & seen, TOUCHING)
        marked = np.arange(1, count + 1)
        sizes = np.bincount(marks.ravel(), weights=volumes.ravel(), minlength=count + 1)[1:]
        out += [Body(name=name, sign=sign, factor=factor, sure=enough == SURE, chance=chance, marks=marks,
                     mark=int(mark), value=float(value), volume=float(volume))
                for mark, value, volume in zip(marked, maximum(chance.value, marks, marked), sizes, strict=True)]
    return out


def _seen(tree, mesh):
    return plot.under_stations(tree, mesh) & mesh.active


def _volumes(mesh):
    up, north, east = (np.diff(getattr(mesh, f"{dim}_edges")) for dim in mesh.dims)
    return up[:, None, None] * north[:, None] * east


def _row(tree, mesh, body, most):
    name, sign, chance, inside = body.name, body.sign, body.chance, body.marks == body.mark
    cells, volumes = np.flatnonzero(inside), _volumes(mesh)
    at, volume = np.unravel_index(cells, mesh.shape), volumes.ravel()[cells]
    strength = np.abs(plot.standing_out(tree, name)).ravel()[cells]
    best = int(np.lexsort((strength, chance.value.ravel()[cells]))[-1])
    divisor, unit = plot.length_scale(mesh.easting_edges, mesh.northing_edges)
    centre = [float(np.average(a.ravel()[cells], weights=volume)) for a in np.broadcast_arrays(
        mesh.depth_below_ground, mesh.northing[:, None], mesh.easting)]
    digits = place_digits(cell_of(mesh), divisor)
    east, north = (fixed(at / divisor, digits) for at in (centre[2], centre[1]))
    threshold = float(np.median(np.broadcast_to(plot.prior_mean(tree, name), mesh.shape)[inside])
                      + sign * body.factor * _amount(tree, name))
    depths = mesh.surface - mesh.upward_edges[:, None, None]
    reach = [float(d) / divisor for d in (depths[1:][inside].min(), depths[:-1][inside].max())]
    return {"property": name, "sure": body.sure, "words": plot.title_of(tree, name),
            "side": "above" if sign > 0 else "below",
            "threshold": threshold, "beyond": f"{signed(threshold)} {plot.pretty(_units(tree, name))}".strip(),
            "value": body.value, "chance": _chance(tree, body, cells[best]), "cells": cells.size,
            "reach": f"{number(reach[0])} to {number(reach[1])} {unit}",
            "volume": body.volume, "volume_words": _volume(body.volume, most),
            "top": _top(mesh, chance, inside, divisor, unit),
            "centre": f"{number(centre[0] / divisor)} {unit}",
            "place": f"{east}, {north} {unit}", "around": f"easting {east}, northing {north} {unit}",
            "mean": _mean(tree, name, inside, volumes), "amount": _total(tree, name, inside, volumes),
            "note": _cut(inside, _seen(tree, mesh)),
            "cell": " ".join(str(int(a[best])) for a in at)}


def _chance(tree, body, cell):
    """The chance of a body's surest cell; of a candidate, what an interval that rests on something else says too."""
    told = body.chance.words(cell)
    other = None if body.sure else chance_of(tree, body.name, body.sign, body.factor)
    return told if other is None or other.basis == body.chance.basis else f"{told}; {other.words(cell)}"


def _top(mesh, chance, inside, divisor, unit):
    """Depth of the top: from where a body cannot be ruled out, cell upon cell above it, to where it is sure."""
    faces, open_ = mesh.surface - mesh.upward_edges[1:, None, None], (chance.most > 1 - SURE) & mesh.active
    reach = inside.copy()
    for k in range(1, len(reach)):
        reach[k] |= reach[k - 1] & open_[k]
    shallow, sure = (float(faces[mask].min()) / divisor for mask in (reach, inside))
    words = number(sure) if np.isclose(shallow, sure) else f"{number(shallow)} to {number(sure)}"
    return f"{words} {unit}"


def cell_of(mesh):
    """Width of the narrower of a mesh's median cells, metres."""
    return float(min(np.median(np.diff(edges)) for edges in (mesh.northing_edges, mesh.easting_edges)))


def _volume(cubic_metres, most):
    """A volume in the units that suit the largest of all: a column has one unit, by which it sorts."""
    return f"{number(cubic_metres / 1e9)} km³" if most >= 1e7 else f"{number(cubic_metres)} m³"


def _total(tree, name, inside, volumes):
    """Sum over a body of m − prior mean times volume: excess mass, induced moment, or just that; with its error."""
    factor, shown = _measure(tree, name)
    total, error, bound = _sum(tree, name, inside, factor * volumes[inside])
    return within(total, error, shown, sign=True, before=bound)


def _mean(tree, name, inside, volumes):
    """The property's mean over a body, weighted by volume, with its error."""
    total, error, bound = _sum(tree, name, inside, volumes[inside] / volumes[inside].sum(), about=0.0)
    return within(total, error, _units(tree, name), sign=True, before=bound)


def _measure(tree, name):
    """Factor and units of a property times volume."""
    units, factor = _units(tree, name), 1.0
    field = _inducing(tree, name) if units == "SI" else None
    if units == "kg/m3":
        factor, shown = 1 / MEGATONNE, "Mt"
    elif field:
        factor, shown = field * 1e-9 / mu_0, "A m²"
    else:
        shown = f"{plot.pretty(units)} m³".strip()
    return factor, shown


def _sum(tree, name, inside, weights, about=None):
    """(Σ w (m − `about`), its std, "at most " where that is a bound); about the prior mean by default."""
    mean = plot.model_values(tree, name, "mean").values[inside]
    prior = plot.prior_mean(tree, name) if about is None else about
    total, draws = float(weights @ (mean - np.broadcast_to(prior, inside.shape)[inside])), _draws(tree, name)
    if draws is not None:
        return total, float((draws[:, inside] @ weights).std(ddof=1)), ""
    return total, float(weights @ plot.model_values(tree, name, "std").values[inside]), "at most "


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
