"""Data with the model integrated out: products, solves and quadratic forms with their covariance, flat values gone."""

import copy
import threading
from itertools import pairwise

import numpy as np
from scipy.linalg import LinAlgError, cholesky, lapack, solve_triangular, svd

from .._checks import fail, one_of
from ..engines.data_system import DataSystem
from ..engines.flat import FlatColumns
from ..engines.iterative import SCATTERED_RANK, STORED_BYTES
from ..problem import JointProblem
from ..problem.clean_covariance import whitened_covariance
from ..problem.gaussian import check_linear_gaussian, linear_gaussian

DENSE_DATA = 6_000  # whose covariance and factor take 0.6 GB
RANK = 1e-10  # of the largest singular value of whitened flat columns: below it a direction counts as unseen
SOLVE = 1e-6  # relative residual of iterative solves: quadratic forms are then known to its square
EPS = np.finfo(float).eps
METHODS = ("auto", "dense", "iterative")
KEPT = 2  # covariances kept, with their factors: at most 0.6 GB each
_kept, _lock = {}, threading.Lock()


def marginal(problem, method="auto", tolerance=SOLVE):
    """What the data of a problem are before they are seen.

    Parameters
    ----------
    problem : JointProblem
        Linear, Gaussian or flat priors, no bounds.
    method : {"auto", "dense", "iterative"}, default "auto"
        Dense up to 6,000 data.
    tolerance : float, default 1e-6
        Whitened relative residual of iterative solves.

    Returns
    -------
    DenseMarginal or IterativeMarginal
    """
    one_of("method", method, METHODS)
    check_linear_gaussian(problem, "agreement")
    count = sum(m.size for m in problem.modalities)
    if method == "dense" and count > DENSE_DATA:
        fail("method", f'be "iterative" above {DENSE_DATA} data', f'"dense" for {count}', "Or thin the surveys.")
    if method == "dense" or (method == "auto" and count <= DENSE_DATA):
        return DenseMarginal(linear_gaussian(problem))
    return IterativeMarginal(linear_gaussian(problem, stored=8 * count * problem.size < STORED_BYTES), tolerance)


def check_problem(problem):
    """Refuse what is no JointProblem."""
    if not isinstance(problem, JointProblem):
        fail("problem", "be a JointProblem", type(problem).__name__, "Build JointProblem(parameters, modalities).",
             TypeError)


def one_survey(problem, survey):
    """The modality of that name of a JointProblem."""
    check_problem(problem)
    names = [m.name for m in problem.modalities]
    if survey not in names:
        fail("survey", f"be one of {names}", repr(survey), "Give a modality's name.")
    return problem.modalities[names.index(survey)]


class Marginal:
    """Whitened data y = W(d − Aμ) ~ X β + N(0, K), K = S̃ + I, with the flat values β eliminated.

    P = K⁻¹ − K⁻¹X (XᵀK⁻¹X)⁻¹ XᵀK⁻¹ is what generalised least squares leaves of K⁻¹ (Rasmussen & Williams 2006, section
    2.7); columns of X count as far as their singular values exceed 1e-10 of the largest.

    Parameters
    ----------
    model : LinearGaussian
        Whose data they are.

    Attributes
    ----------
    model : LinearGaussian
    size, rank, dof : int
        Data, flat directions that they see, and the difference.
    residual : ndarray, shape (size,)
        y as observed.
    basis : ndarray, shape (size, rank)
        Orthonormal, of the columns of X.
    """

    def __init__(self, model):
        self.model, self.size = model, model.data_size
        self.residual = model.whiten(model.data - model.data_mean)
        self.columns = model.whiten(model.flat_columns)
        self.basis = column_basis(self.columns)
        self.rank = self.basis.shape[1]
        self.dof = self.size - self.rank
        self._flat = None

    def product(self, white):
        """K V, for V of shape (size, k)."""
        raise NotImplementedError

    def solve(self, white):
        """(K⁻¹ V, V − K K⁻¹ V as computed), for V of shape (size, k)."""
        raise NotImplementedError

    def project(self, white):
        """P V, for V of shape (size, k)."""
        return self.eliminate(self.solve(white)[0], white)

    def quadratic(self, white):
        """(diag VᵀPV, bound on its error), shape (k,): vᵀx + xᵀr differs from vᵀK⁻¹v by at most ‖r‖², as K >= I."""
        solved, left = self.solve(white)
        value = np.einsum("ij,ij->j", white, self.eliminate(solved, white)) + np.einsum("ij,ij->j", solved, left)
        size = np.einsum("ij,ij->j", white, solved)
        return value, np.einsum("ij,ij->j", left, left) + 8 * EPS * np.sqrt(self.size) * size

    def draw(self, rng, count):
        """`count` zero-mean draws of y with β = 0, shape (size, count): the problem's own prior predictive."""
        return self.draw_clean(rng, count) + rng.standard_normal((self.size, count))

    def draw_clean(self, rng, count):
        """`count` zero-mean draws of whitened clean data, shape (size, count)."""
        return self.model.whiten(self.model.draw(rng, count)[1].T)

    def flat_estimate(self, white):
        """X β̂ for V of shape (size, k): what generalised least squares takes for flat."""
        if not self.rank:
            return np.zeros_like(white)
        self._eliminator()
        return self.basis @ (self._flat.inverse @ (self._flat.solved.T @ white))

    def eliminate(self, solved, white):
        """P V from K⁻¹ V, shape (size, k)."""
        if not self.rank:
            return solved
        self._eliminator()
        return self._flat.eliminate(solved, white)[0]

    def _eliminator(self):
        if self._flat is None:
            solved = self.solve(self.basis)[0]
            self._flat = FlatColumns(self.model.problem, np.arange(self.rank), self.basis, solved)


class DenseMarginal(Marginal):
    """`Marginal` whose K is a matrix with a Cholesky factor.

    Parameters
    ----------
    model : LinearGaussian
    covariance : ndarray, shape (size, size), optional
        K, where it is known already.
    """

    def __init__(self, model, covariance=None):
        super().__init__(model)
        self.covariance, self.factor = _known(model) if covariance is None else (covariance, _factor(covariance))
        self._root = None

    def product(self, white):
        """K V."""
        return self.covariance @ white

    def solve(self, white):
        """(K⁻¹ V, 0)."""
        half = solve_triangular(self.factor, white, lower=True, check_finite=False)
        return solve_triangular(self.factor, half, lower=True, trans=1, check_finite=False), np.zeros_like(white)

    def draw(self, rng, count):
        """`count` zero-mean draws of y, shape (size, count), by the Cholesky factor."""
        return self.factor @ rng.standard_normal((self.size, count))

    def draw_clean(self, rng, count):
        """`count` zero-mean draws of whitened clean data, shape (size, count), by a pivoted factor of K − I."""
        if self._root is None:
            self._root = _semidefinite_root(self.covariance - np.eye(self.size))
        return self._root @ rng.standard_normal((self._root.shape[1], count))

    def part(self, names):
        """The same of some of the surveys."""
        model, rows = part_of(self.model, names)
        return DenseMarginal(model, self.covariance[np.ix_(rows, rows)])


class IterativeMarginal(Marginal):
    """`Marginal` by preconditioned block conjugate gradients: no matrix is formed.

    Parameters
    ----------
    model : LinearGaussian
    tolerance : float, default 1e-6
        Whitened relative residual of solves.
    """

    def __init__(self, model, tolerance=SOLVE):
        super().__init__(model)
        self.tolerance, self.system = tolerance, DataSystem(model)
        if self.system.scattered and self.size > 10 * SCATTERED_RANK:
            self.system = DataSystem(model, SCATTERED_RANK)

    def product(self, white):
        """K V."""
        return self.system.product(white)

    def solve(self, white, tolerance=None):
        """(K⁻¹ V, V − K K⁻¹ V), to the tolerance."""
        found = self.system.solve(white, tolerance or self.tolerance)
        return found.x, found.residual

    def part(self, names):
        """The same of some of the surveys."""
        return IterativeMarginal(part_of(self.model, names)[0], self.tolerance)


def column_basis(columns):
    """Orthonormal basis of the columns, (n, r), singular values below 1e-10 of the largest left out."""
    if not columns.shape[1]:
        return np.zeros((columns.shape[0], 0))
    scale = np.linalg.norm(columns, axis=0)
    left, values, _ = svd(columns / np.where(scale > 0, scale, 1.0), full_matrices=False)
    return left[:, values > RANK * max(values[0], EPS)]


def _known(model):
    """(K, its lower Cholesky factor) of a model, read only; kept for the next test of the same surveys."""
    problem = model.problem
    parts = (*problem.parameters, *problem.couplings, *(m.forward for m in problem.modalities),
             *(t.columns for m in problem.modalities for t in m.terms), *(m.noise for m in problem.modalities))
    key = (tuple(map(id, parts)), tuple(m.parameters for m in problem.modalities), tuple(problem.weights.values()))
    with _lock:
        found = _kept.get(key)
    if found is None:
        covariance = whitened_covariance(model) + np.eye(model.data_size)
        factor = _factor(covariance)
        for matrix in (covariance, factor):
            matrix.flags.writeable = False
        with _lock:
            while len(_kept) >= KEPT:
                del _kept[next(iter(_kept))]
            _kept[key] = found = parts, covariance, factor  # with the parts, whose ids then stay theirs
    return found[1:]


def _factor(covariance):
    try:
        return cholesky(covariance, lower=True)
    except (LinAlgError, ValueError):
        return fail("K = S̃ + I", "be positive definite to rounding", "a failed Cholesky factorisation",
                    "Raise the noise std, lower the prior std, or mend an operator that gives NaN.")


def _semidefinite_root(matrix):
    """R of full column rank with R Rᵀ the matrix, to rounding of its largest diagonal value (LAPACK's dpstrf)."""
    factor, pivots, rank, _ = lapack.dpstrf(matrix, lower=1)
    root = np.empty((matrix.shape[0], rank))
    root[pivots - 1] = np.tril(factor)[:, :rank]
    return root


def part_of(model, names):
    """(LinearGaussian of some surveys on the very fields and torus of the whole, their rows among all data).

    Built anew, a continued field would live on a torus laid out for these surveys alone, and its covariances would
    differ from the blocks of the whole by what the torus truncates.
    """
    kept = [k for k, m in enumerate(model.problem.modalities) if m.name in names]
    rows = np.concatenate([np.arange(model.data_size)[model.data_slices[k]] for k in kept])
    out = copy.copy(model)
    out.problem = model.problem.replace(modalities=[model.problem.modalities[k] for k in kept])
    ends = np.cumsum([0, *(m.size for m in out.problem.modalities)])
    out.data_slices = [slice(int(a), int(b)) for a, b in pairwise(ends)]
    out.data_size = int(ends[-1])
    out._operators = [model._operators[k] for k in kept]
    out.data, out.data_mean, out.flat_columns = model.data[rows], model.data_mean[rows], model.flat_columns[rows]
    if model.groups:
        out._vectors = [(index, columns[rows], covariance) for index, columns, covariance in model._vectors]
        places = {model.data_slices[k].start: new for k, new in zip(kept, out.data_slices, strict=True)}
        groups = [group.part(places) for group in model.groups]
        out.groups = [group for group in groups if group.surveys or group.logs.logs]
    return out, rows
