"""Maps of intervals, and how often they hold on simulated ground of several kinds."""

from dataclasses import replace

import numpy as np

from .._checks import fail, one_of
from ._fields import cut, has, mesh_of, mesh_parameters, title_of
from ._maps import draw_section
from ._style import COLOURS, new_axes, plain_tick

WHAT = {"width": "sequential", "least": "diverging"}


def interval(source, name=None, what="width", *, ax=None, depth=None, northing=None, easting=None, limits=None,
             colorbar=True):
    """Draw a slice or section of the intervals of a property: recalibrated ones where the tree has them.

    Parameters
    ----------
    source : xarray.DataTree
        From `to_datatree`.
    name : str, optional
        Parameter; default the first.
    what : {"width", "least"}, default "width"
        The width, or the least departure from zero that the interval allows: 0 where it holds zero, else its nearer
        end.
    ax, depth, northing, easting, limits, colorbar
        As in `model`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the tree holds no interval of that parameter.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> from matplotlib.figure import Figure
    >>> mesh = bj.Mesh.regular((1, 2, 2), (100.0, 100.0, 100.0))
    >>> density = bj.Parameter("density", mesh, prior=bj.Matern(std=10.0, range=50.0))
    >>> field = bj.Modality("mean", [[0.25] * 4], [8.0], bj.DiagonalNoise([0.1]), "density")
    >>> tree = bj.posterior(bj.JointProblem([density], [field])).to_datatree()
    >>> interval(tree, what="least", ax=Figure().add_subplot()).get_ylabel()
    'northing (m)'
    """
    one_of("what", what, tuple(WHAT))
    name = one_of("name", name if name is not None else mesh_parameters(source)[0], mesh_parameters(source))
    section = cut(interval_values(source, name, what), title_of(source, name), mesh=mesh_of(source),
                  units=source["posterior_summary"][f"{name}_mean"].attrs["units"], depth=depth, northing=northing,
                  easting=easting)
    share = f"{source['posterior_summary'][f'{name}_lower'].attrs['probability']:.0%}".replace("%", " %")
    words = f"{share} width" if what == "width" else f"{share}, at least"
    section = replace(section, kind=WHAT[what])
    return draw_section(section, words, section.kind, new_axes(ax), limits, colorbar)


def interval_values(tree, name, what="width"):
    """Width of every cell's interval, or its end nearer to zero where it does not hold zero; NaN in air."""
    if not has(tree, "posterior_summary", f"{name}_lower"):
        fail("source", f"hold intervals of {name!r}", "none", "Make the tree by post.to_datatree().")
    lower, upper = (tree["posterior_summary"][f"{name}_{side}"].values for side in ("lower", "upper"))
    if what == "width":
        return upper - lower
    return np.where(lower > 0, lower, np.where(upper < 0, upper, np.where(np.isnan(lower), np.nan, 0.0)))


def coverage(source, *, ax=None):
    """How often 90 % intervals hold on worlds left out, and on ground of other families.

    Filled: recalibrated, with two standard errors over worlds; hollow: the engine's own.

    Parameters
    ----------
    source : xarray.DataTree
        With what `recalibrate` found.
    ax : matplotlib.axes.Axes, optional
        Where to draw; default new axes.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the posterior was not recalibrated.
    """
    if "recalibration" not in source.children:
        fail("source", "hold a recalibration", "none", "Make the tree of bj.recalibrate(post, geology).")
    ax, rows = new_axes(ax), coverage_rows(source)
    labels, names = [label for label, _ in rows], list(rows[0][1])
    for k, name in enumerate(names):
        value, error, plain = np.array([found[name] for _, found in rows]).T
        y = np.arange(len(rows)) + 0.3 * (k - 0.5 * (len(names) - 1))
        ax.plot(plain, y, "o", ms=4, mfc="none", mec=COLOURS[k % 6], mew=0.8)
        ax.errorbar(value, y, xerr=2 * error, fmt="o", ms=4, lw=0.9, color=COLOURS[k % 6], label=name.replace("_", " "))
    ax.axvline(0.9, color="0.3", lw=0.8, ls="--", zorder=0)
    ax.set(yticks=np.arange(len(labels)), yticklabels=labels, ylim=(len(labels) - 0.4, -0.6), xlim=(None, 1.01),
           xlabel="share of cells held", title="90 % intervals on simulated ground")
    ax.xaxis.set_major_formatter(plain_tick)
    ax.legend(frameon=False, fontsize="small", loc="lower left", handletextpad=0.2)
    return ax


def coverage_rows(tree):
    """[(family, {property: (coverage, its error, that of the engine's own)})] of 90 % intervals, own family first."""
    own = tree["recalibration"].to_dataset().sel(probability=0.9)
    rows = [("own family", {str(p): (float(own.coverage.sel(parameter=p, kind="recalibrated")),
                                     float(own.coverage_error.sel(parameter=p, kind="recalibrated")),
                                     float(own.coverage.sel(parameter=p, kind="gaussian")))
                            for p in own.parameter.values})]
    if "recalibration_sensitivity" in tree.children:
        found = tree["recalibration_sensitivity"].to_dataset()
        rows += [(family_label(v), {
            str(p): tuple(float(found[k].sel(variant=v, parameter=p)) for k in (
                "coverage", "coverage_error", "gaussian_coverage")) for p in found.parameter.values})
            for v in found.variant.values]
    return rows


def family_label(variant):
    """A family's name as a reader wants it.

    Examples
    --------
    >>> family_label("contrasts x 1.4"), family_label("foreign: layers")
    ('contrasts × 1.4', 'layers')
    """
    return str(variant).replace(" x ", " × ").removeprefix("foreign: ")
