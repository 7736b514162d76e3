"""Coverage and error of every remedy under every conflict, as two tables in colour."""

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import tables
from matplotlib.colors import TwoSlopeNorm


def remedies(results, path):
    conflicts, names = list(results), list(results["none"]["remedies"])
    fig, axes = plt.subplots(1, 2, figsize=(12.5, 5.2), layout="constrained", sharey=True)
    best = np.array([[results[c]["remedies"]["ground survey alone"]["rms_error"] for c in conflicts]])
    values = [np.array([[results[c]["remedies"][n][key] for c in conflicts] for n in names])
              for key in ("coverage_mass", "rms_error")]
    values[1] = values[1] / best
    shown = [(TwoSlopeNorm(0.9, 0.0, 1.0), "PuOr", "coverage of nominal 90 % intervals of the total mass"),
             (TwoSlopeNorm(1.0, 0.8, 1.3), "RdBu_r", "model error over that of the ground survey alone")]
    for ax, table, (norm, colours, title) in zip(axes, values, shown, strict=True):
        image = ax.imshow(table, norm=norm, cmap=colours, aspect="auto")
        for (i, j), value in np.ndenumerate(table):
            red, green, blue, _ = image.cmap(norm(value))
            dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.5
            ax.text(j, i, f"{value:.2f}", ha="center", va="center", color="white" if dark else "black", fontsize=9)
        ax.set_xticks(range(len(conflicts)), [tables.WORDS[c].split(",")[0] for c in conflicts])
        ax.set_yticks(range(len(names)), names)
        ax.set_title(title, fontsize=10)
        ax.tick_params(length=0)
    fig.savefig(path, dpi=130)
    plt.close(fig)
