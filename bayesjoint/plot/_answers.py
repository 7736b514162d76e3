"""Maps and profiles of what diagnostics and functionals answered, cell by cell."""

import numpy as np

from .._checks import fail, one_of
from ..mesh import Mesh
from ._fields import cut, group_named, is_tree, mesh_of
from ._maps import draw_section, edges, map_of
from ._style import COLOURS, colour_bar, length_scale, new_axes, with_units

KINDS = ("sequential", "diverging", "ratio")


def cells(source, variable, group=None, *, ax=None, kind="sequential", depth=None, northing=None, easting=None,
          limits=None, colorbar=True, title=None):
    """Draw a slice or section of any variable that has one value a cell.

    Parameters
    ----------
    source : xarray.DataTree or xarray.Dataset
        Result tree (then `group` says where), or what a diagnostic returned.
    variable : str
        Its name, such as ``density_diagonal``.
    group : str, optional
        Group of a tree.
    ax : matplotlib.axes.Axes, optional
        Where to draw; default new axes.
    kind : {"sequential", "diverging", "ratio"}, default "sequential"
        Colours: diverging is centred on 0, ratio on 1.
    depth, northing, easting, limits, colorbar
        As in `model`. A dataset knows cell centres only: its outer edges are taken half a cell beyond them.
    title : str, optional
        Heading; default the variable's own words.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there is no such variable, or it has not one value a cell.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> from matplotlib.figure import Figure
    >>> mesh = bj.Mesh.regular((1, 2, 2), (100.0, 100.0, 100.0))
    >>> density = bj.Parameter("density", mesh, prior=bj.Matern(std=10.0, range=50.0))
    >>> field = bj.Modality("mean", [[0.25] * 4], [8.0], bj.DiagonalNoise([0.1]), "density")
    >>> found = bj.resolution(bj.posterior(bj.JointProblem([density], [field])))
    >>> cells(found, "density_diagonal", ax=Figure().add_subplot()).get_xlabel()
    'easting (m)'
    """
    one_of("kind", kind, KINDS)
    array, mesh = _variable(source, variable, group), None
    if array.dims != Mesh.dims:
        fail("variable", f"have the dims {Mesh.dims}", f"{variable!r} with {array.dims}", "Plot it with Matplotlib.")
    mesh = mesh_of(source) if is_tree(source) else Mesh(*(edges(array[d].values)
                                                          for d in ("easting", "northing", "upward")))
    section = cut(array.values, title or array.attrs["long_name"], mesh=mesh, units=array.attrs["units"], depth=depth,
                  northing=northing, easting=easting)
    return draw_section(section, "", kind, new_axes(ax), limits, colorbar)


def columns(source, variable, group=None, *, ax=None, limits=None, colorbar=True, title=None):
    """Map a variable that has one value a column of cells.

    Parameters
    ----------
    source, variable, group, ax, limits, colorbar, title
        As in `cells`.

    Returns
    -------
    matplotlib.axes.Axes
    """
    array = _variable(source, variable, group)
    if array.dims != Mesh.dims[1:]:
        fail("variable", f"have the dims {Mesh.dims[1:]}", f"{variable!r} with {array.dims}", "Plot it otherwise.")
    north, east = (array[d].values for d in array.dims)
    ax = new_axes(ax)
    drawn, _ = map_of(ax, east, north, array.values, "sequential", limits)
    ax.set_title(title or array.attrs["long_name"])
    colour_bar(ax, drawn, with_units("", array.attrs["units"]).strip(" ()"), array.values, colorbar)
    return ax


def layers(source, variables, group=None, *, ax=None, labels=None, xlabel=None, title=None):
    """Draw variables that have one value a layer against depth, with two standard errors where these are known.

    Parameters
    ----------
    source, group, ax, title
        As in `cells`; depth is counted from the top of a tree's mesh, or from the uppermost cell centre of a dataset.
    variables : str or list of str
        Such as ``density_diagonal_profile``; their errors are found by name.
    labels : list of str, optional
        For the legend.
    xlabel : str, optional
        Default the first variable's words.

    Returns
    -------
    matplotlib.axes.Axes
    """
    variables = [variables] if isinstance(variables, str) else list(variables)
    held = group_named(source, group) if is_tree(source) else source
    arrays = [_variable(source, name, group, "variables") for name in variables]
    if len(variables if labels is None else labels) != len(variables):
        fail("labels", f"be {len(variables)}, one for each variable", f"{len(labels)}", "Leave it out for their names.")
    for name, array in zip(variables, arrays, strict=True):
        if array.dims != ("upward",):
            fail("variables", "have one value a layer", f"{name!r} with {array.dims}", "Pass ..._profile variables.")
    up = arrays[0]["upward"].values
    top, bottom = mesh_of(source).upward_edges[[-1, 0]] if is_tree(source) else (up.max(), up.min())
    divisor, unit = length_scale(np.array([top, bottom]))
    ax = new_axes(ax)
    words, scale = xlabel or arrays[0].attrs["long_name"], 1.0
    if arrays[0].attrs["units"] == "m":
        scale, shown = length_scale(arrays[0].values[np.isfinite(arrays[0].values)])
        words = f"{words} ({shown})"
    for k, (name, array) in enumerate(zip(variables, arrays, strict=True)):
        label = str(labels[k]) if labels is not None else (name.replace("_", " ") if len(variables) > 1 else None)
        depth, values = (top - up) / divisor, array.values / scale
        ax.plot(values, depth, "o-", ms=3, color=COLOURS[k], label=label)
        error = held.get(f"{name}_error")
        if error is not None and np.nanmax(error) > 0:
            ax.fill_betweenx(depth, values - 2 * error / scale, values + 2 * error / scale, color=COLOURS[k],
                             alpha=0.15, lw=0)
    ax.set(xlabel=words, ylabel=f"depth ({unit})", ylim=((top - bottom) / divisor, 0), title=title or "")
    ax.set_xlim(left=0)
    if labels is not None or len(variables) > 1:
        ax.legend(frameon=False, fontsize="small", loc="best")
    return ax


def _variable(source, name, group, argument="variable"):
    if is_tree(source):
        source = group_named(source, group)
    if not getattr(source, "data_vars", None):
        fail("source", "be a result tree or what a diagnostic gave", type(source).__name__, "See `cells`.", TypeError)
    return source[one_of(argument, name, sorted(source.data_vars))]
