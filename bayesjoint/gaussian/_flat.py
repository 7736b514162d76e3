"""Values with a flat prior, eliminated by generalised least squares."""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from .._checks import fail

WORST_CONDITION = 1e12  # of XᵀK⁻¹X scaled to a unit diagonal: beyond it rounding decides


class FlatColumns:
    """What data say of values x_f with a flat prior: N = XᵀK⁻¹X, their posterior precision.

    With Z = K⁻¹X the estimate is N⁻¹Zᵀy, and everything else sees the data through K⁻¹ − Z N⁻¹ Zᵀ (Rasmussen &
    Williams 2006, section 2.7).

    Parameters
    ----------
    problem : JointProblem
        Names the values.
    index : ndarray of int, shape (q,)
        Their places in the state vector; q may be 0.
    columns, solved : ndarray, shape (n_data, q)
        X and Z, whitened.

    Attributes
    ----------
    solved : ndarray, shape (n_data, q)
        Z.
    inverse : ndarray, shape (q, q)
        N⁻¹, the posterior covariance of the flat values.

    Raises
    ------
    ValueError
        If N is not positive definite: the posterior is improper, along the direction that the error names.
    """

    def __init__(self, problem, index, columns, solved):
        self.index, self.columns, self.solved = index, columns, solved
        precision = columns.T @ solved
        precision = 0.5 * (precision + precision.T)
        self.inverse = np.zeros_like(precision)
        if not index.size:
            return
        diagonal = np.diag(precision)
        scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        scaled = precision * np.outer(scale, scale)
        low = np.linalg.eigvalsh(scaled)
        if low[0] * WORST_CONDITION < low[-1]:
            self._refuse(problem, scaled, scale)
        try:
            self.inverse = np.outer(scale, scale) * cho_solve(cho_factor(scaled, lower=True), np.eye(index.size))
        except LinAlgError:
            self._refuse(problem, scaled, scale)

    def _refuse(self, problem, scaled, scale):
        known = self.index.size == sum(int(problem.by_name[name].ground.sum()) for name in problem.prior.flat)
        if not known:  # an orthonormal basis of what the data see: its vectors have no names
            fail("K", "leave flat values apart", "directions of them that rounding alone tells from one another",
                 "Raise the noise std, or give GaussianPrior(mean, covariance).")
        direction = scale * np.linalg.eigh(scaled)[1][:, 0]
        largest = np.argsort(-np.abs(direction))[:3]
        largest = largest[np.abs(direction[largest]) > 1e-3 * np.abs(direction).max()]
        names = [name for name in problem.prior.flat for _ in range(int(problem.by_name[name].ground.sum()))]
        starts = {name: problem.slices[name].start for name in problem.prior.flat}
        words = " ".join(f"{direction[k] / abs(direction).max():+.2g} {names[k]}[{self.index[k] - starts[names[k]]}]"
                         for k in largest)
        more = " ..." if self.index.size > largest.size else ""
        fail("prior", "or data hold every direction of a flat parameter", f"one that neither holds: {words}{more}",
             "The posterior is improper: give GaussianPrior(mean, covariance), however broad, or drop the parameter.")

    def eliminate(self, solved, seen, pull=None):
        """Weights of the data and flat values.

        Parameters
        ----------
        solved, seen : ndarray, shape (n_data, k)
            K⁻¹Y, and Y itself, whitened.
        pull : ndarray, shape (q, k), optional
            Subtracted from ZᵀY.

        Returns
        -------
        weights : ndarray, shape (n_data, k)
            K⁻¹Y − Zβ.
        flat : ndarray, shape (q, k)
            β = N⁻¹(ZᵀY − pull).
        """
        flat = self.inverse @ (self.solved.T @ seen - (0.0 if pull is None else pull))
        return solved - self.solved @ flat if self.index.size else solved, flat
