"""Values without bounds that one survey sees, such as its offset: integrated out of chains, then drawn given them."""

import numpy as np
from scipy.linalg import block_diag

from .._cholesky import lower_factor
from .._places import blocks
from ..noise import is_gaussian

MOST = 500  # values of a survey: their matrices are dense
COLUMNS = 2_000  # of operators rewritten at once


class IntegratedOut:
    """Blocks of a Gaussian prior that chains over single unknowns need not visit.

    A datum's offset and the ground below it are all but the same to the data, so that chains that draw one given the
    other crawl. With B = √w L⁻¹ A S^½ of such values, S their prior covariance, the data given the rest have covariance
    I + BBᵀ in units of their noise: operators and data are multiplied by the inverse of its symmetric root. Given the
    rest, the values themselves are Gaussian, and drawn once for each state that is kept.

    Parameters
    ----------
    problem : JointProblem
        Linear operators. Taken are Gaussian blocks of at most 500 values that are free, without bounds, in no penalty
        and seen by one survey alone, whose noise is Gaussian.

    Attributes
    ----------
    places : ndarray of int
        Where in x they are.
    """

    def __init__(self, problem):
        self._size, self._drawn = problem.size, []
        found = {}
        for index, bound in problem.prior.blocks:
            places = np.arange(problem.size)[index]
            survey = _only_survey(problem, places)
            if survey is not None and bound.gaussian:
                found.setdefault(survey, []).append((places, bound))
        self._blocks = {name: those for name, those in found.items() if sum(p.size for p, _ in those) <= MOST}
        taken = [places for those in self._blocks.values() for places, _ in those]
        self.places = np.concatenate([np.zeros(0, dtype=np.int64), *taken])

    def take(self, name, matrix, data):
        """Integrate the values of a survey out, in place.

        Parameters
        ----------
        name : str
            The survey.
        matrix : ndarray, shape (n_data, size)
            Its operators in units of the noise; columns of the values become zero.
        data : ndarray, shape (n_data,)
            In units of the noise.
        """
        found = self._blocks.get(name)
        if not found:
            return
        places = np.concatenate([p for p, _ in found])
        mean = np.concatenate([bound.mean for _, bound in found])
        root = lower_factor(block_diag(*(bound.covariance.dense() for _, bound in found)), "prior covariance",
                            "be positive definite to rounding", "Add a small diagonal.")
        columns = matrix[:, places] @ root
        data -= matrix[:, places] @ mean
        matrix[:, places] = 0.0
        size, turn = np.linalg.eigh(columns.T @ columns)
        size = 1.0 + size.clip(0.0)
        columns = columns @ turn
        self._drawn.append((places, mean, root @ turn, size, columns.T @ data, columns.T @ matrix))
        shrunk = columns / (size + np.sqrt(size))
        data -= shrunk @ (columns.T @ data)
        for part in blocks(self._size, COLUMNS):
            matrix[:, part] -= shrunk @ (columns.T @ matrix[:, part])

    def fill(self, states, rng):
        """Draw the values given the rest of every state, (draws, size), in place."""
        for places, mean, root, size, data, seen in self._drawn:
            pull = data - states @ seen.T
            draws = pull / size + rng.standard_normal(pull.shape) / np.sqrt(size)
            states[:, places] = mean + draws @ root.T


def _only_survey(problem, places):
    """Name of the survey that alone sees values, where none of them is known, bounded or in a penalty; else None.

    None too where its noise is Student-t: what is left of the data then changes with their weights.
    """
    bounded = np.isfinite(problem.lower[places]) | np.isfinite(problem.upper[places])
    if bounded.any() or not problem.free[places].all():
        return None
    names = {p.name for p in problem.parameters if np.isin(places, np.r_[problem.slices[p.name]]).any()}
    seeing = [m.name for m in problem.modalities if names.intersection(m.parameters)]
    tied = any(names.intersection(bound.names) for bound in problem.penalties)
    alone = len(seeing) == 1 and is_gaussian(problem.surveys[seeing[0]].noise)
    return seeing[0] if alone and not tied else None
