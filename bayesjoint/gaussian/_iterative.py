"""`System` whose K is known by its products: preconditioned conjugate gradients, no matrix."""

import copy

import numpy as np

from .._checks import fail
from .._places import unit_columns
from ..priors import DISCREPANCIES
from ..solvers import NystromPreconditioner, block_cg, preconditioned_log_trace
from ._clean_covariance import CleanCovariance
from ._dense import DenseSystem
from ._groups import nearest_stationary_groups
from ._lattice_preconditioner import LatticePreconditioner, blocks_of_windows, channel_sets
from ._system import LogDet, System

MAX_ITERATIONS = 2000
SINGLE_FROM = 20_000  # data on a block above which its cosines are in float32: it only preconditions
SOLVE = 1e-6  # relative residual of solves: quadratic forms are then known to its square
EXACT_DATA = 6_000  # scattered data up to which a log determinant is that of a matrix, 0.3 GB
SCATTERED_RANK = 300  # of the sketch that preconditions data that are on no lattice
SKETCH_FROM = 3_000  # scattered data above which it is worth its products
COLUMN_BYTES = 4e8  # of right-hand sides and their companions in one block of solves
MODEL_BYTES = 2.5e8  # of one block of models that belong to them


class IterativeSystem(System):
    """Whitened data whose covariance is an operator with a preconditioner.

    Data on lattices are preconditioned in cosines; others are left as they are.

    Parameters
    ----------
    model : LinearGaussian
        Problem.
    tolerance : float, default 1e-6
        Whitened relative residual of `solve` where none is asked for.
    rank : int, optional
        Outliers that a Nyström sketch looks for on the preconditioned operator: some tens to hundreds where the
        inducing field is flat or a broad bias is present, none where cosines do. Default 300 where more than 3,000
        data are there and some lie on no lattice, else 0.
    seed : int, default 0
        Of the sketch.
    cosine : bool, default True
        Whether to precondition in cosines.

    Attributes
    ----------
    blocks : list of (ndarray of int, CosinePreconditioner)
        Data on one window of a lattice, in the preconditioner's order.
    scattered : bool
        Whether some data are on no block.
    outliers : ndarray
        Eigenvalues that the sketch removed.
    """

    def __init__(self, model, tolerance=SOLVE, rank=None, seed=0, cosine=True):
        super().__init__(model)
        self.tolerance, self._cosine = tolerance, cosine
        groups = (model.groups or nearest_stationary_groups(model.problem)) if cosine else []
        noise = model.noise_variance()
        self._lattices = LatticePreconditioner(noise, [b for found in channel_sets(groups)
                                                       for b in _blocks(model, *found, noise)])
        self.blocks, self.scattered = self._lattices.blocks, self._lattices.rest.size > 0
        self._deflated, self.outliers = None, np.zeros(0)
        if rank is None:
            rank = SCATTERED_RANK if self.scattered and self.size > SKETCH_FROM else 0
        if rank:
            self.deflate(rank, seed)

    def deflate(self, rank, seed=0):
        """Sketch outliers of the preconditioned operator and remove them."""
        rng = np.random.default_rng(seed)
        self._deflated = NystromPreconditioner(self.product, self._cosines, self._sample, self.size, rank, rng)
        self.outliers = self._deflated.values

    def for_draws(self):
        """A copy with what draws need, and little else, to be sent to other processes."""
        out, _ = copy.copy(self), self.flat  # which is found once, here
        out.model = self.model.for_draws()
        out._deflated = None if self._deflated is None else self._deflated.beside(out._cosines)
        return out

    def product(self, white):
        """K̃ V for V of shape (n_data, k)."""
        out = self.model.whiten(self.model.signal(self.model.whiten_adjoint(white)))
        out += white
        return out

    def preconditioner(self, white):
        """Approximate K̃⁻¹ V for V of shape (n_data, k): symmetric positive definite."""
        return self._cosines(white) if self._deflated is None else self._deflated.solve(white)

    def solution(self, white, tolerance=None):
        """`BlockSolution` of K̃ X = V to a true relative residual, column by column.

        Raises
        ------
        ValueError
            If 2,000 products do not reach it.
        """
        tolerance = tolerance or self.tolerance
        found = block_cg(self.product, white, self.preconditioner, tolerance=tolerance, max_iterations=MAX_ITERATIONS)
        if not found.converged.all():
            fail("the data-space solve", f"reach a relative residual of {tolerance:g} in {MAX_ITERATIONS} products",
                 f"{found.relative.max():.2g}", "Raise the noise std, leave out repeated stations, or raise deflation "
                 'in posterior(method="iterative").')
        return found

    def solve(self, white, tolerance=None):
        """(K⁻¹ V, V − K K⁻¹ V), to a whitened relative residual."""
        if not white.shape[1]:
            return white, white
        found = self.solution(white, tolerance)
        return found.x, found.residual

    def log_determinant(self, rng=None, error=0.5, most=64):
        """Log det K̃ by stochastic Lanczos quadrature.

        Up to 6,000 data of which some are on no lattice, where nothing but a sketch preconditions, quadrature would
        take more products than all of K̃: there it is exact to rounding, by Cholesky. Elsewhere log det M̃ is known
        where data are preconditioned in cosines, so that only what is left is estimated
        (`preconditioned_log_trace`); where correlated noise joins data on a window with others M is the identity.
        """
        if self.scattered and self.size <= EXACT_DATA:
            return DenseSystem(self.model, CleanCovariance(self.model).whitened()).log_determinant()
        known = self._known_logdet()
        solve, sample = (np.array, lambda rng, count: rng.standard_normal((self.size, count))) if known is None else (
            self._cosines, self._sample)
        found = preconditioned_log_trace(self.product, solve, sample, self.size, np.random.default_rng(rng),
                                         error=error, most=most)
        words = "determinants of small matrices" if not found.steps else (
            f"{'plain' if known is None else 'cosine-preconditioned'} Lanczos quadrature, Hutch++ with {found.probes} "
            "probes")
        return LogDet((known or 0.0) + found.value, found.error, found.bias, words)

    def _known_logdet(self):
        """Log det of the cosine preconditioner in whitened data; None where correlated noise crosses its edge."""
        held, problem, value = np.ones(self.size, dtype=bool), self.model.problem, 0.0
        held[self._lattices.rest] = False
        for m, where in zip(problem.modalities, self.model.data_slices, strict=True):
            inside, weight = held[where], problem.weights[m.name]
            if m.noise.independent:
                value -= float(np.sum(np.log(m.noise.variance()[inside] / weight)))
            elif inside.all():
                value -= m.noise.logdet() - m.size * np.log(weight)
            elif inside.any():
                return None
        return value + sum(block.logdet() for _, block in self.blocks)

    def signal_block(self, where):
        """S̃ between the data of a slice."""
        unit = unit_columns(self.size, where)
        return (self.product(unit) - unit)[where]

    def part(self, names):
        """The same of some of the surveys."""
        return IterativeSystem(self.model.part(names)[0], self.tolerance, cosine=self._cosine)

    def width(self):
        """How many right-hand sides to solve for at once."""
        return int(np.clip(min(COLUMN_BYTES / (8 * 8 * self.size), MODEL_BYTES / (8 * self.model.size)), 1, 64))

    def _cosines(self, white):
        if not self.blocks:
            return np.array(white)
        out = self.model.colour_adjoint(self._lattices.solve(self.model.colour(white)))
        out[self._lattices.rest] = white[self._lattices.rest]
        return out

    def _sample(self, rng, count):
        """Whitened columns with the preconditioner's covariance."""
        if not self.blocks:
            return rng.standard_normal((self.size, count))
        white = self._lattices.sample(rng, count)
        rest = self._lattices.rest
        if self.model.independent:
            return self.model.whiten(white)
        white[rest] = 0.0
        white = self.model.whiten(white)
        white[rest] = rng.standard_normal((rest.size, count))
        return white


def _blocks(model, surveys, channels, lags, noise):
    """(data, CosinePreconditioner) of the data that channels are."""
    names = {where.start: m.name for m, where in zip(model.problem.modalities, model.data_slices, strict=True)}

    def extra(one, other, shape, stride):
        """What a discrepancy adds to two surveys' covariance by lag."""
        (dy, dx), (rows, columns) = one.lattice.mesh.horizontal_spacing(), shape
        north = stride[0] * dy * np.arange(1 - rows, rows)[:, None]
        east = stride[1] * dx * np.arange(1 - columns, columns)
        for p in model.problem.parameters:
            if isinstance(p.prior, DISCREPANCIES):
                found = p.prior.lag_covariance(names[one.rows.start], names[other.rows.start], north, east)
                return found if np.any(found != 0) else None
        return None

    return blocks_of_windows(surveys, channels, lags, noise, extra, SINGLE_FROM)
