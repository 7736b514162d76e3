"""Arrays, clocks and pictures of the Kalgoorlie study."""

import json
import resource
import subprocess
import sys
import time

import numpy as np

SLICE = -2000.0  # metres, of the depth slices
UNITS = {"density": "kg/m³", "susceptibility": "SI"}


class Clock:
    """Seconds between laps."""

    def __init__(self):
        self._last = time.perf_counter()

    def lap(self):
        now = time.perf_counter()
        self._last, spent = now, now - self._last
        return spent


def peak():
    """Largest resident memory of this process, GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def child(arguments):
    subprocess.run([sys.executable, *arguments], check=True)


def words(post):
    return [{"name": a.name, "status": a.status, "error": a.error, "statement": a.statement}
            for a in post.approximations]


def keep(path, **groups):
    """Arrays of every parameter, in float32."""
    np.savez_compressed(path, **{f"{group}_{name}": array.astype(np.float32)
                                 for group, each in groups.items() for name, array in each.items()})


def draw(data, problem, results, out, target):
    import matplotlib.pyplot as plt

    exact, spectral, rrcg = (np.load(out / f"{name}.npz") for name in ("exact", "spectral", "rrcg"))
    mesh = problem.parameters[0].mesh
    layer = int(np.argmin(np.abs(mesh.upward - SLICE)))
    extent = [edge / 1e3 for edge in (*mesh.easting_edges[[0, -1]], *mesh.northing_edges[[0, -1]])]
    fig, axes = plt.subplots(2, 4, figsize=(14, 11), layout="constrained", sharex=True, sharey=True)
    for row, name in zip(axes, UNITS, strict=True):
        survey = data["gravity" if name == "density" else "magnetic"]
        limit = np.percentile(np.abs(survey.data), 99)
        shown = [(survey.data, f"{survey.kind} ({survey.units})", (-limit, limit), "RdBu_r")]
        mean, std, error = (exact[f"{key}_{name}"][layer] for key in ("mean", "std", "error"))
        limit = np.percentile(np.abs(mean), 99)
        shown += [(mean, f"{name}, mean ({UNITS[name]})", (-limit, limit), "RdBu_r"),
                  (std, f"its standard deviation ({UNITS[name]})", (0, std.max()), "viridis"),
                  (100 * error / std, "standard error of that (%)", (0, None), "magma")]
        for ax, (values, title, (low, high), colours) in zip(row, shown, strict=True):
            image = ax.imshow(values, origin="lower", extent=extent, cmap=colours, vmin=low, vmax=high)
            ax.set_title(title, fontsize=10)
            fig.colorbar(image, ax=ax, shrink=0.6)
        row[0].set_ylabel("northing (km)")
    for ax in axes[-1]:
        ax.set_xlabel("easting (km)")
    fig.suptitle(f"Kalgoorlie–Norseman, {-mesh.upward[layer] / 1e3:.1f} km below the surface: exact posterior of "
                 f"{results['spectral']['unknowns']:,} unknowns")
    fig.savefig(target / "posterior.png", dpi=110)
    plt.close(fig)
    _sections(exact, spectral, rrcg, mesh, results, target)


def _sections(exact, spectral, rrcg, mesh, results, target):
    """Standard deviation with depth by two engines, exceedance, and the paper's model beside the mean."""
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 4, figsize=(14, 5.6), layout="constrained")
    depth, (_, ny, nx) = -mesh.upward / 1e3, mesh.shape
    middle = (slice(None), slice(ny // 4, 3 * ny // 4), slice(nx // 4, 3 * nx // 4))
    for n, name in enumerate(UNITS):
        prior = results["values"][f"{name}_std"]
        for arrays, style, label in ((exact, "-", "exact"), (spectral, "o", "by wavenumber")):
            profile = arrays[f"std_{name}"][middle].mean(axis=(1, 2)) / prior
            axes[0].plot(profile, depth, style, color=f"C{n}", label=f"{name}, {label}", ms=4)
    axes[0].set(xlabel="standard deviation / prior's", ylabel="depth (km)", ylim=(depth.max(), 0), xlim=(0, 1.05))
    axes[0].legend(fontsize=7)
    layer = int(np.argmin(np.abs(mesh.upward - SLICE)))
    extent = [edge / 1e3 for edge in (*mesh.easting_edges[[0, -1]], *mesh.northing_edges[[0, -1]])]
    above = axes[1].imshow(exact["above_density"][layer], origin="lower", extent=extent, vmin=0, vmax=1, cmap="cividis")
    axes[1].set_title("P(density > 100 kg/m³), 200 draws, error ≤ 0.035", fontsize=9)
    fig.colorbar(above, ax=axes[1], shrink=0.6)
    pad = [(a - b) // 2 for a, b in zip(rrcg["mean_density"].shape[1:], mesh.shape[1:], strict=True)]
    inner = rrcg["mean_density"][layer, pad[0] : pad[0] + ny, pad[1] : pad[1] + nx]
    limit = np.percentile(np.abs(exact["mean_density"][layer]), 99)
    for ax, values, title in ((axes[2], exact["mean_density"][layer], "density, posterior mean (kg/m³)"),
                              (axes[3], inner, "density, RRCG iterate (kg/m³)")):
        image = ax.imshow(values, origin="lower", extent=extent, vmin=-limit, vmax=limit, cmap="RdBu_r")
        ax.set_title(title, fontsize=9)
        fig.colorbar(image, ax=ax, shrink=0.6)
    for ax in axes[1:]:
        ax.set(xlabel="easting (km)", ylabel="northing (km)")
    fig.savefig(target / "engines.png", dpi=110)
    plt.close(fig)
    (target / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
