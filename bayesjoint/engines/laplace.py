"""The Laplace approximation at a converged MAP, where no bound cuts it."""

import numpy as np
from scipy.linalg import LinAlgError, cholesky, lapack, solve_triangular

from .._checks import fail
from ..dataset import Approximation
from ..noise import is_gaussian
from ..problem import check_density, check_gaussian_noise
from ._laplace_curvature import exact_curvature, nonlinear_statements
from ._laplace_modes import look_for_modes
from ._laplace_validity import ValidityCheck
from ._posterior import SummarisedPosterior

DIFFERENCED = 300  # free values up to which the models' own curvature is taken by differences of gradients
FREE_LIMIT = 12_000  # cells; their dense Hessian and its factor take 2.3 GB
BOUND_TOLERANCE = 1e-9  # of the distance between the bounds: closer counts as on the bound
BETWEEN = ('Use method="auto": "truncated" samples Gaussian priors between bounds, "gibbs" focusing ones with p = 1 '
           'and Gramians, "nuts" any density of at most 500 unknowns. Else use coarser cells or wider bounds.')
VERDICTS = {
    "valid": "By the figures below the Gaussian stands for the posterior.",
    "doubtful": "The posterior is visibly not this Gaussian: take its standard deviations as indications, and check "
    'them with method="gibbs", or with method="nuts" on a smaller problem of the same kind.',
    "not valid": "Not valid here: the posterior is not this Gaussian, and its standard deviations may be wrong by "
    'factors. Use method="gibbs" (focusing priors with p = 1 and Gramians), method="nuts" for at most 500 unknowns, or '
    "Matern priors.",
}
WORST_CONDITION = 1e13  # beyond it a Cholesky factor in double precision proves nothing


class LaplacePosterior(SummarisedPosterior):
    """Gaussian N(x*, H_ff⁻¹) at a converged MAP x*: approximate, and how well it holds is measured.

    H is the exact Hessian of Φ; beyond 300 free values it leaves out the curvature of nonlinear forward models
    (Gauss–Newton), and says so. A Cholesky factor proves H_ff positive definite over the free values f; where it does
    not, the approximation is refused, never clipped. It is refused too where bounds cut it: where Φ still falls beyond
    a bound that holds a value, where more than a tenth of one value's mass lies beyond, or half of all draws have a
    value there. `validity` compares the density with the Gaussian at draws of it and says whether to believe its
    standard deviations. Use ``posterior(problem, method="laplace", at=result)``.

    Parameters
    ----------
    problem : JointProblem
        A proper density (a Gramian with one weight).
    at : MapResult
        A converged MAP of it; its own problem (hyperparameters really used) is what the posterior is of.

    Attributes
    ----------
    validity : LaplaceValidity
        Pareto's k, an estimate of the Kullback–Leibler divergence, the change of curvature, mass beyond bounds, what a
        search for other modes found (up to 300 values, for at most some seconds), and the verdict.

    Raises
    ------
    ValueError
        If there is no converged MAP, the coupling is no density, more than 12,000 cells are free, H_ff is not positive
        definite to rounding, or bounds cut the Gaussian.
    """

    method = "laplace"

    def __init__(self, problem, at):
        _check(problem, at)
        super().__init__(at.problem)
        self._center = at.problem.pack(at.model)
        self._index = np.flatnonzero(at.problem.free)
        held = _held(at.problem, self._center)
        if held:
            fail("the MAP", "lie between its bounds for the Laplace engine",
                 f"{held} of {self._index.size} values held at a bound",
                 f"The posterior is no Gaussian there. {BETWEEN}")
        if self._index.size > FREE_LIMIT:
            fail("free cells", f"number at most {FREE_LIMIT} for the Laplace engine", f"{self._index.size}",
                 "Use a coarser mesh, or Gaussian priors without bounds and the dense engine.")
        self._operators = self.problem.operators_at(self._center)
        self._factorise(self.problem.hessian_matrix(self._center, self._index))
        self._gaussian = _is_gaussian(self.problem)
        if self._gaussian:  # Newton's step ends at the mean itself, wherever in the MAP's tolerance it began
            slope = self.problem.gradient(self._center)[self._index]
            self._center = self._center - self._spread(self._root(self._root_adjoint(slope[:, None]))[:, 0])
        self._curvature_error = None
        if self.problem.nonlinear and self._index.size <= DIFFERENCED:
            self._add_model_curvature()
        inverse = solve_triangular(self._factor, np.eye(self._index.size), lower=True, overwrite_b=True)
        std = self._scale * np.sqrt(np.einsum("ij,ij->j", inverse, inverse))
        self._moments = np.stack([self._center, self._spread(std**2), *np.full((2, self._center.size), np.nan)])
        modes = look_for_modes(self.problem, self._center, self._index, self._whiten, std)
        self.validity = ValidityCheck(self.problem, self._center, self._index, self._root, self._root_adjoint,
                                      std).measure(modes)
        if self.validity.cut_off:
            fail("the Gaussian at the MAP", "lie between its bounds",
                 f"up to {self.validity.beyond:.2g} of one value's mass beyond, and {self.validity.outside:.2g} of all "
                 "draws with a value there", BETWEEN)
        self.approximations = self._statements()

    def _add_model_curvature(self):
        """From Gauss–Newton's Hessian, which the factor is of, to the exact one."""
        white, self._curvature_error = exact_curvature(self.problem, self._center, self._index,
                                                       self._root(np.eye(self._index.size)))
        half = self._root_inverse_adjoint(self._root_inverse_adjoint(white).T)
        self._factorise(0.5 * (half + half.T))

    def _factorise(self, hessian):
        """Cholesky of H_ff scaled to a unit diagonal: the scaling alone cannot hide an indefinite matrix."""
        diagonal = np.diag(hessian).copy()
        if diagonal.min() <= 0:
            self._refuse(f"a diagonal entry {diagonal.min():.3g}")
        self._scale = 1 / np.sqrt(diagonal)
        scaled = hessian * self._scale * self._scale[:, None]
        norm = np.abs(scaled).sum(axis=0).max()
        try:
            self._factor = cholesky(scaled, lower=True, overwrite_a=True)
        except LinAlgError:
            self._refuse("a failed Cholesky factorisation")
        reciprocal, _ = lapack.dpocon(self._factor, norm, uplo="L")
        if reciprocal < 1 / WORST_CONDITION:
            self._refuse(f"a condition number of {1 / max(reciprocal, 1e-300):.1e}")
        self._rounding = self._index.size * np.finfo(float).eps / reciprocal

    def _refuse(self, found):
        fail("the Hessian on the free cells", "be positive definite to rounding", f"{found} with {self._index.size} "
             "free cells", "The posterior has a direction that prior and data hardly hold (a focusing prior is flat "
             "away from its reference, a Gramian or a cross-gradient may be indefinite, a mixture of rocks is "
             "between two of them, data may leave a flat parameter open): there is no Laplace approximation to give. "
             "Use GaussianPrior, MinimumLength or Matern priors, or a larger epsilon.")

    def _statements(self):
        found = [self._validity_statement()]
        found += self.validity.modes.statement()
        for bound in self.problem.penalties:
            if hasattr(bound, "approximations"):
                found += bound.approximations(self.problem.parts(self._center))
        if self.problem.bounded:
            v = self.validity
            found.append(Approximation(
                name="bounds", status="measured", error=max(v.beyond, v.outside),
                statement=f"The Gaussian reaches beyond the bounds: up to {v.beyond:.2g} of one value's mass lies "
                f"there, and {v.outside:.2g} of all draws have a value there. The verdict counts both."))
        found.append(Approximation(
            name="linear algebra of the Laplace approximation", status="exact", error=self._rounding,
            statement="A Cholesky factor proved the Hessian positive definite; the error bounds the rounding of "
            "variances as a share of themselves.",
        ))
        return found + (nonlinear_statements(self.problem, self._center, self._curvature_error)
                        if self.problem.nonlinear else [])

    def _validity_statement(self):
        figures, verdict = self.validity, self.validity.verdict
        if self._gaussian:
            return Approximation(
                name="Laplace approximation", status="exact", error=figures.kl, units="nat",
                statement="The posterior is this Gaussian: priors and noise are Gaussian, operators linear, and every "
                "coupling is a quadratic form (a linear law with known numbers). The error is ½ Var[log p − log q] at "
                "draws, which measures rounding.")
        return Approximation(
            name="Laplace approximation" + ("" if verdict == "valid" else f" ({verdict} here)"), status="measured",
            error=figures.kl, units="nat",
            statement=f"{VERDICTS[verdict]} Compared with the density itself: ½ Var[log p − log q] = "
            f"{figures.kl:.3g} ± {figures.kl_error:.2g} nat over all {self._index.size} free cells, an estimate of the "
            f"Kullback–Leibler divergence; Pareto's k {figures.pareto_k:.2f} in {figures.directions} directions, those "
            "the data see best and those along which curvature changes most; along the latter it changes by "
            f"{figures.curvature_change:.2g} of itself (rms).")

    def _root(self, white):
        """R V with RRᵀ = H_ff⁻¹, for V of shape (f, k)."""
        return self._scale[:, None] * solve_triangular(self._factor, white, lower=True, trans=1)

    def _root_adjoint(self, vectors):
        """Rᵀ V."""
        return solve_triangular(self._factor, self._scale[:, None] * vectors, lower=True)

    def _whiten(self, vectors):
        """R⁻¹ V."""
        return self._factor.T @ (vectors / self._scale[:, None])

    def _root_inverse_adjoint(self, vectors):
        """R⁻ᵀ V."""
        return self._factor @ vectors / self._scale[:, None]

    def data_sensitivity(self, vectors):
        """A V, (size, k) to (n_data, k)."""
        return np.concatenate([a.matmat(vectors) for a in self._operators])

    def predicted_data(self):
        """Clean data of the posterior mean, (n_data,), physical units."""
        return self._predictions(self._center)

    def joint_draws(self, rng, count):
        """Draws of x, (count, size), and of the clean data, (count, n_data)."""
        if not self.problem.nonlinear:
            return super().joint_draws(rng, count)
        x = self.state_draws(rng, count)
        return x, np.stack([self._predictions(row) for row in x])

    def _predictions(self, x):
        return np.concatenate([self.problem.predict(k, x) for k in range(len(self.problem.modalities))])

    def _spread(self, free):
        out = np.zeros((*free.shape[:-1], self.problem.size))
        out[..., self._index] = free
        return out

    def state_product(self, v):
        """Posterior covariance of x times V."""
        columns = v[:, None] if v.ndim == 1 else v
        free = self._root(self._root_adjoint(columns[self._index]))
        return self._spread(free.T).T.reshape(v.shape)

    def state_draws(self, rng, count):
        """Draws of x, (count, size)."""
        return self._center + self._spread(self._root(rng.standard_normal((self._index.size, count))).T)


def _is_gaussian(problem):
    """Whether Φ is quadratic, couplings included, and no bound cuts it."""
    return (problem.gaussian_noise and not problem.bounded and not problem.nonlinear
            and all(bound.gaussian for _, bound in problem.prior.blocks)
            and all(getattr(bound, "quadratic", False) for bound in problem.penalties))


def _held(problem, x):
    """How many values are at a bound with Φ still falling beyond it."""
    width = np.where(np.isfinite(problem.upper - problem.lower), problem.upper - problem.lower, 1.0)
    gradient = problem.gradient(x)
    at_lower = (x - problem.lower <= BOUND_TOLERANCE * width) & (gradient >= 0)
    at_upper = (problem.upper - x <= BOUND_TOLERANCE * width) & (gradient <= 0)
    return int(np.sum((at_lower | at_upper) & problem.free))


def _check(problem, at):
    for each in (problem, getattr(at, "problem", problem)):
        check_density(each)
    check_gaussian_noise(problem, "for a Gaussian at the MAP")
    problem.prior.refuse_hidden()
    if at is None:
        fail("at", "be a converged MAP for the Laplace engine", "None", "Pass at=find_map(problem).")
    check_map(problem, at)
    if not at.converged:
        fail("at", "be a converged MAP for the Laplace engine", f"an iterate ({at.message})",
             'An iterate is no stationary point. Use find_map(problem, method="map") and raise max_iterations.')


def check_map(problem, at):
    """Refuse what is not a model estimate of this problem."""
    if not hasattr(at, "converged"):
        fail("at", "be what find_map returns", type(at).__name__, "Pass at=find_map(problem).", TypeError)
    asked, found = (([(p.name, p.shape) for p in each.parameters],
                     [(m.name, m.size, is_gaussian(m.noise)) for m in each.modalities], each.couplings)
                    for each in (problem, at.problem))
    if asked != found:
        fail("at", "be a MAP of this problem (its α may differ)", "one with other parameters, modalities, kinds of "
             "noise or couplings", "Pass at=find_map(problem).")
