"""Scalar questions on which calibration is checked when nobody names others."""

import numpy as np

from ..functionals import Functional, inducing_field, linear, mass_in, moment_in, top_of
from ..quantities import property_of

CELLS = 4  # of each parameter


def default_questions(problem, prior_mean, prior_std, rng):
    """Random cells of every parameter; on meshes the integral over a central box and the depth to what stands out.

    Parameters
    ----------
    problem : JointProblem
        The problem.
    prior_mean, prior_std : dict of ndarray
        Physical units, or what stands for them: the threshold of the depth to the top is mean + std.
    rng : numpy.random.Generator
        Chooses cells.

    Returns
    -------
    dict of {str: Functional}
    """
    found = {}
    for p in problem.parameters:
        free = np.flatnonzero(problem.free[problem.slices[p.name]])
        for flat in np.sort(rng.permutation(free)[:CELLS]):
            found[f"{p.name}_cell_{flat}"] = cell_of(p, int(flat))
        if p.mesh is None or not free.size:
            continue
        box = _central(p.mesh)
        known = property_of(p.name).induced and len(inducing_field(problem, p.name)) == 1
        body = moment_in(problem, box, p.name) if known else mass_in(problem, box, p.name)
        found[f"{p.name}_{body.name}"] = body
        inside = prior_std[p.name] > 0
        threshold = float(np.mean((prior_mean[p.name] + prior_std[p.name])[inside]))
        found[f"{p.name}_depth_to_top"] = top_of(problem, threshold, p.name, _column(p.mesh))
    return found


def cell_of(p, flat):
    """`Functional` of one value of a parameter."""
    weights = np.zeros(p.size)
    weights[flat] = 1.0
    return linear("cell", f"{p.name} of cell {flat}", p.units, {p.name: weights.reshape(p.shape)})


def given_questions(functionals):
    """Refuse what is no dict of functionals; callables {parameter: (count, *shape)} -> (count,) become such."""
    return {name: f if isinstance(f, Functional) else
            Functional(name=name, long_name=name.replace("_", " "), units="1", evaluate=f)
            for name, f in functionals.items()}


def _central(mesh):
    """Middle half of the mesh, from its top down to half of what lies below the lowest ground."""
    (west, east), (south, north) = (np.quantile(e[[0, -1]], [0.25, 0.75])
                                    for e in (mesh.easting_edges, mesh.northing_edges))
    ground = mesh.surface[np.isfinite(mesh.surface)]
    return west, east, south, north, 0.5 * float(mesh.upward_edges[0] + ground.min()), float(mesh.upward_edges[-1])


def _column(mesh):
    """The central column with ground in it, all layers: over a whole mesh some cell exceeds anything at the top."""
    rows, columns = np.nonzero(mesh.active.any(axis=0))
    middle = np.argmin((rows - mesh.shape[1] // 2) ** 2 + (columns - mesh.shape[2] // 2) ** 2)
    j, i = int(rows[middle]), int(columns[middle])
    return (*mesh.easting_edges[i : i + 2], *mesh.northing_edges[j : j + 2], *mesh.upward_edges[[0, -1]])
