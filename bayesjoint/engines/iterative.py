"""The exact posterior of a linear-Gaussian problem by iterative solves in data space: surveys of any size."""

from functools import cached_property

import numpy as np

from .._checks import as_count, as_positive, fail
from ..augment import evidence_lacking
from ..dataset import Approximation
from ..gaussian import SCATTERED_RANK, IterativeSystem, fits_stored, linear_gaussian
from ._data_space import UNCHECKED, DataSpacePosterior, torus_statements
from ._draw_blocks import BLOCK, Drawn, blocks_of, spread
from ._estimate import Estimate
from ._iterative_variance import PointwiseVariance

MEAN_TOLERANCE = 1e-8
ANSWER_TOLERANCE = 1e-4  # of means for other data: 0.01 % of what such data move, where worlds differ by their all
LOOSEST = 1e-3  # draws then changed by some 0.2 % of their size; truncated in model space they kept 1 % of it
DIRECTIONS = 1000  # largest default rank
RANK_DATA = 20_000  # data above which informative directions are too many to help
TASK_BYTES = 4e8  # of draws that one task of an executor gives back
CHECKED = 2  # draws solved further to measure what their tolerance costs


class IterativePosterior(DataSpacePosterior):
    """Exact Gaussian posterior whose solves with K are preconditioned conjugate gradients: no matrix is stored.

    Mean and products solve to 1e-8, draws to `tolerance`: a draw is m_pr + G K⁻¹(d + e − A m_pr) for a joint prior draw
    of model and clean data (perturb and optimise in data space). The pointwise variance comes from `solves` such
    solves, see `PointwiseVariance`, with its standard error. Use ``posterior(problem, method="iterative", ...)``.

    Parameters
    ----------
    problem : JointProblem
        Linear operators, Gaussian or flat priors, no bounds, no penalties.
    tolerance : float, default 1e-3
        Whitened relative residual of the solves for draws; looser is refused, since truncated draws are no draws.
    solves : int, default 64
        Even number of solves behind the standard deviation.
    rank : int, optional
        Directions whose part of the variance is computed exactly; they cost one product with G each. Default: half
        the data up to 1,000 directions and 20,000 data, none above, where informative ones number tens of thousands.
    deflation : int, optional
        Outliers of the preconditioned operator to be sketched and removed. Default 0, or 300 where data lie on no
        lattice and cosines do not apply.
    executor : concurrent.futures.Executor, optional
        Makes the blocks of draws, such as ``ProcessPoolExecutor()`` or Dask's ``client.get_executor()``; default: one
        after the other here. Draws do not depend on it.
    seed : int, default 0
        Of the solves behind the standard deviation and of sketches.

    Attributes
    ----------
    system : IterativeSystem
        ``.product(V)`` and ``.preconditioner(V)`` of the whitened K, ``.solve(V, tolerance)``.
    iterations : int
        Products with K for the mean.
    draw_residuals : ndarray
        Whitened relative residual of every draw that was made last, chain by chain; a dataset keeps it as
        ``relative_residual`` in ``sample_stats``.

    Raises
    ------
    ValueError
        If the problem is bounded or not linear-Gaussian, the tolerance is looser than 1e-3, a solve does not converge,
        or neither prior nor data hold a flat direction.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    >>> line = bj.Modality("line", [[1.0], [1.0]], [3.0, 3.0], bj.DiagonalNoise([1.0, 1.0]), "slope")
    >>> post = bj.posterior(bj.JointProblem([slope], [line]), method="iterative")
    >>> post.mean()["slope"].round(6)
    array([2.])
    """

    method = "iterative"

    def __init__(self, problem, tolerance=LOOSEST, solves=64, rank=None, deflation=None, executor=None, seed=0):
        super().__init__(problem)
        self.tolerance = float(as_positive("tolerance", tolerance, 0))
        if self.tolerance > LOOSEST:
            fail("tolerance", f"be at most {LOOSEST:g}", f"{self.tolerance:g}",
                 "Draws truncated earlier have another covariance.")
        if as_count("solves", solves, 8) % 2:
            fail("solves", "be even", repr(solves), "64 give the standard deviation to a few per cent.")
        self._solves, self._seed, self._executor = int(solves), int(seed), executor
        default = min(problem.data_size // 2, DIRECTIONS) if problem.data_size <= RANK_DATA else 0
        self._rank = default if rank is None else as_count("rank", rank, 0)
        self.system = IterativeSystem(linear_gaussian(problem, fits_stored(problem), self.method), MEAN_TOLERANCE,
                                      0 if deflation is None else as_count("deflation", deflation, 0), self._seed)
        if deflation is None and self.system.scattered:
            self.system.deflate(SCATTERED_RANK, self._seed)
        found = self.system.solution(self.system.residual[:, None])
        self.iterations = int(found.iterations[0])
        self._take(found.x, found.residual)
        self.draw_residuals = np.zeros(0)
        self.approximations = self._statements()

    def _answer(self, white):
        return self.system.solve(white, ANSWER_TOLERANCE)[0]

    def solve_draws(self, right):
        """K̃⁻¹R to the tolerance of draws."""
        return self.system.solve(right, self.tolerance)[0]

    def _pointwise(self):
        if not hasattr(self, "_cached"):
            self._cached = PointwiseVariance(self, self._solves, self._rank, np.random.default_rng(self._seed))
            now = self._statements()
            others = [a for a in self.approximations if a.name not in {n.name for n in now}]  # that others have added
            self.approximations = [*now, *others]
        return self._cached

    def state_variance(self):
        """Posterior variance of x, (size,)."""
        return self._pointwise().variance.copy()

    def state_std_error(self):
        """Error of the std of x, (size,): of the random solves, and what their tolerance leaves of a draw."""
        found = self._pointwise()
        std = np.sqrt(found.variance)
        spread = np.divide(found.error, 2 * std, out=np.zeros_like(std), where=std > 0)
        bias, along = self._draw_change  # of it, what is uncorrelated with a draw counts by its square
        return np.hypot(spread, np.where(found.error > 0, abs(along + 0.5 * bias**2) * std, 0.0))

    def log_evidence(self, error=0.25, most=64):
        """Log evidence, log N(d; Aμ, K), as an `Estimate` in nats with every constant.

        Parameters
        ----------
        error : float, default 0.25
            Standard error aimed at, nats.
        most : int, default 64
            Random vectors at most; at survey size the error that they leave may be tens of nats, and it is stated.

        Returns
        -------
        Estimate
            Its error from the random vectors, its bias from the steps with each.

        Raises
        ------
        ValueError
            If a prior is flat: an improper prior has no normaliser.
        """
        self.problem.prior.refuse_flat("for an evidence")
        logdet, spread, bias, words = self.system.log_determinant(np.random.default_rng(self._seed), 2 * error, most)
        fit, count = float(self.system.residual @ self.data_weights), self.system.size
        value = -0.5 * (fit + logdet + self._model.noise_logdet() + count * np.log(2 * np.pi))
        value += evidence_lacking(self.problem)
        # the fit is off by at most ‖r‖ ‖K̃⁻¹d̃‖ for the residual r of the mean's solve
        off = self._off * float(np.linalg.norm(self.data_weights))
        return Estimate(value, error=0.5 * (spread + off), bias=-0.5 * bias, method=words)

    # -- draws ---------------------------------------------------------------------------------------------------------
    def draw_blocks(self, blocks, clean=True):
        """Draws of blocks by perturbed observations, on the executor if there is one; `draw_residuals` grows along."""
        self.draw_residuals = np.zeros(0)
        most = max(1, int(TASK_BYTES / (8 * BLOCK * self.problem.size)))
        for found in spread(BlockDrawer(self, clean), blocks, self._executor, most):
            self.draw_residuals = np.append(self.draw_residuals, found.stats["relative_residual"][0])
            yield found

    def joint_draws(self, rng, count):
        """Draws of x, (count, size), and of the clean data, (count, n_data), in blocks seeded by one integer of rng."""
        found = list(self.draw_blocks(blocks_of(rng, count)))
        return np.concatenate([f.x for f in found]), np.concatenate([f.clean for f in found])

    def separate(self):
        """Posteriors of the separate inversions, {modality name: IterativePosterior}."""
        return {name: IterativePosterior(alone, self.tolerance, self._solves, executor=self._executor, seed=self._seed)
                for name, alone in self.problem.separate().items()}

    def _statements(self):
        changed, _ = self._draw_change
        single = any(g.single for g in self._model.groups)
        blocks = "cosines on the stations' lattice" if self.system.blocks else "a randomised Nyström sketch"
        out = [Approximation(
            name="posterior mean", status="bounded", error=self._off,
            statement=f"Conjugate gradients in data space, preconditioned by {blocks}: {self.iterations} products with "
            f"K. In no cell is the mean off by more than {self._off:.1e} of the prior standard deviation, the norm of "
            "the whitened residual; but for that it is exact for the stated prior." + UNCHECKED,
        ), Approximation(
            name="draws", status="measured", error=changed,
            statement=f"Each draw is one solve to a whitened relative residual of {self.tolerance:g}, kept with the "
            f"draws. Carried on to {MEAN_TOLERANCE:g}, {CHECKED} draws changed by {changed:.1e} of their own "
            "size about the mean (root mean square over all cells)."
            + (" Prior draws on the torus are made in float32." if single else ""),
        ), *torus_statements(self._model)]
        if hasattr(self, "_cached"):
            known = self._cached.error > 0
            relative = 0.5 * self._cached.error[known] / self._cached.variance[known]
            error = float(np.median(relative)) if known.any() else 0.0
            out.append(Approximation(
                name="standard deviation", status="measured", error=error,
                statement=f"From {self._solves} solves, with the part of {self._cached.rank} directions computed "
                f"exactly and controls that narrow the error of plain draws {self._cached.narrows:.1f} times: median "
                f"standard error {_share(error)} of the standard deviation; every cell has its own.",
            ))
        return out

    @cached_property
    def _draw_change(self):
        """(size, part along a draw) of the change of draws about the mean when solved further, as shares of them."""
        rng = np.random.default_rng(self._seed)
        x, clean = self._model.draw(rng, CHECKED)
        right = self._model.whiten(clean.T) + rng.standard_normal((CHECKED, self._model.data_size)).T
        rough, fine = self.solve_draws(right), self._solve(right)
        change, draw = self.gain(fine - rough), x.T - self.gain(fine)
        scale = np.sqrt(self._model.prior_variance())[:, None]
        known = np.isfinite(scale[:, 0]) & (scale[:, 0] > 0)
        change, draw = change[known] / scale[known], draw[known] / scale[known]
        whole = np.sum(draw**2)
        if whole == 0:
            return 0.0, 0.0
        return float(np.sqrt(np.sum(change**2) / whole)), float(np.sum(change * draw) / whole)


def _share(error):
    """A share in per cent, two significant digits; never a zero for what is none."""
    return f"{100 * error:.2g} %" if error == 0 or error >= 1e-4 else "below 0.01 %"


class BlockDrawer:
    """Draws blocks wherever it is sent: it holds what a block needs, and no variance, statement or cache.

    Parameters
    ----------
    post : IterativePosterior
        Whose draws are wanted.
    clean : bool
        Whether their clean data are wanted.
    """

    def __init__(self, post, clean=True):
        self.system, self.tolerance, self.clean = post.system.for_draws(), post.tolerance, clean
        self.center, self.mean_fit = post.state_mean(), post.system.residual - post.data_weights - post.data_left
        self.words = {"units": "1", "long_name": "whitened relative residual of the solve behind the draw",
                      "tolerance": self.tolerance}

    def __call__(self, block):
        """`Drawn` of a block."""
        rng, system, model = block.generator(), self.system, self.system.model
        x, clean = model.draw(rng, BLOCK)
        noise = rng.standard_normal((BLOCK, model.data_size)).T
        # about the mean, which has been solved for already
        right = noise - model.whiten(clean.T)
        found = system.solution(right, self.tolerance)
        weights, flat = system.flat.eliminate(found.x, right)
        x += self.center + model.gain(model.whiten_adjoint(weights)).T
        x[:, system.flat.index] += flat.T
        fit, kept = self.mean_fit[:, None] + noise - weights - found.residual, slice(block.kept)
        data = (model.data_mean[:, None] + model.colour(fit)).T[kept] if self.clean else None
        return Drawn(x[kept], data, {"relative_residual": (found.relative[kept], self.words)})
