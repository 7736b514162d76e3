"""Two surveys, or two groups of surveys, as two correlated random vectors: what every test of a pair is built on."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cholesky, solve_triangular, svd

from .._checks import fail
from ..gaussian import RANK, DenseSystem, check_linear_gaussian, data_system
from ..problem import check_problem
from .canonical import CanonicalSpectrum, torus_spectrum
from .sampled_spectrum import lanczos_spectrum

CLOSE = 1e-13  # canonical correlations nearer 1 than this are rounding


@dataclass(frozen=True, kw_only=True)
class PairStatistics:
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
    both = data_system(restricted(problem, groups[0] + groups[1]), method)
    return (DensePair if isinstance(both, DenseSystem) else IterativePair)(groups, both)


class Pair:
    """Two groups of surveys, a and b, with the model integrated out.

    Whitened data y = (y_a, y_b) are N(X β, K) with K = S̃ + I the prior predictive covariance and β the values with a
    flat prior. Every test of the pair is a function of three quadratic forms, q_a = y_aᵀP_a y_a, q_b and q_ab, in which
    P is K⁻¹ with flat columns eliminated (`System`), and of the canonical correlations of y_a and y_b:

    - q_ab − q_a − q_b is −2 log R up to a constant: under agreement Σ ρ_k (χ²_1 − χ²_1) + χ²_f, f = `excess`;
    - q_ab − q_a is χ² with dof_ab − dof_a degrees of freedom: the split of b given a.

    Two kinds: `DensePair` holds matrices and knows all ρ; `IterativePair` solves, and knows the spectrum of the ρ from
    random vectors (``spectrum("iterative")``) or by wavenumber (``spectrum("spectral")``).

    Parameters
    ----------
    groups : (tuple of str, tuple of str)
    both : System
        Of the surveys of both groups.

    Attributes
    ----------
    groups : (tuple of str, tuple of str)
        Names of modalities.
    problem : JointProblem
        With these surveys and the parameters that they see or that are tied to those.
    both, first, second : System
        Data of a and b together, of a, of b: ``.product(V)`` K V, ``.solve(V)``, ``.project(V)`` P V,
        ``.quadratic(V)`` with its error, ``.draw(rng, count)``, ``.residual``, ``.dof``, ``.model``.
    rows : (ndarray of int, ndarray of int)
        Places of a's and b's data in `both`, in the order in which `first` and `second` hold them.
    excess : int
        f = rank A_a + rank A_b − rank [A_a; A_b] of the columns with a flat prior, at 1e-10 of the largest singular
        value: directions that both surveys see and no prior holds.
    """

    method = ""

    def __init__(self, groups, both):
        self.groups, self.both, self.problem = groups, both, both.model.problem
        self.first, self.second = both.part(groups[0]), both.part(groups[1])
        self.rows = tuple(both.index([name for name in both.rows if name in group]) for group in groups)
        self._cross = self._shared_contrasts()
        self.excess = self._cross.shape[1]

    @property
    def names(self):
        """All surveys of the pair, a's first."""
        return self.groups[0] + self.groups[1]

    def label(self, which):
        """Group 0 or 1 in words."""
        return " + ".join(self.groups[which])

    def beside(self, one, other):
        """Columns of a's data and of b's, side by side among all data, zero for the other group."""
        wide = np.zeros((self.both.size, one.shape[1] + other.shape[1]))
        wide[self.rows[0], : one.shape[1]], wide[self.rows[1], one.shape[1] :] = one, other
        return wide

    def _shared_contrasts(self):
        """Contrasts of y that are free of β but not made of contrasts of each group, shape (n_data, f)."""
        both, wide = self.both, self.beside(self.first.basis, self.second.basis)
        if not wide.shape[1]:
            return wide
        scale = np.linalg.norm(both.columns, axis=0)
        inner = wide.T @ (both.columns / np.where(scale > 0, scale, 1.0))
        left, values, _ = svd(inner)
        return wide @ left[:, int(np.sum(values > RANK * max(values[0], 1e-300))) :]

    def statistics(self, white=None):
        """`PairStatistics` of the data, or of whitened residuals (n_data, k), for instance ``pair.both.draw(rng, k)``.

        Parameters
        ----------
        white : ndarray, shape (n_data, k), optional
            Default the observed data.

        Returns
        -------
        PairStatistics
        """
        raise NotImplementedError

    def spectrum(self, method=None, **options):
        """`CanonicalSpectrum` of the pair under agreement; ``"spectral"``: by wavenumber."""
        return torus_spectrum(self, **options) if method == "spectral" else self._spectrum(**options)


class DensePair(Pair):
    """`Pair` in canonical coordinates: u, v with correlations ρ, and f cross contrasts, each an independent N(0, 1).

    With L the Cholesky factors of the contrasts' covariances, L_a⁻¹ K_ab L_b⁻ᵀ = U ρ Vᵀ.
    """

    method = "dense"

    def __init__(self, groups, both):
        super().__init__(groups, both)
        parts = self.first, self.second
        self._contrasts = [complement(m.basis) if m.rank else None for m in parts]
        self._factors = [m.factor if c is None else cholesky(c.T @ m.covariance @ c, lower=True)
                         for c, m in zip(self._contrasts, parts, strict=True)]
        cross = _contrasted(self._contrasts[0], both.covariance[np.ix_(*self.rows)])
        cross = _contrasted(self._contrasts[1], cross.T).T
        half = solve_triangular(self._factors[0], cross, lower=True)
        between = solve_triangular(self._factors[1], half.T, lower=True).T
        left, self.correlations, right = svd(between, full_matrices=False)
        self.correlations = np.minimum(self.correlations, 1.0 - CLOSE)
        self._turns = left, right.T
        if self.excess:
            self._prepare_cross()

    def _prepare_cross(self):
        """Weights that take from the cross contrasts what contrasts of each group say of them, and whiten the rest."""
        inner = self.beside(*self._contrasts)
        through = self.both.covariance @ inner
        said = np.linalg.solve(inner.T @ through, through.T @ self._cross)
        clean = self._cross - inner @ said
        root = cholesky(clean.T @ self.both.covariance @ clean, lower=True)
        self._cross_weights = solve_triangular(root, clean.T, lower=True)

    def canonical(self, white):
        """(u, v, rest of a, rest of b, w) of whitened residuals (n_data, k): all independent but u_k with v_k."""
        out, rests = [], []
        for rows, contrasts, factor, turn in zip(self.rows, self._contrasts, self._factors, self._turns, strict=True):
            whole = solve_triangular(factor, _contrasted(contrasts, white[rows]), lower=True)
            out.append(turn.T @ whole)
            rests.append(whole - turn @ out[-1])
        return *out, *rests, self._cross_weights @ white if self.excess else np.zeros((0, white.shape[1]))

    def statistics(self, white=None):
        """`PairStatistics`, exact up to rounding; many at once by matrix products."""
        white = self.both.residual[:, None] if white is None else white
        u, v, rest_a, rest_b, w = self.canonical(white)
        rho = self.correlations[:, None]
        left = 1.0 - rho**2
        extra = np.sum(w**2, axis=0)
        ratio = np.sum(rho * (rho * (u**2 + v**2) - 2.0 * u * v) / left, axis=0) + extra
        into_first = np.sum((u - rho * v) ** 2 / left, axis=0) + np.sum(rest_a**2, axis=0) + extra
        into_second = np.sum((v - rho * u) ** 2 / left, axis=0) + np.sum(rest_b**2, axis=0) + extra
        error = 8 * np.finfo(float).eps * (into_first + into_second)
        return PairStatistics(ratio=ratio, into_first=into_first, into_second=into_second, error=error)

    def _spectrum(self, **options):
        """All correlations, exact: what random vectors are given by is left out."""
        return CanonicalSpectrum(correlations=self.correlations, counts=np.ones(self.correlations.size),
                                 excess=self.excess, words="from all canonical correlations, exact")


class IterativePair(Pair):
    """`Pair` by conjugate gradients in data space."""

    method = "iterative"

    def statistics(self, white=None):
        """`PairStatistics` by three block solves, with bounds on their error; those of the data are kept."""
        return self._observed if white is None else self._solved(white)

    @cached_property
    def _observed(self):
        return self._solved(self.both.residual[:, None])

    def _solved(self, white):
        joint, error = self.both.quadratic(white)
        (one, one_error), (two, two_error) = (m.quadratic(white[rows]) for m, rows in
                                              zip((self.first, self.second), self.rows, strict=True))
        return PairStatistics(ratio=joint - one - two, into_first=joint - two, into_second=joint - one,
                              error=error + one_error + two_error)

    def _spectrum(self, **options):
        """From random vectors, as good as the tail at the data asks."""
        return lanczos_spectrum(self, statistic=float(self.statistics().ratio[0]), **options)


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
        Modalities. Parameters tied to theirs by a joint covariance stay.

    Returns
    -------
    JointProblem
    """
    surveys = [m for m in problem.modalities if m.name in names]
    seen = {name for m in surveys for name in m.parameters}
    if seen & problem.prior.tied:
        seen |= problem.prior.tied
    fields = {p.name for p in problem.parameters if p.mesh is not None}
    couplings = [c for c in problem.couplings if set(c.parameters or fields) <= seen]
    return problem.replace(parameters=[p for p in problem.parameters if p.name in seen], modalities=surveys,
                           couplings=couplings)


def _contrasted(contrasts, values):
    """Contrasts of values (n, k), the values themselves where nothing is flat."""
    return values if contrasts is None else contrasts.T @ values


def complement(basis):
    """Orthonormal basis of what is orthogonal to orthonormal columns."""
    return np.linalg.qr(basis, mode="complete")[0][:, basis.shape[1] :]
