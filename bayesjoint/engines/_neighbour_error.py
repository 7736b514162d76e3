"""What leaving out distant neighbours does to a posterior, measured where it can be: without the bounds."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from .._places import blocks, unit_columns
from ..dataset import Approximation
from ..priors import BoundGaussian

CELLS = 64
COLUMNS = 256
LARGEST_DATA = 6_000


@dataclass(frozen=True)
class NeighbourError:
    """Largest differences of the posterior without bounds, in its own standard deviations.

    Parameters
    ----------
    mean : float
        Of the means of single unknowns and of sums, those of a property and of its layers.
    std : float
        Of standard deviations, as a share of themselves.
    """

    mean: float
    std: float

    def statement(self, neighbours):
        """An `Approximation` for the posterior with bounds."""
        return Approximation(
            name="neighbours of the prior", status="measured", error=max(self.mean, self.std),
            statement=f"Each cell's prior rests on its {neighbours} nearest cells in an order from coarse to fine. "
            f"Without the bounds, where both are known exactly, that moves means by at most {self.mean:.2g} "
            f"posterior standard deviations and changes those by at most {self.std:.1%}: of {CELLS} cells, of the sum "
            "of each property and of each of its layers. With the bounds it is taken to be as much.")


def measure_neighbours(problem, precisions):
    """Compare the Gaussian posterior under the stated prior with that under sparse roots; None beyond 6,000 data.

    Parameters
    ----------
    problem : JointProblem
        Its bounds are left out.
    precisions : list of SparsePrecision
        One for each block of its prior.

    Returns
    -------
    NeighbourError or None
    """
    if problem.data_size > LARGEST_DATA:
        return None
    functionals = _functionals(problem)
    sparse = [(index, BoundGaussian(bound.mean, p.covariance))
              for (index, bound), p in zip(problem.prior.blocks, precisions, strict=True)]
    exact, near = (_answers(problem, *problem.prior.gaussian_moments(b), functionals) for b in (None, sparse))
    off = np.abs(near[0] - exact[0]) / exact[1]
    return NeighbourError(float(off.max()), float(np.abs(near[1] / exact[1] - 1).max()))


def _functionals(problem):
    """Columns: some unknowns, sums of each property and of its layers."""
    free = np.flatnonzero(problem.free)
    cells = np.random.default_rng(0).choice(free, min(CELLS, free.size), replace=False)
    columns = [unit_columns(problem.size, cells)]
    for p in problem.parameters:
        layers = np.zeros(p.size, dtype=int) if p.mesh is None else np.indices(p.shape)[0].ravel()
        inside = np.where(problem.free[problem.slices[p.name]], layers, -1)
        found = [inside == k for k in np.unique(inside[inside >= 0])]
        sums = np.zeros((problem.size, len(found) + 1))
        sums[problem.slices[p.name]] = np.stack([inside >= 0, *found], axis=1)
        columns.append(sums)
    return np.concatenate(columns, axis=1)


def _answers(problem, mean, covariance, functionals):
    """(means, standard deviations) of functionals of the posterior without bounds."""
    surveys = list(zip(problem.modalities, problem.data_slices.values(), strict=True))

    def sensed(vectors):
        return np.concatenate([problem.operator(m.name).matmat(vectors) for m, _ in surveys])

    def whitened(data):
        return np.concatenate([np.sqrt(problem.weights[m.name]) * m.noise.whiten(data[rows]) for m, rows in surveys])

    signal = np.empty((problem.data_size,) * 2)
    for part in blocks(problem.data_size, COLUMNS):
        signal[:, part] = sensed(covariance.matmat(_adjoint_columns(problem, surveys, part)))
    system = whitened(whitened(signal).T)
    system = 0.5 * (system + system.T)
    system.flat[:: problem.data_size + 1] += 1.0
    factor = cho_factor(system, lower=True, overwrite_a=True)
    gained = covariance.matmat(functionals)
    data = np.concatenate([m.data for m, _ in surveys]) - sensed(mean[:, None])[:, 0]
    seen = whitened(np.column_stack([data, sensed(gained)]))
    weights = cho_solve(factor, seen)
    variance = np.sum(functionals * gained, axis=0) - np.sum(seen[:, 1:] * weights[:, 1:], axis=0)
    return functionals.T @ mean + seen[:, 1:].T @ weights[:, 0], np.sqrt(variance)


def _adjoint_columns(problem, surveys, part):
    """Aᵀ of unit data, shape (size, k)."""
    unit = unit_columns(problem.data_size, part)
    out = np.zeros((problem.size, unit.shape[1]))
    for m, rows in surveys:
        if unit[rows].any():
            out += problem.operator(m.name).rmatmat(unit[rows])
    return out
