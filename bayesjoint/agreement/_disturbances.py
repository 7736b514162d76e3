"""What may be wrong with a survey, in the units of its data: offset, tilt, extra patch, levels of lines, gain."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from ..augment import bias_basis
from ._local_conflict import spacing_of

KINDS = ("offset", "tilt", "patch", "levels", "gain")
PATCH = 6.0  # radius of the patch in station spacings: about 113 stations
SHARE = 0.25  # of the survey's longer side, which the patch does not exceed
FEWEST = 4  # stations from which a survey has a tilt, a patch or a gain to speak of
ALONG = 8  # places of the patch along an axis, at most: one for each of its radii below that
LINES = {"row": "rows", "column": "columns", "line": "lines"}  # of a lattice either may be what was flown
FEWEST_LINES = 3  # two have an offset and a tilt between them
LEVELS_SEED = 0  # of the levels that stand for all others where only one set of them can be held against a test


@dataclass(frozen=True)
class Disturbance:
    """One way in which a survey may be off.

    Parameters
    ----------
    kind : {"offset", "tilt", "patch", "levels", "gain"}
    name : {"offset", "tilt north", "tilt east", "patch", "row levels", "column levels", "line levels", "gain"}
        Form.
    survey : str
        Modality.
    columns : ndarray, shape (n_data, q)
        What is added to the data, in their units, for a size of 1: one column, or one for each place of a patch, or
        one for each line.
    units : str
        Of the size: those of the data, "%" for a gain.
    scale : float
        Size at which it is as large as the noise: root mean square for a gain, else the noise std.
    words : str
        What the size means.
    places : ndarray, shape (q, 2), optional
        Easting and northing of the centre of each patch, metres.
    """

    kind: str
    name: str
    columns: np.ndarray
    words: str
    survey: str
    units: str
    scale: float
    places: np.ndarray | None = None

    def column(self, place=0):
        """One column for tests that take no family, shape (n_data, 1): of levels one draw of root mean square 1."""
        if self.kind != "levels":
            return self.columns[:, [place]]
        levels = np.random.default_rng(LEVELS_SEED).standard_normal((self.columns.shape[1], 1))
        return self.columns @ (levels / np.sqrt(np.mean(levels**2)))


def disturbances_of(modality, weight=1.0, signal=None, radius=None):
    """Offset, tilts from the centre to the edge, a disc at any place, levels of lines, and a gain, as far as they fit.

    The disc's places are a grid over the survey, edges and corners included, one radius apart, or as near that as
    eight places an axis allow. Lines are those that the survey names, or the rows and the columns of a lattice.

    Parameters
    ----------
    modality : Modality
        The survey.
    weight : float, default 1
        Likelihood exponent; noise counts as C / w.
    signal : ndarray, shape (n_data,), optional
        Its clean data as predicted; without it no gain.
    radius : float, optional
        Of the disc, metres; default six station spacings, at most a quarter of the survey's longer side.

    Returns
    -------
    list of Disturbance

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((1, 3, 4), (100.0, 100.0, 100.0))
    >>> op = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    >>> survey = bj.Modality("ground", op, np.zeros((3, 4)), bj.DiagonalNoise(np.full((3, 4), 0.1)), "density")
    >>> [d.name for d in disturbances_of(survey)]
    ['offset', 'tilt north', 'tilt east', 'patch', 'row levels', 'column levels']
    """
    name, size = modality.name, modality.size
    about = {"survey": name, "units": modality.units,
             "scale": float(np.sqrt(np.median(modality.noise.variance()) / weight))}
    out = [Disturbance("offset", "offset", np.ones((size, 1)), f"constant shift of {name}", **about)]
    if size < FEWEST:
        return out
    if hasattr(modality.forward, "coordinates"):
        stations = np.column_stack(modality.forward.coordinates()[:2]).astype(float)
        for direction, values in (("north", stations[:, 1]), ("east", stations[:, 0])):
            if np.ptp(values) > 0:
                column = 2.0 * (values - values.min()) / np.ptp(values) - 1.0
                out.append(Disturbance("tilt", f"tilt {direction}", column[:, None],
                                       f"tilt of {name}, from its centre to its {direction}ern edge", **about))
        out += [*_patch(stations, radius, about), *_levels(modality, about)]
    if signal is not None and np.any(signal):
        share = about | {"units": "%", "scale": 100.0 * about["scale"] / float(np.sqrt(np.mean(signal**2)))}
        out.append(Disturbance("gain", "gain", 0.01 * signal[:, None], f"gain of {name}", **share))
    return out


def _patch(stations, radius, about):
    """The disc, in a list; empty where it would hold the whole survey."""
    low, extent = stations.min(axis=0), np.ptp(stations, axis=0)
    if radius is None:
        radius = min(PATCH * spacing_of(stations), SHARE * float(extent.max()))
    if not radius > 0:
        return []
    counts = np.minimum(np.ceil(extent / radius - 1e-9).astype(int) + 1, ALONG)
    axes = [low[k] + (np.linspace(0, extent[k], n) if n > 1 else [0.5 * extent[k]]) for k, n in enumerate(counts)]
    grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    centres = stations[np.unique(cKDTree(stations).query(grid)[1])]
    # of places at one distance from the middle the first: a survey of one disc's size has but that
    centres = centres[np.argsort(np.sum((centres - low - 0.5 * extent) ** 2, axis=1), kind="stable")]
    inside = np.hypot(*(stations[:, None] - centres).transpose(2, 0, 1)) <= radius * (1 + 1e-9)
    if inside.all(axis=0).any():
        return []
    apart = " by ".join(f"{e / max(n - 1, 1):.4g}" for e, n in zip(extent, counts, strict=True))
    where = f"on a grid of {len(centres)} places over {about['survey']}, {apart} m apart"
    return [Disturbance("patch", "patch", inside.astype(float), f"height of a disc of {radius:.4g} m radius {where}",
                        **about, places=centres)]


def _levels(modality, about):
    """Levels of named lines, or of rows and of columns where the stations are a lattice."""
    out = []
    for line, basis in LINES.items():
        try:
            columns, names = bias_basis(modality, basis)
        except ValueError:  # stations on no lattice have no rows, and few surveys name their lines
            continue
        if len(names) >= FEWEST_LINES:
            out.append(Disturbance("levels", f"{line} levels", columns, **about, words=(
                f"rms of independent levels of the {len(names)} {basis} of {modality.name}")))
    return out
