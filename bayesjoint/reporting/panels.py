"""Pictures of diagnostics and functionals for the report."""

import numpy as np

from .. import plot
from ..plot.fields import cut, has, mesh_of, mesh_parameters
from ..plot.style import norm_for
from . import questions
from .figures import aspect_of, chart, mapped
from .words import number, percent


def cell_pictures(tree, group, variable, words, kind="sequential", depth=None):
    """A slice and a section of a variable that has one value a cell, on one scale."""
    best, mesh, values = plot.best_sections(tree), mesh_of(tree), tree[group][variable].values
    if not np.isfinite(values).any():
        return []
    norm, out = norm_for(kind, values), []
    for plane in ({"depth": best["depth"] if depth is None else depth}, {"northing": best["northing"]}):
        section = cut(values, mesh=mesh, **plane)
        alt = f"{words}, {section.place}; over the mesh {number(np.nanmin(values))} to {number(np.nanmax(values))}"
        out.append(mapped(lambda ax, cax, at=plane: plot.cells(
            tree, variable, group, ax=ax, kind=kind, limits=(norm.vmin, norm.vmax), colorbar=cax, title=words, **at),
            aspect_of(section), alt))
    return out


def resolution_pictures(tree):
    """Diagonal of the resolution matrix of every property, and its profile and spreads by depth."""
    if "resolution" not in tree.children:
        return []
    names = [n for n in mesh_parameters(tree) if has(tree, "resolution", f"{n}_diagonal")]
    pictures = []
    for name in names:
        pictures += cell_pictures(tree, "resolution", f"{name}_diagonal", f"{name}: resolution",
                                  depth=float(mesh_of(tree).depth[-1]))
    if names:
        pictures.append(chart(lambda ax: plot.layers(
            tree, [f"{n}_diagonal_profile" for n in names], "resolution", ax=ax, labels=[_short(n) for n in names],
            xlabel="mean resolution of the layer"), "Mean resolution of each layer by depth", 2.6))
        pictures.append(chart(lambda ax: plot.layers(
            tree, [f"{n}_spread_{a}_profile" for n in names for a in ("horizontal", "vertical")], "resolution", ax=ax,
            labels=[f"{_short(n)}, {a}" for n in names for a in ("sideways", "up")],
            xlabel="rms width of what a cell shows"), "Width of averaging kernels by depth", 2.6))
    return pictures


def leakage_pictures(tree, pairs):
    """Slices of what one property causes in the estimate of another."""
    cellwise = [(p, q) for p, q in pairs if p in mesh_parameters(tree) and has(tree, "leakage", f"{p}_from_{q}")]
    return [picture for p, q in cellwise for picture in
            cell_pictures(tree, "leakage", f"{p}_from_{q}", f"{_short(p)} caused by {_short(q)}")]


def comparison_pictures(tree):
    """Joint std over the rms error of the fused separate results."""
    return [picture for name in mesh_parameters(tree) if has(tree, "comparison", f"{name}_joint_over_fused")
            for picture in cell_pictures(tree, "comparison", f"{name}_joint_over_fused",
                                         f"{_short(name)}: joint std / error of fusion", "ratio")]


def functional_pictures(tree):
    """Exceedance maps, and depth to the top below every column."""
    pictures = []
    for group, variable, _ in questions.exceedances(tree):
        name = variable.removesuffix("_exceedance")
        at = tree[group][variable].attrs["threshold"]
        pictures += cell_pictures(tree, group, variable, f"P({_short(name)} > {number(float(at))})")
    for group in questions.tops(tree):
        mesh = mesh_of(tree)
        aspect = np.ptp(mesh.northing_edges) / np.ptp(mesh.easting_edges)
        at = tree[group].attrs
        body = f"{at['parameter']} > {number(float(at['threshold']))}"
        for variable, words in (("column_presence", f"P(some {body} below)"),
                                ("column_depth_mean", f"depth to {body}")):
            values = tree[group][variable].values
            if np.isfinite(values).any():
                pictures.append(mapped(lambda ax, cax, g=group, v=variable, w=words: plot.columns(
                    tree, v, g, ax=ax, colorbar=cax, title=w), aspect,
                    f"{words}: {number(np.nanmin(values))} to {number(np.nanmax(values))}"))
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


def _short(name):
    return name.replace("_", " ")

