"""Coverage and interval score of every method on every ground."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from bayesjoint.plot._style import COLOURS

HERE = Path(__file__).parent
PROPERTIES = ("density", "susceptibility")
FLIN_FLON = {"no data": "no_data", "gaussian by evidence": "plain", "own": "recalibrated", "learned": "learned"}
WORDS = {
    "no data": "own family, no data", "gaussian by evidence": "Gaussian by evidence, fitted once",
    "gaussian refitted": "Gaussian, refitted (5 truths)", "gaussian by rock table": "Gaussian by rock table",
    "focusing": "focusing by Gibbs (5 truths)", "positive": "Gaussian, susceptibility ≥ 0 (5 truths)",
    "student": "Gaussian, Student-t noise (5 truths)", "bodies": "compact bodies (5 truths)",
    "own": "recalibrated: own family",
    "round bodies": "recalibrated: round bodies", "units": "recalibrated: units",
    "default": "recalibrated: default mixture", "envelope": "recalibrated: envelope of these three",
    "own stretched": "own family, contrasts ×/÷ 1.4", "default stretched": "default mixture, contrasts ×/÷ 1.4",
    "own inside": "own family, held inside bodies too", "learned": "learned: own family (30 truths)"}
"""Methods in the order in which they are shown."""


def draw(found, flin_flon):
    """coverage.png and scores.png."""
    there = {key.rsplit(", ", 1)[0] for key in found["grounds"]["blocky"]["rows"]}
    methods = [method for method in WORDS if method in there]
    _coverage(found["grounds"], flin_flon, methods)
    _scores(found["grounds"], flin_flon, [m for m in methods if m != "no data"])


def _panels(grounds, methods):
    columns = [*grounds, "Flin Flon"]
    fig, axes = plt.subplots(2, len(columns), figsize=(14, 7.2), layout="constrained", sharex="row", sharey=True)
    axes[0, 0].set_yticks(range(len(methods)), [WORDS[m] for m in methods])
    axes[0, 0].invert_yaxis()
    for row, name in zip(axes, PROPERTIES, strict=True):
        for ax, ground in zip(row, columns, strict=True):
            ax.set_title(f"{ground}, {name}", fontsize=9)
            ax.grid(axis="y", color="0.92")
            ax.set_axisbelow(True)
    return fig, axes, columns


def _entry(grounds, ground, method, mode):
    return grounds[ground]["rows"].get(f"{method}, {mode}")


def _first(grounds, ground, method):
    """Joint where there is one, else separate."""
    return _entry(grounds, ground, method, "joint") or _entry(grounds, ground, method, "separate")


def _coverage(grounds, flin_flon, methods):
    fig, axes, columns = _panels(grounds, methods)
    for row, name in zip(axes, PROPERTIES, strict=True):
        for ax, ground in zip(row, columns, strict=True):
            ax.axvline(0.9, color="0.4", lw=1)
            ax.set_xlim(0, 1.02)
            for k, method in enumerate(methods):
                if ground == "Flin Flon":
                    if method in FLIN_FLON:
                        ax.plot(flin_flon[name]["90%"]["seen"][FLIN_FLON[method]]["coverage"], k, "s",
                                color=COLOURS[2], label="seen cells")
                    continue
                entry = _first(grounds, ground, method)[name]
                for where, marker, colour in (("all", "o", COLOURS[0]), ("inside", "D", COLOURS[1])):
                    value, error = entry[f"coverage 90% {where}"]
                    ax.errorbar(value, k, xerr=error, fmt=marker, color=colour, ms=5, lw=1, label=where)
    for ax in axes[1]:
        ax.set_xlabel("share of cells held at 90 %", fontsize=8)
    handles = [plt.Line2D([], [], marker=m, color=c, ls="") for m, c in (("o", COLOURS[0]), ("D", COLOURS[1]),
                                                                         ("s", COLOURS[2]))]
    fig.legend(handles, ["all cells", "inside bodies", "cells that the data see (Flin Flon)"], ncols=3, frameon=False,
               loc="outside lower center")
    fig.savefig(HERE / "coverage.png", dpi=110)
    plt.close(fig)


def _scores(grounds, flin_flon, methods):
    fig, axes, columns = _panels(grounds, methods)
    for row, name in zip(axes, PROPERTIES, strict=True):
        for ax, ground in zip(row, columns, strict=True):
            ax.axvline(1.0, color="0.4", lw=1)
            ax.set_xscale("log")
            for k, method in enumerate(methods):
                if ground == "Flin Flon":
                    if method in FLIN_FLON:
                        seen = flin_flon[name]["90%"]["seen"]
                        ax.plot(seen[FLIN_FLON[method]]["score"] / seen["no_data"]["score"], k, "s", color=COLOURS[2])
                    continue
                for mode, marker, colour in (("separate", "x", COLOURS[1]), ("joint", "o", COLOURS[0])):
                    entry = _entry(grounds, ground, method, mode)
                    if entry:
                        value, error = entry[name]["score 90% all over no data"]
                        ax.errorbar(value, k, xerr=error, fmt=marker, color=colour, ms=5, lw=1)
            ax.set_xticks([0.5, 1, 2, 4, 8], ["0.5", "1", "2", "4", "8"])
            ax.minorticks_off()
    for ax in axes[1]:
        ax.set_xlabel("interval score over no data", fontsize=8)
    handles = [plt.Line2D([], [], marker=m, color=c, ls="") for m, c in (("o", COLOURS[0]), ("x", COLOURS[1]),
                                                                         ("s", COLOURS[2]))]
    fig.legend(handles, ["joint", "separate", "joint, seen cells (Flin Flon)"], loc="outside lower center", ncols=3,
               frameon=False)
    fig.savefig(HERE / "scores.png", dpi=110)
    plt.close(fig)
