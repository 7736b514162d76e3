"""Compact bodies: how ladders choose their levels, and ranks of truths of the family."""

import numpy as np
from scipy.stats import kstest

import bayesjoint as bj
from bayesjoint.engines._body_family import draw_bodies, put
from bayesjoint.engines._body_kernels import describe
from bayesjoint.engines.bodies import BodiesPosterior

from .test_bodies import gravity_problem, ladders_of, prepared


def test_every_pair_of_levels_is_exchanged_however_short_the_runs():
    ladders, _, _ = ladders_of(gravity_problem(noise=1.0))
    bodies, counts = np.zeros((2, 40, 6, 9)), np.zeros((2, 40), dtype=np.int64)
    ladders.run(bodies, counts, 1, lambda: None)
    for _, ladder in ladders._chains:
        assert ladder.swaps[1].tolist() == [20, 20, 20]


def test_a_ladder_takes_twice_its_barrier_of_levels_and_ends_at_the_prior():
    sizes = []
    for noise in (2.0, 0.02):  # little to tell, much
        ladders, _, _ = ladders_of(gravity_problem(noise=noise), levels=None, most=2)
        ladders.warm_up(600)
        ladders.run(np.zeros((2, 50, 2, 9)), np.zeros((2, 50), dtype=np.int64), 8, lambda: None)
        sizes.append(ladders.exponents.size)
        assert ladders.exponents[[0, -1]].tolist() == [1.0, 0.0]
        assert np.all(np.diff(ladders.exponents) < 0)
        assert ladders.swap_rates.mean(axis=0).min() > 0.2
    assert sizes[0] < sizes[1]


def test_ranks_of_truths_of_the_family_lie_evenly():
    """Simulation-based calibration (Talts et al. 2018) of what chains are judged by."""
    noise, at = 0.03, []
    blank = gravity_problem(noise=noise)
    options = {"contrast": {"density": 400.0}, "most": 2}
    own, dense, ground, places = prepared(blank, **options)
    mesh, scale = blank.parameters[0].mesh, blank.parameters[0].scale
    for n in range(32):
        rng = np.random.default_rng(n)
        bodies, counts = draw_bodies(own, mesh, rng, 1)
        contrasts = np.sqrt(ground.variance) * rng.standard_normal((1, own.most, 1))
        x = put(bodies, counts, contrasts, ground, places, dense.prior_state_draws(rng, 1))
        data = blank.operator(0).matvec(x[0]) + noise * rng.standard_normal(36)
        problem = blank.with_data(data)
        post = BodiesPosterior(problem, bj.BodyFamily(**options), draws=100, chains=2, thin=3, seed=n, keep=True)
        figures = np.zeros((1, 4))
        describe(bodies, counts, contrasts, ground, 0.0, figures)
        true = figures[0] * [1.0, 1.0, scale, scale]
        below, ties = (np.array([op(v, t).mean() for v, t in zip(post.figures.values(), true, strict=True)])
                       for op in (np.less, np.equal))
        at.append(below + rng.random(4) * ties)
    for name, ranks in zip(post.figures, np.array(at).T, strict=True):
        assert kstest(ranks, "uniform").pvalue > 1e-3, name
        # too wide or too narrow: with contrasts 1.5 times too large this was 5.6 standard errors off
        assert abs(np.mean((ranks - 0.5) ** 2) - 1 / 12) < 3.3 * np.sqrt(1 / 180 / ranks.size), name
