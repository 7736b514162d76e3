"""K̃ = S̃ + I of a linear-Gaussian problem, its preconditioner, and solves: data space, whitened by the noise."""

import numpy as np
from scipy.linalg import cholesky

from .._checks import fail
from ..forward.processing import StationSelection
from ..priors.discrepancy import DISCREPANCIES
from ..problem.clean_covariance import whitened_covariance
from ..problem.gaussian import nearest_stationary_groups
from ..solvers.block_cg import block_cg
from ..solvers.cosine import CosinePreconditioner
from ..solvers.lanczos import preconditioned_log_trace
from ..solvers.nystrom import NystromPreconditioner

MAX_ITERATIONS = 2000
EXACT_DATA = 6_000  # scattered data up to which a log determinant is that of a matrix, 0.3 GB
SINGLE_FROM = 20_000  # data on a plate above which its cosines are in float32
COLUMN_BYTES = 4e8  # of right-hand sides and their companions in one block of solves
MODEL_BYTES = 2.5e8  # of one block of models that belong to them


class DataSystem:
    """The covariance of the data, whitened, as an operator with a preconditioner.

    Parameters
    ----------
    model : LinearGaussian
        Problem.
    rank : int, default 0
        Outliers that a Nyström sketch looks for on the preconditioned operator: some tens to hundreds where the
        inducing field is flat or a broad bias is present, none where cosines do.
    seed : int, default 0
        Of the sketch.
    cosine : bool, default True
        Precondition data on lattices in cosines; others are left as they are.

    Attributes
    ----------
    size : int
        Number of data.
    plates : list of (ndarray of int, CosinePreconditioner)
        Data on one window of a lattice, in the preconditioner's order.
    scattered : bool
        Whether some data are on no plate.
    outliers : ndarray
        Eigenvalues that the sketch removed.
    """

    def __init__(self, model, rank=0, seed=0, cosine=True):
        self.model, self.size = model, model.data_size
        groups = (model.groups or nearest_stationary_groups(model.problem)) if cosine else []
        self.plates = [plate for group in groups for plate in _plates(model, group)]
        held = np.zeros(self.size, dtype=bool)
        for index, _ in self.plates:
            held[index] = True
        self._rest = np.flatnonzero(~held)
        self.scattered = self._rest.size > 0
        # independent noise is one number a datum: no need to go through every modality
        independent = all(m.noise.independent for m in model.problem.modalities)
        self._spread = np.sqrt(model.noise_variance())[:, None] if independent else None
        self._deflated, self.outliers = None, np.zeros(0)
        if rank:
            rng = np.random.default_rng(seed)
            self._deflated = NystromPreconditioner(self.product, self._cosines, self._sample, self.size, rank, rng)
            self.outliers = self._deflated.values

    def product(self, white):
        """K̃ V for V of shape (n_data, k)."""
        if self._spread is None:
            return self.model.whiten(self.model.signal(self.model.whiten_adjoint(white))) + white
        out = self.model.signal(white / self._spread)
        out /= self._spread
        out += white
        return out

    def preconditioner(self, white):
        """Approximate K̃⁻¹ V for V of shape (n_data, k): symmetric positive definite."""
        return self._cosines(white) if self._deflated is None else self._deflated.solve(white)

    def solve(self, white, tolerance):
        """K̃⁻¹ V to a true relative residual, column by column, in blocks that fit memory.

        Returns
        -------
        BlockSolution

        Raises
        ------
        ValueError
            If 2,000 products do not reach it.
        """
        found = block_cg(self.product, white, self.preconditioner, tolerance=tolerance, max_iterations=MAX_ITERATIONS)
        if not found.converged.all():
            fail("the data-space solve", f"reach a relative residual of {tolerance:g} in {MAX_ITERATIONS} products",
                 f"{found.relative.max():.2g}", "Raise `rank`, the noise std, or leave out repeated stations.")
        return found

    def log_determinant(self, rng, error, most):
        """Log det K̃ as (value, standard error, bias, words), by stochastic Lanczos quadrature.

        Up to 6,000 data of which some are on no lattice, where nothing but a sketch preconditions, quadrature would
        take more products than all of K̃: there it is exact to rounding, by Cholesky. Elsewhere log det M̃ is known
        where data are preconditioned in cosines under independent noise, so that only what is left is estimated
        (`preconditioned_log_trace`); under other noise M is the identity.
        """
        if self.scattered and self.size <= EXACT_DATA:
            covariance = whitened_covariance(self.model) + np.eye(self.size)
            # |tr K̃⁻¹ΔK| for the backward error ΔK of a factorisation, |ΔK| <= n ε |L||L|ᵀ, and K̃ >= I
            rounding = float(np.finfo(float).eps * self.size * np.trace(covariance))
            factor = cholesky(covariance, lower=True, overwrite_a=True)
            value = 2.0 * float(np.sum(np.log(np.diag(factor))))
            return value, rounding, 0.0, "Cholesky factor of the data's covariance, error a bound of rounding"
        plain = not all(m.noise.independent for m in self.model.problem.modalities)
        known = 0.0
        if not plain:
            noise = np.log(self.model.noise_variance())
            known = sum(plate.logdet() - float(noise[index].sum()) for index, plate in self.plates)
        solve, sample = (np.array, lambda rng, count: rng.standard_normal((self.size, count))) if plain else (
            self._cosines, self._sample)
        found = preconditioned_log_trace(self.product, solve, sample, self.size, rng, error=error, most=most)
        words = "determinants of small matrices" if not found.steps else (
            f"{'plain' if plain else 'cosine-preconditioned'} Lanczos quadrature, XTrace with {found.probes} probes")
        return known + found.value, found.error, found.bias, words

    def columns(self):
        """How many right-hand sides to solve for at once."""
        return int(np.clip(min(COLUMN_BYTES / (8 * 8 * self.size), MODEL_BYTES / (8 * self.model.size)), 1, 64))

    def _cosines(self, white):
        if not self.plates:
            return np.array(white)
        physical = white * self._spread if self._spread is not None else self.model.colour(white)
        for index, plate in self.plates:
            where = _as_slice(index)
            physical[where] = plate.solve(physical[where])
        out = physical * self._spread if self._spread is not None else self.model.colour_adjoint(physical)
        if self.scattered:
            out[self._rest] = white[self._rest]
        return out

    def _sample(self, rng, count):
        """Whitened columns with the preconditioner's covariance."""
        white = np.zeros((self.size, count))
        for index, plate in self.plates:
            white[index] = plate.colour(rng, count)
        white = self.model.whiten(white) if self.plates else white
        white[self._rest] = rng.standard_normal((self._rest.size, count))
        return white


def _plates(model, group):
    """(data in channel order, preconditioner) of every window that a group's channels share."""
    shared = {}
    for c, (k, height) in enumerate(group.channels):
        survey = group.surveys[k]
        if not survey.steps or (len(survey.steps) == 1 and isinstance(survey.steps[0], StationSelection)):
            shared.setdefault(group.covariance.windows[c], []).append((c, survey, height))
    return [_plate(model, group, window, members) for window, members in shared.items()]


def _plate(model, group, window, members):
    shape = (window[0][1], window[1][1])
    observed, index = np.ones((len(members), *shape), dtype=bool), []
    for n, (_, survey, height) in enumerate(members):
        count = shape[0] * shape[1]
        if survey.steps:
            whole = survey.steps[0].mask.reshape(-1, *shape)
            observed[n] = whole[height]
            first, count = int(whole[:height].sum()), int(observed[n].sum())
        else:
            first = height * count
        index.append(survey.rows.start + first + np.arange(count))
    variance = model.noise_variance()
    noise = np.array([1 / np.mean(1 / variance[part]) if part.size else 1.0 for part in index])
    lags = {}
    for a, (one, *_) in enumerate(members):
        for b, (other, *_) in enumerate(members[: a + 1]):
            key = (min(one, other), max(one, other))
            if key in group.covariance.lags:
                lags[b, a] = _central(group.covariance.lags[key], shape)
            for extra in _discrepancy_lags(model, (members[b][1], members[a][1]), shape):
                lags[b, a] = lags.get((b, a), 0.0) + extra
    dtype = np.float32 if observed.sum() > SINGLE_FROM else np.float64
    return np.concatenate(index), CosinePreconditioner(lags, noise, observed, dtype)


def _discrepancy_lags(model, surveys, shape):
    """What a discrepancy adds to two surveys' covariance by lag, shape (2 rows − 1, 2 columns − 1): none or one."""
    starts = {where.start: m.name for m, where in zip(model.problem.modalities, model.data_slices, strict=True)}
    names = [starts[s.rows.start] for s in surveys]
    (dy, dx), (rows, columns) = surveys[0].lattice.mesh.horizontal_spacing(), shape
    north, east = dy * np.arange(1 - rows, rows)[:, None], dx * np.arange(1 - columns, columns)
    for p in model.problem.parameters:
        if isinstance(p.prior, DISCREPANCIES):
            found = p.prior.lag_covariance(*names, north, east)
            if np.any(found != 0):
                yield found


def _as_slice(index):
    """A slice where the data of a plate run on: a view in place of a copy."""
    run = index.size and index[-1] - index[0] + 1 == index.size
    return slice(int(index[0]), int(index[-1]) + 1) if run else index


def _central(lags, window):
    """The lags that a smaller window needs."""
    skip = [(n + 1) // 2 - size for n, size in zip(lags.shape, window, strict=True)]
    return lags[tuple(slice(s, n - s) for s, n in zip(skip, lags.shape, strict=True))]
