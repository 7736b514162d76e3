"""Colours, limits, units and axes: the conventions that all figures share."""

from functools import wraps
from inspect import signature

import matplotlib
import numpy as np
from matplotlib.colors import Normalize
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator, NullFormatter

from .._checks import as_finite, checked, fail

DIVERGING, SEQUENTIAL, RATIO = "RdBu_r", "viridis", "PuOr"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe and Ito (2008)
MISSING = "0.82"
ONE_SIDED = 0.1  # least share of the larger side that the smaller has, of data on both sides of 0
KILOMETRES_FROM = 1000.0  # metres of extent above which an axis reads better in kilometres
FAR = 100_000.0  # metres from the origin beyond which labels in metres grow too long to read
TAKEN = {  # what arguments of drawing functions are, by their names; or None where that is the default
    "name": "str", "what": "str", "group": "str", "variable": "str", "kind": "str", "first": "str", "second": "str",
    "units": "str", "title": "str", "xlabel": "str", "functional": "str", "parameter": "str", "modality": "str",
    "label": "str | tuple", "variables": "str | list", "labels": "list", "limits": "tuple", "ax": "Axes", "cax": "Axes",
    "colorbar": "bool | Axes", "figure": "Figure", "mesh": "Mesh", "depth": "float", "patch": "float", "reach": "float",
    "northing": "ArrayLike", "easting": "ArrayLike", "contour": "ArrayLike", "level": "int", "count": "int",
    "seed": "int", "family": "Callable"}
_PRETTY = (("m3", "m³"), ("m2", "m²"), ("s2", "s²"), ("^2", "²"))


def pretty(units):
    """Units as a reader wants them.

    Examples
    --------
    >>> pretty("kg/m3"), pretty("1")
    ('kg/m³', '')
    """
    for plain, nice in _PRETTY:
        units = units.replace(plain, nice)
    return "" if units == "1" else units


def raised(power):
    """An integer as an exponent."""
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def with_units(text, units):
    """Text with its units in parentheses, if it has any."""
    return f"{text} ({pretty(units)})" if pretty(units) else text


def plainly(draw, of_tree=False):
    """A drawing function that checks its arguments, and takes every text for what it says.

    No sign in a name or a unit begins a formula. With `of_tree` its first argument is a result tree.
    """
    for p in signature(draw).parameters.values():
        if p.name in TAKEN:
            draw.__annotations__[p.name] = TAKEN[p.name] + " | None" * (p.default is None)
    draw = checked(draw)

    @wraps(draw)
    def drawing(*arguments, **options):
        given = arguments[0] if arguments else options.get("source")
        if of_tree and "posterior_summary" not in getattr(given, "children", ()):
            fail("source", "be a result tree or a loaded posterior", type(given).__name__,
                 "Pass posterior.to_datatree(), or what bj.load gave.", TypeError)
        asked = matplotlib.rcParams["text.parse_math"]
        matplotlib.rcParams["text.parse_math"] = False  # no rc_context: it would undo the backend's own settings
        try:
            drawn = draw(*arguments, **options)
        finally:
            matplotlib.rcParams["text.parse_math"] = asked
        for artist in np.ravel(np.array(drawn, dtype=object)):
            for text in artist.findobj(Text) if hasattr(artist, "findobj") else ():
                text.set_parse_math(False)
        return drawn
    return drawing


def norm_for(kind, values, limits=None):
    """Colour normalisation for values of one kind.

    Parameters
    ----------
    kind : {"diverging", "sequential", "ratio", "level"}
        Diverging is centred on 0, ratio on 1; sequential begins at 0, level at the least. Limits take in every value,
        unless the largest is four times the 99.8th percentile: one odd value must not bleach a map (the colour bar then
        has an arrow).
    values : array_like
        Values the scale must serve; NaN ignored.
    limits : (low, high), optional
        Taken as they are.

    Returns
    -------
    matplotlib.colors.Normalize
    """
    if limits is not None and as_finite("limits", list(limits), 1).size != 2:
        fail("limits", "be two numbers", f"{len(limits)}", "Give (low, high).")
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    if limits is None and not values.size:
        limits = (0.0, 1.0)
    if limits is None and kind == "sequential":
        low, high = float(values.min()), float(values.max())
        low = min(low, 0.0) if low != high else 0.0  # from zero: a std that hardly varies must not look as if it did
        limits = (low, high if high > low else low + 1.0)
    elif limits is None and kind == "level":
        ends, most = np.percentile(values, (0.1, 99.9)), (float(values.min()), float(values.max()))
        limits = tuple(map(float, ends)) if 0 < 4 * np.ptp(ends) < np.ptp(most) else most
    elif limits is None:
        centre = 1.0 if kind == "ratio" else 0.0
        size = np.abs(values - centre)
        reach, most = float(np.max(size)) or 1.0, float(np.percentile(size, 99.8))
        reach = most if 0 < 4 * most < reach else reach
        reach = max(reach, 0.02) if kind == "ratio" else reach
        limits = (centre - reach, centre + reach)
    return Normalize(*limits)


def kind_of_data(values):
    """Kind of colours for data or their limits: "level" where they hardly lie on both sides of 0, else "diverging".

    Examples
    --------
    >>> kind_of_data([-3.0, 48.0]), kind_of_data([-20.0, 48.0]), kind_of_data([5.0, 5.0])
    ('level', 'diverging', 'diverging')
    """
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    less, more = sorted((-low, high))
    return "level" if low < high and less < ONE_SIDED * more else "diverging"


def colours_for(kind):
    """The colour map of one kind of values, missing cells in grey."""
    name = {"diverging": DIVERGING, "sequential": SEQUENTIAL, "ratio": RATIO, "level": SEQUENTIAL}[kind]
    return matplotlib.colormaps[name].with_extremes(bad=MISSING)


def new_axes(ax):
    """Return `ax`, or fresh axes that a notebook shows."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]


def painted(ax, x, y, values, kind, limits=None):
    """Draw values of one kind between the edges x and y, the missing ones in grey."""
    colours = colours_for(kind)
    if not np.isfinite(values).all():
        ax.set_facecolor(colours.get_bad())
    return ax.pcolorfast(x, y, np.ma.masked_invalid(values), cmap=colours, norm=norm_for(kind, values, limits))


def colour_bar(ax, drawn, label, values, where=True):
    """Colour bar with units, arrows where values lie outside its limits; beside `ax`, in the axes `where`, or none."""
    if where is False:
        return
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    norm, slack = drawn.norm, 1e-9 * (drawn.norm.vmax - drawn.norm.vmin)
    under = bool(values.size) and values.min() < norm.vmin - slack
    over = bool(values.size) and values.max() > norm.vmax + slack
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}[under, over]
    bar = ax.figure.colorbar(drawn, extend=extend, **({"ax": ax} if where is True else {"cax": where}))
    bar.set_label(label)
    bar.ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    bar.ax.yaxis.set_major_formatter(plain_tick)


def plain_tick(value, position=None):
    """Tick label without offsets or powers in a corner, which readers overlook."""
    return f"{value:.6g}".replace("-", "−")


def log_upward(ax):
    """Make the vertical axis logarithmic, with plain labels."""
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter(plain_tick)
    ax.yaxis.set_minor_formatter(NullFormatter())


def length_scale(*axes):
    """(divisor, unit) that suits coordinates along these axes, arrays in metres."""
    far = any(np.ptp(a) >= KILOMETRES_FROM or np.abs(a).max() >= FAR for a in axes)
    return (1000.0, "km") if far else (1.0, "m")
