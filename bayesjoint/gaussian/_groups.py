"""The fields of a problem as groups on a torus: what sees them, and on which torus they live."""

import numpy as np

from .._checks import fail
from ..forward import intervals_of, lattice_and_processing
from ..priors import CellwiseCorrelation, DiagonalCovariance, ScaledCovariance, TorusField, TorusSpectrum
from ._torus import LatticeSurvey, StationaryGroup, TorusGroup, problem_torus
from ._torus_logs import cell_logs
from ._torus_with_air import GroundGroup


def torus_groups(problem):
    """One group for each term of each block of continued fields; fields that add up live on one torus."""
    prior, found = problem.prior, []
    for p in problem.parameters:
        if p.mesh is not None and p.name not in prior.continued:
            fail(f"prior of {p.name}", "be a continued Matern beside one that is", repr(p.prior),
                 "Give every field of a problem one extent.")
    for (_, bound), names in zip(prior.blocks, prior.block_members, strict=True):
        if set(names) & set(prior.continued):
            found.append([(own, term, lattice_surveys(problem, own, strict=True))
                          for own, term in _terms(names, bound.covariance)])
    least = problem_torus([(term.correlation, surveys) for block in found for _, term, surveys in block])
    return [torus_group(problem, own, term, surveys, field) for block in found for (own, term, surveys), field in zip(
        block, _on_one_torus([term.correlation for _, term, _ in block], least), strict=True)]


def _terms(names, covariance):
    """(names, covariance) of every correlation of a block of fields; see `SumCovariance`."""
    return [([names[k] for k in members], term) for members, term in covariance.terms]


def _on_one_torus(correlations, least):
    """Fields on the smallest torus on which all of them exist."""
    fields = [TorusField(correlation, least) for correlation in correlations]
    while len({field.torus for field in fields}) > 1:
        largest = tuple(max(field.torus[axis] for field in fields) for axis in (0, 1))
        fields = [field if field.torus == largest else TorusField(field.correlation, largest) for field in fields]
    return fields


def torus_group(problem, names, covariance, surveys, field, drawn=True):
    """The group of continued fields on a torus, seen by their lattices and logs, with air or without.

    Where it is to be `drawn`, or to answer for cells, the field must be one that exists on its torus.
    """
    members, logs = _members(problem, names, covariance), cell_logs(problem, names)
    if not problem.by_name[names[0]].has_air:
        return TorusGroup(field, *members, surveys, logs) if drawn or logs else StationaryGroup(
            field, *members, surveys)
    full = [std.reshape(field.layers, -1).max(axis=1) for std in covariance.stds]
    return GroundGroup(field, *members, surveys, full, logs)


def nearest_stationary_groups(problem):
    """The fields of a problem as though they went on beyond the mesh, as far as lattices see them.

    A std that varies within a layer counts by its root mean square; a prior that is neither Matérn nor cellwise, and an
    operator that is on no lattice, are left out. What comes of it preconditions the problem as it is.

    Parameters
    ----------
    problem : JointProblem
        Whose fields end with the mesh.

    Returns
    -------
    list of StationaryGroup
    """
    found = []
    for (_, bound), names in zip(problem.prior.blocks, problem.prior.block_members, strict=True):
        mesh, covariance = problem.by_name[names[0]].mesh, bound.covariance
        if mesh is None:
            continue
        if isinstance(covariance, DiagonalCovariance):
            covariance = ScaledCovariance(CellwiseCorrelation(mesh), np.sqrt(covariance.diagonal()))
        for own, term in _terms(names, covariance) if hasattr(covariance, "terms") else ():
            if surveys := lattice_surveys(problem, own, strict=False):
                torus = problem_torus([(term.correlation, surveys)])
                found.append(StationaryGroup(TorusSpectrum(term.correlation, torus), *_members(problem, own, term),
                                             surveys))
    return found


def _members(problem, names, covariance):
    """Places in x, standard deviations by layer and correlations of the members of a block."""
    layers = [np.sqrt(np.mean(std.reshape(problem.by_name[name].shape[0], -1) ** 2, axis=1))
              for name, std in zip(names, covariance.stds, strict=True)]
    return [problem.slices[name] for name in names], layers, covariance.mixing


def lattice_surveys(problem, names, strict):
    """The surveys that see the named fields through a lattice; with `strict` an error where one sees them otherwise."""
    out = []
    for m in problem.modalities:
        seen = [name for name in m.parameters if name in names]
        if not seen or intervals_of(m.forward) is not None:  # logs see cells, not lattices
            continue
        parts = lattice_and_processing(m.forward)
        if parts is None or len(seen) > 1 or not parts[0].mesh.same_cells(
                problem.by_name[seen[0]].mesh):
            if strict:
                fail(f"forward of modality {m.name!r}", "be a lattice operator, or H @ one, under a continued field",
                     type(m.forward).__name__, "Use GravityOperator or MagneticOperator on a lattice, with "
                     'StationSampling for scattered stations, or extent="mesh".')
            continue
        out.append(LatticeSurvey(problem.data_slices[m.name], names.index(seen[0]), *parts,
                                 problem.by_name[seen[0]].scale))
    return out
