"""The report's pictures: small single panels as PNG, so that they can stand side by side or below one another."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .. import plot
from ._facts import UNINFORMED
from ._words import fixed, plain, span

WIDTH = 3.4  # inches; about 326 CSS pixels
DPI = 190  # twice a screen's 96: sharp on dense screens and in print
SLICES = 4
_LEFT, _RIGHT, _TOP, _BOTTOM, _BAR = 0.7, 0.84, 0.42, 0.44, 0.09  # inches
_STYLE = {"font.size": 8, "axes.titlesize": 8.5, "axes.titlelocation": "left", "axes.labelsize": 8,
          "xtick.labelsize": 7.5, "ytick.labelsize": 7.5, "axes.linewidth": 0.6, "xtick.major.width": 0.6,
          "ytick.major.width": 0.6, "axes.formatter.useoffset": False, "legend.fontsize": 7.5,
          "text.parse_math": False}  # names and units are the user's words, whatever signs are in them


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A PNG as base64 with its size in CSS pixels and its alternative text."""

    data: str
    width: int
    height: int
    alt: str


def _picture(fig, alt):
    stream = io.BytesIO()
    FigureCanvasAgg(fig).print_png(stream, pil_kwargs={"compress_level": 5})
    width, height = (round(float(size) * 96) for size in fig.get_size_inches())
    return Picture(data=base64.b64encode(stream.getvalue()).decode(), width=width, height=height, alt=alt)


def mapped(draw, aspect, alt):
    """A panel with a colour bar whose map has height / width = `aspect`; `draw(ax, cax)` fills it."""
    width = WIDTH - _LEFT - _RIGHT
    height = float(np.clip(width * aspect, 0.7, 3.2))
    with rc_context(_STYLE):
        fig = Figure(figsize=(WIDTH, height + _TOP + _BOTTOM), dpi=DPI)
        across, along = WIDTH, height + _TOP + _BOTTOM
        used = min(width, height / aspect) if aspect > 0 else width
        ax = fig.add_axes((_LEFT / across, _BOTTOM / along, used / across, height / along))
        cax = fig.add_axes(((_LEFT + used + 0.07) / across, _BOTTOM / along, _BAR / across, height / along))
        draw(ax, cax)
        ax.locator_params(axis="x", nbins=5)
        ax.locator_params(axis="y", nbins=5 if height > 1.2 else 3)
        return _picture(fig, alt)


def chart(draw, alt, height=2.9, left=0.62):
    """A panel without a map, as high as that of a square one, `left` inches kept for labels."""
    with rc_context(_STYLE):
        fig = Figure(figsize=(WIDTH, height), dpi=DPI)
        draw(fig.add_axes((left / WIDTH, _BOTTOM / height, 1 - (left + 0.12) / WIDTH, 1 - (_BOTTOM + _TOP) / height)))
        return _picture(fig, alt)


def planes(tree, values, draw, kind, words, units="", depth=None):
    """Pictures of values of every cell at the tree's best depth (or another) and along its best section.

    Parameters
    ----------
    tree : xarray.DataTree
    values : ndarray, shape (nz, ny, nx)
        What is shown; nothing where none is finite.
    draw : callable
        Draws it, given ``ax``, ``limits``, ``colorbar`` and the plane.
    kind : str
        Of its colours.
    words, units : str
        What it is, for those who cannot see it.
    depth : float, optional
        Of the slice, metres.

    Returns
    -------
    list of Picture
    """
    if not np.isfinite(values).any():
        return []
    best, mesh, limits, out = plot.best_sections(tree), plot.mesh_of(tree), limits_of(kind, values), []
    for plane in ({"depth": best["depth"] if depth is None else depth}, {"northing": best["northing"]}):
        section = plot.cut(values, mesh=mesh, **plane)
        out.append(mapped(lambda ax, cax, at=plane: draw(ax=ax, limits=limits, colorbar=cax, **at),
                          aspect_of(section), f"{words}, {section.place}; over the mesh {span(values, units)}"))
    return out


def survey_pictures(tree, fit):
    """Observed, predicted, residual map and residual histogram of one data set."""
    held = [w for w in ("observed", "predicted", "residual") if w == "observed"
            or plot.has(tree, "predictive_summary", f"{fit.name}_mean")]
    fields = {w: plot.data_field(tree, fit.name, w) for w in held}
    shared = np.concatenate([fields[w].values.ravel() for w in held if w != "residual"])
    limits = limits_of(plot.kind_of_data(shared), shared)
    pictures = []
    for what in held:
        field = fields[what]
        alt = f"{what.capitalize()} {fit.long_name}: {span(field.values, fit.units)}"
        if field.easting is None:
            pictures.append(chart(lambda ax, w=what: plot.data(tree, fit.name, w, ax=ax), alt))
            continue
        aspect = (np.ptp(field.northing) or 1.0) / (np.ptp(field.easting) or 1.0)
        pictures.append(mapped(lambda ax, cax, w=what: plot.data(
            tree, fit.name, w, ax=ax, limits=None if w == "residual" else limits, colorbar=cax), aspect, alt))
    if np.isfinite(fit.residual_std):
        values = plot.data_field(tree, fit.name, "standardized").values
        alt = (f"Histogram of residuals of {fit.long_name} divided by the noise standard deviation: mean "
               f"{fixed(fit.residual_mean, 2)}, standard deviation {fit.residual_std:.2f}, "
               f"{plot.beyond(values, plot.residual_reach(values))}, against the normal density")
        pictures.append(chart(lambda ax: plot.residuals(tree, fit.name, ax=ax), alt))
    return pictures


class ModelPictures:
    """Slices and sections of one parameter, all on one scale for the mean and one for the standard deviation."""

    def __init__(self, tree, name):
        self.tree, self.name, self.words = tree, name, plot.title_of(tree, name)
        self.mesh, self.best = plot.mesh_of(tree), plot.best_sections(tree)
        self.sure = plot.has(tree, "posterior_summary", f"{name}_std")
        self.limits, self._drawn = {}, {}
        seen = plot.under_stations(tree, self.mesh) & self.mesh.active  # others would hide what is there
        for what, kind in (("mean", "diverging"), *((("std", "sequential"),) if self.sure else ())):
            shown = [plot.model_values(tree, name, what, label).values for label in (None, *plot.labels_of(tree, name))]
            inside = np.concatenate([values[seen] for values in shown])
            self.limits[what] = limits_of(kind, inside if np.isfinite(inside).any() else np.concatenate(shown))
        self.stands_out = np.abs(plot.standing_out(tree, name)) / 2 if self.sure else None

    def panel(self, what, label=None, **plane):
        """One panel of mean, std or draw; drawn once however often it is shown."""
        key = (what, label, *plane.items())
        if key not in self._drawn:
            self._drawn[key] = self._draw(what, label, plane)
        return self._drawn[key]

    def _draw(self, what, label, plane):
        section = plot.cut(self.tree, self.name, what, label, **plane)
        limits = self.limits["std" if what == "std" else "mean"]
        outline = self.stands_out if what == "mean" and label is None else None
        known = np.isfinite(section.values).any()
        reach = span(section.values, section.units) if known else "not known in any cell"
        words = {"mean": "Posterior mean", "std": "Posterior standard deviation", "draw": "One posterior draw"}[what]
        alt = f"{words} of {self.words}{', ' + plain(label) if label else ''}, {section.place}: {reach}"

        def draw(ax, cax):
            plot.model(self.tree, self.name, what, label=label, ax=ax, limits=limits, colorbar=cax, contour=outline,
                       **plane)
            if "depth" in plane:
                self._outline_stations(ax, section)

        return mapped(draw, aspect_of(section), alt)

    def _outline_stations(self, ax, section):
        divisor = section.scale[0]
        for west, east, south, north in plot.station_boxes(self.tree):
            x, y = np.array([west, east, east, west, west]), np.array([south, south, north, north, south])
            ax.plot(x / divisor, y / divisor, color="0.25", lw=0.6, ls=(0, (4, 3)), scalex=False, scaley=False)

    def pair(self, label=None, **plane):
        """Mean next to standard deviation in one plane."""
        return [self.panel(what, label, **plane) for what in self.limits]

    def slices(self):
        """Pairs for depth slices, from the surface down to where the data stop informing."""
        return [self.pair(depth=depth) for depth in slice_depths(self.tree)]

    def sections(self):
        """Pairs for the two vertical sections through the cell that stands out most."""
        return [self.pair(northing=self.best["northing"]), self.pair(easting=self.best["easting"])]

    def ratio(self, label, **plane):
        """Joint over separate standard deviation in one plane."""
        whole = plot.std_ratio(self.tree, self.name, label)
        section = plot.cut(self.tree, self.name, "std", **plane)
        alt = (f"Joint divided by separate standard deviation of {self.words}, {section.place}; over the whole mesh "
               f"{np.nanmin(whole):.2f} to {np.nanmax(whole):.2f}")
        return mapped(lambda ax, cax: plot.compare(self.tree, self.name, label=label, ax=ax, colorbar=cax, **plane,
                                                   limits=limits_of("ratio", whole)), aspect_of(section), alt)

    def profile(self):
        """Posterior over prior standard deviation by depth, or None without a prior."""
        if plot.layers_left(self.tree, self.name) is None:
            return None
        alt = f"Posterior divided by prior standard deviation of {self.words} by depth, median of each layer"
        return chart(lambda ax: plot.profile(self.tree, self.name, ax=ax), alt)


def limits_of(kind, values):
    """Ends of the colours of values that share a scale."""
    norm = plot.norm_for(kind, values)
    return norm.vmin, norm.vmax


def aspect_of(section):
    """Height / width of a section as drawn."""
    return plot.exaggeration_of(section) * np.ptp(section.vertical) / np.ptp(section.horizontal)


def slice_depths(tree):
    """Depths (metres) of the slices shown: the most telling layer, and others spread over the depths data inform."""
    mesh = plot.mesh_of(tree)
    deepest = 0
    for name in plot.mesh_parameters(tree):
        ratio = plot.layers_left(tree, name)
        informed = np.zeros(1) if ratio is None else np.flatnonzero(ratio[1] < UNINFORMED)
        deepest = max(deepest, mesh.shape[0] - 1 - int(informed[0]) if informed.size else 0)
    layers = np.unique(np.round(np.linspace(0, max(deepest, min(SLICES, mesh.shape[0]) - 1), SLICES)).astype(int))
    depth = mesh.depth[::-1]
    best = int(np.argmin(np.abs(depth - plot.best_sections(tree)["depth"])))
    if best not in layers:  # instead of its neighbour, but never of the top layer
        layers[1 + np.argmin(np.abs(layers[1:] - best)) if layers.size > 1 else 0] = best
    return [float(depth[k]) for k in np.unique(layers)]


def relation_pictures(tree, row):
    """Cross-plots of one pair: joint, and of the separate inversions where there are both."""
    pairs = [(None, "joint", row["joint"])]
    if row["separate"] is not None:
        pairs.append((tuple(row["labels"]), "separate", row["separate"]))
    pictures = []
    for label, words, value in pairs:
        alt = (f"Two-dimensional histogram of the posterior means of {row['first']} and {row['second']}, {words}; "
               f"correlation {fixed(value, 2)}")

        def draw(ax, cax, label=label, words=words):
            plot.crossplot(tree, row["first"], row["second"], ax=ax, label=label, cax=cax)
            ax.set_title(f"{words}: {ax.get_title(loc='left')}")

        pictures.append(mapped(draw, 1.0, alt))
    return pictures


def history_pictures(tree, most=5):
    """χ² of every data set and the other terms of the optimiser's history."""
    if "history" not in tree.children:
        return []
    terms = plot.chi2_terms(tree)
    names = (["chi2"] if terms else []) + [n for n in tree["history"].data_vars if n not in terms.values()][:most]
    return [chart(lambda ax, n=n: plot.convergence(tree, n, ax=ax), f"{plain(n)} against iterations", 2.4, left=0.9)
            for n in names]
