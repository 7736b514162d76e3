"""Charts of calibration: ranks that should be uniform, and their ECDF against its simultaneous band."""

import numpy as np
from scipy.stats import binom

from .._checks import one_of
from ._fields import dataset_of
from ._style import COLOURS, new_axes

BINS = 20


def ranks(source, functional=None, *, ax=None):
    """Histogram of the ranks of true values among posterior draws, with the band of each bar of uniform ranks.

    A hump in the middle means intervals that are too wide, horns at the ends too narrow ones, a slope a shifted mean.

    Parameters
    ----------
    source : xarray.DataTree or xarray.Dataset
        Result tree with ``calibration``, or what `calibrate` returned.
    functional : str, optional
        Which; default the one with the smallest p-value.
    ax : matplotlib.axes.Axes, optional
        Where to draw; default new axes.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there is no calibration or no functional of that name.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> from matplotlib.figure import Figure
    >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    >>> line = bj.Modality("line", [[1.0]], [3.0], bj.DiagonalNoise([1.0]), "slope")
    >>> found = bj.calibrate(bj.JointProblem([slope], [line]), n=50)
    >>> ranks(found, ax=Figure().add_subplot()).get_xlabel()
    'rank of the truth among 99 draws'
    """
    found = dataset_of(source, "calibration", "ecdf", "calibrate")
    name = _functional(found, functional)
    values = found["ranks"].sel(functional=name).values
    draws, simulations = int(found.attrs["draws"]), values.size
    bins = next(k for k in (BINS, 10, 5, draws + 1) if (draws + 1) % k == 0)
    counts = np.bincount(values * bins // (draws + 1), minlength=bins)
    ax = new_axes(ax)
    width = (draws + 1) / bins
    low, high = binom.ppf([0.005, 0.995], simulations, 1 / bins)
    ax.bar(np.arange(bins) * width, counts, width, align="edge", color=COLOURS[5], edgecolor="white", lw=0.5)
    ax.axhspan(low, high, color="0.2", alpha=0.2, lw=0, label="99 % of uniform ranks, each bar by itself")
    ax.set(xlabel=f"rank of the truth among {draws} draws", ylabel="simulations", xlim=(0, draws + 1),
           ylim=(0, max(counts.max(), high) * 1.25), title=_title(name, found))
    ax.legend(frameon=False, fontsize="small", loc="upper left")
    return ax


def ecdf(source, functional=None, *, ax=None):
    """Share of ranks below each point less what uniform ranks would have, with the simultaneous 99 % band.

    Parameters
    ----------
    source : xarray.DataTree or xarray.Dataset
        As in `ranks`.
    functional : str, optional
        Which; default all, in colour those that leave the band.
    ax : matplotlib.axes.Axes, optional
        Where to draw; default new axes.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        As `ranks`.
    """
    found = dataset_of(source, "calibration", "ecdf", "calibrate")
    names = list(found["functional"].values) if functional is None else [_functional(found, functional)]
    points = found["point"].values
    ax = new_axes(ax)
    low, high = (found[f"ecdf_{side}"].values - points for side in ("lower", "upper"))
    ax.fill_between(points, low, high, color="0.5", alpha=0.25, lw=0, label="99 % of uniform ranks, whole curves")
    ax.axhline(0, color="0.5", lw=0.8)
    outside = 0
    for name in names:
        curve = found["ecdf"].sel(functional=name).values - points
        leaves = bool(np.any((curve < low) | (curve > high)))
        ax.step(points, curve, where="mid", lw=1.2 if leaves or len(names) == 1 else 0.7,
                color=COLOURS[1 + outside % 5] if leaves else COLOURS[0],
                label=str(name).replace("_", " ") if (leaves and outside < 4) or len(names) == 1 else None)
        outside += leaves
    ax.set(xlabel="point of the rank scale", ylabel="ECDF − uniform", xlim=(0, 1),
           title=_title(names[0], found) if len(names) == 1 else f"{len(names)} functionals, {outside} leave the band")
    ax.legend(frameon=False, fontsize="small", loc="lower left")
    low, high = ax.get_ylim()
    ax.set_ylim(low - 0.3 * (high - low), high)  # room for the legend
    return ax


def _functional(found, name):
    names = [str(f) for f in found["functional"].values]
    return names[int(np.argmin(found["p_value"].values))] if name is None else one_of("functional", name, tuple(names))


def _title(name, found):
    p = float(found["p_value"].sel(functional=name))
    return f"{str(name).replace('_', ' ')}: p = {p:.2g}"
