"""Maps of data, slices and sections of models, and joint against separate."""

from dataclasses import replace

import numpy as np

from .._checks import as_finite, one_of
from ._fields import cut, data_field, is_tree, labels_of, mesh_of, mesh_parameters
from ._style import colour_bar, colours_for, kind_of_data, length_scale, new_axes, norm_for, painted, with_units

_WORDS = {"observed": "observed", "predicted": "predicted", "residual": "observed − predicted",
          "standardized": "residual / noise std", "noise_std": "noise std", "predicted_std": "std of the prediction",
          "mean": "mean", "std": "standard deviation", "prior_mean": "prior mean", "prior_std": "prior std",
          "mean_error": "error of the mean", "std_error": "error of the std", "draw": "one draw"}


def data(source, name=None, what="observed", *, ax=None, easting=None, northing=None, units="1", level=0, limits=None,
         colorbar=True):
    """Map data, predictions or residuals.

    Parameters
    ----------
    source : xarray.DataTree, Survey or array_like
        Result tree; a survey; or values on a lattice (n_northing, n_easting) or at stations (n,).
    name : str, optional
        Modality of a tree (default the first), or a label.
    what : {"observed", "predicted", "residual", "standardized", "noise_std", "predicted_std"}, default "observed"
        ``standardized`` is the residual divided by the noise standard deviation.
    ax : matplotlib.axes.Axes, optional
        Where to draw; default new axes.
    easting, northing : array_like, optional
        Coordinates in metres, with an array.
    units : str, default "1"
        Units of an array.
    level : int, default 0
        Which height, for data at several heights.
    limits : (low, high), optional
        Colour limits, units of the values.
    colorbar : bool or matplotlib.axes.Axes, default True
        Whether, or in which axes, to draw the colour bar.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If shapes disagree, the name is not in the tree, or the tree lacks what is asked for.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> ax = data(np.eye(3), "test", ax=Figure().add_subplot(), easting=[0, 1e4, 2e4], northing=[0, 1e4, 2e4])
    >>> ax.get_xlabel()
    'easting (km)'
    """
    field = data_field(source, name, what, easting, northing, units, level)
    ax = new_axes(ax)
    if field.easting is None:
        return _by_number(ax, field, what)
    kind = field.kind
    if what in ("observed", "predicted") and np.isfinite(field.values).any():
        kind = kind_of_data(field.values if limits is None else limits)
    drawn, _ = map_of(ax, field.easting, field.northing, field.values, kind, limits)
    ax.set_title(f"{field.long_name}: {_WORDS[what]}")
    label = "standard deviations of the noise" if what == "standardized" else with_units(_WORDS[what], field.units)
    colour_bar(ax, drawn, label, field.values, colorbar)
    return ax


def map_of(ax, easting, northing, values, kind, limits=None, sizes=(4.0, 40.0), edgecolors="0.3"):
    """Draw a map of values, axes labelled: cells of a lattice, or dots at scattered places; return it and its metres.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    easting, northing : ndarray
        Metres: axes of a lattice for 2-D values, else one place a value.
    values : ndarray
    kind : str
        Of colours, as in `norm_for`.
    limits : (float, float), optional
    sizes : (float, float)
        Least and largest area of a dot, points².
    edgecolors : str
        Of dots.

    Returns
    -------
    drawn : matplotlib artist
    divisor : float
        Metres a unit of the axes.
    """
    divisor, unit = length_scale(easting, northing)
    x, y = easting / divisor, northing / divisor
    if values.ndim == 2:
        drawn = painted(ax, edges(x), edges(y), values, kind, limits)
    else:
        drawn = ax.scatter(x, y, c=values, s=np.clip(9000.0 / values.size, *sizes), cmap=colours_for(kind),
                           norm=norm_for(kind, values, limits), edgecolors=edgecolors, linewidths=0.2)
    ax.set_aspect("equal")
    ax.set(xlabel=f"easting ({unit})", ylabel=f"northing ({unit})")
    return drawn, divisor


def _by_number(ax, field, what):
    """Data that know no position: values against their number."""
    ax.plot(np.arange(field.values.size), field.values, "o", ms=3, color="#0072b2")
    ax.axhline(0.0, color="0.6", lw=0.8, zorder=0)
    ax.set(xlabel="number of the datum", ylabel=with_units(_WORDS[what], field.units), title=field.long_name)
    return ax


def model(source, name=None, what="mean", *, ax=None, mesh=None, depth=None, northing=None, easting=None, label=None,
          units="1", limits=None, colorbar=True, contour=None):
    """Draw a depth slice or a vertical section of a model.

    Slices have equal axes. Sections are the right way up (``upward`` increases upwards); when they would be thin
    ribbons they are exaggerated, and the label below says by how much.

    Parameters
    ----------
    source : xarray.DataTree or array_like, shape (nz, ny, nx)
        Result tree, or values on `mesh`.
    name : str, optional
        Parameter of a tree (default the first), or a label.
    what : {"mean", "std", "prior_mean", "prior_std", "mean_error", "std_error", "draw"}, default "mean"
        What to draw.
    ax : matplotlib.axes.Axes, optional
        Where to draw; default new axes.
    mesh : Mesh, optional
        With an array.
    depth : float, optional
        Slice at that many metres below the mesh top; default the top layer.
    northing, easting : float, optional
        Section along the other axis at that coordinate, metres.
    label : str, optional
        Draw a separate inversion (``gravity_only``) instead of the joint one.
    units : str, default "1"
        Units of an array.
    limits : (low, high), optional
        Colour limits; give the same to every panel that is to be compared.
    colorbar : bool or matplotlib.axes.Axes, default True
        Whether, or in which axes, to draw the colour bar.
    contour : array_like, shape (nz, ny, nx), optional
        Outline the cells where this exceeds 1.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import numpy as np
    >>> from bayesjoint import Mesh
    >>> from matplotlib.figure import Figure
    >>> mesh = Mesh.regular((2, 3, 4), (1000, 1000, 1000))
    >>> ax = model(np.ones(mesh.shape), "test", mesh=mesh, northing=1500, ax=Figure().add_subplot())
    >>> print(ax.get_title())
    test: mean
    northing 1.5 km
    """
    plane = {"depth": depth, "northing": northing, "easting": easting}
    section = cut(source, name, what, label, mesh=mesh, units=units, **plane)
    outline = None
    if contour is not None:
        contour = as_finite("contour", contour, 3, allow_nan=True)
        outline = cut(contour, mesh=mesh_of(source) if is_tree(source) else mesh, **plane).values
    words = f"{'std' if what == 'std' else _WORDS[what]} ({label.replace('_', ' ')})" if label else _WORDS[what]
    return draw_section(section, words, section.kind, new_axes(ax), limits, colorbar, outline)


def compare(source, name=None, *, label=None, what="std", ax=None, depth=None, northing=None, easting=None,
            limits=None, colorbar=True):
    """Draw what the joint inversion changed: the ratio of standard deviations, or the difference of means.

    Parameters
    ----------
    source : xarray.DataTree
        Result tree with ``separate_summary``.
    name : str, optional
        Parameter; default the first.
    label : str, optional
        Separate inversion to compare with; default the first that has the parameter.
    what : {"std", "mean"}, default "std"
        ``std``: joint divided by separate, below 1 where the joint inversion knows more. ``mean``: joint − separate.
    ax, depth, northing, easting, limits, colorbar
        As in `model`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the tree holds no separate inversion of that parameter.
    """
    one_of("what", what, ("std", "mean"))
    name = one_of("name", name if name is not None else mesh_parameters(source)[0], mesh_parameters(source))
    label = one_of("label", label if label is not None else next(iter(labels_of(source, name)), None),
                   labels_of(source, name) or ("(none: the tree holds no separate inversion of it)",))
    plane = {"depth": depth, "northing": northing, "easting": easting}
    joint, alone = cut(source, name, what, **plane), cut(source, name, what, label, **plane)
    if what == "std":
        values = np.divide(joint.values, alone.values, out=np.full_like(joint.values, np.nan), where=alone.values > 0)
    else:
        values = joint.values - alone.values
    kind, words, units = ("ratio", "joint / separate std", "1") if what == "std" else (
        "diverging", "joint − separate mean", joint.units)
    section = replace(joint, values=values, kind=kind, units=units)
    return draw_section(section, words, kind, new_axes(ax), limits, colorbar)


def draw_section(section, words, kind, ax, limits=None, colorbar=True, outline=None):
    """Draw a `Section` and label it."""
    divisor, unit = section.scale
    x, y = section.horizontal / divisor, section.vertical / divisor
    drawn = painted(ax, x, y, section.values, kind, limits)
    if outline is not None and np.nanmin(outline) <= 1 < np.nanmax(outline) and min(outline.shape) > 1:
        ax.contour(0.5 * (x[1:] + x[:-1]), 0.5 * (y[1:] + y[:-1]), outline, levels=[1.0], colors="k", linewidths=0.7)
    exaggeration = exaggeration_of(section)
    ax.set_aspect(exaggeration)
    stretched = f"; vertical exaggeration {exaggeration:g}×" if exaggeration != 1 else ""
    ax.set(xlabel=f"{section.axes[0]} ({unit}){stretched}", ylabel=f"{section.axes[1]} ({unit})",
           title=f"{section.long_name}{': ' + words if words else ''}\n{section.place}")
    label = with_units(words.partition(" (")[0].replace("standard deviation", "std"), section.units).strip()
    colour_bar(ax, drawn, label, section.values, colorbar)
    return ax


def exaggeration_of(section):
    """Vertical exaggeration of a section: 1 unless it would be flatter than 1:2.5."""
    if section.axes[1] != "upward":
        return 1.0
    flatness = np.ptp(section.horizontal) / np.ptp(section.vertical)
    return next((factor for factor in (1.0, 2.0, 3.0, 5.0, 10.0) if flatness <= 2.5 * factor), 20.0)


def edges(centres):
    """Edges halfway between centres, the outer cells as wide as their neighbours' half steps."""
    if centres.size == 1:
        return centres[0] + np.array([-0.5, 0.5])
    middle = 0.5 * (centres[1:] + centres[:-1])
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])
