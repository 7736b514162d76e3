"""The exact posterior of Gaussian priors between bounds, by Gibbs sweeps over single unknowns."""

import numpy as np

from .._checks import as_count, fail
from ..dataset import Approximation
from ..priors import NEIGHBOURS
from ..problem import check_density, check_gaussian_noise
from ._chains import ChainPosterior, check_lengths
from ._coordinates import LARGEST_BYTES, CoordinateSampler
from ._neighbour_error import measure_neighbours
from ._until_mixed import WARMUP, check_thin, run_until_mixed

UNKNOWN_LIMIT = 80_000
LONGER = "Ask for longer chains, for example thin={}; if that does not help, use coarser cells."


class TruncatedPosterior(ChainPosterior):
    """Posterior of a linear problem with Gaussian priors and bounds, exact up to Monte Carlo error.

    A Gaussian cut to its bounds has no closed form, and the Gaussian at its peak is wrong by factors. Here each unknown
    is drawn in turn from its law given all others, a Gaussian cut to its bounds; half of the sweeps are overrelaxed.
    Fields of at most 1,500 cells are kept whole; larger ones rest on their nearest neighbours, and what that changes is
    measured (`neighbour_error`). Use ``posterior(problem, method="truncated")``.

    Parameters
    ----------
    problem : JointProblem
        Linear operators, Gaussian priors, no penalties; at most 80,000 unknowns.
    draws : int, default 1000
        Kept, per chain.
    chains : int, default 4
        Started far apart; at least 2.
    warmup : int, optional
        Sweeps discarded before. Default: 100, and all that runs too short to have mixed.
    thin : int, optional
        Pairs of sweeps for each draw kept. Default: 1, doubled until R-hat and effective sample sizes pass or a run
        would take some five minutes on two cores; the last run is kept, and says whether it passed.
    neighbours : int, default 90
        For each cell of a large field. In trials without bounds means of single cells moved by at most 0.06 posterior
        std with 90, by at most 0.23 with 40.
    seed : int or numpy.random.Generator, default 0
    progress : bool, default False

    Attributes
    ----------
    neighbour_error : NeighbourError or None
        Largest change of means and standard deviations; None where nothing is left out, or beyond 6,000 data.
    thin : int
        Pairs of sweeps for each draw.

    Raises
    ------
    ValueError, TypeError
        If the problem is not bounded, holds a prior that is not Gaussian, a penalty or a nonlinear model, or is too
        large.
    """

    method = "truncated"

    def __init__(self, problem, draws=1000, chains=4, warmup=None, thin=None, neighbours=NEIGHBOURS, seed=0,
                 progress=False):
        _check(problem)
        super().__init__(problem)
        warmup = WARMUP if warmup is None else warmup
        draws, warmup, chains = check_lengths(draws, warmup, chains, problem.size)
        neighbours = as_count("neighbours", neighbours, 1, "Each cell needs one.", TypeError)
        thin = check_thin(thin)
        sampler = CoordinateSampler(problem, neighbours)
        self.neighbour_error = None if sampler.exact else measure_neighbours(problem, sampler.precisions)
        kept = np.empty((chains, draws, problem.size))
        self.thin = run_until_mixed(problem, sampler, kept, warmup, thin, seed, progress)
        self._keep(kept, "Gibbs sweeps over single unknowns, half of them overrelaxed", LONGER.format(2 * self.thin))
        if not sampler.exact:
            self.approximations.append(self._neighbour_statement(neighbours))

    def _neighbour_statement(self, neighbours):
        if self.neighbour_error is not None:
            return self.neighbour_error.statement(neighbours)
        return Approximation(
            name="neighbours of the prior", status="not validated",
            statement=f"Each cell's prior rests on its {neighbours} nearest cells in an order from coarse to fine. "
            "What that changes was not measured: it takes a dense system of the data, here more than 6,000.")


def truncated_can_sample(problem):
    """Whether `TruncatedPosterior` takes this problem, its size included."""
    try:
        _check(problem)
    except ValueError:
        return False
    return 8.0 * problem.data_size * problem.size <= LARGEST_BYTES


def _check(problem):
    check_density(problem)
    check_gaussian_noise(problem, "for truncated Gaussian sweeps")
    if problem.nonlinear:
        fail("problem", "have linear forward operators for truncated Gaussian sweeps",
             f"a nonlinear model of {', '.join(problem.nonlinear)}", 'Use method="laplace" at a converged MAP.')
    if not problem.bounded:
        fail("problem", "have bounds for truncated Gaussian sweeps", "none",
             'Use method="auto": without bounds a linear-Gaussian posterior needs no sampling.')
    problem.prior.refuse_flat("for truncated Gaussian sweeps")
    problem.prior.refuse_hidden()
    if problem.penalties or not problem.prior.gaussian:
        fail("problem", "have Gaussian priors and no penalties for truncated Gaussian sweeps",
             "another prior or a penalty", 'Use method="gibbs".')
    if problem.free.sum() > UNKNOWN_LIMIT:
        fail("problem", f"have at most {UNKNOWN_LIMIT} unknowns for truncated Gaussian sweeps", f"{problem.free.sum()}",
             "Use coarser cells: deep ones would not mix in the time.")
