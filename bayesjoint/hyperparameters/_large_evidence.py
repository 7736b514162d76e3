"""Log evidence at survey size, and its gradient, by preconditioned stochastic traces: no matrix is formed."""

import numpy as np
from scipy.linalg import block_diag

from .._checks import fail
from .._places import runs
from ..engines import Estimate
from ..forward import intervals_of
from ..gaussian import LatticeSystem, TorusSignal
from ..solvers import block_cg, preconditioned_log_trace
from ._discrepancy import discrepancies
from ._pair_factors import PairFactors
from ._parts import field_groups, innovations, other_parameters, vector_columns

SOLVE = 1e-6  # relative residual of solves for the data: wᵀ∂Kw is of the size of n, its standard deviation of √n
PROBE_SOLVE, CURVATURE_SOLVE = 1e-4, 1e-2  # of those for probes, and for the average information
MANY = 20_000  # data above which 8 probes stand for 16, and for 64: estimates are known to a per cent there anyway
STEP = 1e-3  # of the differences of the preconditioner


class LargeEvidence:
    """log N(d; Aμ, K(θ)) of lattice surveys under continued fields, stochastic, with every constant.

    log det K = log det M + tr log(M⁻¹K) by `preconditioned_log_trace`; plain vectors (biases) by the determinant lemma.
    The gradient takes tr(K⁻¹∂K) from probes with covariance M, less what M itself gives, which is known exactly:
    only the difference is noisy. Probes are common to all θ.

    Parameters
    ----------
    vector : HyperVector
        Of a linear-Gaussian problem with independent noise and every field continued.
    probes : int, optional
        Of the gradient. Default 16, or 8 above 20,000 data.
    seed : int, default 0

    Raises
    ------
    ValueError
        If a field ends with the mesh, or noise is correlated.
    """

    def __init__(self, vector, probes=None, seed=0):
        self.vector, self._pair_factors, problem = vector, PairFactors(vector), vector.problem
        if not all(fields.members[0].prior.extent == "continued" for fields in field_groups(problem)):
            fail("extent", 'be "continued" for an evidence without matrices', "a field that ends with the mesh",
                 'State Matern(..., extent="continued"), which a survey of this size wants anyway.')
        if discrepancies(problem):
            fail("problem", "have no discrepancy for an evidence without matrices", "one", 'Use method="dense", up to '
                 "20,000 data, or thin the surveys; the iterative engine takes it at any size once it is fitted.")
        for m in problem.modalities:
            if not m.noise.independent:
                fail(f"noise of modality {m.name!r}", "be independent for an evidence without matrices",
                     m.noise.settings(), "Use DiagonalNoise, or thin the survey.")
        if logs := [m.name for m in problem.modalities if intervals_of(m.forward) is not None]:
            fail("problem", "be seen by lattices only for an evidence without matrices", f"logs {', '.join(logs)}",
                 'Use method="dense", up to 20,000 data, or fit without the logs.')
        self._signals = [(fields, TorusSignal(problem, fields.members)) for fields in field_groups(problem)]
        self.data = np.concatenate(innovations(problem))
        self.count, self._seed, self.calls = self.data.size, seed, 0
        self.probes = probes or (8 if self.count > MANY else 16)
        self._noise = np.concatenate([m.noise.variance() / problem.weights[m.name] for m in problem.modalities])
        self._columns, self._spread, self._places = self._vectors()

    # -- value -------------------------------------------------------------------------------------------------------
    def log_evidence(self, theta, error=0.25, most=None):
        """Log evidence as an `Estimate`: its error from the probes, its bias from the Lanczos steps.

        Parameters
        ----------
        theta : array_like
        error : float, default 0.25
            Standard error aimed at, nats; probes are doubled until it is reached or `most` are in use.
        most : int, optional
            Default 64, or 8 above 20,000 data.
        """
        self.calls += 1
        most = most or (8 if self.count > MANY else 64)
        values, system, blocks = self._at(theta)
        found = preconditioned_log_trace(system.product, blocks.solve, blocks.sample, self.count,
                                         np.random.default_rng(self._seed), error=2 * error, most=most)
        spread = self._spread_of(values)
        weights, inner, _ = self._eliminated(system, blocks, spread)
        logdet = blocks.logdet() + found.value + np.linalg.slogdet(spread)[1] - np.linalg.slogdet(inner)[1]
        value = -0.5 * (float(self.data @ weights) + logdet + self.count * np.log(2 * np.pi))
        return Estimate(value, error=0.5 * found.error, bias=-0.5 * found.bias, method="cosine-preconditioned Lanczos "
                        f"quadrature, Hutch++ with {found.probes} probes, {found.steps} steps; error from the probes, "
                        "bias from the last fifth of the steps")

    def evaluate(self, theta, gradient=True):
        """(log evidence, gradient), as `DenseEvidence.evaluate`; neither is exact, see `log_evidence` and `slope`."""
        return float(self.log_evidence(theta)), self.slope(theta)[0] if gradient else None

    # -- gradient ----------------------------------------------------------------------------------------------------
    def slope(self, theta):
        """Gradient of the log evidence, its standard errors, and its average information.

        Returns
        -------
        gradient, error : ndarray, shape (size,)
        information : ndarray, shape (size, size)
            ½ wᵀ∂_iK K⁻¹ ∂_jK w: between observed and expected information (Gilmour et al. 1995, Biometrics 51).
        """
        self.calls += 1
        values, system, blocks = self._at(theta)
        y = blocks.sample(np.random.default_rng(self._seed), self.probes)
        q = self._columns.shape[1]
        spread = self._spread_of(values)
        weights, inner, u = self._eliminated(system, blocks, spread)
        x, back = self._solve(system, blocks, y, PROBE_SOLVE), blocks.solve(y)
        lemma = u @ inner
        gradient, error, pulls = np.empty(self.vector.size), np.empty(self.vector.size), []
        for i, c in enumerate(self.vector.coordinates):
            if c.kind == "vector_std":
                gradient[i], pull = self._vector_slope(c, spread, weights, u, inner)
                error[i] = 0.0
                pulls.append(pull)
                continue
            change = self._system(values, c)
            image = change.product(np.column_stack([weights, u, x]))
            pulls.append(image[:, 0])
            ends = [system.preconditioner(change, side * STEP) for side in (1, -1)]
            own = (ends[0].logdet() - ends[1].logdet()) / (2 * STEP)
            moved = (ends[0].solve(y) - ends[1].solve(y)) / (2 * STEP)
            terms = np.einsum("ij,ij->j", back, image[:, 1 + q :]) + np.einsum("ij,ij->j", y, moved)
            trace = own + terms.mean() - float(np.sum(lemma * image[:, 1 : 1 + q]))
            gradient[i] = 0.5 * (float(weights @ image[:, 0]) - trace)
            error[i] = 0.5 * np.std(terms, ddof=1) / np.sqrt(self.probes)
        pulls = np.column_stack(pulls)
        pushed = self._solve(system, blocks, pulls, CURVATURE_SOLVE)
        pushed -= lemma @ (self._columns.T @ pushed)
        return gradient, error, 0.25 * (pulls.T @ pushed + pushed.T @ pulls)

    # -- pieces ------------------------------------------------------------------------------------------------------
    def _at(self, theta):
        """(values, K without the plain vectors, its preconditioner)."""
        values = self.vector.values(theta)
        system = self._system(values)
        return values, system, system.preconditioner()

    def _system(self, values, by=None):
        """K without the plain vectors, or its derivative by a coordinate."""
        groups = []
        for fields, signal in self._signals:
            names, touched = fields.names, by is None or fields.touched(by)
            group = signal.at(self._pair_factors.law(fields, values), by.axes if by and touched else ())
            factors = [[self._pair_factors.factor(fields, p, q, values, by) if touched else 0.0 for q in names]
                       for p in names]
            groups.append(group.scaled(np.array(factors)))
        return LatticeSystem(groups, self._noise_of(values, by))

    def _noise_of(self, values, by):
        out, known = np.zeros(self.count), self.vector.known()
        for name, run in self.vector.problem.data_slices.items():
            c = known[f"{name}_noise"]
            if by is None or by.name == c.name:
                out[run] = self._noise[run] * (values[c.name] / c.value) ** 2 * (1 if by is None else 2)
        return out

    def _solve(self, system, blocks, right, tolerance=SOLVE):
        found = block_cg(system.product, right, blocks.solve, tolerance=tolerance, max_iterations=2000)
        if not found.converged.all():
            fail("the data-space solve", f"reach a relative residual of {tolerance:g}", f"{found.relative.max():.2g}",
                 "Raise the noise's lower bound.")
        return found.x

    def _vectors(self):
        """Columns of plain vectors, (n_data, q), their prior covariance, and places among them by parameter."""
        problem, others = self.vector.problem, other_parameters(self.vector.problem)
        columns = np.hstack([np.zeros((self.count, 0)), *(vector_columns(problem, p.name) for p in others)])
        spread = block_diag(np.zeros((0, 0)), *(p.bound_prior.covariance.dense() for p in others))
        return columns, spread, dict(zip((p.name for p in others), runs(p.size for p in others), strict=True))

    def _spread_of(self, values):
        """Prior covariance of plain vectors at hyperparameters."""
        out = self._spread.copy()
        for c in self.vector.coordinates:
            if c.kind == "vector_std":
                where = self._places[c.targets[0]]
                out[where, where] *= (values[c.name] / c.value) ** 2
        return out

    def _vector_slope(self, c, spread, weights, u, inner):
        """(gradient by the log size of a bias, ∂K w): exact, from what is solved for anyway."""
        where = self._places[c.targets[0]]
        change, gram = 2 * spread[where, where], self._columns.T @ u
        seen = self._columns[:, where].T @ weights
        trace = np.sum(change * (gram - gram @ inner @ gram)[where, where])
        return 0.5 * float(seen @ change @ seen - trace), self._columns[:, where] @ (change @ seen)

    def _eliminated(self, system, blocks, spread):
        """K⁻¹ d, (D⁻¹ + BᵀK₀⁻¹B)⁻¹ and K₀⁻¹ B."""
        solved = self._solve(system, blocks, np.column_stack([self.data, self._columns]))
        u = solved[:, 1:]
        inner = np.linalg.inv(np.linalg.inv(spread) + self._columns.T @ u)
        return solved[:, 0] - u @ (inner @ (u.T @ self.data)), inner, u
