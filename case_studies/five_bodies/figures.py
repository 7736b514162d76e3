"""Figures of the five bodies."""

import matplotlib.pyplot as plt
import numpy as np

DEPTH, NORTHINGS = 350.0, (6950.0, 3450.0)  # planes: all five bodies; A, C and E; B and D
PROPERTIES = (("density", 1000.0, "kg/m³"), ("susceptibility", 0.1, "SI"))


def draw_all(folder, setting, problem, models, results):
    """Write bodies.png, data.png, slices.png, sections.png and sweep.png into `folder`."""
    rows = {"truth": setting[2]} | {k: v for k, v in models.items() if "printed" not in k}
    names = {"pair found by couple": "couple's pair, ({:.3g}, {:.3g})".format(
        *results["draws"][0]["pair found by couple"]["weights"])}
    rows = {names.get(k, k): v for k, v in rows.items()}
    for name, figure in (("bodies", bodies(setting)), ("data", data(setting, problem)),
                         ("slices", slices(setting, rows)), ("sections", sections(setting, rows)),
                         ("sweep", sweep(results))):
        figure.savefig(folder / f"{name}.png", dpi=110)
        plt.close(figure)


def bodies(setting):
    """Plan of the depth to top, and both sections."""
    mesh, _, truth, masks = setting
    inside = truth["density"] > 0
    top = np.where(inside.any(axis=0), -mesh.upward_edges[mesh.shape[0] - np.argmax(inside[::-1], axis=0)], np.nan)
    fig, axes = plt.subplots(3, 1, figsize=(8, 9.5), height_ratios=(10, 3.1, 3.1), layout="constrained", sharex=True)
    drawn = axes[0].pcolormesh(_km(mesh.easting_edges), _km(mesh.northing_edges), top, cmap="viridis_r")
    fig.colorbar(drawn, ax=axes, label="depth to top (m)", shrink=0.6)
    axes[0].set(aspect="equal", ylabel="northing (km)", title="Five bodies, 1 g/cm³ and 0.1 SI")
    for name, mask in masks.items():
        _, j, i = np.nonzero(mask)
        middle = np.argmin((i - i.mean()) ** 2 + (j - j.mean()) ** 2)  # a cell of the body, even if it is bent
        axes[0].text(mesh.easting[i[middle]] / 1000, mesh.northing[j[middle]] / 1000, name, color="k", weight="bold",
                     ha="center", va="center", bbox={"facecolor": "w", "alpha": 0.7, "pad": 1.5, "lw": 0})
    for ax, northing in zip(axes[1:], NORTHINGS, strict=True):
        axes[0].axhline(northing / 1000, color="0.5", lw=0.8, ls="--")
        _section(ax, mesh, truth["density"], northing, 1000.0)
        ax.set_title(f"northing {northing / 1000:.2f} km, vertical exaggeration 3", fontsize=9)
    axes[-1].set_xlabel("easting (km)")
    return fig


def data(setting, problem):
    """Both surveys of draw 0."""
    mesh = setting[0]
    fig, axes = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained", sharey=True)
    for ax, modality, label, unit in zip(axes, problem.modalities, ("gravity", "total-field anomaly"), ("mGal", "nT"),
                                         strict=True):
        values = modality.data.reshape(modality.data_shape)
        reach = np.abs(values).max()
        drawn = ax.pcolormesh(_km(mesh.easting_edges), _km(mesh.northing_edges), values, cmap="RdBu_r", vmin=-reach,
                              vmax=reach)
        fig.colorbar(drawn, ax=ax, label=unit)
        ax.set(aspect="equal", xlabel="easting (km)", title=f"{label}, draw 0")
    axes[0].set_ylabel("northing (km)")
    return fig


def slices(setting, rows):
    """Depth slices of every model, true outlines in white."""
    mesh, _, truth, _ = setting
    layer = int(np.argmin(np.abs(mesh.depth - DEPTH)))
    fig, axes = plt.subplots(len(rows), 2, figsize=(10, 12.5), layout="constrained", sharex=True, sharey=True)
    for axis_row, (label, model) in zip(axes, rows.items(), strict=True):
        for ax, (name, high, _) in zip(axis_row, PROPERTIES, strict=True):
            ax.pcolormesh(_km(mesh.easting_edges), _km(mesh.northing_edges), model[name][layer], vmin=0,
                          vmax=high, cmap="viridis")
            ax.contour(mesh.easting / 1000, mesh.northing / 1000, truth[name][layer] / high, [0.5], colors="w",
                       linewidths=0.8)
            ax.set(aspect="equal", title=f"{label}: {name}, {DEPTH - 50:.0f}–{DEPTH + 50:.0f} m deep")
            ax.title.set_fontsize(9)
        axis_row[0].set_ylabel("northing (km)")
    _bars(fig, axes)
    return fig


def sections(setting, rows):
    """Sections of every model along both northings, true outlines in white."""
    mesh, _, truth, _ = setting
    fig, axes = plt.subplots(len(NORTHINGS) * len(rows), 2, figsize=(12, 13), layout="constrained", sharex=True,
                             sharey=True)
    wanted = [(northing, label, model) for northing in NORTHINGS for label, model in rows.items()]
    for axis_row, (northing, label, model) in zip(axes, wanted, strict=True):
        for ax, (name, high, _) in zip(axis_row, PROPERTIES, strict=True):
            _section(ax, mesh, model[name], northing, high, truth[name] / high)
            ax.set_title(f"{label}: {name}, northing {northing / 1000:.2f} km", fontsize=9)
    _bars(fig, axes)
    return fig


def sweep(results):
    """Correlation, fit and relative errors against the coupling's weight."""
    table = results["sweep"]
    weights = np.array(table["weights"])[1:]
    strength = np.sqrt(weights.prod(axis=1))
    fig, axes = plt.subplots(1, 3, figsize=(12, 3.4), layout="constrained")
    for ax, keys, label in zip(axes, (("correlation",), ("chi2_gravity", "chi2_magnetic"),
                                      ("re_gravity", "re_magnetic")),
                               ("correlation of the models", "χ²/n", "relative error"), strict=True):
        for n, key in enumerate(keys):
            line = ax.semilogx(strength, table[key][1:], "o-", ms=4, color=f"C{n}",
                               label=key.split("_")[-1] + ", coupled")[0]
            ax.axhline(table[key][0], color=line.get_color(), lw=0.8, ls=":",
                       label=key.split("_")[-1] + ", uncoupled")
        if table["chosen"]:
            ax.axvline(strength[table["chosen"] - 1], color="k", lw=0.8, label="chosen")
        ax.set(xlabel="√(λ1 λ2)", title=label)
        ax.legend(fontsize=7)
        ax.grid(alpha=0.3)
    return fig


def _section(ax, mesh, model, northing, high, outline=None):
    row = int(np.argmin(np.abs(mesh.northing - northing)))
    ax.pcolormesh(_km(mesh.easting_edges), _km(mesh.upward_edges), model[:, row], vmin=0, vmax=high, cmap="viridis")
    if outline is not None:
        ax.contour(mesh.easting / 1000, mesh.upward / 1000, outline[:, row], [0.5], colors="w", linewidths=0.8)
    ax.set_ylabel("up (km)")
    ax.set_aspect(3)


def _bars(fig, axes):
    for column, (name, _, unit) in enumerate(PROPERTIES):
        axes[-1, column].set_xlabel("easting (km)")
        fig.colorbar(axes[0, column].collections[0], ax=axes[:, column], label=f"{name} ({unit})", shrink=0.4,
                     location="bottom", pad=0.01)


def _km(metres):
    return metres / 1000
