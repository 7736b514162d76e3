"""Parallel tempering of compact bodies: ladders that choose their own levels and steps, and runs until they agree."""

import numpy as np

from .._places import blocks
from ..forward import run_tasks
from ._body_family import draw_bodies
from ._body_kernels import SIZE
from ._body_moves import DEATH, LOCAL, NORMALS, UNIFORMS, Ladder, Replicas, refresh, run

MOVES = 4  # of every replica between exchanges
START, LEAST, FIRST = 16, 5e-4, 0.3  # levels of the first stage, their least exponent but 0, and their first step
FEWEST, MOST = 4, 40  # levels that a ladder chooses
STAGES = 8  # of the first half of burn-in, after each of which levels and steps are set anew
ACCEPTED, GAIN = 0.3, 3.0  # share of local moves to be accepted; a stage changes a step by a factor of 2.5 at most
SMALLEST, LARGEST = 1e-3, 3.0  # steps
SNAPSHOTS = 100  # of every ladder in an archive
PAIRS = 300  # differences at each level
TOGETHER = 50  # rounds for which random numbers are made at once


class BodyLadders:
    """One ladder of tempered replicas for every chain, from the posterior down to the prior.

    Parameters
    ----------
    ground, law : Ground, Law
    family : BodyFamily
        Settled.
    mesh : Mesh
    chains : int
    levels : int or None
        None: chosen in the warm-up.
    rng : numpy.random.Generator

    Attributes
    ----------
    exponents : ndarray, shape (levels,)
        Of the likelihood, 1 to 0, the same in every chain.
    """

    def __init__(self, ground, law, family, mesh, chains, levels, rng):
        self._ground, self._law, self._family, self._mesh = ground, law, family, mesh
        self._free = levels is None
        levels = START if self._free else levels
        self.exponents = np.append(np.geomspace(1.0, LEAST if levels > 2 else 1.0, levels - 1), 0.0)
        self._scales = np.full((levels, DEATH + 1), FIRST)
        self._differences = np.zeros((levels, 0, SIZE))
        self._rngs = rng.spawn(chains)
        kinds = family.most * ground.variance.size
        column = np.zeros((ground.variance.size, ground.data.size))
        self._scratch = [(np.zeros(SIZE), np.zeros_like(column), np.zeros((kinds, kinds)), np.zeros(kinds),
                          np.zeros((kinds, kinds)), np.zeros(kinds)) for _ in range(chains)]
        self._chains = [self._begun(*draw_bodies(family, mesh, own, levels), scratch)
                        for own, scratch in zip(self._rngs, self._scratch, strict=True)]

    def _begun(self, bodies, counts, scratch):
        """(Replicas, Ladder) of bodies at each level."""
        levels, kinds, ground = len(counts), self._scratch[0][3].size, self._ground
        replicas = Replicas(bodies, counts, np.zeros((levels, self._family.most, ground.variance.size,
                                                      ground.data.size)), np.zeros((levels, kinds, kinds)),
                            np.zeros((levels, kinds)), np.zeros(levels))
        for r in range(levels):
            refresh(r, replicas, ground, scratch)
        return replicas, Ladder(self.exponents, self._scales, np.arange(levels), np.zeros(levels, dtype=np.int64),
                                np.zeros((2, levels - 1)), np.zeros(1, dtype=np.int64),
                                np.zeros((2, *self._scales.shape)), np.zeros(1, dtype=np.int64))

    @property
    def swap_rates(self):
        """Mean chance of exchange between neighbouring levels since they were last counted, (chain, level − 1)."""
        return np.stack([ladder.swaps[0] / np.maximum(ladder.swaps[1], 1.0) for _, ladder in self._chains])

    @property
    def round_trips(self):
        """Round trips between the first and the last level since they were last counted, (chain,)."""
        return np.array([ladder.trips[0] for _, ladder in self._chains])

    def _tried(self):
        """Moves since they were last counted, of all chains, (level, kind), and their mean chance of acceptance."""
        tried = sum(ladder.tried for _, ladder in self._chains)
        return tried[1], tried[0] / np.maximum(tried[1], 1.0)

    @property
    def filled(self):
        """Cells that a body fills, on average over all levels: volume of bodies over that of a cell."""
        volumes = [8.0 * np.exp(replicas.bodies[r, : replicas.count[r], 3:6].sum(axis=1))
                   for replicas, _ in self._chains for r in range(replicas.count.size)]
        return float(np.mean(np.concatenate(volumes)) / np.median(self._ground.volume))

    def warm_up(self, rounds):
        """Burn in: levels, steps and differences are set after stages that grow, of which the last is half of all."""
        whole = STAGES * (STAGES + 1)
        for stage in [*range(1, STAGES + 1), whole // 2]:  # the first ones are far from what they estimate
            self.count_anew()
            self.archive(stage * rounds // whole)
            self.adapt()

    def adapt(self):
        """Set levels so that all exchanges are refused as often, and steps so that a third of moves are accepted.

        The number of levels, unless it was stated, is twice the communication barrier, the sum of refusals: there
        round trips per unit of work are most (Syed et al. 2022, sections 5.1 and 5.2).
        """
        tried, accepted = self._tried()
        self._scales[:, :LOCAL] *= np.where(tried > 0, np.exp(GAIN * (accepted - ACCEPTED)), 1.0)[:, :LOCAL]
        np.clip(self._scales, SMALLEST, LARGEST, out=self._scales)
        refused = 1.0 - self.swap_rates.mean(axis=0)
        along = np.concatenate([[0.0], np.cumsum(refused + 0.01)])
        levels = int(np.clip(np.ceil(2.0 * refused.sum()) + 1, FEWEST, MOST)) if self._free else along.size
        wanted = np.linspace(0.0, along[-1], levels)
        beside = self.exponents[-2]  # so that 0 is as far from it as it is from twice itself
        exponents = np.exp(np.interp(wanted, along, np.log(self.exponents + beside))) - beside
        exponents[[0, -1]] = 1.0, 0.0
        nearest = np.abs(wanted[:, None] - along).argmin(axis=1)
        self._lay(exponents, nearest)

    def _lay(self, exponents, nearest):
        """Make ladders of other exponents, beginning with what stood at the levels `nearest`."""
        held = [(replicas.bodies[ladder.order[nearest]], replicas.count[ladder.order[nearest]])
                for replicas, ladder in self._chains]
        self.exponents, self._scales = exponents, self._scales[nearest]
        self._differences = self._differences[nearest]
        self._chains = [self._begun(*states, scratch) for states, scratch in zip(held, self._scratch, strict=True)]

    def archive(self, rounds):
        """Run; then take differences of bodies at each level for proposals, which stay as they are from then on."""
        kept = []
        for part in blocks(max(rounds, 2), max(rounds // SNAPSHOTS, 1)):
            self._advance_all(part.stop - part.start)
            kept += [(replicas.bodies[ladder.order], replicas.count[ladder.order])
                     for replicas, ladder in self._chains]
        rng = self._rngs[0]
        self._differences = np.stack([_differences([(b[level], n[level]) for b, n in kept], rng)
                                      for level in range(self.exponents.size)])

    def count_anew(self):
        """Forget exchanges, round trips and acceptances."""
        for _, ladder in self._chains:
            ladder.swaps[:], ladder.trips[:], ladder.heading[:], ladder.tried[:] = 0.0, 0, 0, 0.0

    def run(self, bodies, counts, thin, tell):
        """Fill `bodies`, (chain, draw, body, SIZE), and `counts`, (chain, draw), with states every `thin` rounds."""
        self.count_anew()

        def chain(c):
            replicas, ladder = self._chains[c]
            for d in range(counts.shape[1]):
                self._advance(c, thin)
                bodies[c, d], counts[c, d] = replicas.bodies[ladder.order[0]], replicas.count[ladder.order[0]]
                if c == 0:
                    tell()

        run_tasks([lambda c=c: chain(c) for c in range(len(self._chains))])

    def _advance_all(self, rounds):
        run_tasks([lambda c=c: self._advance(c, rounds) for c in range(len(self._chains))])

    def _advance(self, c, rounds):
        replicas, ladder = self._chains[c]
        rng, levels = self._rngs[c], self.exponents.size
        for done in range(0, rounds, TOGETHER):
            part = min(TOGETHER, rounds - done)
            run(replicas, ladder, rng.random((part, levels - 1, MOVES, UNIFORMS)),
                rng.standard_normal((part, levels - 1, MOVES, NORMALS)), rng.random((part, levels)),
                *draw_bodies(self._family, self._mesh, rng, part), self._ground, self._law, self._differences,
                self._scratch[c])


def _differences(states, rng):
    """(PAIRS, SIZE): from a body of one state to the nearest of another."""
    first, second = rng.integers(len(states), size=(2, PAIRS))
    out = np.empty((PAIRS, SIZE))
    for k, (i, j) in enumerate(zip(first, second, strict=True)):
        (one, count), (other, others) = states[i], states[j]
        body = one[rng.integers(count)]
        nearest = np.argmin(np.sum((other[:others, :3] - body[:3]) ** 2, axis=1))
        out[k] = other[nearest] - body
    return out
