"""What worlds cost where stations lie on no lattice: timed on some of the stations, before anything is simulated."""

import time

import numpy as np

from .._places import blocks
from ._worlds import Simulator

SECONDS = 1.0  # spent on each of two products of each survey
BYTES, FEWEST, MOST = 1e8, 2, 16  # of columns in a product that is timed, and their number


def station_seconds(problem, counts):
    """Seconds that stations on no lattice take to see simulated worlds, timed on as many of them as two seconds allow.

    Such a product evaluates an entry for every pair of a station and a fine cell, once for a block of worlds, and then
    takes a time for each world: one of one world and one of several tell the two apart.

    Parameters
    ----------
    problem : JointProblem
        Of linear operators.
    counts : sequence of int
        Worlds of each family that `recalibrate` would live through.

    Returns
    -------
    float
        0 where all surveys are on lattices.
    """
    simulator = Simulator(problem)
    sizes = [part.stop - part.start for count in counts for part in blocks(count, simulator.block)]
    total = 0.0
    for operator in simulator.at_stations():
        several = int(np.clip(BYTES / (8 * operator.shape[1]), FEWEST, MOST))
        operator.rows([0])  # compiled before it is timed
        one, more = (_seconds_a_station(operator, count) for count in (1, several))
        world = max(more - one, 0.0) / (several - 1)
        entries = max(one - world, 0.0) * operator.evaluations(len(sizes))
        total += operator.shape[0] * (entries + world * sum(sizes))
    return total


def _seconds_a_station(operator, count):
    models = np.ones((count, operator.shape[1]), dtype=np.float32).T
    begun, done = time.perf_counter(), 0
    for part, _ in operator.piecewise(models):
        done = part.stop
        if time.perf_counter() - begun > SECONDS:
            break
    return (time.perf_counter() - begun) / done
