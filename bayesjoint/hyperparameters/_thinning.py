"""Grids that were interpolated: every k-th node of a lattice, where all of them say that there is no noise.

A grid made from stations further apart than its nodes is smooth between them whatever the ground is like. Taken at its
word it has no noise and a long range: the evidence then fits the interpolation. At every k-th node, k as large as
makes noise appear, it fits the ground.
"""

from dataclasses import replace

import numpy as np

from .._checks import fail
from ..forward import StationSelection
from ..noise import DiagonalNoise
from ._search import EvidenceObjective, curvature, maximise
from ._whittle import WhittleEvidence, lattice_of

MOST = 6  # nodes: a grid sampled more finely than that is beyond what thinning can mend
FEWEST = 60  # nodes that are left at least
NEAR = 1.05  # times its lower bound: noise that has run there


def thinned(problem, strides):
    """The same problem with every k-th node, both ways, of some lattice surveys.

    Parameters
    ----------
    problem : JointProblem
    strides : dict of {modality name: int}

    Returns
    -------
    JointProblem

    Raises
    ------
    ValueError
        If a survey to be thinned is on no lattice at one height, or its noise is correlated.
    """
    return problem.replace(modalities=[
        _thinned(problem, k, strides[m.name]) if strides.get(m.name, 1) > 1 else m
        for k, m in enumerate(problem.modalities)])


def as_measured(problem):
    """The problem at the nodes that count as measured: surveys of a `stride` above 1 thinned, with a node's noise.

    What the fit thinned, tests of agreement must thin too: between measured nodes an interpolated grid has no noise.

    Parameters
    ----------
    problem : JointProblem

    Returns
    -------
    JointProblem
        The same one where no survey is interpolated.
    """
    strides = {m.name: m.stride for m in problem.modalities if m.stride > 1}
    if not strides:
        return problem
    return problem.replace(modalities=[
        m if m.name not in strides else m.replace(stride=1, noise=m.noise.scaled(m.size / problem.surveys[m.name].size))
        for m in thinned(problem, strides).modalities])


def measured_rows(problem, name):
    """Places, among the data of a survey, of those that `as_measured` keeps, shape (kept,)."""
    k = list(problem.surveys).index(name)
    modality = problem.modalities[k]
    return np.arange(modality.size) if modality.stride == 1 else _kept(problem, k, modality.stride)[2]


def _kept(problem, k, stride):
    """(lattice operator, mask of the stations kept, their places among the data) of a survey."""
    modality, found = problem.modalities[k], lattice_of(problem, k)
    if found is None or not modality.noise.independent:
        fail("thin", f"name lattice surveys at one height with independent noise, not {modality.name!r}",
             f"{type(modality.forward).__name__}, {modality.noise.settings()}", "Leave it out.")
    lattice, mask = found
    keep = np.zeros(mask.shape, dtype=bool)
    keep[stride // 2 :: stride, stride // 2 :: stride] = True
    rows = np.flatnonzero(keep[mask])
    return lattice, keep & mask, rows


def _thinned(problem, k, stride):
    modality = problem.modalities[k]
    lattice, keep, rows = _kept(problem, k, stride)
    forward = StationSelection(lattice, keep) @ lattice
    noise = DiagonalNoise(modality.noise.std[rows])
    noise.guessed = modality.noise.guessed
    terms = [replace(t, columns=t.columns[rows]) for t in modality.terms]
    return modality.replace(forward=forward, data=modality.data[rows], noise=noise, terms=terms)


def strides_of(problem, vector, build, starts):
    """How far to thin each survey so that its noise no longer runs to nothing, by the debiased Whittle likelihood.

    Parameters
    ----------
    problem : JointProblem
        One that suits Whittle.
    vector : HyperVector
        Of it.
    build : callable
        ``build(problem)`` gives the vector of a thinned one.
    starts : callable
        ``starts(vector)``: where its search begins.

    Returns
    -------
    strides : dict of {str: int}
        Those above 1; none for a survey that thinning does not help.
    theta : ndarray
        Whittle's maximum at the last of them.
    """
    strides = {m.name: 1 for m in problem.modalities}
    free = {c.targets[0]: c.name for c in vector.coordinates if c.kind == "noise"}
    top = None
    while True:
        used = {name: k for name, k in strides.items() if k > 1}
        here = build(thinned(problem, used)) if used else vector
        top = whittle_maximum(here, starts(here) if top is None else [top, starts(here)[1]])
        low = {c.name: c.low for c in here.coordinates}
        gone = [m for m, name in free.items() if here.natural(top)[name] < NEAR * low[name]]
        further = [m for m in gone if strides[m] < MOST and (
            problem.surveys[m].size // (strides[m] + 1) ** 2) >= FEWEST]
        if not further:
            return {name: k for name, k in used.items() if name not in gone}, top
        strides |= {m: strides[m] + 1 for m in further}


def whittle_spread(vector, theta):
    """Rough standard deviations by the curvature of the debiased Whittle likelihood, 1 where it has none."""
    diagonal = np.diag(curvature(EvidenceObjective(WhittleEvidence(vector), vector), theta))
    return 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))


def whittle_maximum(vector, starts):
    """Where the debiased Whittle likelihood is largest, to a twentieth of a standard deviation or so."""
    rough = EvidenceObjective(WhittleEvidence(vector), vector)
    return max((maximise(rough, s, tolerance=0.5) for s in starts), key=lambda o: o.value).theta
