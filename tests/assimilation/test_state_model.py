"""Moves of the state: what is added to a value leaves the value itself."""

import numpy as np
import pytest
from scipy.sparse import csr_array

import bayesjoint as bj

from ..refusals import refused


def straight_line(transition, data, times=None):
    """A mass that a rate adds to, weighed every year."""
    mass = bj.Parameter("mass", 1, prior=bj.GaussianPrior(100.0, 25.0))
    rate = bj.Parameter("rate", 1, prior=bj.GaussianPrior(0.0, 1.0))
    surveys = [bj.Modality(f"y{k}", [[1.0]], [d], bj.DiagonalNoise([1.0]), "mass") for k, d in enumerate(data)]
    state = bj.StateModel(transition=transition, times=times)
    return bj.assimilate(bj.JointProblem([mass, rate], surveys), state=state)


@pytest.mark.parametrize(("transition", "years"), [
    ({("mass", "rate"): 1.0}, [0.0, 1.0, 2.0]),
    ({("mass", "rate"): 1.0}, [0.0, 2.0, 5.0]),
    ({"mass": 1.0, ("mass", "rate"): 1.0}, [0.0, 2.0, 5.0]),
    ({("mass", "rate"): [[1.0]]}, [0.0, 1.0, 2.0]),
])
def test_what_is_added_leaves_the_rest(transition, years):
    """A straight line through (t, 100, 101, 103) by weighted least squares with the priors of level and slope."""
    data, years = np.array([100.0, 101.0, 103.0]), np.array(years)
    post = straight_line(transition, data, years)
    rows = np.column_stack([np.ones(3), years])
    precision = np.diag([1 / 25.0, 1.0]) + rows.T @ rows
    level, slope = np.linalg.solve(precision, np.array([4.0, 0.0]) + rows.T @ data)
    found = [float(post.smoothed(k).mean()["mass"][0]) for k in range(3)]
    np.testing.assert_allclose(found, level + slope * years, rtol=1e-10)
    scatter = rows @ np.diag([25.0, 1.0]) @ rows.T + np.eye(3)
    off = data - 100.0
    wanted = -0.5 * (off @ np.linalg.solve(scatter, off) + np.linalg.slogdet(2 * np.pi * scatter)[1])
    assert float(post.log_evidence()) == pytest.approx(wanted, abs=1e-9)


def test_a_value_is_replaced_where_that_is_said():
    """The mass becomes the rate: nothing of the first year is left in the second."""
    post = straight_line({"mass": 0.0, ("mass", "rate"): 1.0}, [130.0, 2.0])
    # of the rate N(0, 1) one datum 2 with noise 1: mean 1
    assert float(post.smoothed(1).mean()["mass"][0]) == pytest.approx(1.0, abs=1e-9)


def test_a_stationary_noise_needs_a_factor_of_its_own():
    unknown = [bj.Parameter(name, 1, prior=bj.GaussianPrior(0.0, 1.0)) for name in ("mass", "rate")]
    surveys = [bj.Modality(f"y{k}", [[1.0]], [1.0], bj.DiagonalNoise([1.0]), "mass") for k in range(2)]
    state = bj.StateModel(transition={("mass", "rate"): 1.0}, noise={"mass": "stationary"})
    refused(lambda: bj.assimilate(bj.JointProblem(unknown, surveys), state=state), "noise of mass")


@pytest.mark.parametrize("key", [3, None, ("mass",), ("mass", "rate", "mass"), frozenset(["mass", "rate"])])
def test_a_transition_is_keyed_by_one_name_or_two(key):
    refused(lambda: straight_line({key: 1.0}, [1.0, 2.0]), "transition must have keys", TypeError)


def test_a_transition_is_given_once_and_within_what_a_computer_holds():
    refused(lambda: straight_line({"mass": 0.5, ("mass", "mass"): 0.7}, [1.0, 2.0]), "transition of mass must be given")
    for factor in (2.0, -2.0):
        refused(lambda f=factor: straight_line({"mass": f}, [1.0, 2.0], [0.0, 1000.0]), "transition of mass must give")
    refused(lambda: straight_line({"mass": 1e200}, [1.0, 2.0]), "transition of mass must give")


def test_a_sparse_matrix_moves_the_state_as_the_number_does():
    sparse, number = (straight_line({"mass": f}, [100.0, 60.0]).smoothed(1) for f in (csr_array([[0.5]]), 0.5))
    assert sparse.mean()["mass"] == pytest.approx(number.mean()["mass"], rel=1e-12)
    assert sparse.std()["mass"] == pytest.approx(number.std()["mass"], rel=1e-12)
