"""Two surveys, or two groups of surveys, as two correlated random vectors: what every test of a pair is built on."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.linalg import svd

from .._checks import fail
from ..gaussian import RANK, DenseSystem, check_linear_gaussian, data_system
from ..hyperparameters import as_measured
from ..problem import check_problem
from ._likelihood_ratio_null import CanonicalCoordinates, CanonicalSpectrum, torus_spectrum
from ._sampled_spectrum import lanczos_spectrum


class PairStatistics(NamedTuple):
    """Statistics of one or many pairs of data sets.

    Attributes
    ----------
    ratio : ndarray, shape (k,)
        q_ab − q_a − q_b, the part of −2 log R that depends on the data; its mean is `Pair.excess` where surveys agree.
    into_first, into_second : ndarray, shape (k,)
        Node splits q_ab − q_b and q_ab − q_a: how badly the other group predicts the first, and the second.
    error : ndarray, shape (k,)
        Bound on the error of each.
    """

    ratio: np.ndarray
    into_first: np.ndarray
    into_second: np.ndarray
    error: np.ndarray


def make_pair(problem, pair, method="auto"):
    """The pair (a, b) of a problem.

    Parameters
    ----------
    problem : JointProblem
        Linear, Gaussian or flat priors, no bounds. Other surveys than these play no part.
    pair : (str or tuple of str, str or tuple of str)
        Names of modalities: two, or two groups without a common member.
    method : {"auto", "dense", "iterative"}, default "auto"
        Matrices over the data, or conjugate gradients; auto: matrices up to 6,000 data.

    Returns
    -------
    Pair

    Raises
    ------
    ValueError, TypeError
        If a name is unknown, a group empty, the groups share a member, or the problem is not linear-Gaussian.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> level = bj.Parameter("level", 1, prior=bj.GaussianPrior(0.0, 1.0))
    >>> surveys = [bj.Modality(name, [[1.0]], [d], bj.DiagonalNoise([0.5]), "level")
    ...            for name, d in (("ground", 1.0), ("air", -1.0))]
    >>> pair = make_pair(bj.JointProblem([level], surveys), ("ground", "air"))
    >>> pair.spectrum().correlations, pair.statistics().ratio.round(3)
    (array([0.8]), array([6.4]))
    """
    check_problem(problem)
    groups = checked_groups(problem, pair)
    check_linear_gaussian(problem, "agreement")
    both = data_system(restricted(as_measured(problem), groups[0] + groups[1]), method)
    return Pair(groups, both)


class Pair:
    """Two groups of surveys, a and b, with the model integrated out.

    Whitened data y = (y_a, y_b) are N(X β, K) with K = S̃ + I the prior predictive covariance and β the values with a
    flat prior. Every test of the pair is a function of three quadratic forms, q_a = y_aᵀP_a y_a, q_b and q_ab, in which
    P is K⁻¹ with flat columns eliminated (`System`), and of the canonical correlations of y_a and y_b:

    - q_ab − q_a − q_b is −2 log R up to a constant: under agreement Σ ρ_k (χ²_1 − χ²_1) + χ²_f, f = `excess`;
    - q_ab − q_a is χ² with dof_ab − dof_a degrees of freedom: the split of b given a.

    With matrices all ρ are known; with solves their spectrum, from random vectors; with either by wavenumber too.

    Parameters
    ----------
    groups : (tuple of str, tuple of str)
    both : System
        Of the surveys of both groups.

    Attributes
    ----------
    groups : (tuple of str, tuple of str)
        Names of modalities.
    names : tuple of str
        All of them, a's first.
    problem : JointProblem
        With these surveys and the parameters that they see or that are tied to those.
    both, first, second : System
        Data of a and b together, of a, of b: ``.product(V)`` K V, ``.solve(V)``, ``.project(V)`` P V,
        ``.quadratic(V)`` with its error, ``.draw(rng, count)``, ``.residual``, ``.dof``, ``.model``.
    rows : (ndarray of int, ndarray of int)
        Places of a's and b's data in `both`, in the order in which `first` and `second` hold them.
    parts : ((System, ndarray of int), (System, ndarray of int))
        a's data with their places, and b's.
    method : {"dense", "iterative"}
        What `both` is.
    excess : int
        f = rank A_a + rank A_b − rank [A_a; A_b] of the columns with a flat prior, at 1e-10 of the largest singular
        value: directions that both surveys see and no prior holds.
    cross : ndarray, shape (n_data, f)
        Contrasts of y that are free of β but not made of contrasts of each group.
    """

    def __init__(self, groups, both):
        self.method = "dense" if isinstance(both, DenseSystem) else "iterative"
        self.groups, self.names, self.both, self.problem = groups, groups[0] + groups[1], both, both.model.problem
        self.first, self.second = both.part(groups[0]), both.part(groups[1])
        self.rows = tuple(both.index([name for name in both.rows if name in group]) for group in groups)
        self.parts = tuple(zip((self.first, self.second), self.rows, strict=True))
        self.cross = self._shared_contrasts()
        self.excess = self.cross.shape[1]

    def label(self, which):
        """Group 0 or 1 in words."""
        return " + ".join(self.groups[which])

    def beside(self, one, other):
        """Columns of a's data and of b's, side by side among all data, zero for the other group."""
        wide = np.zeros((self.both.size, one.shape[1] + other.shape[1]))
        wide[self.rows[0], : one.shape[1]], wide[self.rows[1], one.shape[1] :] = one, other
        return wide

    def _shared_contrasts(self):
        both, wide = self.both, self.beside(self.first.basis, self.second.basis)
        if not wide.shape[1]:
            return wide
        scale = np.linalg.norm(both.columns, axis=0)
        inner = wide.T @ (both.columns / np.where(scale > 0, scale, 1.0))
        left, values, _ = svd(inner)
        return wide @ left[:, int(np.sum(values > RANK * max(values[0], 1e-300))) :]

    def statistics(self, white=None):
        """`PairStatistics` of the data, which are kept, or of others, for instance ``pair.both.draw(rng, k)``.

        Parameters
        ----------
        white : ndarray, shape (n_data, k), optional
            Whitened residuals; default the observed data.

        Returns
        -------
        PairStatistics
        """
        return self._observed if white is None else self._solved(white)

    @cached_property
    def _observed(self):
        return self._solved(self.both.residual[:, None])

    def _solved(self, white):
        # P of flat columns is 0: what they explain is taken off first, for what is large and cancels costs digits
        (joint, error), (one, one_error), (two, two_error) = (
            m.quadratic(v - m.basis @ (m.basis.T @ v))
            for m, v in ((self.both, white), *((part, white[rows]) for part, rows in self.parts)))
        return PairStatistics(ratio=joint - one - two, into_first=joint - two, into_second=joint - one,
                              error=error + one_error + two_error)

    @cached_property
    def canonical(self):
        """`CanonicalCoordinates` of a pair with matrices."""
        return CanonicalCoordinates(self)

    def spectrum(self, method=None, **options):
        """`CanonicalSpectrum` of the pair under agreement.

        ``"spectral"``: by wavenumber. Else all of it, exact, with matrices, where what random vectors are given by is
        left out; with solves from random vectors, as good as the tail at the data asks.
        """
        if method == "spectral":
            return torus_spectrum(self, **options)
        if self.method == "iterative":
            return lanczos_spectrum(self, statistic=float(self.statistics().ratio[0]), **options)
        rho = self.canonical.correlations
        return CanonicalSpectrum(correlations=rho, counts=np.ones(rho.size), excess=self.excess,
                                 words="from all canonical correlations, exact")


def checked_groups(problem, pair):
    """Two tuples of modality names without a common member."""
    names = [m.name for m in problem.modalities]
    listed = (tuple, list)
    groups = [(g,) if isinstance(g, str) else g for g in pair] if isinstance(pair, listed) else []
    if len(groups) != 2 or not all(isinstance(g, listed) and g and all(isinstance(name, str) for name in g)
                                   for g in groups):
        fail("pair", "be two modality names, or two tuples of them", repr(pair), f"Choose from {names}.", TypeError)
    both = [name for group in groups for name in group]
    unknown, twice = [n for n in both if n not in names], [n for n in both if both.count(n) > 1]
    if unknown:
        fail("pair", f"name modalities among {names}", f"{unknown}", "Correct the name.")
    if twice:
        fail("pair", "name every modality once", f"{twice[0]!r} twice", "A survey cannot be held against itself.")
    return tuple(map(tuple, groups))


def restricted(problem, names):
    """The problem with some surveys, the parameters that they see, and the couplings among these.

    Parameters
    ----------
    problem : JointProblem
    names : tuple of str
        Modalities. Parameters tied to theirs by a joint covariance stay, and those that a coupling among theirs holds
        and no survey sees (the numbers of a law).

    Returns
    -------
    JointProblem
    """
    surveys = [m for m in problem.modalities if m.name in names]
    seen = {name for m in surveys for name in m.parameters}
    if seen & problem.prior.tied:
        seen |= problem.prior.tied
    fields = {p.name for p in problem.parameters if p.mesh is not None}
    unseen = set(problem.by_name) - {name for m in problem.modalities for name in m.parameters}
    couplings = [c for c in problem.couplings if set(c.parameters or fields) - unseen <= seen]
    seen |= {name for c in couplings for name in c.parameters or fields}
    return problem.replace(parameters=[p for p in problem.parameters if p.name in seen], modalities=surveys,
                           couplings=couplings)
