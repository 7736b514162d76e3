"""What the report says of the diagnostics that a tree holds: rows and sentences, all from their own numbers."""

from functools import wraps

import numpy as np
from scipy.special import ndtri

from .. import plot
from ._words import listing, number, percent, plain, quantity

SAMPLED = "The posterior is known by Markov chains alone: these figures carry a Monte Carlo error that is not known."
NUMBERS = ("presence", "mean", "mean_error", "std", "std_error", "lower", "upper", "gaussian_lower", "gaussian_upper",
           "mean_closed_form", "std_closed_form")  # of a quantity, as far as the tree holds them
LEAKS = 1e-3  # share of the prior std below which a leak is not worth a picture


def group_of(tree, name):
    """A group as a dataset, or None."""
    return tree[name].to_dataset() if name in tree.children else None


def told_of(group):
    """Decorator of what is said of one group: given the tree and the group's dataset; None where there is none."""
    def decorate(say):
        @wraps(say)
        def said(tree):
            found = group_of(tree, group)
            return None if found is None else say(tree, found)
        return said
    return decorate


def numbers_of(found, keys):
    """{key: number} of variables without dimensions."""
    return {key: float(found[key]) for key in keys}


def pair_of(found, key, **at):
    """(value, error) of a figure at a place."""
    return tuple(float(found[f"{key}{end}"].sel(**at)) for end in ("", "_error"))


def quantity_rows(tree):
    """Scalar functionals: mean, std and interval with Monte Carlo errors."""
    rows = []
    for group in sorted(g for g in tree.children if g.startswith("functionals")):
        found = group_of(tree, group)
        for variable in found.data_vars:
            name = variable.removesuffix("_mean")
            if variable.endswith("_mean") and found[variable].ndim == 0 and f"{name}_std" in found:
                rows.append(_quantity_row(found, name))
    return rows


def _quantity_row(found, name):
    words = found[f"{name}_mean"].attrs["long_name"].removeprefix("posterior mean of ").removeprefix("the ")
    row = {"name": words, "units": plot.pretty(found[f"{name}_mean"].attrs["units"]), "interval": "", "source": "",
           **{key: float(found[f"{name}_{key}"]) if f"{name}_{key}" in found else None for key in NUMBERS}}
    end = found.get(f"{name}_lower")
    if end is None:
        return row
    if row["std_closed_form"] is not None and "worlds" not in end.attrs:  # a Gaussian's needs no draws
        reach = float(ndtri(0.5 + 0.5 * float(end.attrs["probability"]))) * row["std_closed_form"]
        row |= {"lower": row["mean_closed_form"] - reach, "upper": row["mean_closed_form"] + reach}
        source = "closed form"
    else:
        source = _source(found, end)
    return row | {"interval": f"{percent(end.attrs['probability'])} {end.attrs['kind']} interval", "source": source}


def _source(found, end):
    """What an interval was read off."""
    return f"{end.attrs['worlds']} worlds" if "worlds" in end.attrs else (
        f"{int(found.attrs['draws_per_chain']) * int(found.attrs['chains'])} {found.attrs['draws_are']} draws")


def exceedances(tree):
    """(group, variable, words) of the maps of exceedance probability."""
    return [(group, name, tree[group][name].attrs["long_name"]) for group in sorted(tree.children)
            if group.startswith("functionals") for name, v in tree[group].data_vars.items()
            if name.endswith("_exceedance") and v.ndim == 3]


def tops(tree):
    """Groups that hold a depth to the top below every column."""
    return [group for group in sorted(tree.children) if plot.has(tree, group, "column_depth_mean")]


def resolved(tree):
    """Sentences on how much of the ground comes through."""
    found, out = group_of(tree, "resolution"), []
    for name in plot.mesh_parameters(tree) if found is not None else ():
        if f"{name}_diagonal" not in found:
            continue
        freedom, error = pair_of(found, f"{name}_degrees_of_freedom")
        profile = found[f"{name}_diagonal_profile"].values
        top = np.flatnonzero(np.isfinite(profile))[-1]  # of the layers with ground in them
        spread = [found[f"{name}_spread_{axis}_profile"].values[top] for axis in ("horizontal", "vertical")]
        within = f" (± {number(error, 2)})" if error > 0 else ""
        cells = int(found[f"{name}_diagonal"].count())
        text = (f"{plot.title_of(tree, name).capitalize()}: of {number(cells)} cells the data "
                f"fix {number(freedom)} degrees of freedom{within}. Of a cell's true deviation from the prior "
                f"{percent(float(profile[0]))} comes through in the bottom layer and {percent(float(profile[top]))} in "
                "the top layer")
        if np.isfinite(spread).all():
            wide, high = (_metres(value) for value in spread)
            text += f", where a cell shows an average of the ground within about {wide} sideways and {high} up or down"
        out.append(f"{text}.")
    return out + ([SAMPLED] if out and "sampled" in found.attrs else [])


def _metres(value):
    divisor, unit = plot.length_scale(np.array([value]))
    return quantity(float(value) / divisor, unit, 2)


@told_of("leakage")
def leaks(tree, found):
    """(names, rows of the table, sentences, pairs worth a picture) of the leakage, or None."""
    names = [str(n) for n in found["estimated"].values]
    cells = [[pair_of(found, "rms", estimated=p, true=q) for q in names] for p in names]
    of_prior = found.attrs.get("truth", "prior") == "prior"
    sentences, pairs = [], []
    for i, p in enumerate(names):
        for j, q in enumerate(names):
            if i == j or cells[i][j][0] < LEAKS or not of_prior:
                continue
            pairs.append((p, q))
            ground, cellwise = q in plot.mesh_parameters(tree), p in plot.mesh_parameters(tree)
            what = f"A ground in which {plain(q)} alone deviates" if ground else f"A {plain(q)} that deviates"
            sentences.append(f"{what} as its prior expects shows up in the estimate of {plain(p)} as "
                             f"{percent(cells[i][j][0])} of the latter's prior standard deviation (rms over "
                             f"{'cells' if cellwise else 'coefficients'}).")
    if of_prior and not sentences and len(names) > 1:
        sentences.append("No property shows up in the estimate of another.")
    if "sampled" in found.attrs:
        sentences.append(SAMPLED)
    return {"names": names, "rows": list(zip(names, cells, strict=True)), "sentences": sentences, "pairs": pairs,
            "of_prior": of_prior}


@told_of("identifiability")
def information(tree, found):
    """Rows and sentences on what each survey tells, or None."""
    names = [str(n) for n in found["modality"].values]
    keys = ("information", "degrees_of_freedom")
    rows = [{"name": plain(n), **{k: pair_of(found, k, modality=n) for k in keys}} for n in names]
    rows.append({"name": "all together", **{k: pair_of(found, f"{k}_joint") for k in keys}})
    sentences = []
    if len(names) > 1:
        total = float(found["redundancy"])
        share = total / max(float(found["information"].sum()), 1e-300)
        repeats = "none of it" if share < 1e-3 else f"{number(total)} bits ({percent(share)}) of it"
        sentences.append(f"Together the surveys hold {number(float(found['information_joint']))} bits about the model; "
                         f"they tell {repeats} twice.")
    if "target_synergy" in found:
        bits = float(found["target_synergy"])
        words = "more together than apart" if bits > 0 else "less together than the sum of each alone"
        sentences.append(f"About the target they are worth {number(abs(bits))} bits {words}.")
    return {"rows": rows, "sentences": sentences}


@told_of("comparison")
def bought(tree, found):
    """Rows and sentences on what the joint inversion bought and cost, or None."""
    shares = ("median_ratio", "helped", "unchanged", "harmed", "undecided")
    rows = [{"name": plain(p), "survey": plain(s), **numbers_of(found.sel(parameter=p, survey=s), shares)}
            for p in found["parameter"].values for s in found["survey"].values]
    prices = [{"name": plain(s), **numbers_of(found.sel(survey=s), (
        "chi2_joint", "chi2_separate", "price", "price_expected"))} for s in found["survey"].values]
    sentences = []
    for name in plot.mesh_parameters(tree):
        if f"{name}_joint_over_fused" in found:
            ratio = number(float(np.nanmedian(found[f"{name}_joint_over_fused"].values)))
            sentences.append(f"Against the baseline of fusing the separate results cell by cell, the joint standard "
                             f"deviation of {plot.title_of(tree, name)} is {ratio} of the rms error that such a fusion "
                             "makes (median cell), if the joint problem is right.")
    rows = [row for row in rows if np.isfinite(row["median_ratio"])]
    return {"rows": rows, "prices": prices, "sentences": sentences, "helped_below": found.attrs["helped_below"]}


@told_of("calibration")
def calibrated(tree, found):
    """Rows, band and verdict of the calibration, or None."""
    levels = [float(q) for q in found["probability"].values]
    rows = []
    for name in found["functional"].values:
        one = found.sel(functional=name)
        rows.append({"name": plain(name), "p": float(one["p_value"]), "flagged": bool(one["flagged"]),
                     "coverage": list(zip(one["coverage"].values, one["coverage_closed_form"].values, strict=True))})
    bands = list(zip(found["coverage_lower"].values, found["coverage_upper"].values, strict=True))
    wrong = [row["name"] for row in rows if row["flagged"]]
    words = (f"In {int(found.attrs['simulations'])} simulated surveys, with truths drawn from the prior, the "
             f"{found.attrs['engine']} engine's intervals held the truth as often as they say, and ranks were uniform."
             if not wrong else
             f"Do not trust this engine's intervals on this problem: in {int(found.attrs['simulations'])} simulated "
             f"surveys they failed for {listing(wrong)}.")
    return {"rows": rows, "levels": levels, "bands": bands, "words": words,
            "draws": int(found.attrs["draws"]), "kind": found.attrs["kind"], "level": float(found.attrs["band_level"])}
