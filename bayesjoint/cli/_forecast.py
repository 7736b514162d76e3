"""What a run would take, asked before anything is computed."""

import time
from dataclasses import dataclass

import numpy as np

from .._checks import fail
from .._memory import check_memory, in_words
from ..calibration import station_seconds
from ..dataset import check_name
from ..engines import choose_engine, entries_gone_over

NUTS_UNKNOWNS = 500
ENTRY, CORES, KEPT = 1.5e-9, 2, 4000  # seconds of an entry of a sweep between bounds, chains at once, draws kept
DRAW, MATRIX = 12.0, 8.0  # bytes of a number: a draw as computed and as stored; an entry of a matrix
BASE = 4e8  # bytes of the process itself, with its figures
# Of the time of a run, seconds: start and figures. Numbers: transforms of a product; iterations of a solve, solves for
# the std. Set by the Kalgoorlie window, whole and in parts, and by the benchmarks of draws; others may fall outside the
# factor.
START, REPORT, TRANSFORMS, ITERATIONS, SOLVES = 4.0, 10.0, 4.0, 20.0, 64.0
# Of a world of ground, in times of a transform of all its numbers: to simulate it, to learn from it, to look how well
# intervals hold on one of another family. By processor time of the Kalgoorlie window, where with 60,006 unknowns they
# took 45, 46 and 19 ms; the surveys by themselves learn anew. Of its 87 s in all 94 are forecast, 69 without these.
SIMULATED, LEARNED, TRIED = 80.0, 90.0, 40.0
FACTOR, TIMED = 4.0, 2.0  # either way: of what is counted, of what is timed
FAMILIES = 9  # other grounds on which intervals are tried


def check_cost(problem, config):
    """Refuse names that results cannot hold, and draws or matrices that the memory cannot.

    Parameters
    ----------
    problem : JointProblem
        Not solved yet.
    config : Config
        Of the run.
    """
    for thing in (*problem.parameters, *problem.modalities):
        check_name("a name", thing.name)
    asked = config.posterior
    numbers = problem.size + problem.data_size
    check_memory("posterior.draws", DRAW * asked.draws * asked.chains * numbers,
                 f"{asked.draws} draws in {asked.chains} chain(s) of {numbers} numbers would take",
                 "Ask for fewer draws or chains: means, standard deviations and intervals need none.")
    if asked.method == "dense":
        data = problem.data_size
        check_memory("posterior.method", MATRIX * data * (2.0 * data + problem.size),
                     f"the matrices of {data} data and {problem.size} unknowns would take",
                     "Choose 'iterative', or leave it at 'auto'.")
    if asked.method == "nuts" and problem.size > NUTS_UNKNOWNS:
        fail("posterior.method", f"be another one for more than {NUTS_UNKNOWNS} unknowns",
             f"'nuts' with {problem.size}", "Leave it at 'auto'.")


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a run would take.

    Parameters
    ----------
    engine, why : str
        The engine and what it was chosen for.
    data, unknowns : int
    memory : float
        Bytes.
    seconds : float or None
        Wall time by counting products; None where nothing is known beforehand, as of a search.
    chains : (float, float) or None
        Least and most wall time of chains between bounds, which run until they agree.
    timed : float
        Wall time besides of worlds of ground seen by stations on no lattice, by timing some of them.
    fits : bool
        Whether hyperparameters are fitted before: how many steps that takes is not known.
    """

    engine: str
    why: str
    data: int
    unknowns: int
    memory: float
    seconds: float | None
    chains: tuple | None
    timed: float
    fits: bool

    def sentence(self):
        """All of it in a sentence."""
        fit = "; the fit of hyperparameters comes on top, seconds to many minutes" if self.fits else ""
        return (f"{self.data} data and {self.unknowns} unknowns, engine {self.engine!r}, about "
                f"{in_words(self.memory)} of memory (within a factor of 2) and {self.duration()}{fit}.")

    def duration(self):
        """The time in words, without the fit."""
        part = (f"{in_time(self.timed)} of it for the worlds of ground as stations on no lattice see them, timed on "
                "some of the stations")
        if self.chains is not None:
            return f"{in_time(self.chains[0])} if the chains mix at once, {in_time(self.chains[1])} if not at all"
        if self.seconds is None:
            return "a time that nobody knows beforehand" + (f", about {part}" if self.timed else "")
        ends = [in_time(self.seconds * share + self.timed * timed)
                for share, timed in ((1 / FACTOR, 1 / TIMED), (1, 1), (FACTOR, TIMED))]
        return (f"about {ends[1]} ({ends[0]} to {ends[2]} at the machine's present speed)"
                + (f", {part}" if self.timed else ""))


def forecast(problem, config, speed=None):
    """Engine, memory and time of a run, from counts of products and the speed of this machine.

    Parameters
    ----------
    problem : JointProblem
    config : Config
    speed : (float, float), optional
        As `machine_speed` gives it, where several forecasts are to be compared; default: it is measured.

    Returns
    -------
    Forecast
    """
    method = config.posterior.method
    engine, why = choose_engine(problem) if method == "auto" else (method, "named in the configuration")
    n, cells = problem.data_size, problem.size
    draws = config.posterior.draws * config.posterior.chains
    memory = BASE + DRAW * draws * (n + cells) + 40.0 * MATRIX * cells
    if engine in ("dense", "lowrank"):
        memory += MATRIX * n * (2.0 * n + cells)
    chains = None
    if problem.bounded and engine in ("truncated", "gibbs"):
        memory += MATRIX * cells * (n + KEPT)
        alone = problem.separate().values() if config.posterior.separate and len(problem.modalities) > 1 else ()
        chains = tuple(START + REPORT + ENTRY / CORES * sum(entries)
                       for entries in zip(*map(entries_gone_over, (problem, *alone)), strict=True))
    return Forecast(engine=engine, why=why, data=n, unknowns=cells, memory=memory, chains=chains,
                    seconds=_seconds(problem, config, engine, draws, speed), fits=config.posterior.fit,
                    timed=station_seconds(problem, _worlds(config.geology)) if config.geology is not None else 0.0)


def _worlds(table):
    """Worlds of the family stated, and of each other one."""
    return [table.worlds] + [table.sensitivity_worlds] * (FAMILIES if table.sensitivity else 0)


def _seconds(problem, config, engine, draws, speed):
    """Seconds by the largest products of each stage, None for engines that iterate until they are done."""
    parts = [(m.size, sum(problem.by_name[name].size for name in m.seen)) for m in problem.modalities]
    separate = parts if config.posterior.separate and len(parts) > 1 else []
    if engine not in ("dense", "iterative", "spectral"):
        return None
    speed, wave = machine_speed() if speed is None else speed

    def answered(n, cells, count):
        """Seconds of so many answers, matrices of the dense engine being there."""
        return count * (2.0 * n * cells / speed if engine == "dense" else wave * cells * ITERATIONS * TRANSFORMS)

    whole = problem.data_size, problem.size
    total = START + REPORT
    for (n, cells), drawn in ((whole, draws), *((each, 0) for each in separate)):
        if engine == "dense":
            total += (2.0 * n * n * cells + n**3) / speed + wave * cells * n * TRANSFORMS
        else:
            total += answered(n, cells, SOLVES + drawn)
    if config.geology is not None:
        own, *others = _worlds(config.geology)
        worlds, numbers = own + sum(others), wave * problem.size
        total += worlds * (SIMULATED * numbers) + answered(*whole, worlds)
        total += own * LEARNED * numbers + sum(others) * TRIED * numbers
        for n, cells in separate:
            total += answered(n, cells, own) + own * LEARNED * wave * cells
    return total


def machine_speed():
    """Of this machine now: products of numbers a second in large matrices, seconds of a transform for each number."""
    rng = np.random.default_rng(0)
    matrix, field = rng.standard_normal((600, 600)), rng.standard_normal((64, 96, 96))
    matrix @ matrix
    times = []
    for work in (lambda: matrix @ matrix, lambda: np.fft.rfft2(field)):
        found = []
        for _ in range(3):
            begun = time.perf_counter()
            work()
            found.append(time.perf_counter() - begun)
        times.append(min(found))
    return 2.0 * 600**3 / times[0], times[1] / field.size


def in_time(seconds):
    """A time in words."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
