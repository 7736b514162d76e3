"""Two gravity surveys over one ground, simulated from the prior, and four ways in which the second is wrong."""

import numpy as np

import bayesjoint as bj
from bayesjoint.forward import StationSelection

SHAPE, SPACING = (3, 12, 12), (100.0, 100.0, 100.0)
EVERY = 2  # columns from one ground station to the next, both ways
STD, RANGE = 100.0, 300.0  # kg/m3, m
HEIGHT = {"ground": 1.0, "airborne": 80.0}  # m
NOISE = {"ground": 0.05, "airborne": 0.1}  # mGal
SHIFT, TILT, GAIN, LEVEL = 0.1, 0.15, 0.1, 0.2  # mGal, mGal at the east edge, share, mGal (std of a line)
CONFLICTS = ("none", "shift", "tilt", "gain", "levelling")


def problem():
    """The problem without data: a sparse, accurate ground survey and a dense airborne one see one density."""
    mesh = bj.Mesh.regular(SHAPE, SPACING)
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=STD, range=RANGE))
    surveys = []
    for name, height in HEIGHT.items():
        operator = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=height)
        if name == "ground":
            seen = np.zeros(SHAPE[1:], dtype=bool)
            seen[::EVERY, ::EVERY] = True
            operator = StationSelection(operator, seen) @ operator
        surveys.append(bj.Modality(name, operator, np.zeros(operator.data_shape),
                                   bj.DiagonalNoise(np.full(operator.data_shape, NOISE[name])), "density"))
    return bj.JointProblem([density], surveys)


def simulate(plain, count, rng):
    """(truths x (count, cells), clean data of both (count, n), data with noise (count, n))."""
    truth = plain.prior.gaussian_moments()[1].sample(rng, count)
    clean = np.hstack([plain.operator(k).matmat(truth.T).T for k in range(2)])
    noise = np.hstack([m.noise.sample(rng, count) for m in plain.modalities])
    return truth, clean, clean + noise


def disturb(plain, conflict, clean, data, rng):
    """Data whose airborne half is wrong in one way."""
    out, air = data.copy(), slice(plain.modalities[0].size, None)
    easting, northing, _ = plain.modalities[1].forward.coordinates()
    if conflict == "shift":
        out[:, air] += SHIFT
    elif conflict == "tilt":
        out[:, air] += TILT * np.interp(easting, [easting.min(), easting.max()], [-1.0, 1.0])
    elif conflict == "gain":
        out[:, air] += GAIN * clean[:, air]
    elif conflict == "levelling":
        line = np.unique(northing, return_inverse=True)[1]
        out[:, air] += (LEVEL * rng.standard_normal((len(data), line.max() + 1)))[:, line]
    return out
