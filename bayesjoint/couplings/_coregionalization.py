"""Statistical coupling: parameters that are jointly Gaussian fields with one cross-correlation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import as_finite, checked, fail
from .._shown import short
from .._typing import Sequence
from ..priors import Matern, MixedCovariance


@checked
@short
@dataclass(frozen=True)
class Coregionalization:
    """Joint Gaussian prior whose fields share one correlation function (intrinsic coregionalization).

    It replaces the block-diagonal prior of its members by blocks ρ_pq s_p R s_q, with R their common Matérn
    correlation and s their standard deviations (Wackernagel 2003, ch. 26). The marginal prior of each parameter stays
    what it was, so that joint and separate inversions start from the same knowledge.

    Parameters
    ----------
    correlation : float or array_like
        Cross-correlation ρ of two parameters, −1 < ρ < 1, or the whole positive definite matrix (P, P) with unit
        diagonal.
    parameters : tuple of str, optional
        Members, in the matrix's order. Default: every parameter on a mesh.

    Raises
    ------
    ValueError
        If the matrix is not a positive definite correlation matrix, or the members' priors are not Matérn with equal
        range, smoothness and extent on one mesh.

    Examples
    --------
    >>> Coregionalization(0.7).matrix(2)
    array([[1. , 0.7],
           [0.7, 1. ]])
    """

    correlation: object
    parameters: Sequence[str] | None = None

    def __post_init__(self):
        """Refuse what is no correlation at once."""
        values = as_finite("correlation", self.correlation, (0, 2))
        self.matrix(2 if values.ndim == 0 else values.shape[0])
        names = self.parameters
        if names is not None and (not isinstance(names, (tuple, list)) or len(set(names)) < max(2, len(names))):
            fail("parameters", "be a tuple of two or more different names, or None", repr(names), "Name the members.")

    def __str__(self):
        """In words, for the record of a run."""
        values = np.asarray(self.correlation, dtype=float)
        what = f"{float(values):.3g}" if values.ndim == 0 else np.array2string(values, precision=3, separator=", ")
        members = f" of {', '.join(self.parameters)}" if self.parameters else ""
        return f"Coregionalization, correlation {what}{members}"

    def matrix(self, count: int):
        """Correlation matrix, shape (count, count)."""
        values = as_finite("correlation", self.correlation, (0, 2))
        matrix = values if values.ndim else np.full((count, count), float(values)) + (1 - float(values)) * np.eye(count)
        if matrix.shape != (count, count):
            fail("correlation", f"be a number or a matrix for {count} parameters", f"shape {matrix.shape}",
                 "Name the members with `parameters=`.")
        if not np.allclose(matrix, matrix.T) or not np.allclose(np.diag(matrix), 1.0):
            fail("correlation", "be symmetric with a unit diagonal", repr(self.correlation), "Correct the matrix.")
        low = float(np.linalg.eigvalsh(matrix)[0])
        if low <= 1e-12:
            fail("correlation", "be positive definite", f"smallest eigenvalue {low:.3g}",
                 "Use |correlation| < 1 (for P equal ones, > -1/(P-1)).")
        return matrix

    def joint_covariance(self, parameters: list):
        """Covariance over the members' m̂, concatenated in order.

        Parameters
        ----------
        parameters : list of Parameter
            The members.

        Returns
        -------
        MixedCovariance
        """
        if len(parameters) < 2:
            fail("parameters", "number at least two", f"{len(parameters)}", "Drop the coupling.")
        first = parameters[0]
        for p in parameters:
            if not isinstance(p.prior, Matern):
                fail(f"prior of {p.name}", "be Matern under Coregionalization", repr(p.prior), "Give it Matern(...).")
            if p.mesh != first.mesh:
                other = getattr(p.mesh, "same_cells", lambda _: False)(first.mesh)
                fail(f"mesh of {p.name}", f"equal that of {first.name}, air included",
                     "the same cells with other air" if other else "another mesh",
                     "Use one mesh for both; mark air in the mesh (mesh.with_active), not in one operator.")
            if p.prior.ranges() != first.prior.ranges() or p.prior.smoothness != first.prior.smoothness:
                fail(f"range and smoothness of {p.name}", f"equal those of {first.name}",
                     f"{p.prior.ranges()}, {p.prior.smoothness} against {first.prior.ranges()}, "
                     f"{first.prior.smoothness}", "Coregionalized fields share one correlation function.")
            if p.prior.extent != first.prior.extent:
                fail(f"extent of {p.name}", f"equal that of {first.name}", f"{p.prior.extent!r} against "
                     f"{first.prior.extent!r}", "Coregionalized fields live on one domain.")
        correlation = first.prior.correlation(first.mesh)
        return MixedCovariance(correlation, [p.prior.std_hat(p) for p in parameters], self.matrix(len(parameters)))
