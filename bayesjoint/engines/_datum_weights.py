"""Weights of data with Student-t noise: their draws within Gibbs sweeps, and what a posterior says of them."""

import numpy as np

from ..dataset import DatasetBuilder
from ..noise import is_gaussian
from ..problem import layout, placed


class DatumWeights:
    """The weights of all data of a problem, 1 where noise is Gaussian.

    Parameters
    ----------
    problem : JointProblem
        With Student-t noise somewhere, whose exponents are then 1.
    """

    def __init__(self, problem):
        self._parts = [(rows, problem.surveys[name].noise) for name, rows in problem.data_slices.items()
                       if not is_gaussian(problem.surveys[name].noise)]

    def draw(self, rng, white):
        """Weights given residuals over the scale, both (chains, n_data)."""
        out = np.ones(white.shape)
        for rows, noise in self._parts:
            out[:, rows] = noise.draw_weights(rng, noise.unweighted.colour(white[:, rows].T)).T
        return out


def weight_table(problem, chains, batches):
    """`Posterior.datum_weights` of state vectors (chain, draw, size); None where no noise is Student-t.

    Means are those of the conditional means given each draw (Rao–Blackwell), errors by batch means.
    """
    found = [m for m in problem.modalities if not is_gaussian(m.noise)]
    if not found:
        return None
    table = DatasetBuilder()
    for m in found:
        (weight, weight_error), (dof, dof_error) = _over_batches(problem, m, chains, batches)
        dims, coords, _, _ = layout(m)
        table.place({"name": m.name, "dims": dims, "coords": coords})
        mean = chains.reshape(-1, chains.shape[2]).mean(axis=0)
        left = m.data - problem.operator(m.name).matvec(mean)
        table.add(f"{m.name}_weight", dims, placed(m, weight), "1",
                  f"posterior mean of the weight of data of {m.name}", placed(m, weight_error))
        table.add(f"{m.name}_residual", dims, placed(m, left), m.units,
                  f"{m.name}, observed less clean data of the mean")
        table.along(f"{m.name}_dofs", m.noise.dofs, f"degrees of freedom of the noise of {m.name}")
        table.add(f"{m.name}_dof", (f"{m.name}_dofs",), dof, "1", f"posterior probability of each dof of {m.name}",
                  dof_error)
    return table.dataset()


def _over_batches(problem, m, chains, batches):
    """((mean, error) of weights, (mean, error) of the probabilities of dof)."""
    pieces = [part for chain in chains for part in np.array_split(chain, batches)]
    operator, counts = problem.operator(m.name), np.array([len(part) for part in pieces])
    weights, dofs = np.empty((len(pieces), m.size)), np.empty((len(pieces), m.noise.dofs.size))
    for k, part in enumerate(pieces):
        left = m.data[:, None] - operator.matmat(part.T)
        weights[k] = m.noise.expected_weights(left).mean(axis=1)
        dofs[k] = m.noise.dof_probability(left).mean(axis=1)
    return [(np.average(values, axis=0, weights=counts), values.std(axis=0, ddof=1) / np.sqrt(len(pieces)))
            for values in (weights, dofs)]
