"""Figures of the case study."""

import numpy as np
from matplotlib.figure import Figure
from scores import LEVELS

SECTION = 6_072_200.0  # northing of the section, through the ore that crops out
SLICE = 200.0  # height of the map, metres: about 120 m down
LABELS = {"density": ("density contrast", "kg/m³", 1.0), "susceptibility": ("susceptibility", "10⁻³ SI", 1e3)}
COLOURS = {"joint": "#1b6ca8", "separate": "#c8553d"}


def draw(case, joint, means, stds, seen, results, folder):
    """Write every figure as PNG."""
    figures = {"data": data(case, joint), "section": models(case, means, stds, seen, "section"),
               "slice": models(case, means, stds, seen, "slice"), "evidence": evidence(results),
               "calibration": calibration(results), "where": where(case, means, seen, results)}
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png", dpi=100, bbox_inches="tight")


def data(case, joint):
    """Observed data, residual of the joint posterior mean, both in data units."""
    figure = Figure(figsize=(10, 7.5), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True, sharey=True)
    residuals = joint.problem.residuals(joint.state_mean())
    for row, survey, residual in zip(axes, case.surveys, residuals, strict=True):
        east, north, _ = survey.coordinates()
        for ax, values, label in ((row[0], survey.data, "observed"), (row[1], -residual, "observed − predicted")):
            low, high = np.percentile(values, [0, 100] if label == "observed" else [1, 99])
            mapped = ax.scatter(east / 1e3, (north - 6.07e6) / 1e3, c=values, s=9 if survey.kind == "magnetic" else 28,
                                cmap="RdBu_r" if label != "observed" else "viridis",
                                vmin=low if label == "observed" else -max(-low, high),
                                vmax=high if label == "observed" else max(-low, high))
            figure.colorbar(mapped, ax=ax, label=f"{survey.units}", shrink=0.9)
            ax.set_title(f"{survey.kind}, {label}", loc="left", fontsize=10)
            ax.set_aspect("equal")
        row[0].set_ylabel("northing − 6070 (km)")
    for ax in axes[1]:
        ax.set_xlabel("easting (km)")
    return figure


def models(case, means, stds, seen, cut):
    """Truth, joint mean, separate mean, joint std for both properties, in a section or a depth slice."""
    figure = Figure(figsize=(11, 8.5 if cut == "section" else 15), layout="constrained")
    axes = figure.subplots(4, 2, sharex=True, sharey=True)
    for column, name in enumerate(means["joint"]):
        long_name, units, factor = LABELS[name]
        rows = {"truth on the mesh": case.truth[name], "joint mean": means["joint"][name],
                "separate mean": means["separate"][name], "joint standard deviation": stds["joint"][name]}
        limit = factor * np.percentile(np.abs(_cut(case, case.truth[name], cut)), 98)
        for ax, (label, values) in zip(axes[:, column], rows.items(), strict=True):
            plane = np.ma.masked_where(~_cut(case, case.cells, cut), factor * _cut(case, values, cut))
            spread = label.endswith("deviation")
            mapped = ax.pcolormesh(*_axes(case, cut), plane, cmap="cividis" if spread else "RdBu_r",
                                   vmin=0 if spread else -limit, vmax=None if spread else limit)
            figure.colorbar(mapped, ax=ax, label=units, shrink=0.9, extend="neither" if spread else "both")
            if not spread:
                ax.contour(*_centres(case, cut), _cut(case, seen[name], cut).astype(float), [0.5], colors="k",
                           linewidths=0.7)
            ax.set_title(f"{long_name}, {label}", loc="left", fontsize=10)
            ax.set_aspect("equal")
    for ax in axes[-1]:
        ax.set_xlabel("easting (km)")
    for ax in axes[:, 0]:
        ax.set_ylabel("height (km)" if cut == "section" else "northing − 6070 (km)")
    return figure


def _cut(case, values, cut):
    if cut == "section":
        return values[:, np.argmin(np.abs(case.mesh.northing - SECTION))]
    return values[np.argmin(np.abs(case.mesh.upward - SLICE))]


def _axes(case, cut):
    mesh = case.mesh
    second = mesh.upward_edges / 1e3 if cut == "section" else (mesh.northing_edges - 6.07e6) / 1e3
    return mesh.easting_edges / 1e3, second


def _centres(case, cut):
    mesh = case.mesh
    return mesh.easting / 1e3, mesh.upward / 1e3 if cut == "section" else (mesh.northing - 6.07e6) / 1e3


def evidence(results):
    """Log evidence against the correlation, and how the estimate of the same correlation fares against the truth."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    correlation, curve = np.array(results["correlations"]), np.array(results["log_evidence"])
    gain = curve - curve[np.argmin(np.abs(correlation))]
    left.plot(correlation, gain, "-o", ms=3, color=COLOURS["joint"])
    left.axhline(0, color="0.6", lw=0.8)
    left.axvline(0, color="0.6", lw=0.8)
    left.axvline(results["truth_correlation"], color="k", ls=":", lw=1)
    left.annotate("truth, over cells", (results["truth_correlation"], -95), rotation=90, ha="right", fontsize=8)
    left.set(xlabel="correlation of density and susceptibility in the prior", ylim=(-110, 20),
             ylabel="log evidence − that of no coupling (nats)")
    left.set_title("What the data say (truth not used)", loc="left", fontsize=10)
    scan = results["scan"]
    for name, style in (("density", "-o"), ("susceptibility", "--s")):
        right.plot([r["correlation"] for r in scan], [r[name]["relative_error"] for r in scan], style, ms=3,
                   color=COLOURS["joint"] if name == "density" else COLOURS["separate"], label=LABELS[name][0])
    right.axvline(results["chosen"]["correlation"], color="0.4", lw=1)
    right.axvline(0, color="0.8", lw=0.8)
    right.set(xlabel="correlation in the prior", ylabel="relative error, cells the data see")
    right.set_title("What the truth says, afterwards", loc="left", fontsize=10)
    right.legend(frameon=False)
    return figure


def calibration(results):
    """Empirical against nominal coverage."""
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    for ax, name in zip(figure.subplots(1, 2, sharey=True), LABELS, strict=True):
        ax.plot([0, 1], [0, 1], color="0.7", lw=1)
        for area, style in (("seen", "-o"), ("ground", "--")):
            for label, colour in COLOURS.items():
                ax.plot(LEVELS, results["calibration"][name][area][label], style, ms=3, color=colour,
                        label=f"{label}, {'cells seen' if area == 'seen' else 'all ground'}")
        ax.set(xlabel="nominal probability, equal-tailed", xlim=(0, 1), ylim=(0, 1), aspect="equal")
        ax.set_title(LABELS[name][0], loc="left", fontsize=10)
        ax.legend(frameon=False, fontsize=8)
    figure.axes[0].set_ylabel("share of cells whose interval holds the truth")
    return figure


def where(case, means, seen, results):
    """Where the joint inversion is nearer the truth than the separate one, on the slice and by layer."""
    figure = Figure(figsize=(11, 9), layout="constrained")
    axes = figure.subplots(2, 2, height_ratios=(1.3, 1))
    for ax, name in zip(axes[0], LABELS, strict=True):
        long_name, units, factor = LABELS[name]
        gain = factor * (np.abs(means["separate"][name] - case.truth[name])
                         - np.abs(means["joint"][name] - case.truth[name]))
        plane = np.ma.masked_where(~_cut(case, case.cells, "slice"), _cut(case, gain, "slice"))
        limit = np.percentile(np.abs(plane.compressed()), 99)
        mapped = ax.pcolormesh(*_axes(case, "slice"), plane, cmap="PuOr_r", vmin=-limit, vmax=limit)
        figure.colorbar(mapped, ax=ax, label=f"|error| separate − joint ({units})", shrink=0.85)
        ax.contour(*_centres(case, "slice"), _cut(case, seen[name], "slice").astype(float), [0.5], colors="k",
                   linewidths=0.7)
        ax.set_title(f"{long_name} at {SLICE:.0f} m: positive where joint is nearer", loc="left", fontsize=10)
        ax.set_aspect("equal")
        ax.set(xlabel="easting (km)", ylabel="northing − 6070 (km)")
    for ax, name in zip(axes[1], LABELS, strict=True):
        long_name, units, factor = LABELS[name]
        layers = results["layers"][name]
        for label, colour in {**COLOURS, "truth_rms": "0.6"}.items():
            ax.plot([factor * r[label] for r in layers], [r["upward_m"] for r in layers], "-o", ms=3, color=colour,
                    label="truth itself (error of the prior mean)" if label == "truth_rms" else label)
        ax.set(xlabel=f"rms error of the cells seen in a layer ({units})", ylabel="height (m)", xlim=(0, None))
        ax.set_title(long_name, loc="left", fontsize=10)
        ax.legend(frameon=False, fontsize=8, loc="center right" if name == "density" else "lower left")
    return figure
