"""Posterior draws in blocks of one size, each from a seed of its own: more draws extend fewer, wherever made."""

import os
from collections import deque
from typing import NamedTuple

import numpy as np

from .._places import blocks

BLOCK = 10  # draws made together, always as many: nothing may depend on how many are asked or on memory
NOISE, PRIOR = 1, 2  # further streams of a block, beside that of its draws
COLUMNS = 4096  # cells summarised at a time


class DrawBlock(NamedTuple):
    """One block of draws of one chain.

    Parameters
    ----------
    entropy : int
        Of the whole sample.
    chain, number : int
        Its chain, and its place there, counted in blocks.
    kept : int
        How many of its draws are asked for: the last block of a chain may be cut.
    """

    entropy: int
    chain: int
    number: int
    kept: int

    def generator(self, *stream):
        """The block's own generator of random numbers; other streams for noise and prior."""
        return np.random.default_rng(np.random.SeedSequence(self.entropy, spawn_key=(self.chain, self.number, *stream)))

    @property
    def draws(self):
        """Place of its draws in the chain."""
        return slice(self.number * BLOCK, self.number * BLOCK + self.kept)


class Drawn(NamedTuple):
    """What was drawn in a block.

    Parameters
    ----------
    x : ndarray, shape (kept, size)
        Draws of the state vector.
    clean : ndarray, shape (kept, n_data), or None
        Data that each predicts, without noise.
    stats : dict of (ndarray of shape (kept,), dict)
        Figures of each draw, with their attributes.
    """

    x: np.ndarray
    clean: np.ndarray | None
    stats: dict


def blocks_of(seed, draws, chains=1, first=0):
    """Blocks of draws `first` (a multiple of the block) to `draws` of every chain, chain by chain."""
    whole = int(seed.integers(2**63)) if isinstance(seed, np.random.Generator) else seed
    entropy = np.random.SeedSequence(whole).entropy
    return [DrawBlock(entropy, chain, start // BLOCK, min(BLOCK, draws - start))
            for chain in range(chains) for start in range(first, draws, BLOCK)]


def drawn(post, blocks, clean=True):
    """`Drawn` of every block, in their order.

    Chains that are Markov hand out their stored draws, evenly thinned to as many as all blocks ask for.
    """
    if not post.markov:
        yield from post.draw_blocks(blocks, clean)
        return
    x, first = post.state_draws(None, sum(block.kept for block in blocks)), 0
    for block in blocks:
        part = x[first : first + block.kept]
        first += block.kept
        yield Drawn(part, post.data_sensitivity(part.T).T if clean else None, {})


def thinned(chains, count):
    """Evenly thinned draws of chains (chain, draw, size) in their order, (count, size): (chain, draw) by reshaping."""
    number, draws, size = chains.shape
    if count % number:
        return chains.reshape(-1, size)[np.linspace(0, number * draws - 1, count).round().astype(int)]
    kept = np.linspace(0, draws - 1, count // number).round().astype(int)
    return chains[:, kept].reshape(count, size)


def quantiles(draws, levels):
    """Quantiles of draws (count, size), (levels, size)."""
    parts = [np.quantile(draws[:, part], levels, axis=0) for part in blocks(draws.shape[1], COLUMNS)]
    return np.concatenate(parts, axis=1)


def spread(work, items, executor, most):
    """Results of ``work(item)``, in order, over the workers of an executor; here one by one where there is none.

    A task is several items, so that `work` is sent about once a worker, and at most `most` items, so that results fit
    memory. An executor that does not tell its workers is taken to have as many as this machine.
    """
    if executor is None:
        yield from map(work, items)
        return
    workers = getattr(executor, "_max_workers", None) or os.cpu_count()
    size = max(1, min(-(-len(items) // workers), most))
    waiting = deque()
    try:
        for first in range(0, len(items), size):
            waiting.append(executor.submit(_run, work, items[first : first + size]))
            if len(waiting) > workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        for task in waiting:
            task.cancel()


def _run(work, items):
    return [work(item) for item in items]
