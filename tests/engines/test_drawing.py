"""Draws come in blocks: more extend fewer, for every engine and in every group, wherever the blocks are made."""

import pickle
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.engines._draw_blocks import BLOCK, NOISE, PRIOR, blocks_of, drawn, spread
from bayesjoint.engines.iterative import BlockDrawer, IterativePosterior

from ..calibration.grounds import gaussian_ground
from ..calibration.grounds import problem as ground_problem
from ..hyperparameters.test_integrate import FREE, overdetermined
from ..linear import make
from ..periodic import continued_problem


def twice():
    """Two surveys of one vector, small enough for everything."""
    rng = np.random.default_rng(0)
    q = bj.Parameter("q", 4, prior=bj.GaussianPrior(np.zeros(4), np.eye(4)))
    surveys = [bj.Modality(name, rng.standard_normal((6, 4)), rng.standard_normal(6), bj.DiagonalNoise(np.full(6, s)),
                           "q") for name, s in (("a", 0.3), ("b", 0.5))]
    return bj.JointProblem([q], surveys)


def laplace():
    problem = continued_problem(extent="mesh")
    return bj.posterior(problem, method="laplace", at=bj.find_map(problem, method="map"))


def time_lapse():
    moves = bj.StateModel(noise={"q": bj.GaussianPrior(0.0, 0.25)})
    return bj.assimilate(twice(), order=["a", "b"], state=moves)


def recalibrated():
    post = bj.posterior(ground_problem(), method="iterative")
    return bj.recalibrate(post, gaussian_ground, worlds=60, seed=2, sensitivity=None)


def mixture():
    return bj.fit_hyperparameters(overdetermined(), free=FREE, curve=False).integrate(draws=32)


ENGINES = {
    "dense": lambda: bj.posterior(make(correlation=0.6, vector=True)[0], method="dense"),
    "iterative": lambda: IterativePosterior(continued_problem(bias=True)),
    "spectral": lambda: bj.posterior(wide(), method="spectral"),
    "lowrank": lambda: bj.posterior(make()[0], method="lowrank"),
    "laplace": laplace,
    "mixture": mixture,
    "recalibrated": recalibrated,
    "time lapse": time_lapse,
    "sequential": lambda: bj.assimilate(twice(), order=["a", "b"]),
    "ensemble": lambda: bj.assimilate(twice(), order=["a", "b"], method="ensemble", members=8),
}


def wide():
    mesh = bj.Mesh.regular((2, 20, 20), (100, 100, 100))
    lattice = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=200.0, extent="continued"))
    return bj.JointProblem([density], [bj.Modality("g", lattice, np.zeros(lattice.shape[0]).reshape(20, 20),
                                                   bj.DiagonalNoise(np.full((20, 20), 0.1)), "density")])


@pytest.fixture(scope="module", params=ENGINES.values(), ids=ENGINES)
def post(request):
    return request.param()


def test_more_draws_and_chains_extend_fewer(post):
    few, many = post.sample(draws=7, chains=1, seed=3), post.sample(draws=23, chains=2, seed=3)
    for name, values in few.items():
        np.testing.assert_array_equal(values, many[name][:1, :7])
    streamed = list(post.stream(draws=23, seed=3))
    for name, values in many.items():
        assert values.dtype == np.float64 and not np.array_equal(values[0, :7], values[1, :7])
        np.testing.assert_array_equal(np.concatenate([b[name] for b in streamed]), values[0].astype(np.float32))


def test_a_longer_dataset_extends_a_shorter_one_in_every_group(post):
    few, many = post.to_datatree(draws=7, chains=1, seed=3), post.to_datatree(draws=23, chains=2, seed=3)
    held = [group for group, node in few.children.items() if "draw" in node.dims]
    assert {"posterior", "posterior_predictive", "log_likelihood", "sample_stats"} <= set(held)
    for group in held:
        for name, values in few[group].data_vars.items():
            np.testing.assert_array_equal(values.values, many[group][name].values[:1, :7])
    sampled = post.sample(draws=7, chains=1, seed=3)
    for name, values in sampled.items():
        np.testing.assert_array_equal(few["posterior"][name].values, values.astype(np.float32))


def test_a_mixture_draws_the_same_however_many_blocks_it_holds(monkeypatch):
    post = mixture()
    together = post.sample(draws=25, chains=2)["density"]
    monkeypatch.setattr("bayesjoint.hyperparameters._integrate.HELD_BYTES", 1)
    np.testing.assert_array_equal(post.sample(draws=25, chains=2)["density"], together)


def test_streams_of_a_block_are_its_own():
    block, other = blocks_of(3, 20, 2)[:2]
    first = {tuple(g.random(2)) for g in (block.generator(), block.generator(NOISE), block.generator(PRIOR),
                                          other.generator())}
    assert len(first) == 4
    assert [b.draws for b in blocks_of(3, 25, 1, first=10)] == [slice(10, 20), slice(20, 25)]


def test_a_seed_is_an_integer_or_gives_one():
    assert blocks_of(5, 1)[0].entropy == 5
    one, two, other = (blocks_of(np.random.default_rng(seed), 1)[0].entropy for seed in (5, 5, 6))
    assert one == two != other
    post = ENGINES["dense"]()
    rng = np.random.default_rng(0)
    assert not np.array_equal(*(post.sample(draws=2, chains=1, seed=rng)["density"] for _ in range(2)))


def test_blocks_made_in_any_order_are_the_same(post):
    blocks = blocks_of(1, 25, 2)
    straight = list(drawn(post, blocks))
    backward = list(drawn(post, blocks[::-1]))[::-1]
    for one, two in zip(straight, backward, strict=True):
        np.testing.assert_array_equal(one.x, two.x)
        np.testing.assert_array_equal(one.clean, two.clean)


def test_chains_hand_out_their_stored_draws():
    prior = bj.Focusing(alpha=1.0, p=1, epsilon=0.1)
    problem = bj.JointProblem([bj.Parameter("x", 3, prior=prior)], [
        bj.Modality("a", np.eye(3), [0.1, 0.5, 2.0], bj.DiagonalNoise(np.full(3, 0.5)), "x")])
    post = bj.posterior(problem, method="gibbs", draws=100, chains=2, seed=1)
    np.testing.assert_array_equal(post.sample(draws=100, chains=2)["x"], post.chains)
    tree = post.to_datatree(draws=25, chains=2)
    np.testing.assert_array_equal(tree["posterior"]["x"], post.sample(draws=25, chains=2)["x"].astype(np.float32))


# -- executors -----------------------------------------------------------------------------------------------------
class Counting(Executor):
    """Runs what it is given after a pickle, and counts pickles."""

    _max_workers = 3

    def __init__(self):
        self.sizes = []

    def submit(self, work, /, *arguments):
        sent = pickle.dumps((work, arguments))
        self.sizes.append(len(sent))
        work, arguments = pickle.loads(sent)
        out = Future()
        out.set_result(work(*arguments))
        return out


def on(executor):
    post = IterativePosterior(continued_problem(bias=True), executor=executor)
    return post.sample(draws=25, chains=4, seed=7), post.draw_residuals


def test_numbers_do_not_depend_on_the_executor():
    plain, residuals = on(None)
    assert residuals.shape == (100,) and 0 < residuals.max() <= 1e-3
    with ThreadPoolExecutor(2) as threads, ProcessPoolExecutor(2) as processes:
        for executor in (threads, processes, Counting()):
            found, left = on(executor)
            np.testing.assert_array_equal(left, residuals)
            for name, values in plain.items():
                np.testing.assert_array_equal(values, found[name])


def test_the_drawer_is_sent_once_a_worker():
    executor = Counting()
    on(executor)
    assert len(executor.sizes) == 3


def test_tasks_are_cut_to_what_fits_memory(monkeypatch):
    monkeypatch.setattr("bayesjoint.engines.iterative.TASK_BYTES", 1)
    executor = Counting()
    on(executor)
    assert len(executor.sizes) == 12


@pytest.mark.parametrize("options", [{}, {"deflation": 8}])
def test_the_drawer_is_smaller_than_the_posterior_and_draws_the_same(options):
    post = IterativePosterior(continued_problem(extent="mesh"), **options)
    post.std()
    post.problem.cache.get("x", (post,), 0, lambda: np.ones(10**6), 1)
    drawer, block = BlockDrawer(post), blocks_of(5, 8)[0]
    sent = pickle.dumps(drawer)
    assert len(sent) < 0.6 * len(pickle.dumps(post))
    here, there = drawer(block), pickle.loads(sent)(block)
    assert here.x.shape == (8, post.problem.size)
    np.testing.assert_array_equal(here.x, there.x)
    np.testing.assert_array_equal(here.clean, there.clean)


def test_a_task_that_fails_ends_the_others():
    def broken(item):
        raise ZeroDivisionError

    with ThreadPoolExecutor(1) as executor, pytest.raises(ZeroDivisionError):
        list(spread(broken, list(range(50)), executor, most=1))


def test_the_block_is_ten():
    assert BLOCK == 10  # another number would give every user other draws
