"""Mesh and priors that `bayesjoint init` proposes, each number with why, from surveys alone."""

import math

import numpy as np

from ..mesh import Mesh
from ..priors import Matern
from ..problem import Parameter
from ..survey import Survey

DEPTH = 1 / 3  # of the shorter side: a compact body at that depth has an anomaly half as wide as the survey
RANGE = 1 / 3  # of the depth
GROWTH = 1.15
LEAST, MOST = 3, 15  # columns of padding
COLUMNS = 300_000  # of a mesh under one lattice: some five million unknowns, which two cores still solve
TRIED_COLUMNS, TRIED_STATIONS = 3_000, 300  # of what the std of the prior is tried on
SIDE = 200  # cells along the longer side where no grid says how many
DRAWS = 12  # of the prior, by which its std is set
LAYERS = (4, 40)


def rounded(value, digits=2):
    """A number of a configuration: so many digits."""
    return float(f"{value:.{digits}g}")


def mesh_of(surveys, lowest_known):
    """[(key, value, why)] of the mesh.

    Parameters
    ----------
    surveys : list of Survey
    lowest_known : bool
        Whether some height is known: otherwise the top is left at 0.
    """
    sides = _sides(surveys)
    depth = rounded(min(sides) * DEPTH)
    cell, spacing = _cell(surveys, sides, depth)
    top = cell / 2
    layers = math.ceil(math.log1p((GROWTH - 1) * depth / top) / math.log(GROWTH))
    layers = int(np.clip(layers, *LAYERS))
    padding = int(np.clip(math.ceil(range_of(depth) / cell), LEAST, MOST))
    out = [("depth", depth,
            f"metres, a third of the shorter side ({min(sides):.4g} m). A compact body deeper than that has an anomaly "
            "wider than half the survey, which is not told from the regional field. Else: the depth you know"),
           ("layers", layers, f"the top one about half a cell ({top:.3g} m) thick. Else: more for shallow detail"),
           ("growth", GROWTH, "ratio of a layer's thickness to the one above: what data resolve fades with depth. "
            "Else: 1.0, equal layers"),
           ("padding", padding, f"columns on each side, {padding * cell:.4g} m, about the prior's range: bodies beside "
            "the survey act on it. Else: more where its edge matters")]
    if spacing is not None:
        out.append(("spacing", spacing[0], f"metres, the width of a cell: {spacing[1]}. Half of it resolves more and "
                    "costs four times the cells"))
    lowest = min(float(np.nanmin(s.upward)) for s in surveys)
    if lowest_known and not 0 <= lowest <= min(200.0, 20 * cell):
        out.append(("top", float(math.floor(lowest)), "metres, the lowest station; heights seem to be elevations, and "
                    "the ground is taken for flat there. Topography goes in by bj.Mesh.from_surveys(topography=...)"))
    return out


def range_of(depth):
    """Range of the prior."""
    return rounded(depth * RANGE)


def _sides(surveys):
    """Lengths of the box of all surveys, metres, each at least one metre."""
    every = [np.concatenate([getattr(s, axis) for s in surveys]) for axis in ("easting", "northing")]
    return [max(float(np.ptp(values)), 1.0) for values in every]


def _cell(surveys, sides, depth):
    """(width of a cell, None where the grids' own serves, else (width, why))."""
    own = _own_step(surveys, sides, depth)
    if own is not None:
        return own, None
    grids = [s for s in surveys if s.is_grid]
    if grids:
        step = max(float(np.mean(np.diff(s.easting))) for s in grids)
        why = f"that of the coarsest grid ({step:g} m), for the grids share no lattice or make too many cells"
    else:
        step = min(math.sqrt(sides[0] * sides[1] / int(s.observed.sum())) for s in surveys)
        why = "the mean distance between stations of the densest survey, the square root of area by number"
    floor = max(sides) / SIDE
    if step < floor:
        step, why = floor, f"the finest that bounds the mesh; stations are {step:.3g} m apart"
    return (step := rounded(step)), (step, why)


def _own_step(surveys, sides, depth):
    """Spacing of the lattice that all grids share, where the mesh takes it and stays in bounds."""
    if not any(s.is_grid for s in surveys):
        return None
    try:
        lowest = min(float(np.nanmin(s.upward)) for s in surveys)
        mesh = Mesh.from_surveys(surveys, depth, layers=1, padding=0, top=lowest)
    except ValueError:
        return None
    return float(np.mean(np.diff(mesh.easting_edges))) if mesh.size <= COLUMNS else None


def prior_std(seen, mesh, reach, typical, seed=0):
    """{parameter: (std, std of its logarithm)}: where data of the prior are as large as those measured.

    On some stations of each survey and cells no finer than that needs, so that a large survey takes no longer.

    Parameters
    ----------
    seen : list of Seen
    mesh : dict
        Arguments of `Mesh.from_surveys`.
    reach : float
        Range of the prior, metres.
    typical : dict of {str: float}
        A std to try for each parameter.
    """
    rng = np.random.default_rng(seed)
    surveys = [s.survey for s in seen]
    sides = _sides(surveys)
    area = (sides[0] + 2 * reach) * (sides[1] + 2 * reach)
    coarse = max(math.sqrt(area / TRIED_COLUMNS), _cell(surveys, sides, reach)[0])
    mesh = Mesh.from_surveys(surveys, **mesh | {"spacing": coarse, "padding": math.ceil(reach / coarse)})
    found = {}
    for name, std in typical.items():
        parameter = Parameter(name, mesh, prior=Matern(std=std, range=reach))
        draws = parameter.scale * parameter.bound_prior.covariance.sample(rng, DRAWS)
        logs = np.concatenate([np.log(_ratios(s, parameter, draws, rng)) for s in seen
                               if s.component.kind.property.name == name])
        found[name] = rounded(std * float(np.exp(logs.mean()))), float(logs.std(ddof=1))
    return found


def _ratios(seen, parameter, draws, rng):
    """Size of the measured data by that of each of some draws, planes taken out of both."""
    easting, northing, upward = seen.survey.coordinates()
    picked = np.flatnonzero(seen.survey.observed.ravel())
    picked = np.sort(rng.permutation(picked)[:TRIED_STATIONS])
    data = seen.survey.data.ravel()[picked]
    some = Survey(seen.kind, data, easting[picked], northing[picked], upward[picked], std=1.0, **seen.field())
    forward = some.modality(parameter, forward="direct").forward
    plane = np.stack([np.ones(picked.size), easting[picked], northing[picked]], axis=1)
    plane[:, 1:] -= plane[:, 1:].mean(axis=0)
    plane = np.linalg.qr(plane / np.maximum(np.abs(plane).max(axis=0), 1.0))[0] if picked.size > 3 else plane[:, :0]
    noise = seen.keys.get("std", 0.0)
    measured = math.sqrt(max(_size(data, plane) ** 2 - noise**2, 0.01 * _size(data, plane) ** 2))
    return max(measured, np.finfo(float).tiny) / np.array([_size(forward @ draw, plane) for draw in draws])


def _size(data, plane):
    return float(np.sqrt(np.mean(np.square(data - plane @ (plane.T @ data)))))
