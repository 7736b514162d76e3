"""What the viewer of the page shows: every field of cells as small integers, and how far these are off."""

import base64
import json
from importlib import resources

import numpy as np
from markupsafe import Markup
from scipy.special import ndtri

from .. import plot
from ._chances import NORMAL, basis_of
from ._facts import GAUSSIAN, PROBABILITY
from ._words import number, plain, quantity

FINE = 1_500_000  # values in total above which each is kept in 8 bits instead of 16
MOST = 6_000_000  # values that a page of 15 MB has room for beside its figures
DRAWS = 3
SHOWN_STATIONS = 5000  # places of a scattered survey above which only its extent is drawn
RANK = {"mean": 0, "std": 0, "lower": 1, "upper": 1, "prior mean": 1, "separate": 2, "separate std": 2, "draw": 3}


def viewer(tree):
    """Data and words of the viewer, or None where the tree has no property of cells or too many of them.

    Returns
    -------
    dict
        ``json``, what scripts read, safe inside a script element; ``properties``, each with what ``rounding`` does to
        it; ``bits`` of a value, ``count`` of values, what was ``left`` out, whether anything says how ``sure`` it is.
    """
    names = plot.mesh_parameters(tree)
    mesh = plot.mesh_of(tree) if names else None
    if mesh is None or 2 * len(names) * mesh.size > MOST:
        return None
    known = {name: _layers(tree, name) for name in names}
    left = _fitted(known, mesh.size)
    count = mesh.size * sum(map(len, known.values()))
    bits = 16 if count <= FINE else 8
    seen = plot.under_stations(tree, mesh) & mesh.active
    properties = [_property(tree, name, known[name], seen, bits) for name in names]
    best = plot.best_sections(tree)
    data = {
        "bits": bits, "values": count, "normal": NORMAL,
        "edges": {d: getattr(mesh, f"{d}_edges").tolist() for d in mesh.dims},
        "surface": [None if np.isnan(z) else float(z) for z in mesh.surface.ravel()] if mesh.has_air else None,
        "scale": plot.length_scale(*(getattr(mesh, f"{d}_edges") for d in mesh.dims)),
        "start": [_nearest(mesh.depth, best["depth"]), _nearest(mesh.northing, best["northing"]),
                  _nearest(mesh.easting, best["easting"])],
        "colours": {kind: _colours(kind) for kind in ("diverging", "sequential", "ratio")},
        "stations": _stations(tree), "boxes": sorted(plot.station_boxes(tree)), "properties": properties,
    }
    text = json.dumps(data, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    for sign, code in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(sign, code)
    return {"json": Markup(text), "bits": bits, "count": count, "left": left, "properties": properties,
            "gaussian": any(p["gaussian"] for p in properties),
            "sure": any(layer["key"] in ("std", "lower") for p in properties for layer in p["layers"])}


def scripts():
    """{name: text} of the page's scripts, each closed to the others."""
    files = {"tables": ["tables.js"],
             "viewer": [f"viewer{part}.js" for part in ("_fields", "_draw", "", "_probe", "_csv", "_controls")]}
    start = 'const DATA = JSON.parse(document.getElementById("viewer-data").textContent);\n'
    out = {}
    for name, parts in files.items():
        text = "".join((resources.files(__package__) / part).read_text(encoding="utf-8") for part in parts)
        out[name] = Markup('(() => {{\n"use strict";\n{}{}}})();').format(
            Markup(start if name == "viewer" else ""), Markup(text))
    return out


def too_many(tree):
    """What is said where a model is too large for the page, else an empty text."""
    names = plot.mesh_parameters(tree)
    size = plot.mesh_of(tree).size if names else 0
    return (f"The model has {number(size)} cells of {len(names)} properties: too many for a page. The figures below "
            "show some slices; the dataset holds all.") if 2 * len(names) * size > MOST else ""


def _nearest(places, place):
    return int(np.argmin(np.abs(places - place)))


def _colours(kind):
    """256 colours of the static figures as hexadecimal text."""
    return plot.colours_for(kind)(np.arange(256), bytes=True)[:, :3].tobytes().hex()


def _layers(tree, name):
    """[(key, words, kind of colours, which limits it shares, values)] of what the tree knows of every cell."""
    def kept(side):
        return plot.held(tree, "posterior_summary", f"{name}_{side}")

    out = [("mean", "mean", "diverging", "mean", plot.model_values(tree, name, "mean").values)]
    if kept("std") is not None:
        out.append(("std", "standard deviation", "sequential", "std", plot.model_values(tree, name, "std").values))
    lower, prior = kept("lower"), plot.prior_mean(tree, name)
    if lower is not None and not str(lower.attrs["kind"]).startswith(GAUSSIAN):
        share = f"{float(lower.attrs['probability']):.0%}".replace("%", " %")
        share = f"{share} interval ({basis_of(str(lower.attrs['kind']))})"
        out += [(side, f"{side} end of the {share}", "diverging", "interval", kept(side).values)
                for side in ("lower", "upper")]
    if np.ptp(np.nan_to_num(prior)) > 0:
        out.append(("prior mean", "prior mean", "diverging", "mean", np.broadcast_to(prior, out[0][4].shape)))
    for label in plot.labels_of(tree, name):
        words = plain(label)
        out.append((f"separate {label}", f"mean, {words}", "diverging", "mean",
                    plot.model_values(tree, name, "mean", label).values))
        if label in plot.labels_of(tree, name, "std"):
            out.append((f"separate std {label}", f"standard deviation, {words}", "sequential", "std",
                        plot.model_values(tree, name, "std", label).values))
    if plot.has(tree, "posterior", name):
        draws = tree["posterior"][name].values
        flat = draws.reshape(-1, *draws.shape[2:])
        at = np.unique(np.linspace(0, len(flat) - 1, DRAWS).round().astype(int))
        out += [(f"draw {k + 1}", f"draw {k + 1}", "diverging", "draw", flat[i]) for k, i in enumerate(at)]
    return out


def _fitted(known, size):
    """Leave out what there is no room for, least needed first, in place; return the words of what was left out."""
    left = []
    while size * sum(map(len, known.values())) > MOST:
        rank = max(_rank(layer[0]) for layers in known.values() for layer in layers)
        for layers in known.values():
            left += [layer[1] for layer in layers if _rank(layer[0]) == rank]
            layers[:] = [layer for layer in layers if _rank(layer[0]) != rank]
    return list(dict.fromkeys(left))


def _rank(key):
    return next(RANK[start] for start in sorted(RANK, key=len, reverse=True) if key.startswith(start))


def _property(tree, name, layers, seen, bits):
    """One property: words, what its marginals are, and its fields."""
    shared = {}
    for _, _, kind, group, values in layers:
        if group != "draw":
            shared.setdefault((group, kind), []).append(values[seen])
    limits = {}
    for (group, kind), parts in shared.items():
        norm = plot.norm_for(kind, np.concatenate(parts))
        limits[group] = [float(norm.vmin), float(norm.vmax)]
    limits["draw"] = limits["mean"]  # a draw is to be compared with the mean, though it is rougher
    prior, spread = plot.prior_mean(tree, name), plot.held(tree, "prior_summary", f"{name}_std")
    uniform = spread is not None and np.nanmax(spread) - np.nanmin(spread) <= 1e-9 * np.nanmax(spread)
    middle = float(np.nanmean(prior))
    size = float(np.nanmedian(spread)) if spread is not None else (limits["mean"][1] - middle) / 2
    packed = [_packed(*layer, bits) for layer in layers]
    units = tree["posterior_summary"][f"{name}_mean"].attrs["units"]
    return {"name": name, "words": plot.title_of(tree, name), "units": plot.pretty(units),
            "rounding": quantity(max(layer["step"] for layer in packed) / 2, units, 2),
            "prior": {"mean": middle, "std": float(np.nanmax(spread)) if uniform else None},
            "threshold": float(f"{middle + size:.2g}"), "limits": limits, **_marginal(tree, name),
            "layers": packed}


def _marginal(tree, name):
    """What the marginal of a cell is known to be: Gaussian, an interval of some kind, or both."""
    ends = [plot.held(tree, "posterior_summary", f"{name}_{label}lower") for label in ("", "gaussian_")]
    kinds = ["" if end is None else str(end.attrs["kind"]) for end in ends]
    probability = float(ends[0].attrs["probability"]) if ends[0] is not None else PROBABILITY
    bounded = any(plot.has(tree, "constant_data", f"{name}_bound_{side}") for side in ("lower", "upper"))
    gaussian = any(kind.startswith(GAUSSIAN) for kind in kinds) and not bounded
    tail = (1 - probability) / 2 if "equal-tailed" in kinds[0] else 1 - probability
    closed = gaussian and kinds[0].startswith(GAUSSIAN)
    return {"gaussian": gaussian, "closed": closed, "kind": kinds[0], "basis": basis_of(kinds[0]), "tail": tail,
            "probability": probability, "z": float(ndtri(0.5 + probability / 2))}


def _packed(key, words, kind, group, values, bits):
    """A field as little-endian unsigned integers in base64: 0 where nothing is known, else low + step (code − 1)."""
    known = np.isfinite(values)
    low, high = (float(values[known].min()), float(values[known].max())) if known.any() else (0.0, 0.0)
    step = (high - low) / (2**bits - 2)
    codes = np.zeros(values.shape, dtype=f"<u{bits // 8}")
    codes[known] = 1 + np.round((values[known] - low) / (step or 1.0)).astype(codes.dtype)
    return {"key": key, "words": words, "kind": kind, "group": group, "low": low, "step": step,
            "data": base64.b64encode(codes.tobytes()).decode()}


def _stations(tree):
    """Places of every survey: the axes of a lattice, or one place a station; metres, to a tenth."""
    out = []
    for name in tree["observed_data"].data_vars if "observed_data" in tree.children else ():
        field = plot.data_field(tree, name)
        if field.easting is None or (field.values.ndim == 1 and field.easting.size > SHOWN_STATIONS):
            continue
        out.append({"name": plain(name), "lattice": field.values.ndim == 2,
                    "easting": np.round(field.easting, 1).tolist(), "northing": np.round(field.northing, 1).tolist()})
    return out
