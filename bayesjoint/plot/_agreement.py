"""Charts of agreement: bands of wavelength, maps of places, the matrix of pairs, all tests with what they can see."""

import numpy as np
from matplotlib.ticker import NullFormatter

from .._checks import fail, one_of
from ._fields import dataset_of
from ._maps import edges, map_of
from ._style import (
    COLOURS,
    colour_bar,
    colours_for,
    new_axes,
    norm_for,
    plain_tick,
    pretty,
    raised,
    with_units,
)

FAR = 50.0  # ratio above which an axis is logarithmic beyond 2
LEAST = 1e-6  # p-values below are drawn there, with an arrow
MAPS = {  # of a local conflict: what flags it, and words
    "z": ("flagged", "residual / its std"), "anomaly_z": ("anomaly_flagged", "extra anomaly / its std"),
    "anomaly": ("anomaly_flagged", "extra anomaly"), "anomaly_detectable": (None, "detectable anomaly"),
    "residual": (None, "residual")}
CELLS = {  # of a conflict matrix: variable, and words
    "ratio": ("ratio_p_holm", "likelihood ratio, adjusted p"),
    "split": ("split_p_holm", "row predicted from column, adjusted p"),
    "bayes ratio": ("log_bayes_ratio", "log R (nats; below 0: two models)"),
    "suspiciousness": ("log_suspiciousness", "log S (nats; below 0: conflict)")}


def bands(source, what="ratio", group=None, *, ax=None, title=None):
    """Conflict by wavelength.

    Parameters
    ----------
    source : xarray.Dataset or xarray.DataTree
        What `spectral_conflict` returned, or a tree with it in `group`.
    what : {"ratio", "rms"}, default "ratio"
        The statistic over its mean, with the grey range of twice its standard deviation under agreement; or root mean
        squares in units of the data: of the residual, as expected, and of what would have been detected.
    group : str, optional
        Group of a tree.
    ax : matplotlib.axes.Axes, optional
        Where to draw; default new axes.
    title : str, optional
        Heading; default who is held against whom.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the source holds no bands.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> from matplotlib.figure import Figure
    >>> mesh = bj.Mesh.regular((1, 4, 5), (500.0, 1000.0, 1000.0))
    >>> density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=3000.0))
    >>> op = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=100.0)
    >>> noise = bj.DiagonalNoise(np.full((4, 5), 0.1))
    >>> a, b = (bj.Modality(k, op, np.full((4, 5), d), noise, "density") for k, d in (("a", 0.0), ("b", 1.0)))
    >>> found = bj.spectral_conflict(bj.JointProblem([density], [a, b]), "b", bands=2)
    >>> bands(found, ax=Figure().add_subplot()).get_xlabel()
    'wavelength (km)'
    """
    found = dataset_of(source, group, "ratio_spread", "spectral_conflict")
    one_of("what", what, ("ratio", "rms"))
    ax, flagged, is_ratio = new_axes(ax), found.flagged.values.astype(bool), what == "ratio"
    values, short, long = (found[k].values for k in ("ratio" if is_ratio else "residual_rms", "wavelength_short",
                                                     "wavelength_long"))
    long = np.where(np.isnan(long), 2 * short, long)  # the first has no longest
    for kind, words in ((False, ""), (True, ", flagged")):
        if np.any(flagged == kind):
            at = flagged == kind
            _segments(ax, short[at], long[at], values[at], color=COLOURS[int(kind)], lw=3, solid_capstyle="butt",
                      label=f"{'band' if is_ratio else 'residual'}{words}")
    if is_ratio:
        spread = 2 * found.ratio_spread.values[::-1]
        ax.stairs(1 + spread, np.append(short[::-1], long[0]), baseline=np.maximum(1 - spread, 0), fill=True,
                  color="0.5", alpha=0.25, lw=0, label="±2 std under agreement")
        ax.axhline(1.0, color="0.5", lw=0.8)
        label, room = "statistic / its mean", 1.25
        if values.max() > FAR:
            room = 2.0
            ax.set_yscale("symlog", linthresh=2.0)
            ax.yaxis.set_major_formatter(plain_tick)
    else:
        for name, style, words in (("expected_rms", "--", "expected under agreement"),
                                   ("detectable_rms", ":", "added, seen in 80 % of cases")):
            _segments(ax, short, long, found[name].values, ls=style, color="0.25", lw=1.4, label=words)
        label, room = with_units("root mean square", found.residual_rms.attrs["units"]), 1.15
    ax.set_ylim(0, ax.get_ylim()[1] * room)
    for low, high, p, value in zip(short, long, found.p_holm.values, values, strict=True):
        if p <= found.attrs["level"]:
            ax.annotate(_p_words(p), (np.sqrt(low * high), value), ha="center", va="bottom", fontsize="x-small",
                        color=COLOURS[1], xytext=(0, 3), textcoords="offset points")
    ax.set_xscale("log")
    ax.set_xlim(long[0], short[-1])
    ax.xaxis.set_major_formatter(plain_tick)
    ax.xaxis.set_minor_formatter(_few)
    given = found.attrs["given"]
    against = f"against {given}" if given == "its own model" else f"given {given}"
    ax.set(xlabel="wavelength (km)", ylabel=label, title=title or f"{found.attrs['survey']} {against}")
    ax.legend(frameon=False, fontsize="small", loc="best")
    return ax


def places(source, what="z", patch=None, group=None, *, ax=None, limits=None, colorbar=True, title=None):
    """Map of where a survey disagrees, discoveries outlined (or ringed, where stations are on no lattice).

    Parameters
    ----------
    source : xarray.Dataset or xarray.DataTree
        What `local_conflict` returned, or a tree with it in `group`.
    what : {"z", "anomaly_z", "anomaly", "anomaly_detectable", "residual"}, default "z"
        Mean residual of each patch in its standard deviations; the extra anomaly in standard deviations or in units of
        the data; what would have been detected; the residual of each station.
    patch : float, optional
        Radius, metres; default the one with most discoveries, or the smallest.
    group : str, optional
        Group of a tree.
    ax : matplotlib.axes.Axes, optional
        Where to draw; default new axes.
    limits : (low, high), optional
        Colour limits.
    colorbar : bool or matplotlib.axes.Axes, default True
        Whether, or where, to draw the colour bar.
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the source holds no map, the patch is none of its own, or its stations have no positions.
    """
    found = dataset_of(source, group, "anomaly_z", "local_conflict")
    flag, words = MAPS[one_of("what", what, tuple(MAPS))]
    flags = found[flag or "anomaly_flagged"]
    patches = found.patch.values
    if patch is None:
        counts = flags.values.reshape(patches.size, -1).sum(axis=1)
        patch = float(patches[int(np.argmax(counts))])
    if not np.isclose(patches, patch).any():
        fail("patch", f"be one of {patches.tolist()}", f"{patch:g}", "Choose a radius of the map.")
    at = int(np.argmin(np.abs(patches - patch)))
    values = found[what].values if what == "residual" else found[what].values[at]
    flagged = flags.values[at].astype(bool) if flag else np.zeros(values.shape, dtype=bool)
    kind = "sequential" if what == "anomaly_detectable" else "diverging"
    ax = new_axes(ax)
    drawn = _drawn_map(ax, found, values, flagged, kind, limits)
    size = f"{patch:.4g} m radius" if patch > 0 else "single stations"
    count = f", {int(flagged.sum())} flagged" if flag else ""
    heading = f"{found.attrs['survey']} given {found.attrs['given']}\n{words}" + (
        "" if what == "residual" else f", {size}{count}")
    ax.set_title(title or heading)
    colour_bar(ax, drawn, with_units(words, found[what].attrs["units"]), values, colorbar)
    return ax


def matrix(source, what="ratio", group=None, *, ax=None, title=None):
    """Conflict of all pairs of surveys, one cell a pair.

    Parameters
    ----------
    source : xarray.Dataset or xarray.DataTree
        What `conflict_matrix` returned, or a tree with it in `group`.
    what : {"ratio", "split", "bayes ratio", "suspiciousness"}, default "ratio"
        Adjusted p-values of likelihood ratios, or of each survey (row) as predicted from another (column); log R; or
        log S. Where there are more than two surveys, the last column holds all others together.
    group, ax, title
        As in `bands`.

    Returns
    -------
    matplotlib.axes.Axes
    """
    found = dataset_of(source, group, "log_suspiciousness", "conflict_matrix")
    key, words = CELLS[one_of("what", what, tuple(CELLS))]
    names, values = [str(v) for v in found.survey.values], found[key].values
    columns = list(names)
    if f"rest_{key}" in found:
        values = np.column_stack([values, found[f"rest_{key}"].values])
        columns.append("the rest")
    ax, is_p = new_axes(ax), key.endswith("holm")
    shown = -np.log10(np.maximum(values, LEAST)) if is_p else values
    kind = "sequential" if is_p else "diverging"
    norm = norm_for(kind, shown, (0.0, -np.log10(LEAST)) if is_p else None)
    colours = colours_for(kind)
    drawn = ax.imshow(np.ma.masked_invalid(shown), cmap=colours, norm=norm)
    ax.set_facecolor(colours.get_bad())
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):
            dark = norm(shown[i, j]) < 0.55 if is_p else abs(norm(shown[i, j]) - 0.5) > 0.3
            ax.text(j, i, _p_words(value, "") if is_p else f"{value:.3g}".replace("-", "−"), ha="center", va="center",
                    color="w" if dark else "k", fontsize="small")
    ax.set_xticks(range(len(columns)), columns, rotation=30 if len(columns) > 3 else 0)
    ax.set_yticks(range(len(names)), names)
    ax.set_title(title or words)
    if is_p:
        bar = ax.figure.colorbar(drawn, ax=ax)
        ticks = np.arange(0, -np.log10(LEAST) + 1, 2)
        bar.set_ticks(ticks, labels=["1" if t == 0 else f"10{raised(-int(t))}" for t in ticks])
        bar.set_label("adjusted p")
    else:
        colour_bar(ax, drawn, "nats", shown)
    return ax


def verdict(source, group="agreement", *, ax=None, title=None):
    """All tests of a suite: adjusted p-values, and what each found and would have detected.

    Parameters
    ----------
    source : Conflict, xarray.Dataset or xarray.DataTree
        What `conflict` returned, its ``table``, or a tree with it in `group`.
    group : str, default "agreement"
        Group of a tree.
    ax, title
        As in `bands`.

    Returns
    -------
    matplotlib.axes.Axes
    """
    found = dataset_of(getattr(source, "table", source), group, "p_adjusted", "conflict")
    level, count = found.attrs["level"], found.sizes["agreement_test"]
    own = ax is None  # a notebook crops its figure to what counts for the layout
    if own:
        import matplotlib.pyplot as plt

        height = 1.3 + 0.3 * count
        figure, ax = plt.subplots(figsize=(13.5, height))
        figure.subplots_adjust(left=0.155, right=0.375, top=1 - 0.6 / height, bottom=0.6 / height)
    rows = np.arange(count)
    for p, row in zip(found.p_adjusted.values, rows, strict=True):
        if np.isnan(p):
            ax.text(0.9, row, "not testable", va="center", ha="left", fontsize="small", color="0.5")
        else:
            ax.plot(max(p, LEAST), row, "<" if p < LEAST else "o", ms=6, color=COLOURS[int(p <= level)])
    ax.axvline(level, color="0.4", lw=0.9, ls="--")
    ax.text(level, -0.9, f"{level:g}", ha="center", va="bottom", fontsize="small", color="0.3")
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(lambda p, _: f"{p:g}" if p > 1e-3 else f"10{raised(round(np.log10(p)))}")
    ax.set_xlim(0.5 * LEAST, 1.6)
    ax.set_ylim(count - 0.5, -0.7)
    ax.set_yticks(rows, [str(v) for v in found.test.values])
    ax.xaxis.set_minor_formatter(NullFormatter())
    for row in rows:
        one = found.isel(agreement_test=int(row))
        seen = str(one["seen" if "seen" in one.coords else "detectable"].values)
        for place, words, colour in ((1.02, str(one.effect.values), "k"), (2.42, seen or "–", "0.3")):
            ax.annotate(_short(words), (place, row), xycoords=("axes fraction", "data"), va="center", color=colour,
                        fontsize="small", annotation_clip=False, in_layout=own)
    for place, words in ((1.02, "effect"), (2.42, "would have seen (as a single test at 5 %, in 80 % of cases)")):
        ax.annotate(words, (place, 1.0), xycoords="axes fraction", xytext=(0, 6), textcoords="offset points",
                    fontsize="small", fontweight="bold", annotation_clip=False, in_layout=own)
    ax.set(xlabel=f"adjusted p ({found.attrs['correction']})", title=title if title is not None else "")
    ax.grid(axis="y", color="0.9", lw=0.6)
    ax.set_axisbelow(True)
    return ax


def _segments(ax, short, long, values, **style):
    """A level line for every value, all of them one line with gaps."""
    x, y = (np.column_stack([start, end, np.full(len(start), np.nan)]) for start, end in ((short, long), (values,) * 2))
    ax.plot(x.ravel(), y.ravel(), **style)


def _drawn_map(ax, found, values, flagged, kind, limits):
    """Map of the values, what is flagged outlined on a lattice and ringed at scattered stations."""
    if values.ndim == 2:
        north, east = (found[d].values for d in found.anomaly.dims[1:])
        drawn, divisor = map_of(ax, east, north, values, kind, limits)
        if flagged.any():
            _outline(ax, edges(east / divisor), edges(north / divisor), flagged)
        return drawn
    dim = found.anomaly.dims[1]
    name = dim.removesuffix("_station")
    if f"{name}_easting" not in found.coords:
        fail("source", "know where its stations are", f"dim {dim!r} alone", "Plot it with Matplotlib.")
    east, north = found[f"{name}_easting"].values, found[f"{name}_northing"].values
    drawn, divisor = map_of(ax, east, north, values, kind, limits, (6.0, 45.0), "0.6")
    ax.scatter(east[flagged] / divisor, north[flagged] / divisor, s=2.2 * drawn.get_sizes()[0], facecolors="none",
               edgecolors="k", linewidths=1.1)
    return drawn


def _outline(ax, x, y, flagged):
    """Outline the flagged cells of a lattice with edges x and y."""
    fine = np.kron(np.pad(flagged, 1).astype(float), np.ones((8, 8)))
    fy, fx = (np.interp((np.arange(n * 8) + 0.5) / 8 - 1, np.arange(e.size), e, left=2 * e[0] - e[1],
                        right=2 * e[-1] - e[-2]) for n, e in ((flagged.shape[0] + 2, y), (flagged.shape[1] + 2, x)))
    ax.contour(fx, fy, fine, levels=[0.5], colors="k", linewidths=1.1)
    ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))


def _p_words(p, lead="p "):
    if p < LEAST:
        return f"{lead}< 10⁻⁶"
    sign = "= " if lead else ""
    if p >= 1e-3:
        return f"{lead}{sign}{p:.2g}"
    digit, power = f"{p:.0e}".split("e")
    return f"{lead}{sign}{digit} × 10{raised(int(power))}"


def _few(value, position=None):
    """Minor ticks at 2 and 5 alone."""
    digit = value / 10 ** np.floor(np.log10(value))
    return plain_tick(value) if round(digit) in (2, 5) else ""


def _short(text):
    text = pretty(text).replace(" -", " −")
    return text if len(text) <= 68 else f"{text[:66]}…"
