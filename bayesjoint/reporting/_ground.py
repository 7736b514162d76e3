"""What the report says of intervals on ground: recalibrated, on which kind, how well; or not checked at all."""

from functools import partial

import numpy as np

from .. import plot
from ..dataset import read_attributes
from ._family import family_of
from ._figures import chart, planes
from ._questions import pair_of
from ._words import fixed, listing, percent, plain

STATED = ("recalibrated intervals", "other grounds", "observed data among the worlds'")  # said at length in the section
FEW = 0.01  # of the cells, whose mean may lie outside its interval without a word
UNCHECKED = ("Intervals and standard deviations here are exact for the stated prior at best, and real ground is not "
             "like that. To check them, state a geology: a [geology] table in the configuration, or "
             "bj.recalibrate(post, geology).")


def unchecked(tree):
    """The warning where properties have standard deviations and no kind of ground was stated, else None."""
    names = plot.mesh_parameters(tree)
    held = any(plot.has(tree, "posterior_summary", f"{name}_std") for name in names)
    return UNCHECKED if held and "recalibration" not in tree.children else None


def ground(tree):
    """Everything about a recalibration, or None."""
    if "recalibration" not in tree.children:
        return None
    root = read_attributes(tree)
    rows, joint = _rows(tree), _joint(tree)
    return {
        "name": root["recalibration_name"], "family": root["recalibration_family"],
        "kinds": (family_of(root["recalibration_family"]) or {"kinds": [], "short": ""}),
        "worlds": int(root["recalibration_worlds"]), "seed": root["recalibration_seed"],
        "lead": _lead(rows), "gain": _gain(joint), "rows": rows,
        "bought": [_bought(row) for row in rows], "others": _others(tree), "names": [row["name"] for row in rows],
        "ordinary": _ordinary(tree), "joint": joint,
        "limits": _limits(tree), "chart": chart_of(tree), "maps": maps_of(tree),
    }


def _rows(tree):
    """One row a property: coverage, width and scores on worlds left out."""
    found = tree["recalibration"].to_dataset().sel(probability=0.9)
    rows = []
    for p in map(str, found.parameter.values):
        units = tree["posterior_summary"][f"{p}_mean"].attrs["units"]
        rows.append({
            "name": plain(p), "units": plot.pretty(units), "outside": _outside(tree, p),
            "held": pair_of(found, "coverage", parameter=p, kind="recalibrated"),
            "gaussian_held": pair_of(found, "coverage", parameter=p, kind="gaussian"),
            **{key: float(found.width.sel(parameter=p, kind=kind)) for key, kind in (
                ("width", "recalibrated"), ("gaussian_width", "gaussian"), ("bare_width", "no data"))},
            **{key: pair_of(found, key, parameter=p) for key in ("score_over_no_data", "score_over_gaussian")}})
    return rows


def _outside(tree, p):
    """Share of the cells whose posterior mean lies outside its own recalibrated interval."""
    mean, lower, upper = (tree["posterior_summary"][f"{p}_{key}"].values for key in ("mean", "lower", "upper"))
    known = np.isfinite(mean) & np.isfinite(lower) & np.isfinite(upper)
    return float(np.mean(((mean < lower) | (mean > upper))[known])) if known.any() else 0.0


def beyond(rows, short=False):
    """Sentences on means that their intervals leave out, none where there are few."""
    why = "" if short else ", where the stated prior allows what this kind of ground does not"
    return "".join(f" The mean of {row['name']} lies outside its interval in {100 * row['outside']:.0f} % of the "
                   f"cells{why}: go by the interval." for row in rows if row["outside"] > FEW)


def _lead(rows):
    held = listing(f"{row['held'][0]:.0%} of the cells for {row['name']} (the Gaussian's {row['gaussian_held'][0]:.0%})"
                   .replace("%", "\u00a0%") for row in rows)
    return f"On simulated worlds left out, 90 % intervals hold {held}.{beyond(rows)}"


def _gain(joint):
    """What joint inversion bought, in one sentence."""
    parts = [f"{fixed(100 * (value - 1), 1, sign=True)} ± {fixed(100 * error, 1)}\u00a0% for {row['name']} (against "
             f"{row['survey']} alone)" for row in joint for value, error in [row["score_over_separate"]]]
    return (f"On the same worlds joint inversion changed the interval score by {listing(parts)}; less is better."
            if parts else "")


def without_family(statement, tree):
    """A statement of approximation without the description of the family, which stands in a section of its own."""
    root = read_attributes(tree)
    family = root.get("recalibration_family")
    return statement if not family else statement.replace(
        family, f"“{root['recalibration_name']}”, described under “Intervals on ground”.")


def _bought(row):
    ratio, error = row["score_over_no_data"]
    if ratio + 2 * error < 1:
        gain = f"the data make intervals better by {percent(1 - ratio)} (± {100 * error:.1f} points)"
    elif ratio - 2 * error > 1:
        gain = f"intervals are worse by {percent(ratio - 1)} than what is known without data"
    else:
        gain = "the data bought nothing that these worlds can show"
    return f"{row['name'].capitalize()}: {gain}, in interval score against what the family says by depth alone."


def _others(tree):
    """Rows (family, [(coverage, error, the Gaussian's)], largest share of its data sets that stand out)."""
    seen = tree["recalibration_plausibility"].to_dataset().get("seen")
    variants = [] if seen is None else seen.variant.values
    shares = {plot.family_label(v): float(seen.sel(variant=v).max()) for v in variants}
    return [(label, list(found.values()), shares.get(label)) for label, found in plot.coverage_rows(tree)[1:]]


def _ordinary(tree):
    p = tree["recalibration_plausibility"].to_dataset().p_value
    odd = [f"{m} of {s} (p = {float(p.sel(survey=s, mark=m)):.2g})" for s in p.survey.values for m in p.mark.values
           if float(p.sel(survey=s, mark=m)) <= 0.05]
    if odd:
        return (f"The observed data stand out among the worlds' data by {listing(odd)}; of {p.size} marks "
                f"{0.05 * p.size:.2g} do so by chance. If more of them do, try another family.")
    return (f"None of {p.size} marks of the observed data stands out among the worlds' data. That proves little: such "
            "a look often misses another geometry, and nearly always a wrong contrast.")


def _joint(tree):
    if "recalibration_joint" not in tree.children:
        return []
    found = tree["recalibration_joint"].to_dataset()
    keys = ("score_over_separate", "score_over_no_data", "separate_score_over_no_data")
    rows = [{"name": plain(p), "survey": plain(s), **{key: pair_of(one, key) for key in keys}}
            for p in found.parameter.values for s in found.survey.values for one in [found.sel(parameter=p, survey=s)]]
    return [row for row in rows if np.isfinite(row["score_over_separate"][0])]


def _limits(tree):
    error = float(tree["recalibration_classes"]["tail_error"].max())
    return [
        "They hold for this family, on average over its grounds and cells. In a single ground more or fewer cells are "
        "held, and on ground of another kind other shares.",
        "They are for one cell at a time: not for sums, and not for the strangest of many cells.",
        "Mean, standard deviation and draws are the engine's, as they were.",
        f"The level of each end is known to {100 * error:.1f} points (Monte Carlo, the worst class of cells).",
    ]


def chart_of(tree):
    """Coverage by family."""
    rows = plot.coverage_rows(tree)
    said = "; ".join(f"{label} " + ", ".join(f"{name} {value[0]:.2f}" for name, value in found.items())
                     for label, found in rows)
    return chart(lambda ax: plot.coverage(tree, ax=ax), f"Share of cells that 90 % intervals hold, by family: {said}",
                 max(1.6, 0.9 + 0.3 * len(rows)), left=1.15)


def maps_of(tree):
    """For each property the width of its intervals and where they exclude zero, in a slice and a section."""
    out = []
    for name in plot.mesh_parameters(tree):
        if not plot.has(tree, "posterior_summary", f"{name}_lower"):
            continue
        units = tree["posterior_summary"][f"{name}_mean"].attrs["units"]
        for what, kind, words in (("width", "sequential", "Width of the 90 % interval"),
                                  ("least", "diverging", "Least size within the 90 % interval")):
            out += planes(tree, plot.interval_values(tree, name, what), partial(plot.interval, tree, name, what), kind,
                          f"{words} of {plot.title_of(tree, name)}", units)
    return out
