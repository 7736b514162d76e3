"""Parallel tempering of compact bodies: ladders that equalise themselves, and runs until they agree."""

import numpy as np

from ..forward import run_tasks
from ._body_family import draw_bodies
from ._body_kernels import SIZE
from ._body_moves import NORMALS, UNIFORMS, Ladder, Replicas, refresh, run

MOVES = 4  # of every replica between exchanges
HOTTEST = 5e-4  # least exponent: there bodies go about almost as without data
STAGES = 8  # of the first half of burn-in, after each of which temperatures are set anew
SNAPSHOTS = 100  # of every ladder in an archive
PAIRS = 500  # differences at each level
TOGETHER = 50  # rounds for which random numbers are made at once


class BodyLadders:
    """One ladder of tempered replicas for every chain.

    Parameters
    ----------
    ground, law : Ground, Law
    family : BodyFamily
        Settled.
    mesh : Mesh
    chains, levels : int
    rng : numpy.random.Generator

    Attributes
    ----------
    exponents : ndarray, shape (levels,)
        Of the likelihood, the same in every chain.
    """

    def __init__(self, ground, law, family, mesh, chains, levels, rng):
        self._ground, self._law = ground, law
        self.exponents = np.geomspace(1.0, HOTTEST, levels)
        self._differences = np.zeros((levels, 0, SIZE))
        self._rngs = rng.spawn(chains)
        kinds, size = family.most * ground.variance.size, ground.data.size
        shape = (levels, family.most, ground.variance.size, size)
        self._chains = []
        for own in self._rngs:
            bodies, counts = draw_bodies(family, mesh, own, levels)
            replicas = Replicas(bodies, counts, np.zeros(shape), np.zeros((levels, kinds, kinds)),
                                np.zeros((levels, kinds)), np.zeros(levels))
            ladder = Ladder(self.exponents, np.arange(levels), np.zeros(levels, dtype=np.int64),
                            np.zeros((2, levels - 1)), np.zeros(1, dtype=np.int64))
            scratch = (np.zeros(SIZE), np.zeros(shape[2:]), np.zeros((kinds, kinds)), np.zeros(kinds),
                       np.zeros((kinds, kinds)), np.zeros(kinds))
            refresh(replicas, ground, scratch)
            self._chains.append((replicas, ladder, scratch))

    @property
    def swap_rates(self):
        """Mean chance of exchange between neighbouring levels since they were last counted, (chain, level − 1)."""
        return np.stack([ladder.swaps[0] / np.maximum(ladder.swaps[1], 1.0) for _, ladder, _ in self._chains])

    @property
    def round_trips(self):
        """Round trips between the first and the last level since they were last counted, (chain,)."""
        return np.array([ladder.trips[0] for _, ladder, _ in self._chains])

    @property
    def filled(self):
        """Cells that a body fills, on average over all levels: volume of bodies over that of a cell."""
        volumes = [8.0 * np.exp(replicas.bodies[r, : replicas.count[r], 3:6].sum(axis=1))
                   for replicas, _, _ in self._chains for r in range(replicas.count.size)]
        return float(np.mean(np.concatenate(volumes)) / np.median(self._ground.volume))

    def warm_up(self, rounds):
        """Burn in: temperatures are equalised in the first half, differences archived in the second."""
        for stage in range(1, STAGES + 1):  # longer and longer: the first ones are far from what they estimate
            self.count_anew()
            self._advance_all(max(stage * rounds // (STAGES * (STAGES + 1)), 2))
            self.equalise()
        self.archive(rounds // 2)

    def equalise(self):
        """Set exponents so that all exchanges are refused as often (Syed et al. 2022, section 5.1)."""
        refused = 1.0 - self.swap_rates.mean(axis=0)
        along = np.concatenate([[0.0], np.cumsum(refused + 0.01)])
        wanted = np.linspace(0.0, along[-1], along.size)
        self.exponents[1:-1] = np.exp(np.interp(wanted, along, np.log(self.exponents)))[1:-1]

    def archive(self, rounds):
        """Run; then take differences of bodies at each level for proposals, which stay as they are from then on."""
        kept = []
        for _ in range(SNAPSHOTS):
            self._advance_all(max(rounds // SNAPSHOTS, 1))
            kept += [(replicas.bodies[ladder.order], replicas.count[ladder.order])
                     for replicas, ladder, _ in self._chains]
        rng = self._rngs[0]
        self._differences = np.stack([_differences([(b[level], n[level]) for b, n in kept], rng)
                                      for level in range(self.exponents.size)])

    def count_anew(self):
        """Forget exchanges and round trips."""
        for _, ladder, _ in self._chains:
            ladder.swaps[:], ladder.trips[:], ladder.heading[:] = 0.0, 0, 0

    def run(self, bodies, counts, thin, tell):
        """Fill `bodies`, (chain, draw, body, SIZE), and `counts`, (chain, draw), with states every `thin` rounds."""
        self.count_anew()

        def chain(c):
            replicas, ladder, _ = self._chains[c]
            for d in range(counts.shape[1]):
                self._advance(c, thin)
                bodies[c, d], counts[c, d] = replicas.bodies[ladder.order[0]], replicas.count[ladder.order[0]]
                if c == 0:
                    tell()

        run_tasks([lambda c=c: chain(c) for c in range(len(self._chains))])

    def _advance_all(self, rounds):
        run_tasks([lambda c=c: self._advance(c, rounds) for c in range(len(self._chains))])

    def _advance(self, c, rounds):
        replicas, ladder, scratch = self._chains[c]
        rng, levels = self._rngs[c], self.exponents.size
        for done in range(0, rounds, TOGETHER):
            part = min(TOGETHER, rounds - done)
            run(replicas, ladder, rng.random((part, levels, MOVES, UNIFORMS)),
                rng.standard_normal((part, levels, MOVES, NORMALS)), rng.random((part, levels)), self._ground,
                self._law, self._differences, scratch)


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
