"""What one survey says beyond what others predict of it: the residual, its covariance, or exact draws of it."""

from functools import cached_property

import numpy as np
from scipy.linalg import cho_solve, solve_triangular

from .._checks import as_count, fail, one_of
from ..gaussian import DenseSystem, data_system, factorised
from ..problem import one_survey
from .shared import check_proper, in_blocks

FEWEST = 20  # draws behind a null of Student's t


class Prediction:
    """Predictive residuals of a linear-Gaussian problem's surveys, each given others, under the joint prior predictive.

    If problem, coupling and noise are right, (d_a, d_b) ~ N(μ, K) with K = Cov(clean data) + noise, and what survey b
    says beyond survey a is r = d_b − E[d_b | d_a] ~ N(0, V), V = K_bb − K_ba K_aa⁻¹ K_ab (node splitting: Presanis et
    al. 2013, Stat. Sci. 28, 376). Given nothing, r is what a survey says beyond its own model.

    Parameters
    ----------
    problem : JointProblem
        Linear operators, Gaussian priors, none of them flat.
    draws : int, default 64
        Simulated residuals where the surveys are too large for matrices.
    seed : int, default 0
    method : {"auto", "dense", "iterative"}, default "auto"
        Matrices over the data up to 6,000 data in all, or solves.
    whole : System, optional
        Of all surveys, where it is there already.

    Raises
    ------
    ValueError
        If the problem is not linear-Gaussian, a prior is flat, or there are fewer than 20 draws.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1e6))
    >>> a, b = (bj.Modality(k, [[1.0]], [d], bj.DiagonalNoise([1.0]), "slope") for k, d in (("a", 3.0), ("b", 5.0)))
    >>> found = Prediction(bj.JointProblem([slope], [a, b])).residual("b", ("a",))
    >>> found.value.round(4), found.covariance.round(4)
    (array([2.]), array([[2.]]))
    """

    def __init__(self, problem, draws=64, seed=0, method="auto", whole=None):
        check_proper(problem, "for a prediction")
        self.draws = as_count("draws", draws, FEWEST, "Fewer leave the null too broad to find anything.")
        self.problem, self.seed = problem, seed
        self.whole = data_system(problem, method) if whole is None else whole
        self.exact = isinstance(self.whole, DenseSystem)

    def residual(self, survey, given=None):
        """Residual of one survey given others: an `ExactResidual` or a `DrawnResidual`."""
        return (ExactResidual if self.exact else DrawnResidual)(
            self, survey, checked_given(self.problem, survey, given))


def checked_given(problem, survey, given=None):
    """Names of the surveys to predict a survey from; default all others."""
    names = [m.name for m in problem.modalities]
    one_of("survey", survey, names)
    others = [name for name in names if name != survey]
    if given is None:
        return tuple(others)
    given = (given,) if isinstance(given, str) else tuple(given)
    if set(given) - set(others):
        fail("given", f"name surveys among {others}", repr(given), "Correct the names; () is the model alone.")
    return tuple(name for name in others if name in given)


class _Residual:
    """What both kinds share: the survey, and the way from whitened to physical data."""

    def __init__(self, prediction, survey, given):
        problem = prediction.problem
        self.survey, self.given = survey, given
        self.modality = one_survey(problem, survey)
        self._root = np.sqrt(problem.weights[survey])

    def _colour(self, white):
        """L V / √w."""
        return self.modality.noise.colour(white) / self._root

    def _whiten_adjoint(self, white):
        """√w L⁻ᵀ V."""
        return self.modality.noise.whiten_adjoint(white) * self._root


class ExactResidual(_Residual):
    """Residual with its covariance as a matrix.

    Attributes
    ----------
    value : ndarray, shape (n,)
        r, units of the data.
    dof : float
        Infinite: standard deviations are known.
    """

    dof = np.inf

    def __init__(self, prediction, survey, given):
        super().__init__(prediction, survey, given)
        whole, mine = prediction.whole, prediction.whole.rows[survey]
        covariance = whole.covariance
        self._white, self._covariance = whole.residual[mine], covariance[mine, mine]
        if given:
            known = whole.index(given)
            rows = np.column_stack([whole.residual[known], covariance[known, mine]])
            half = solve_triangular(whole.part(given).factor, rows, lower=True, check_finite=False)
            self._white = self._white - half[:, 1:].T @ half[:, 0]
            self._covariance = self._covariance - half[:, 1:].T @ half[:, 1:]
        self.value = self._colour(self._white)

    @cached_property
    def covariance(self):
        """V, shape (n, n), squared units of the data."""
        return self._colour(self._colour(self._covariance).T)

    @cached_property
    def _factor(self):
        return factorised(self._covariance)

    def _solve(self, white):
        return cho_solve((self._factor, True), white, check_finite=False)

    @cached_property
    def precision(self):
        """V⁻¹, shape (n, n)."""
        inverse = self._whiten_adjoint(self._whiten_adjoint(self._solve(np.eye(self._white.size))).T)
        return 0.5 * (inverse + inverse.T)

    @property
    def weighted(self):
        """V⁻¹ r, shape (n,)."""
        return self._whiten_adjoint(self._solve(self._white))

    def project(self, functionals):
        """(H r, its standard deviations) for H of shape (k, n), dense or sparse."""
        return functionals @ self.value, _spread(functionals, self.covariance)

    def project_weighted(self, functionals):
        """(H V⁻¹ r, its standard deviations): what the score for additive anomalies Hᵀ is."""
        return functionals @ self.weighted, _spread(functionals, self.precision)


class DrawnResidual(_Residual):
    """Residual with simulated ones beside it: the surveys are solved for iteratively, no matrix is formed.

    Simulated data go through the same solves as the observed, so that a functional of the observed residual over the
    root mean square of its simulated values is Student's t with as many degrees of freedom as there are draws: exactly,
    whatever tolerance the solves stop at.

    Attributes
    ----------
    value, weighted : ndarray, shape (n,)
        r and V⁻¹ r.
    drawn, drawn_weighted : ndarray, shape (n, draws)
        The same of data simulated from the joint prior predictive.
    dof : float
        Number of draws.
    """

    def __init__(self, prediction, survey, given):
        super().__init__(prediction, survey, given)
        whole, names = prediction.whole, [m.name for m in prediction.problem.modalities]
        order = [name for name in names if name in (*given, survey)]
        joint = whole if order == names else whole.part(order)
        mine = joint.rows[survey]
        white = np.column_stack([joint.residual, joint.draw(np.random.default_rng(prediction.seed), prediction.draws)])
        own, weighted = white[mine], _solved(joint, white)[mine]
        if given:
            rows = joint.index(given)
            back = np.zeros_like(white)
            back[rows] = _solved(joint.part(given), white[rows])
            own = own - joint.product(back)[mine]
        own, weighted = self._colour(own), self._whiten_adjoint(weighted)
        self.value, self.drawn = own[:, 0], own[:, 1:]
        self.weighted, self.drawn_weighted = weighted[:, 0], weighted[:, 1:]
        self.dof = float(prediction.draws)

    def project(self, functionals):
        """(H r, root mean square of simulated ones) for H of shape (k, n), dense or sparse."""
        return functionals @ self.value, np.sqrt(np.mean((functionals @ self.drawn) ** 2, axis=1))

    def project_weighted(self, functionals):
        """(H V⁻¹ r, root mean square of simulated ones)."""
        return functionals @ self.weighted, np.sqrt(np.mean((functionals @ self.drawn_weighted) ** 2, axis=1))


def _spread(functionals, covariance):
    """Standard deviations of H times a vector of that covariance."""
    spread = functionals @ covariance
    squares = functionals.multiply(spread) if hasattr(functionals, "multiply") else functionals * spread
    return np.sqrt(np.asarray(squares.sum(axis=1)).ravel())


def _solved(data, white):
    """K⁻¹ V."""
    return in_blocks(data, white, lambda block: data.solve(block)[0])
