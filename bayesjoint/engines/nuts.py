"""A sampler to check others by, for small problems: the no-U-turn sampler of nutpie."""

import numpy as np

from .._checks import fail
from ..dataset import Approximation
from ..problem import check_density
from ._chains import ChainPosterior, check_lengths
from ._nuts_density import SmallDensity

UNKNOWN_LIMIT = 500
FEWEST_WARMUP = 300  # nutpie needs some to find its mass matrix, however short the chains


class NutsPosterior(ChainPosterior):
    """Posterior of a small problem by the no-U-turn sampler (Hoffman & Gelman 2014), in white coordinates.

    It takes any proper density of this package with at most 500 unknowns, bounds included, and is there to check other
    engines by. It needs nutpie: ``pip install 'bayesjoint[nuts]'``. Use ``posterior(problem, method="nuts")``.

    Parameters
    ----------
    problem : JointProblem
        Linear operators.
    draws : int, default 1000
        Kept, per chain.
    chains : int, default 4
    warmup : int, optional
        Steps of adaptation, discarded. Default: half of `draws`, 300 at least.
    seed : int or numpy.random.Generator, default 0

    Attributes
    ----------
    divergences : int
        Transitions after warm-up at which the integrator failed.

    Raises
    ------
    ImportError
        Without nutpie.
    ValueError, TypeError
        If the problem has more than 500 unknowns, a coupling that is no density, or a direction that nothing holds.
    """

    method = "nuts"

    def __init__(self, problem, draws=1000, chains=4, warmup=None, seed=0):
        check_density(problem)
        if problem.size > UNKNOWN_LIMIT:
            fail("problem", f"have at most {UNKNOWN_LIMIT} unknowns for the checking sampler", f"{problem.size}",
                 "Check the engine on a smaller problem of the same kind.")
        problem.prior.refuse_hidden()
        super().__init__(problem)
        draws, warmup, chains = check_lengths(draws, warmup, chains, problem.size)
        density = SmallDensity(problem)
        whole = int(np.random.default_rng(seed).integers(2**31))
        z, self.divergences = _run(density, draws, max(warmup, FEWEST_WARMUP), chains, whole)
        self._keep(density.states(z), "the no-U-turn sampler of nutpie",
                   f"Ask for more, for example draws={4 * draws}, or raise epsilon.")
        if self.divergences:
            self.approximations.append(Approximation(
                name="divergent transitions", status="not validated",
                statement=f"The integrator failed at {self.divergences} of {draws * chains} transitions: parts of the "
                "posterior may be missing, whatever R-hat says. Raise epsilon, or use another engine."))


def _run(density, draws, warmup, chains, seed):
    """(z (chain, draw, size), divergences)."""
    try:
        import nutpie
        from nutpie.compiled_pyfunc import from_pyfunc
    except ImportError:
        fail("nutpie", 'be installed for method="nuts"', "no module of that name", "pip install 'bayesjoint[nuts]'.",
             ImportError)

    model = from_pyfunc(density.size, lambda: density, lambda *_: lambda z: {"z": z}, [np.dtype(np.float64)],
                        [(density.size,)], ["z"])
    trace = nutpie.sample(model, draws=draws, tune=warmup, chains=chains, cores=1, seed=seed, progress_bar=False,
                          save_warmup=False)
    return (np.asarray(trace["posterior"]["z"].values, dtype=float),
            int(np.asarray(trace["sample_stats"]["diverging"].values).sum()))
