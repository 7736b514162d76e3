"""Properties of different ranges, tied by a part that they share."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bayesjoint as bj
from bayesjoint.engines._export import prior_correlations

from ..linear import small_mesh
from ..refusals import refused
from ..sums import on_mesh, sum_problem

MESH = small_mesh()
ORDERS = {"of one range": (1, 0), "of another": (0, 1), "of both": (1, 1)}


def members(*own, ranges=(400.0, 400.0), extents=("mesh", "mesh")):
    """Density and susceptibility, with so many parts of their own."""
    out = []
    for name, std, count, reach, extent in zip(("density", "susceptibility"), (100.0, 0.02), own, ranges, extents,
                                               strict=True):
        parts = [bj.Matern(std, reach, extent=extent)] + [
            bj.Matern(0.5 * std, 90.0 + 30.0 * k, smoothness=0.5, extent=extent) for k in range(count)]
        out.append(bj.Parameter(name, MESH, prior=bj.SumOfMaterns(parts) if count else parts[0]))
    return out


def test_the_joint_covariance_is_the_one_written_out(rng):
    problem = sum_problem("mesh", -0.6)
    _, prior, _ = on_mesh(problem)
    covariance = problem.prior.gaussian_moments()[1]
    assert covariance.dense() == pytest.approx(prior, abs=1e-14)
    v = rng.standard_normal((problem.size, 2))
    assert covariance.matmat(v) == pytest.approx(prior @ v, abs=1e-13)
    draws = covariance.sample(rng, 20_000)
    scale = np.sqrt(np.diag(prior))
    off = (draws.T @ draws / 20_000 - prior) / np.outer(scale, scale)
    assert np.abs(off).max() < 6 * np.sqrt(2 / 20_000)


@pytest.mark.parametrize("own", ORDERS.values(), ids=ORDERS)
def test_marginal_priors_stay_what_they_were(own):
    pair = members(*own)
    joint = bj.Coregionalization(0.7).joint_covariance(pair).dense()
    for k, p in enumerate(pair):
        where = slice(k * MESH.size, (k + 1) * MESH.size)
        assert joint[where, where] == pytest.approx(p.bound_prior.covariance.dense(), abs=1e-15)


@given(rho=st.floats(-0.999, 0.999), spread=st.floats(0.01, 100.0), reach=st.floats(20.0, 2000.0),
       rough=st.sampled_from([0.5, 1.5, 2.5]))  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_it_is_positive_definite_whatever_is_stated(rho, spread, reach, rough):
    shared = bj.Matern(100.0, 150.0, smoothness=0.5)
    density = bj.Parameter("density", MESH, prior=shared + bj.Matern(spread, reach, smoothness=rough))
    porosity = bj.Parameter("porosity", MESH, prior=shared)
    joint = bj.Coregionalization(rho).joint_covariance([density, porosity]).dense()
    scale = np.sqrt(np.diag(joint))
    assert np.linalg.eigvalsh(joint / np.outer(scale, scale))[0] > 0


def test_without_parts_of_their_own_nothing_changes():
    pair = members(0, 0)
    assert type(bj.Coregionalization(0.7).joint_covariance(pair)).__name__ == "MixedCovariance"
    assert bj.Coregionalization(0.7).pointwise(pair) == pytest.approx(np.array([[1.0, 0.7], [0.7, 1.0]]))


def test_the_correlation_in_a_cell_is_that_of_the_whole_properties():
    problem = sum_problem("mesh", -0.6)
    _, prior, _ = on_mesh(problem)
    n = problem.parameters[0].size
    first, second = (np.mean(np.diag(prior)[k * n : (k + 1) * n]) for k in (0, 1))
    across = np.mean(np.diag(prior[:n, n:]))
    assert prior_correlations(problem)["density", "susceptibility"] == pytest.approx(across / np.sqrt(first * second))


def test_it_names_how_different_ranges_are_tied():
    text = refused(lambda: bj.Coregionalization(0.7).joint_covariance(members(0, 0, ranges=(400.0, 200.0))),
                   "range and smoothness of susceptibility")
    assert "bj.Matern(std, shared_range) + bj.Matern(std, own_range)" in text


def test_first_parts_of_different_range_are_refused_by_name():
    refused(lambda: bj.Coregionalization(0.7).joint_covariance(members(1, 1, ranges=(400.0, 200.0))),
            "range and smoothness of the first part of susceptibility")


def test_one_domain_for_all():
    refused(lambda: bj.Coregionalization(0.7).joint_covariance(members(1, 0, extents=("continued", "mesh"))),
            "extent of susceptibility")


def test_no_other_prior():
    pair = members(1, 1)
    refused(lambda: bj.Coregionalization(0.7).joint_covariance([pair[0], pair[1].replace(
        prior=bj.MinimumLength(1.0))]), "prior of susceptibility")


def test_three_properties_of_which_two_have_parts_of_their_own():
    pair = members(2, 1)
    third = bj.Parameter("porosity", MESH, prior=bj.Matern(5.0, 400.0))
    table = np.array([[1.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 1.0]])
    joint = bj.Coregionalization(table).joint_covariance([*pair, third]).dense()
    n, kernel = MESH.size, third.bound_prior.covariance.dense() / 25.0
    assert joint[:n, 2 * n :] == pytest.approx(-0.3 * 0.1 * 5.0 * kernel, abs=1e-14)
    assert joint[n : 2 * n, 2 * n :] == pytest.approx(0.2 * 0.02 * 5.0 * kernel, abs=1e-15)
    assert np.linalg.eigvalsh(joint / np.sqrt(np.outer(np.diag(joint), np.diag(joint))))[0] > 0
