"""The resolution matrix as an operator: how the estimate answers the truth, without a matrix."""

from __future__ import annotations

import numpy as np
from scipy.sparse.linalg import LinearOperator

from .._checks import checked, fail, one_of
from .._typing import Posterior


@checked
class ResolutionOperator(LinearOperator):
    """R = ∂(posterior mean)/∂(true model) = Cov(x | d) Aᵀ C⁻¹ A on the state vector x of a problem.

    Its columns are point spreads, what a unit anomaly in one cell looks like in the estimate; its rows are averaging
    kernels, what of the ground goes into the estimate of one cell (Backus & Gilbert 1968; Tarantola 2005, sec. 3.3).
    For a Gaussian prior and a model that ends with the mesh R = I − P Γ⁻¹. Rows and columns of known cells are zero.

    Parameters
    ----------
    post : Posterior
        From `posterior`. Where it is a sample, so is R: its products carry Monte Carlo error.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    >>> line = bj.Modality("line", [[1.0], [1.0]], [3.0, 3.0], bj.DiagonalNoise([1.0, 1.0]), "slope")
    >>> R = ResolutionOperator(bj.posterior(bj.JointProblem([slope], [line])))
    >>> (R @ [1.0]).round(4), R.point_spread("slope", 0)["slope"].round(4)
    (array([0.6667]), array([0.6667]))
    """

    def __init__(self, post: Posterior) -> None:
        self.post, self.problem = post, post.problem
        super().__init__(np.dtype(float), (post.problem.size,) * 2)

    def _matmat(self, vectors):
        free = np.where(self.problem.free[:, None], vectors, 0.0)
        return np.where(self.problem.free[:, None], self.post.mean_response(self.post.data_sensitivity(free)), 0.0)

    def _rmatmat(self, vectors):
        free = np.where(self.problem.free[:, None], vectors, 0.0)
        answers = self.post.mean_response_adjoint(free)
        pulled = sum(self.problem.operator(name).rmatmat(answers[where])
                     for name, where in self.problem.data_slices.items())
        return np.where(self.problem.free[:, None], pulled, 0.0)

    def _rmatvec(self, x):
        return self._rmatmat(np.reshape(x, (-1, 1)))[:, 0]

    def point_spread(self, parameter: str, cell: int | tuple) -> dict:
        """What a unit of `parameter` in one cell adds to the posterior mean.

        Parameters
        ----------
        parameter : str
            Its name.
        cell : int or tuple of int
            Index into its array, (up, north, east) on a mesh.

        Returns
        -------
        dict of ndarray
            {parameter: array}, physical units per physical unit of the cell.
        """
        place, scale = self._place(parameter, cell)
        return {name: array / scale for name, array in self.problem.unpack(self.matvec(place)).items()}

    def averaging_kernel(self, parameter: str, cell: int | tuple) -> dict:
        """Weights with which the truth enters the posterior mean of one cell.

        Parameters
        ----------
        parameter, cell
            As in `point_spread`.

        Returns
        -------
        dict of ndarray
            {parameter: array}, physical units of the cell per physical unit of the parameter.
        """
        place, scale = self._place(parameter, cell)
        row = self.rmatvec(place)
        return {p.name: row[self.problem.slices[p.name]].reshape(p.shape) * scale / p.scale
                for p in self.problem.parameters}

    def _place(self, parameter, cell):
        p = self.problem.by_name[one_of("parameter", parameter, tuple(self.problem.by_name))]
        try:
            flat = np.arange(p.size).reshape(p.shape)[cell]
        except IndexError:
            flat = None
        if np.ndim(flat) or flat is None:
            fail("cell", f"be an index into an array of shape {p.shape}", repr(cell), "Give (up, north, east).")
        place = np.zeros(self.problem.size)
        place[self.problem.slices[parameter].start + int(flat)] = 1.0
        return place, p.scale
