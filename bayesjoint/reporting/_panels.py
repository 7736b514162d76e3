"""Pictures of diagnostics and functionals for the report."""

from functools import partial

import numpy as np

from .. import plot
from . import _questions as questions
from ._figures import chart, mapped, planes
from ._words import number, percent, plain, span


def cell_pictures(tree, group, variable, words, kind="sequential", depth=None):
    """A slice and a section of a variable that has one value a cell, on one scale."""
    draw = partial(plot.cells, tree, variable, group, kind=kind, title=words)
    return planes(tree, tree[group][variable].values, draw, kind, words, depth=depth)


def resolution_pictures(tree):
    """Diagonal of the resolution matrix of every property, and its profile and spreads by depth."""
    names = [n for n in plot.mesh_parameters(tree) if plot.has(tree, "resolution", f"{n}_diagonal")]
    pictures = []
    for name in names:
        pictures += cell_pictures(tree, "resolution", f"{name}_diagonal", f"{name}: resolution",
                                  depth=float(plot.mesh_of(tree).depth[-1]))
    if names:
        pictures.append(chart(lambda ax: plot.layers(
            tree, [f"{n}_diagonal_profile" for n in names], "resolution", ax=ax, labels=[plain(n) for n in names],
            xlabel="mean resolution of the layer"), "Mean resolution of each layer by depth", 2.6))
        pictures.append(chart(lambda ax: plot.layers(
            tree, [f"{n}_spread_{a}_profile" for n in names for a in ("horizontal", "vertical")], "resolution", ax=ax,
            labels=[f"{plain(n)}, {a}" for n in names for a in ("sideways", "up")],
            xlabel="rms width of what a cell shows"), "Width of averaging kernels by depth", 2.6))
    return pictures


def leakage_pictures(tree, pairs):
    """Slices of what one property causes in the estimate of another."""
    names = plot.mesh_parameters(tree)
    return [picture for p, q in pairs if p in names and plot.has(tree, "leakage", f"{p}_from_{q}") for picture in
            cell_pictures(tree, "leakage", f"{p}_from_{q}", f"{plain(p)} caused by {plain(q)}")]


def comparison_pictures(tree):
    """Joint std over the rms error of the fused separate results."""
    return [picture for name in plot.mesh_parameters(tree) if plot.has(tree, "comparison", f"{name}_joint_over_fused")
            for picture in cell_pictures(tree, "comparison", f"{name}_joint_over_fused",
                                         f"{plain(name)}: joint std / error of fusion", "ratio")]


def functional_pictures(tree):
    """Exceedance maps, and depth to the top below every column."""
    pictures = []
    for group, variable, _ in questions.exceedances(tree):
        name = variable.removesuffix("_exceedance")
        at = tree[group][variable].attrs["threshold"]
        pictures += cell_pictures(tree, group, variable, f"P({plain(name)} > {number(float(at))})")
    for group in questions.tops(tree):
        mesh = plot.mesh_of(tree)
        aspect = np.ptp(mesh.northing_edges) / np.ptp(mesh.easting_edges)
        at = tree[group].attrs
        body = f"{at['parameter']} > {number(float(at['threshold']))}"
        for variable, words in (("column_presence", f"P(some {body} below)"),
                                ("column_depth_mean", f"depth to {body}")):
            values = tree[group][variable].values
            if np.isfinite(values).any():
                pictures.append(mapped(lambda ax, cax, g=group, v=variable, w=words: plot.columns(
                    tree, v, g, ax=ax, colorbar=cax, title=w), aspect,
                    f"{words}: {span(values)}"))
    return pictures


def calibration_pictures(tree):
    """ECDF of all functionals, ranks of the worst."""
    if "calibration" not in tree.children:
        return []
    flagged = float(tree["calibration"]["flagged"].mean())
    return [chart(lambda ax: plot.ecdf(tree, ax=ax), f"ECDF of ranks less uniform, with the simultaneous band; "
                  f"{percent(flagged)} of the functionals flagged"),
            chart(lambda ax: plot.ranks(tree, ax=ax), "Histogram of ranks of the functional with the smallest p-value")]


def pictures_of(tree):
    """{section: pictures} for every diagnostic the tree holds."""
    leaked = questions.leaks(tree)
    return {"functionals": functional_pictures(tree), "resolution": resolution_pictures(tree),
            "leakage": leakage_pictures(tree, leaked["pairs"]) if leaked else [],
            "comparison": comparison_pictures(tree), "calibration": calibration_pictures(tree)}
