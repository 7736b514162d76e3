"""Chains run until they agree, every run being the next one's warm-up."""

import numpy as np

from .._checks import as_count
from .._progress import progress_bar
from ..priors import NEIGHBOURS
from ._chains import LEAST_ESS, check_mixing
from ._coordinates import LAW

WORK = 4e11  # entries gone over by all chains in the last run: about five minutes on two cores
MOST = 64  # pairs of sweeps a draw: chains that have not mixed by then hold something that sweeps do not move
WARMUP = 100


def run_until_mixed(problem, sampler, kept, warmup, thin, seed, progress):
    """Fill `kept`, (chains, draws, size); return how many pairs of sweeps lie between two draws.

    `thin` is what was asked for; None doubles it from 1 until R-hat and effective sample sizes pass, or the next run
    would exceed WORK or MOST; so few draws that no effective sample size can pass are made once.
    """
    rng = np.random.default_rng(seed)
    chains, draws, _ = kept.shape
    x, rngs = sampler.starts(chains), rng.spawn(chains)
    sampler.warm_up(x, warmup, rngs)
    step = 1 if thin is None else thin
    with progress_bar(progress, desc="draws", unit="draw") as bar:
        while True:
            bar.reset(total=draws)
            sampler.run(x, kept, step, rngs, bar.update)
            enough = 4.0 * sampler.work * chains * draws * step > WORK or 2 * step > MOST or chains * draws < LEAST_ESS
            if thin is not None or enough or _mixed(problem, kept):
                return step
            step *= 2


def entries_gone_over(problem, draws=1000, chains=4):
    """(fewest, most) entries of operators and prior that chains between bounds go over, by their defaults.

    Fewest where the first run mixes, most where none does. An entry takes some 1.5 ns of one processor.
    """
    seen = {p.name: sum(m.size for m in problem.modalities if p.name in m.parameters) for p in problem.parameters}
    sweep = float(sum(p.size * (seen[p.name] + NEIGHBOURS + LAW) for p in problem.parameters))
    first = 2.0 * sweep * draws * chains
    return first, max(first, min(2.0 * WORK, 2.0 * MOST * first))


def check_thin(thin):
    """A whole number, or None."""
    return None if thin is None else as_count("thin", thin, 1, "1 keeps every pair of sweeps.", TypeError)


def _mixed(problem, kept):
    flat = kept.reshape(-1, kept.shape[2])
    std = np.where(problem.free, flat.std(axis=0), 0.0)  # of known values exactly, whatever rounding leaves
    return check_mixing(problem, kept, flat.mean(axis=0), std).passed
