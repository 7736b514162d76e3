"""Charts: residuals against their noise, one property against another, depth profiles, convergence."""

import numpy as np
from matplotlib.colors import LogNorm

from .._checks import as_finite, as_positive, fail, one_of
from ._fields import data_field, has, labels_of, mesh_of, mesh_parameters, model_values, title_of
from ._style import COLOURS, SEQUENTIAL, log_upward, new_axes, plain_tick, with_units

LEAST_REACH = 4.0  # of the axis of a histogram of residuals: the normal density is below 1e-4 there


def residuals(source, name=None, *, ax=None, reach=None):
    """Histogram of standardised residuals with the standard normal density they would follow if noise were all.

    The heading says how many lie beyond the axis, whether any do or not.

    Parameters
    ----------
    source : xarray.DataTree or array_like
        Result tree, or residuals already divided by their noise standard deviation.
    name : str, optional
        Modality of a tree; default the first.
    ax : matplotlib.axes.Axes, optional
        Where to draw; default new axes.
    reach : float, optional
        Outermost bin edge; residuals beyond are counted in the outermost bins. Default: the next whole number that
        takes in every residual, at least 4, so that the normal density is seen; but where the largest is over four
        times that of all but 0.2 % (of all but one, where there are under 500), what takes in those: one odd datum
        must not flatten the picture.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = residuals([0.1, -1.9, 7.0], ax=Figure().add_subplot())
    >>> ax.get_legend().get_title().get_text()
    'none beyond ±7'
    """
    values = data_field(source, name, "standardized").values if hasattr(source, "children") else as_finite(
        "source", source, (1, 2, 3), allow_nan=True)
    values = values[np.isfinite(values)]
    ax, reach = new_axes(ax), residual_reach(values) if reach is None else float(
        as_positive("reach", reach, 0))
    bins = np.linspace(-reach, reach, 1 + int(np.clip(8 * reach, 40, 120)))
    clipped = np.clip(values, bins[0] + 1e-9, bins[-1] - 1e-9)
    ax.hist(clipped, bins, density=True, color=COLOURS[5], label=f"{values.size} data")
    line = np.linspace(-reach, reach, 201)
    ax.plot(line, np.exp(-0.5 * line**2) / np.sqrt(2 * np.pi), color=COLOURS[1], lw=1.5, label="N(0, 1)")
    ax.set(xlabel="residual / noise std", ylabel="density", xlim=(-reach, reach),
           title=f"mean {values.mean():z.2f}, std {values.std():.2f}".replace("-", "−"))
    ax.legend(frameon=False, fontsize="small", loc="upper right", title=beyond(values, reach), title_fontsize="small")
    return ax


def residual_reach(values):
    """Outermost edge of a histogram of standardised residuals, as `residuals` chooses it."""
    sizes = np.abs(values[np.isfinite(values)])
    if not sizes.size:
        return LEAST_REACH
    most = np.percentile(sizes, 99.8, method="lower")
    return float(max(LEAST_REACH, np.ceil(sizes.max() if sizes.max() <= 4 * most else most)))


def beyond(values, reach):
    """How many residuals an axis from −reach to reach leaves out, in words."""
    known = values[np.isfinite(values)]
    count = int(np.sum(np.abs(known) > reach))
    share = f"{count} of {known.size} ({100 * count / max(known.size, 1):.2g} %)" if count else "none"
    return f"{share} beyond ±{reach:g}"


def crossplot(source, first=None, second=None, *, ax=None, label=None, cax=None):
    """Two properties against one another: 2-D histogram of posterior means over the cells.

    The relation of two posterior means holds what the prior put there as well as what the data say, so the prior
    correlation belongs beside it.

    Parameters
    ----------
    source : xarray.DataTree
        Result tree.
    first, second : str, optional
        Parameters on the mesh; default the first two.
    ax : matplotlib.axes.Axes, optional
        Where to draw; default new axes.
    label : (str, str), optional
        Labels of separate inversions to draw instead of the joint one.
    cax : matplotlib.axes.Axes, optional
        Where to draw the colour bar.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there are not two parameters on the mesh.
    """
    names = mesh_parameters(source)
    if len(names) < 2:
        fail("source", "hold two parameters on the mesh", f"{len(names)}", "A cross-plot needs two properties.")
    pair = one_of("first", first or names[0], names), one_of("second", second or names[1], names)
    labels = (None, None) if label is None else tuple(label)
    if len(labels) != 2:
        fail("label", "be two labels", repr(label), 'Such as ("gravity", "magnetic").')
    variables = [model_values(source, n, "mean", lab) for n, lab in zip(pair, labels, strict=True)]
    x, y = _of_ground(*(v.values for v in variables))
    ax = new_axes(ax)
    counts, xe, ye = np.histogram2d(x, y, bins=60)
    norm = LogNorm(1, max(counts.max(), 2))
    drawn = ax.pcolorfast(xe, ye, np.ma.masked_equal(counts.T, 0), cmap=SEQUENTIAL, norm=norm)
    bar = ax.figure.colorbar(drawn, label="cells", **({"ax": ax} if cax is None else {"cax": cax}))
    bar.ax.yaxis.set_major_formatter(plain_tick)
    bar.ax.minorticks_off()
    ax.axhline(0, color="0.7", lw=0.6, zorder=0)
    ax.axvline(0, color="0.7", lw=0.6, zorder=0)
    xlabel, ylabel = (with_units(title_of(source, n), v.attrs["units"]) for n, v in zip(pair, variables, strict=True))
    ax.set(xlabel=xlabel, ylabel=ylabel,
           title=f"correlation of the means {correlation(x, y):.2f}")
    ax.xaxis.set_major_formatter(plain_tick)
    ax.yaxis.set_major_formatter(plain_tick)
    return ax


def correlation(x, y):
    """Pearson correlation over cells that both have (no air); NaN where one of the two does not vary."""
    x, y = (values - np.mean(values) for values in _of_ground(x, y))
    size = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / size) if size > 0 else float("nan")


def _of_ground(x, y):
    """Values of cells that are air to neither of two properties, flat."""
    known = np.isfinite(x) & np.isfinite(y)
    return np.asarray(x)[known], np.asarray(y)[known]


def profile(source, name=None, *, ax=None):
    """How much is known at each depth: median over each layer of posterior std / prior std.

    Parameters
    ----------
    source : xarray.DataTree
        Result tree with prior standard deviations.
    name : str, optional
        Parameter; default the first.
    ax : matplotlib.axes.Axes, optional
        Where to draw; default new axes.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the tree holds no prior standard deviation.
    """
    name = one_of("name", name or mesh_parameters(source)[0], mesh_parameters(source))
    if not has(source, "prior_summary", f"{name}_std"):
        fail("source", f"hold the prior standard deviation of {name!r}", "none", "Store prior_std in the tree.")
    prior, mesh = model_values(source, name, "prior_std").values, mesh_of(source)
    ax = new_axes(ax)
    depth, bottom = mesh.depth / 1000, (mesh.upward_edges[-1] - mesh.upward_edges[0]) / 1000
    for k, label in enumerate((None, *labels_of(source, name))):
        low, middle, high = layer_ratio(model_values(source, name, "std", label).values, prior)
        words = "joint" if label is None else label.replace("_", " ")
        ax.plot(middle, depth, "o-", ms=3, color=COLOURS[k], label=words, lw=1.6 if label is None else 1.0)
        if label is None:
            ax.fill_betweenx(depth, low, high, color=COLOURS[k], alpha=0.15, lw=0, label="joint, 5–95 % of cells")
    ax.axvline(1.0, color="0.5", lw=0.8, ls="--")
    ax.set(xlabel="posterior std / prior std", ylabel="depth (km)", xlim=(0, 1.05), ylim=(bottom, 0),
           title=f"{name.replace('_', ' ')}: what the data leave open")
    ax.legend(frameon=False, fontsize="small", loc="best")
    return ax


def layers_left(tree, name):
    """`layer_ratio` of a parameter, or None where the tree does not hold both standard deviations."""
    if not (has(tree, "prior_summary", f"{name}_std") and has(tree, "posterior_summary", f"{name}_std")):
        return None
    return layer_ratio(*(model_values(tree, name, what).values for what in ("std", "prior_std")))


def layer_ratio(std, prior):
    """5th, 50th and 95th percentile per layer of std / prior, shape (3, nz); cells with no prior spread left out."""
    ratio = np.divide(std, prior, out=np.full_like(std, np.nan), where=prior > 0).reshape(std.shape[0], -1)
    known = np.isfinite(ratio).any(axis=1)
    out = np.full((3, std.shape[0]), np.nan)
    if known.any():
        out[:, known] = np.nanpercentile(ratio[known], [5, 50, 95], axis=1)
    return out


def convergence(source, name=None, *, ax=None):
    """One term of the optimiser's history against iterations.

    Parameters
    ----------
    source : xarray.DataTree
        Result tree with ``history``.
    name : str, optional
        Variable of the history; default the first. "chi2" draws every data set's χ² divided by its number of data,
        with the band 1 ± 3√(2/m) it should end in.
    ax : matplotlib.axes.Axes, optional
        Where to draw; default new axes.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the tree holds no history.
    """
    if "history" not in source.children:
        fail("source", "hold a history", "none", "Pass `result=` when the tree is built.")
    history, ax = source["history"], new_axes(ax)
    if name == "chi2":
        return _chi2_history(source, ax)
    name = name or next(iter(history.data_vars))
    if name not in history.data_vars:
        fail("name", f"be 'chi2' or one of {sorted(history.data_vars)}", repr(name), "Correct the spelling.")
    values = history[name].values
    ax.plot(np.arange(values.size), values, color=COLOURS[0])
    if _wants_log(values):
        log_upward(ax)
    units = history[name].attrs["units"]
    ax.set(xlabel="iteration", ylabel=with_units(history[name].attrs["long_name"].replace("_", " "), units))
    return ax


def chi2_terms(tree):
    """{modality: variable of the history that holds its χ²}."""
    if "history" not in tree.children or "observed_data" not in tree.children:
        return {}
    held, surveys = tree["history"].data_vars, tree["observed_data"].data_vars
    found = {name: [v for v in (f"{name}_chi2", f"chi2_{name}") if v in held] for name in surveys}
    return {name: variables[0] for name, variables in found.items() if variables}


def _chi2_history(tree, ax):
    sizes = []
    for k, (name, variable) in enumerate(chi2_terms(tree).items()):
        count = tree["observed_data"][name].attrs["n_data"]
        values = tree["history"][variable].values / count
        sizes.append(count)
        ax.plot(np.arange(values.size), values, color=COLOURS[k], label=name)
    if not sizes:
        fail("source", "hold the χ² history of a modality", "none", "Store it as <modality>_chi2.")
    half = 3 * np.sqrt(2 / min(sizes))
    ax.axhspan(max(1 - half, 1e-3), 1 + half, color="0.5", alpha=0.25, lw=0, label="1 ± 3√(2/m)")
    log_upward(ax)
    ax.set(xlabel="iteration", ylabel="χ² / number of data")
    ax.legend(frameon=False, fontsize="small")
    return ax


def _wants_log(values):
    values = values[np.isfinite(values)]
    return values.size > 0 and values.min() > 0 and values.max() > 30 * values.min()
