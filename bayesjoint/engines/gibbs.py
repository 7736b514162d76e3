"""The exact posterior under focusing priors, a Gramian or Student-t noise, by Gibbs sampling."""

import numpy as np

from .._checks import fail
from ..couplings import BoundGramian
from ..dataset import Approximation
from ..priors import NEIGHBOURS
from ..problem import check_density
from ._chains import ChainPosterior, check_lengths
from ._coordinates import CoordinateSampler
from ._gibbs_gramian import GramianSampler
from ._gibbs_scales import ScaleSampler
from ._gibbs_weights import WeightSampler
from ._until_mixed import WARMUP, check_thin, run_until_mixed


class GibbsPosterior(ChainPosterior):
    """Posterior under focusing priors (p = 1), a Gramian with one weight, Student-t noise or several, by Gibbs sweeps.

    All are Gaussian piece by piece: a focusing prior given the scales of its cells (`ScaleMixture`), each parameter of
    a Gramian given the other, Student-t noise given the weights of the data. Between bounds single unknowns are drawn
    in turn. So nothing is approximated; draws are correlated, and what that costs is measured: Monte Carlo errors of
    mean and standard deviation, R-hat and effective sample sizes. Use ``posterior(problem, method="gibbs")``.

    Parameters
    ----------
    problem : JointProblem
        Linear operators.
    draws : int, default 1000
        Kept, per chain.
    chains : int, default 4
    warmup : int, optional
        Sweeps discarded before. Default: half of `draws`; with bounds 100, and all runs too short to have mixed.
    thin : int, optional
        With bounds: pairs of sweeps for each draw kept. Default: 1, doubled until R-hat and effective sample sizes pass
        or a run would take some five minutes on two cores.
    seed : int or numpy.random.Generator, default 0
    progress : bool, default False
        With bounds.

    Raises
    ------
    ValueError, TypeError
        If the problem is linear-Gaussian, with bounds or without, has a prior or coupling that is not Gaussian piece by
        piece, or is too large to hold (with Student-t noise: more than 6,000 data).
    """

    method = "gibbs"

    def __init__(self, problem, draws=1000, chains=4, warmup=None, thin=None, seed=0, progress=False):
        _check(problem)
        super().__init__(problem)
        if problem.bounded:
            draws, warmup, chains = check_lengths(draws, WARMUP if warmup is None else warmup, chains, problem.size)
            self._between_bounds(np.empty((chains, draws, problem.size)), warmup, check_thin(thin), seed, progress)
            return
        draws, warmup, chains = check_lengths(draws, warmup, chains, problem.size)
        rng = np.random.default_rng(seed)
        sampler = _sampler(problem)
        kept = np.empty((chains, draws, problem.size))
        state = sampler.start(rng, chains)
        for sweep in range(-warmup, draws):
            state = sampler.sweep(state, rng)
            if sweep >= 0:
                kept[:, sweep] = sampler.states(state, rng)
        self._keep(kept, sampler.name, f"Ask for more sweeps, for example draws={4 * draws}; if that does not help, "
                   "weaken the coupling, raise epsilon or use a coarser mesh.")

    def _between_bounds(self, kept, warmup, thin, seed, progress):
        """Unknown by unknown: blocks of them have no law that can be drawn from once it is cut."""
        sampler = CoordinateSampler(self.problem, NEIGHBOURS)
        thin = run_until_mixed(self.problem, sampler, kept, warmup, thin, seed, progress)
        self._keep(kept, "exact Gibbs sweeps over single unknowns between bounds, half of them overrelaxed",
                   f"Ask for longer chains, for example thin={2 * thin}; if that does not help, weaken the coupling or "
                   "use a coarser mesh.")
        if not sampler.exact:
            self.approximations.append(Approximation(
                name="neighbours of the prior", status="not validated",
                statement=f"Each cell's prior rests on its {NEIGHBOURS} nearest cells in an order from coarse to fine, "
                "and what that changes was not measured."))


def _sampler(problem):
    """Of a problem without bounds."""
    if not problem.prior.gaussian or (problem.penalties and not problem.gaussian_noise):
        return ScaleSampler(problem)
    return GramianSampler(problem) if problem.penalties else WeightSampler(problem)


def gibbs_can_sample(problem):
    """Whether `GibbsPosterior` takes this problem; what else would keep it from it is size alone."""
    try:
        _check(problem)
    except ValueError:
        return False
    return True


def _check(problem):
    check_density(problem)
    if problem.nonlinear:
        fail("problem", "have linear forward operators for Gibbs sweeps",
             f"a nonlinear model of {', '.join(problem.nonlinear)}", 'Use method="laplace" at a converged MAP.' if
             problem.gaussian_noise else "Ask problem.linearised(x), the tangent at a state vector x.")
    problem.prior.refuse_flat("for Gibbs sweeps")
    if problem.linear_gaussian:
        fail("problem", "hold a focusing prior, a Gramian or Student-t noise for Gibbs sweeps", "a linear-Gaussian one",
             'Use method="dense", which is exact and needs no sampling.')
    if problem.prior.gaussian and not problem.penalties and problem.gaussian_noise:
        fail("problem", "hold a focusing prior, a Gramian or Student-t noise for Gibbs sweeps",
             "Gaussian priors between bounds",
             'Use method="truncated".')
    for _, bound in problem.prior.blocks:
        if getattr(bound, "p", None) == 0:
            fail("priors", "be Gaussian or Focusing(p=1) of the model for Gibbs sweeps", _words(bound),
                 "With p = 0 the density of a cell has a peak as high as epsilon is small, at zero and beside what the "
                 "data want: sweeps go from one to the other too rarely to be believed. Use p=1.")
        if not bound.gaussian and (getattr(bound, "p", None) != 1 or bound.gradient_operator is not None):
            fail("priors", "be Gaussian or Focusing(p=1) of the model for Gibbs sweeps", _words(bound),
                 'Use p=1 of the model, or method="nuts" for at most 500 unknowns.')
    if len(problem.penalties) > 1 or any(not isinstance(b, BoundGramian) for b in problem.penalties):
        fail("couplings", "hold at most one penalty, a Gramian, for Gibbs sweeps",
             f"{[type(b).__name__ for b in problem.penalties]}", 'Use method="nuts" for at most 500 unknowns.')
    for bound in problem.penalties:
        if bound.coupling.space == "gradient" or len(bound.names) != 2:
            fail("Gramian", "tie two parameters in space 'model' or 'weighted' for Gibbs sweeps",
                 f"{len(bound.names)} parameters in space {bound.coupling.space!r}",
                 "Use space='model', or method=\"nuts\" for at most 500 unknowns.")
    problem.prior.refuse_hidden()


def _words(bound):
    if not hasattr(bound, "p"):
        return type(bound).__name__
    return f"Focusing(p={bound.p}, of={'model' if bound.gradient_operator is None else 'gradient'!r})"
