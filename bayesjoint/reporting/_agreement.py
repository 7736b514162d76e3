"""What the report says of whether the surveys agree: rows and sentences, all from the tree's own numbers."""

import numpy as np

from .. import plot
from ._figures import aspect_of, chart, limits_of, mapped
from ._questions import group_of
from ._words import number, signed, span

TESTS, REMEDIES, MATRIX = "agreement", "remedies", "agreement_matrix"
ROUNDING = 1e-6  # of a figure: smaller errors are not printed


BANDS, PLACES = "agreement_bands_", "agreement_map_"


def agreement(tree):
    """Verdict and table of the tests, or None."""
    found = group_of(tree, TESTS)
    if found is None:
        return None
    rows = []
    for k in range(found.sizes["agreement_test"]):
        one = found.isel(agreement_test=k)
        p, error = _known(one["p_value"], one["p_value_error"])
        rows.append({"p_value": p, "p_value_error": error,
                     **{key: float(one[key]) for key in ("statistic", "p_adjusted", "sigma")},
                     **{key: str(one[key].values) for key in ("test", "surveys", "null", "effect", "note")},
                     "detectable": _seen(one), "judged": bool(one["judged"])})
    at = found.attrs
    return {"verdict": at["verdict"][:1].upper() + at["verdict"][1:], "rows": rows, "level": float(at["level"]),
            "correction": at["correction"], "sentences": [s for s in at.get("details", "").split("\n") if s]}


def _seen(one):
    """What a test would have seen by itself, and the size after correction for all tests."""
    if "seen" not in one.coords:  # a tree of an earlier version
        return str(one["detectable"].values)
    return "; ".join(filter(None, (str(one[key].values) for key in ("seen", "seen_in_suite"))))


def matrix(tree):
    """Bayes ratio and suspiciousness of every pair and of every survey against the rest, or None."""
    found = group_of(tree, MATRIX)
    if found is None:
        return None
    names = [str(v) for v in found["survey"].values]
    worse = np.fmin(found["split_p_holm"].values, found["split_p_holm"].values.T)  # of the two ways
    rows = [_pair_row(found.isel(survey=i, other=j), f"{names[i]} and {names[j]}", "") | {"split_p": float(worse[i, j])}
            for i in range(len(names)) for j in range(i + 1, len(names))]
    if "rest_words" in found.coords:
        rows += [_pair_row(found.isel(survey=i), f"{name} and the rest", "rest_") for i, name in enumerate(names)]
    several = len(names) > 2
    return {"rows": rows, "several": several, "correction": found.attrs["correction"],
            "picture": chart(lambda ax: plot.matrix(tree, "suspiciousness", group=MATRIX, ax=ax),
                             "Suspiciousness of every pair of surveys, and of each against the rest") if several
            else None}


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
            pictures.append(chart(lambda ax, g=group: plot.bands(tree, group=g, ax=ax), words))
        elif group.startswith(PLACES):
            found = tree[group].to_dataset()
            axes = [found[d].values for d in found["anomaly"].dims[1:] if d in found.coords]
            aspect = np.ptp(axes[0]) / np.ptp(axes[1]) if len(axes) == 2 and np.ptp(axes[1]) > 0 else 1.0
            words = f"Where {about['survey']} disagrees with what {about['given']} predicts, in standard deviations"
            title = f"{about['survey']} given {about['given']}\nextra anomaly / its std"
            pictures.append(mapped(lambda ax, cax, g=group, t=title: plot.places(
                tree, "anomaly_z", group=g, ax=ax, colorbar=cax, title=t), aspect, words))
    return pictures


def remedies(tree):
    """Table of the remedies and sentences, or None."""
    found = group_of(tree, REMEDIES)
    if found is None:
        return None
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
            "pair": found.attrs.get("pair", ""), "sentences": _chosen(rows),
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
