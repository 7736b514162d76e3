"""What the report says of whether the surveys agree: rows and sentences, all from the tree's own numbers."""

import numpy as np
from scipy.special import ndtri_exp

from .. import plot
from ._figures import aspect_of, chart, limits_of, mapped
from ._questions import group_of, told_of
from ._words import capital as _capital
from ._words import listing, number, plain, readable, signed, span

TESTS, REMEDIES, MATRIX = "agreement", "remedies", "agreement_matrix"
CLOSE, VERY_CLOSE = 0.1, 0.01  # χ²/m below which the report says so: if a remedy halves it; as stated
ROUNDING = 1e-6  # of a figure: smaller errors are not printed


BANDS, PLACES = "agreement_bands_", "agreement_map_"


@told_of(TESTS)
def agreement(tree, found):
    """Verdict, its kind, table of the tests and the surveys that tests object to, or None."""
    rows, at, objected = [], found.attrs, set()
    for k in range(found.sizes["agreement_test"]):
        one = found.isel(agreement_test=k)
        p, error = _known(one["p_value"], one["p_value_error"])
        log_p = float(one["log_p"]) if "log_p" in found else np.nan
        rows.append({"p_value": p, "p_value_error": error, "log_p": log_p, "sigma": _sigma(float(one["sigma"]), log_p),
                     **{key: float(one[key]) for key in ("statistic", "p_adjusted")},
                     **{key: str(one[key].values) for key in ("test", "surveys", "null", "effect", "note")},
                     "detectable": _seen(one), "judged": bool(one["judged"]),
                     "objects": bool(one["judged"]) and float(one["p_adjusted"]) <= at["level"]})
        if rows[-1]["objects"]:
            target = str(one["target"].values) if "target" in one.coords else ""
            objected |= {target} if target else set(rows[-1]["surveys"].split(" and "))
    kind, verdict = str(at.get("kind", "")), readable(_capital(at["verdict"]))
    return {"kind": kind, "verdict": verdict, "rows": rows, "level": float(at["level"]), "objected": objected,
            "headline": f"Do the surveys agree? Verdict: {kind}. {verdict}" if kind else verdict,
            "correction": at["correction"], "sentences": [s for s in at.get("details", "").split("\n") if s]}


def _sigma(sigma, log_p):
    """The two-sided Gaussian equivalent, which a logarithm of p gives where p itself is 0 to rounding."""
    return sigma if np.isfinite(sigma) or not np.isfinite(log_p) else float(-ndtri_exp(log_p - np.log(2)))


def _seen(one):
    """What a test would have seen by itself, and the size after correction for all tests."""
    if "seen" not in one.coords:  # a tree of an earlier version
        return str(one["detectable"].values)
    return "; ".join(filter(None, (str(one[key].values) for key in ("seen", "seen_in_suite"))))


@told_of(MATRIX)
def matrix(tree, found):
    """Bayes ratio and suspiciousness of every pair and of every survey against the rest, or None."""
    names = [str(v) for v in found["survey"].values]
    worse = np.fmin(found["split_p_holm"].values, found["split_p_holm"].values.T)  # of the two ways
    rows = [_pair_row(found.isel(survey=i, other=j), f"{names[i]} and {names[j]}", "") | {"split_p": float(worse[i, j])}
            for i in range(len(names)) for j in range(i + 1, len(names))]
    if "rest_words" in found.coords:
        rows += [_pair_row(found.isel(survey=i), f"{name} and the rest", "rest_") for i, name in enumerate(names)]
    several = len(names) > 2
    return {"rows": rows, "sentences": _beside_verdict(tree, rows), "several": several,
            "correction": found.attrs["correction"],
            "picture": chart(lambda ax: plot.matrix(tree, "suspiciousness", group=MATRIX, ax=ax),
                             "Suspiciousness of every pair of surveys, and of each against the rest") if several
            else None}


def _beside_verdict(tree, rows):
    """What decides the verdict, and why S may say otherwise."""
    suite = group_of(tree, TESTS)
    if suite is None:
        return []
    first = "The verdict rests on the tests above, adjusted for their number; R and S decide nothing in it."
    kind = suite.attrs.get("kind", "")
    alarmed = [row for row in rows if row["p"][0] <= suite.attrs["level"]]
    if kind != "disagree" and alarmed:
        pairs = listing(row["pair"] for row in alarmed)
        return [first, f"S finds {plain(pairs)} in conflict all the same: it takes every misfit with the stated prior "
                       "and noise for one, even that of a single survey, and its p is that of one test alone."]
    if kind == "disagree" and not alarmed:
        return [first, "S finds nothing unusual all the same: it is one number for all that both surveys constrain, "
                       "and a disturbance of one form or at one place may be lost in it."]
    return [first, "S says the same as the verdict."] if kind == "disagree" else [first]


def _pair_row(one, label, before):
    """One pair, or with `before` "rest_" one survey against all others."""
    row = {"pair": label, "words": str(one[f"{before}words"].values), "ratio_p": float(one[f"{before}ratio_p_holm"]),
           "split_p": float(one[f"{before}split_p_holm"])}
    for key, name in (("ratio", "log_bayes_ratio"), ("suspicion", "log_suspiciousness"), ("dof", "dimensionality"),
                      ("p", "suspiciousness_p_value")):
        row[key] = _known(one[f"{before}{name}"], one[f"{before}{name}_error"])
    return row


def agreement_pictures(tree):
    """Bands of wavelength and map of places for every survey of every pair."""
    pictures = []
    for group in sorted(tree.children):
        about = tree[group].attrs
        if group.startswith(BANDS):
            words = f"Residual of {about['survey']} given {about['given']} by wavelength over what agreement expects"
            found = _within_suite(tree, group, "wavelengths")
            pictures.append(chart(lambda ax, f=found: plot.bands(f, ax=ax), words))
        elif group.startswith(PLACES):
            found = _within_suite(tree, group, "places")
            axes = [found[d].values for d in found["anomaly"].dims[1:] if d in found.coords]
            aspect = np.ptp(axes[0]) / np.ptp(axes[1]) if len(axes) == 2 and np.ptp(axes[1]) > 0 else 1.0
            words = f"Where {about['survey']} disagrees with what {about['given']} predicts, in standard deviations"
            title = f"{about['survey']} given {about['given']}\nextra anomaly / its std"
            pictures.append(mapped(lambda ax, cax, f=found, t=title: plot.places(
                f, "anomaly_z", ax=ax, colorbar=cax, title=t), aspect, words))
    return pictures


def _within_suite(tree, group, form):
    """Bands or places whose flags count all tests of the suite and not those of their own picture alone."""
    found, suite = tree[group].to_dataset(), group_of(tree, TESTS)
    if suite is None or "form" not in suite.coords:
        return found
    names = f"{found.attrs['survey']} and {found.attrs['given']}"
    mine = (suite["form"].values == form) & (suite["surveys"].values == names)
    if not mine.any():
        return found
    adjusted, level = float(suite["p_adjusted"].values[mine][0]), float(suite.attrs["level"])
    if "p_holm" in found:
        least = max(float(found["p_holm"].min()), np.finfo(float).tiny)
        p = np.minimum(found["p_holm"] * max(adjusted / least, 1.0), 1.0)
        return found.assign(p_holm=p.assign_attrs(found["p_holm"].attrs),
                            flagged=(p <= level).astype("i1").assign_attrs(found["flagged"].attrs))
    quiet = {key: found[key] * 0 for key in ("flagged", "anomaly_flagged") if adjusted > level and key in found}
    return found.assign({key: value.assign_attrs(found[key].attrs) for key, value in quiet.items()})


@told_of(REMEDIES)
def remedies(tree, found):
    """Table of the remedies and sentences, or None."""
    surveys, parameters = ([str(v) for v in found[dim].values] for dim in ("survey", "parameter"))
    tests = [str(v) for v in found["test"].values] if "test" in found.dims else []
    rows = []
    for label in found["remedy"].values:
        one = found.sel(remedy=label)
        rows.append({
            "name": str(label), "words": str(one["words"].values) if "words" in found.coords else "",
            "chi2": (one["chi2"].values / found["n_data"].values).tolist(), "exponent": one["exponent"].values.tolist(),
            "std_ratio": list(map(_known, one["std_ratio"].values, one["std_ratio_error"].values)),
            "shift": one["shift"].values.tolist(),
            "evidence": _known(one["log_evidence"], one["log_evidence_error"]),
            "p_values": one["p_value"].values.tolist() if tests else []})
    return {"surveys": surveys, "parameters": parameters, "tests": tests, "rows": rows, "heed": found.attrs["heed"],
            "tempered": any(w != 1 for row in rows for w in row["exponent"]),
            "pair": found.attrs.get("pair", ""), "sentences": _chosen(rows),
            "warnings": _warned(rows, surveys, found["n_data"].values),
            "untried": [line for line in found.attrs.get("untried", "").split("\n") if line]}


def _known(value, error):
    """A figure with its error, which is left out where it is rounding."""
    value, error = float(value), float(error)
    return value, error if error > ROUNDING * abs(value) else 0.0


def _chosen(rows):
    """What the evidence says of the remedies."""
    known = [row for row in rows if np.isfinite(row["evidence"][0])]
    if len(known) < 2 or known[0] is not rows[0]:
        return []
    base, best = rows[0]["evidence"][0], max(known, key=lambda row: row["evidence"][0])
    if best is rows[0]:
        return ["No remedy has a higher evidence than the problem as stated."]
    gain, error = best["evidence"][0] - base, float(np.hypot(best["evidence"][1], rows[0]["evidence"][1]))
    within = f" ± {number(error, 2)}" if error > 0 else ""
    return [f"By the evidence the data ask most for “{best['name']}”: {signed(gain)}{within} nats against the "
            "problem as stated."]


def _warned(rows, surveys, counts):
    """What is odd about the fit as stated and under each remedy: data taken for far better, or left worse."""
    close = ("the stated noise hardly shows in what is left, as where a grid was interpolated or filtered and the "
             "model follows it. A higher evidence does not make that right.")
    said = [f"As stated χ²/m of {name} is {number(chi2, 2)}: {close}"
            for name, chi2 in zip(surveys, rows[0]["chi2"], strict=True) if chi2 < VERY_CLOSE]
    for row in rows[1:]:
        for name, new, old, count in zip(surveys, row["chi2"], rows[0]["chi2"], counts, strict=True):
            told = f"Under “{row['name']}” χ²/m of {name} is {number(new, 2)} (as stated {number(old, 2)}):"
            if new < min(CLOSE, 0.5 * old):
                said.append(f"{told} {close}")
            elif new > 1 + 3 * np.sqrt(2 / count) and new > 1.5 * old:
                said.append(f"{told} it is no longer fitted to the noise that is stated.")
    return said


def remedy_pictures(tree):
    """The mean under every remedy in one slice, all on one scale, for each property."""
    found = group_of(tree, REMEDIES)
    if found is None:
        return []
    pictures = []
    for name in plot.mesh_parameters(tree):
        if f"{name}_mean" not in found:
            continue
        values, mesh = found[f"{name}_mean"], plot.mesh_of(tree)
        base, units, limits = values.isel(remedy=0).values, values.attrs["units"], limits_of("diverging", values.values)
        depth = float(mesh.depth[np.unravel_index(np.nanargmax(np.abs(base)), base.shape)[0]])
        for label in found["remedy"].values:
            field = values.sel(remedy=label).values
            section = plot.cut(field, f"{name}: {label}", mesh=mesh, units=units, depth=depth)
            pictures.append(mapped(
                lambda ax, cax, s=section, at=limits: plot.draw_section(s, "", "diverging", ax, at, cax),
                aspect_of(section), f"Posterior mean of {name} {label}, {section.place}: {span(field, units)}"))
    return pictures
