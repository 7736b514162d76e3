"""Statistical coupling: parameters that are jointly Gaussian fields with one cross-correlation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import as_finite, checked, fail
from .._shown import short
from .._typing import Sequence
from ..priors import MixedCovariance, SumCovariance, parts_of


@checked
@short
@dataclass(frozen=True)
class Coregionalization:
    """Joint Gaussian prior whose fields share a correlation function, or have one part each that does.

    It replaces the block-diagonal prior of its members by blocks ρ_pq s_p R s_q, with R their common Matérn
    correlation and s their standard deviations (intrinsic coregionalization, Wackernagel 2003, ch. 26). The marginal
    prior of each parameter stays what it was, so that joint and separate inversions start from the same knowledge.

    Properties of different ranges are tied by a part that they share: where a prior is a sum of Matérns, its first
    part is tied to the first parts of the others (a Matern alone is its own first part), which have equal range and
    smoothness, and the rest of it is its own (linear model of coregionalization, ibid.). Any stds, ranges and ρ give a
    positive definite covariance.

    Parameters
    ----------
    correlation : float or array_like
        Cross-correlation ρ of two parameters, of their shared parts where they are sums, −1 < ρ < 1, or the whole
        positive definite matrix (P, P) with unit diagonal.
    parameters : tuple of str, optional
        Members, in the matrix's order. Default: every parameter on a mesh.

    Raises
    ------
    ValueError
        If the matrix is not a positive definite correlation matrix, or the members' priors are not Matérn, or sums
        whose first parts are, with equal range, smoothness and extent on one mesh.

    Examples
    --------
    >>> Coregionalization(0.7).matrix(2)
    array([[1. , 0.7],
           [0.7, 1. ]])

    Magnetised bodies of 300 m in a ground whose rock types, which both surveys see, reach over 2 km:

    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((2, 3, 4), (100, 100, 100))
    >>> density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=2000.0))
    >>> own = bj.Matern(std=0.04, range=300.0)
    >>> magnetic = bj.Parameter("susceptibility", mesh, prior=bj.Matern(std=0.03, range=2000.0) + own)
    >>> tied = Coregionalization(0.7)
    >>> tied.joint_covariance([density, magnetic]).size
    48
    >>> tied.pointwise([density, magnetic]).round(6)  # 0.7 · 0.03 / 0.05
    array([[1.  , 0.42],
           [0.42, 1.  ]])
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
        MixedCovariance or SumCovariance
            The second where a member has a part of its own.
        """
        self._check(parameters)
        first = parts_of(parameters[0].prior)[0]
        stds = [parts_of(p.prior)[0].std_hat(p) for p in parameters]
        shared = MixedCovariance(first.correlation(parameters[0].mesh), stds, self.matrix(len(parameters)))
        own = [((k,), part.bind(p).covariance) for k, p in enumerate(parameters) for part in parts_of(p.prior)[1:]]
        return SumCovariance(len(parameters), [*shared.terms, *own]) if own else shared

    def pointwise(self, parameters: list):
        """Correlation of the members' values in one cell, root mean squares over cells for stds: (P, P).

        Parameters
        ----------
        parameters : list of Parameter
            The members.

        Returns
        -------
        ndarray
        """
        matrix = self.matrix(len(parameters))
        share = np.array([_size(parts_of(p.prior)[0].std_hat(p)) / _size(p.prior.std_hat(p)) for p in parameters])
        return np.where(np.eye(len(parameters)) > 0, 1.0, matrix * np.outer(share, share))

    @staticmethod
    def _check(parameters):
        if len(parameters) < 2:
            fail("parameters", "number at least two", f"{len(parameters)}", "Drop the coupling.")
        first = parameters[0]
        for p in parameters:
            if not parts_of(p.prior):
                fail(f"prior of {p.name}", "be Matern, or a sum of them, under Coregionalization", repr(p.prior),
                     "Give it Matern(...).")
            if p.mesh != first.mesh:
                other = getattr(p.mesh, "same_cells", lambda _: False)(first.mesh)
                fail(f"mesh of {p.name}", f"equal that of {first.name}, air included",
                     "the same cells with other air" if other else "another mesh",
                     "Use one mesh for both; mark air in the mesh (mesh.with_active), not in one operator.")
            shared, other = parts_of(p.prior)[0], parts_of(first.prior)[0]
            laws = [(f.ranges(), f.orientation()[0] % 360.0, f.orientation()[1], f.smoothness) for f in (shared, other)]
            if laws[0] != laws[1]:
                part = "" if shared is p.prior and other is first.prior else "the first part of "
                turned = any(strike or dip for _, strike, dip, _ in laws)
                mine, its = (f"{ranges}, {smoothness}" + (f", strike and dip {(strike, dip)}" if turned else "")
                             for ranges, strike, dip, smoothness in laws)
                fail(f"range and smoothness of {part}{p.name}", f"equal those of {part}{first.name}",
                     f"{mine} against {its}",
                     "Coregionalized fields share one correlation function. For different ranges give each a part that "
                     "is shared, first, and one of its own: bj.Matern(std, shared_range) + bj.Matern(std, own_range).")
            if p.prior.extent != first.prior.extent:
                fail(f"extent of {p.name}", f"equal that of {first.name}", f"{p.prior.extent!r} against "
                     f"{first.prior.extent!r}", "Coregionalized fields live on one domain.")


def _size(std):
    return float(np.sqrt(np.mean(std**2)))
