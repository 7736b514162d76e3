"""What is built from arrays does not change when the arrays do."""

import numpy as np
import pytest

from bayesjoint import (
    DenseNoise,
    DiagonalNoise,
    GaussianPrior,
    GravityOperator,
    Matern,
    Mesh,
    Modality,
    Parameter,
    StationaryNoise,
    StationSelection,
    Survey,
)
from bayesjoint._checks import frozen

MESH = Mesh.regular((1, 2, 2), (100.0, 100.0, 100.0))
AXIS = np.array([50.0, 150.0])


def survey(data, easting, northing, upward, std):
    s = Survey("gravity", data, easting, northing, upward, std)
    return lambda: [s.data, s.easting, s.northing, s.upward, s.std, s.replace(name="b").std]


def bounded(lower, upper, fixed, reference):
    p = Parameter("density", MESH, bounds=(lower, upper), fixed=fixed, reference=reference)
    return lambda: [p.lower, p.upper, p.fixed_values, p.reference_hat, p.replace().lower, p.replace().fixed_values,
                    p.replace().reference_hat]


def prior(std):
    p = Parameter("density", MESH, prior=Matern(std=std, range=300.0))
    return lambda: [p.bound_prior.covariance.diagonal(), p.replace().bound_prior.covariance.diagonal()]


def gaussian(mean, covariance):
    p = Parameter("q", 2, prior=GaussianPrior(mean, covariance))
    return lambda: [p.bound_prior.mean, p.bound_prior.covariance.diagonal(), p.replace().bound_prior.mean,
                    p.replace().bound_prior.covariance.diagonal()]


def modality(forward, data, std):
    m = Modality("a", forward, data, DiagonalNoise(std), "q")
    return lambda: [m.forward @ np.ones(2), m.data, m.noise.std, m.replace().data]


def term(columns):
    m = Modality("a", np.eye(2), [1.0, 2.0], DiagonalNoise([1.0, 1.0]), "q").with_term("b", columns)
    return lambda: [m.term("b").columns, m.replace().term("b").columns]


def dense(covariance):
    noise = DenseNoise(covariance)
    return lambda: [noise.covariance(), noise.whiten(np.ones(2))]


def stationary(white):
    noise = StationaryNoise(lambda e, n: np.exp(-np.hypot(e, n)), white=white)
    return lambda: [noise.at(np.array([0.0, 1.0]), np.array([0.0, 1.0])).covariance()]


def mesh(easting, northing, upward):
    m = Mesh(easting, northing, upward)
    return lambda: [m.easting_edges, m.northing_edges, m.upward_edges, m.easting]


def ground(active):
    m = MESH.with_active(active > 0)
    return lambda: [m.active]


def lattice(easting, northing):
    a = GravityOperator(MESH, easting, northing, height=1.0)
    return lambda: [a.predict(np.ones(MESH.shape)), *a.coordinates()]


def stations(easting, northing, upward):
    a = GravityOperator.at_stations(MESH, easting, northing, upward)
    return lambda: [a.predict(np.ones(MESH.shape)), *a.coordinates()]


def selection(mask):
    lattice_operator = GravityOperator(MESH, AXIS, AXIS, height=1.0)
    a = StationSelection(lattice_operator, mask > 0) @ lattice_operator
    return lambda: [a @ np.ones(4)]


CASES = {
    "survey": (survey, np.ones((2, 2)), AXIS, AXIS, np.ones((2, 2)), np.ones((2, 2))),
    "parameter": (bounded, np.full((1, 2, 2), -9.0), np.full((1, 2, 2), 9.0), np.ones((1, 2, 2)), np.ones((1, 2, 2))),
    "Matérn": (prior, np.full((1, 2, 2), 100.0)), "Gaussian": (gaussian, np.ones(2), np.eye(2)),
    "modality": (modality, np.eye(2), np.ones(2), np.ones(2)), "term": (term, np.ones((2, 1))),
    "dense noise": (dense, np.eye(2)), "stationary noise": (stationary, np.ones(2)),
    "mesh": (mesh, np.arange(3.0), np.arange(3.0), np.arange(3.0)), "ground": (ground, np.ones((1, 2, 2))),
    "lattice": (lattice, AXIS, AXIS), "stations": (stations, AXIS, AXIS, np.array([5.0, 6.0])),
    "selection": (selection, np.array([[1.0, 0.0], [1.0, 1.0]])),
}


def read_only_view(array):
    view = array.view()
    view.flags.writeable = False
    return view


@pytest.mark.parametrize("given", [np.asarray, read_only_view], ids=["array", "read-only view"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_nothing_follows_the_callers_arrays(case, given):
    build, *arrays = case
    arrays = [a.copy() for a in arrays]
    answers = build(*(given(a) for a in arrays))
    before = [np.array(a, copy=True) for a in answers()]
    for array in arrays:
        array += 1.5
    for one, other in zip(answers(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_broadcast_of_something_writable_is_copied_and_what_is_frozen_is_not():
    base = np.ones(3)
    kept = frozen(np.broadcast_to(base, (2, 3)))
    base[:] = 5.0
    assert kept.max() == 1.0 and frozen(kept) is kept
