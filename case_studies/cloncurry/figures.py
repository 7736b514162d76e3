"""Figures of the case study."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

COLOURS = {"stated": "#c8553d", "inferred": "#1b6ca8", "plane": "#3a7d44"}
WORDS = {"stated": "instrument noise", "inferred": "noise inferred", "plane": "noise inferred, and a plane"}


def draw(results, surveys, maps, folder):
    """Write every figure as PNG."""
    data(surveys, maps).savefig(folder / "data.png", dpi=100)
    bands(results["bands"]).savefig(folder / "bands.png", dpi=100)
    where(surveys["magnetic"], maps).savefig(folder / "where.png", dpi=100)


def data(surveys, maps):
    """Both grids, with the window."""
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    for ax, (kind, survey) in zip(figure.subplots(1, 2, sharey=True), surveys.items(), strict=True):
        low, high = np.percentile(survey.data, [1, 99])
        drawn = ax.pcolormesh(survey.easting / 1e3, survey.northing / 1e3, survey.data, vmin=low, vmax=high,
                              cmap="viridis", shading="nearest")
        east, north = maps["easting"] / 1e3, maps["northing"] / 1e3
        ax.plot([east[0], east[-1], east[-1], east[0], east[0]], [north[0], north[0], north[-1], north[-1], north[0]],
                color="w", lw=1.2)
        figure.colorbar(drawn, ax=ax, label=survey.units, extend="both")
        ax.set_title(kind, loc="left")
        ax.set_xlabel("easting (km)")
        ax.set_aspect("equal")
    figure.axes[0].set_ylabel("northing (km)")
    return figure


def bands(found):
    """Residual against its own model by wavelength, as found and as agreement has it."""
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for kind in WORDS:
        row = found[kind]
        short = np.array(row["wavelength_short"], dtype=float)
        long = np.array([np.nan if v is None else v for v in row["wavelength_long"]], dtype=float)
        middle = np.where(np.isfinite(long), np.sqrt(short * long), short * 1.3)
        if kind == "stated":
            left.plot(middle, row["residual_rms"], "ko-", ms=4, label="found")
        left.plot(middle, row["expected_rms"], "--", color=COLOURS[kind], label=f"expected, {WORDS[kind]}")
        ratio, spread = np.array(row["ratio"]), np.array(row["ratio_spread"])
        if kind == "stated":
            right.fill_between(middle, np.maximum(1 - 1.96 * spread, 0), 1 + 1.96 * spread, color="0.85", lw=0)
        right.plot(middle, ratio, "o-", ms=4, color=COLOURS[kind], label=WORDS[kind])
        flagged = np.array(row["flagged"]) > 0
        right.plot(middle[flagged], ratio[flagged], "o", ms=11, mfc="none", color=COLOURS[kind])
    right.axhline(1.0, color="k", lw=0.8)
    left.set_ylabel("rms in the band (nT)")
    right.set_ylabel("found / expected (variance)")
    left.set_title("magnetic residual against its own model", loc="left", fontsize=10)
    right.set_title("rings: flagged at a family-wise 5 %; grey: 95 % under agreement", loc="left", fontsize=10)
    left.set_yscale("log")
    _plain(left.yaxis, (100, 200, 300, 500))
    for ax in (left, right):
        ax.set_xscale("log")
        _plain(ax.xaxis, (2, 3, 5, 10, 20, 50))
        ax.set_xlabel("wavelength (km)")
        ax.invert_xaxis()
        ax.legend(fontsize=8)
    return figure


def _plain(axis, ticks):
    """Ticks of a logarithmic axis as plain numbers."""
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(ScalarFormatter())


def where(survey, maps):
    """The window: data, and extra anomalies of one station and of the largest patch, flagged ones ringed."""
    figure = Figure(figsize=(14, 4.8), layout="constrained")
    axes = figure.subplots(1, 3, sharey=True)
    east, north = maps["easting"] / 1e3, maps["northing"] / 1e3
    rows = np.isin(survey.northing, maps["northing"])
    plane = survey.data[np.ix_(rows, np.isin(survey.easting, maps["easting"]))]
    low, high = np.percentile(plane, [1, 99])
    drawn = axes[0].pcolormesh(east, north, plane, vmin=low, vmax=high, cmap="viridis", shading="nearest")
    figure.colorbar(drawn, ax=axes[0], label="nT", extend="both", shrink=0.8)
    axes[0].set_title("magnetic anomaly", loc="left", fontsize=10)
    for ax, k in zip(axes[1:], (0, len(maps["patch"]) - 1), strict=True):
        drawn = ax.pcolormesh(east, north, maps["z"][k], vmin=-6, vmax=6, cmap="RdBu_r", shading="nearest")
        figure.colorbar(drawn, ax=ax, label="standard deviations", extend="both", shrink=0.8)
        y, x = np.nonzero(maps["flagged"][k])
        ax.plot(east[x], north[y], "ko", ms=3, mfc="none", mew=0.7)
        size = "one station" if maps["patch"][k] == 0 else f"{maps['patch'][k] / 1e3:.0f} km radius"
        ax.set_title(f"extra anomaly of {size}, discoveries ringed", loc="left", fontsize=10)
    for ax in axes:
        ax.set_xlabel("easting (km)")
        ax.set_aspect("equal")
    axes[0].set_ylabel("northing (km)")
    return figure
