"""Figures of the case study."""

import numpy as np
from matplotlib.figure import Figure

COLOURS = {"campaigns alone": "#c8553d", "with ties": "#1b6ca8"}


def draw(results, post, truth, mesh, change, spread, folder):
    """Write every figure as PNG."""
    mass(results).savefig(folder / "mass.png", dpi=110)
    section(post, truth, mesh, change, spread, results["years"]).savefig(folder / "section.png", dpi=110)


def mass(results):
    """Total mass by year, the drift, and what of the variance the drift is to blame for."""
    figure, years = Figure(figsize=(11, 7), layout="constrained"), np.array(results["years"])
    (left, right), (below, last) = figure.subplots(2, 2)
    for ax, kind in ((left, "filtered"), (right, "smoothed")):
        ax.plot(years, results["runs"]["with ties"]["mass"]["truth"], "k--", label="truth")
        for shift, (name, run) in zip((-0.06, 0.06), results["runs"].items(), strict=True):
            ax.errorbar(years + shift, run["mass"][kind], 1.645 * np.array(run["mass"][f"{kind}_std"]), fmt="o",
                        ms=4, capsize=3, color=COLOURS[name], label=name)
        ax.set_title(f"mass under the net, {kind}, with 90 % intervals", loc="left", fontsize=10)
        ax.set_ylabel("megatonnes")
        ax.set_ylim(bottom=min(ax.get_ylim()[0], 0))
    left.legend(loc="upper left", fontsize=9)
    right.sharey(left)
    for name, run in results["runs"].items():
        below.errorbar(years + (0.06 if name == "with ties" else -0.06), 1e3 * np.array(run["drift"]),
                       1.645e3 * np.array(run["drift_std"]), fmt="o", ms=4, capsize=3, color=COLOURS[name], label=name)
        last.plot(years, 100 * np.array(run["share_of_mass"]), "o-", ms=4, color=COLOURS[name], label=name)
    below.axhline(1e3 * results["drift"], color="k", ls="--")
    below.set_title("drift of the datum as known in that year, 90 %", loc="left", fontsize=10)
    below.set_ylabel("µGal a year")
    last.set_title("share of the mass's variance due to the drift", loc="left", fontsize=10)
    last.set_ylabel("%")
    last.set_ylim(0, 100)
    for ax in (below, last):
        ax.set_xlabel("year")
        ax.legend(fontsize=9)
    return figure


def section(post, truth, mesh, change, spread, years):
    """Truth and smoothed mean along the row through the mass, in three years, and the change between first and last."""
    figure = Figure(figsize=(11, 5.6), layout="constrained")
    axes = figure.subplots(3, 3, sharex=True, sharey=True)
    row = int(np.argmin(np.abs(mesh.northing - 80.0)))
    steps = (0, 2, 5)
    size = max(np.abs(truth(years[t])).max() for t in steps)
    maps = {"truth": [truth(years[t]) for t in steps],
            "smoothed mean": [post.smoothed(t).mean()["density"] for t in steps],
            "last": [truth(years[-1]) - truth(years[0]), change, spread]}
    titles = {"truth": [f"truth, year {years[t]:.0f}" for t in steps],
              "smoothed mean": [f"smoothed mean, year {years[t]:.0f}" for t in steps],
              "last": ["true change, years 1 to 6", "its posterior mean", "its posterior std"]}
    edges = mesh.easting_edges / 1e3, mesh.upward_edges / 1e3
    for line, (key, planes) in zip(axes, maps.items(), strict=True):
        for ax, plane, title in zip(line, planes, titles[key], strict=True):
            std = title.endswith("std")
            drawn = ax.pcolormesh(*edges, plane[:, row], cmap="cividis" if std else "RdBu_r",
                                  vmin=0 if std else -size, vmax=None if std else size)
            ax.set_title(title, loc="left", fontsize=10)
            ax.set_aspect("equal")
            if std or title.endswith(("year 6", "mean, year 6")):
                figure.colorbar(drawn, ax=ax, label="kg/m³")
    for ax in axes[:, 0]:
        ax.set_ylabel("upward (km)")
    for ax in axes[-1]:
        ax.set_xlabel("easting (km)")
    return figure
