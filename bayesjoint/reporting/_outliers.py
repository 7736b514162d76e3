"""What the report says of single data: those that all others do not expect, and those that lost their weight."""

import numpy as np

from .. import plot
from ..engines import outlier_remedy
from ._words import capital, fixed, listing, number, plain, quantity

ROWS = 10  # of a table
LITTLE = 0.5  # weight below which a datum counts as one that lost it



def single_data(tree):
    """{"left_out", "weights"}: each a sentence with rows of a table, or None where the tree holds nothing of it."""
    return {"left_out": _left_out(tree), "weights": _weights(tree)}


def outlier_details(tree):
    """Sentences for the answer in words: none where no datum stands out."""
    return [each["sentence"] for each in single_data(tree).values() if each is not None and each["rows"]]


def _left_out(tree):
    """Data beyond what the largest of as many is, farthest first."""
    if "leave_one_out" not in tree.children:
        return None
    found = tree["leave_one_out"].to_dataset()
    limit, names = float(found["farthest"]), _surveys(found, "_z")
    data = [row for name in names for row in _stations(found, name, ("z", "residual", "influence", "outlier"))]
    largest, moving = max(abs(row["z"]) for row in data), max(data, key=lambda row: row["influence"])
    beyond = sorted((row for row in data if np.isfinite(row["outlier"])), key=lambda row: -abs(row["outlier"]))
    measured = (f"|z| > {fixed(limit, 2)}, z the datum less what all others predict, over its standard deviation, "
                "larger ones taken out before")
    said = (f"{number(len(beyond))} of {number(len(data))} data stand out: farther from what all others predict than "
            f"19 of 20 such sets of data have any ({measured}). {outlier_remedy(len(beyond), len(data))}"
            if beyond else
            f"No datum is farther from what all others predict than 19 of 20 such sets of data have any: the largest "
            f"|z| is {fixed(largest, 2)}, the limit {fixed(limit, 2)}.")
    moved = (f"The datum that matters most is that of {plain(moving['name'])} at {moving['place']}: without it the "
             f"posterior mean moves by up to {number(moving['influence'], 2)} of its standard deviations.")
    rows = [{"name": plain(row["name"]), "place": row["place"], "z": fixed(row["outlier"], 1, sign=True),
             "residual": quantity(row["residual"], row["units"]), "influence": number(row["influence"], 2)}
            for row in beyond[:ROWS]]
    return {"sentence": said, "moved": moved, "rows": rows, "more": len(beyond) - len(rows)}


def _weights(tree):
    """Data of Student-t noise that lost their weight, the lightest first."""
    if "datum_weights" not in tree.children:
        return None
    found = tree["datum_weights"].to_dataset()
    names = _surveys(found, "_weight")
    data = [row for name in names for row in _stations(found, name, ("weight", "weight_error", "residual"))]
    light = sorted((row for row in data if row["weight"] < LITTLE), key=lambda row: row["weight"])
    dofs = listing(f"{_dof_words(found, name)} ({plain(name)})" for name in names)
    said = (f"Noise is Student-t in {listing(map(plain, names))}, so that data far off lose their weight: "
            f"{number(len(light))} of {number(len(data))} have a posterior mean weight below {LITTLE:g}, where an "
            f"ordinary datum has about 1. Degrees of freedom: {dofs}.")
    rows = [{"name": plain(row["name"]), "place": row["place"], "residual": quantity(row["residual"], row["units"]),
             "over": fixed(row["residual"] / _scale(tree, row), 1, sign=True),
             "weight": f"{number(row['weight'], 2)} ± {number(row['weight_error'], 1)}"} for row in light[:ROWS]]
    return {"sentence": capital(said), "rows": rows, "more": len(light) - len(rows)}


def _dof_words(found, name):
    values, shares = found[f"{name}_dofs"].values, found[f"{name}_dof"].values
    if values.size == 1:
        return f"{values[0]:g}, as stated"
    low, high = (values[np.searchsorted(np.cumsum(shares), level)] for level in (0.05, 0.95))
    return f"{low:.2g} to {high:.2g} with 90 % probability"


def _surveys(found, ending):
    return [str(v).removesuffix(ending) for v in found.data_vars if str(v).endswith(ending)]


def _stations(found, name, keys):
    """One record a datum: figures, place in words, index among the stations."""
    fields = {key: found[f"{name}_{key}"] for key in keys}
    first = fields[keys[0]]
    there = np.flatnonzero(np.isfinite(first.values.ravel()))
    values = {key: field.values.ravel() for key, field in fields.items()}
    units, places = fields["residual"].attrs["units"], _places(first, name)
    return [{"name": name, "place": places(k), "index": k, "units": units,
             **{key: float(each[k]) for key, each in values.items()}} for k in there]


def _places(field, name):
    """Words for the place of a datum, by its index among all stations."""
    axes = [f"{name}_easting", f"{name}_northing"]
    if not all(axis in field.coords for axis in axes):
        return lambda k: f"datum {k}"
    east, north = (field.coords[axis].broadcast_like(field).transpose(*field.dims).values.ravel() for axis in axes)
    return lambda k: f"easting {fixed(float(east[k]), 0)}, northing {fixed(float(north[k]), 0)} m"


def _scale(tree, row):
    return float(plot.held(tree, "constant_data", f"{row['name']}_noise_std").values.ravel()[row["index"]])
