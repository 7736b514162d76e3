"""A small problem and families of ground for tests of recalibration."""

import numpy as np

import bayesjoint as bj

MESH = bj.Mesh.regular((3, 8, 8), (50.0, 50.0, 50.0))
BODIES = bj.Geology(
    [bj.Bodies(contrasts={"density": bj.Signed(bj.LogNormal(500.0, 0.5)), "susceptibility": bj.LogNormal(0.02, 0.5)},
               number=(1, 3), size=(60.0, 200.0), depth=(0.0, 150.0))], name="bodies")


def problem(magnetic=False, bias=False, extent="mesh", seed=0, scattered=False):
    """Gravity, and perhaps magnetics, over a compact body."""
    truth = np.zeros(MESH.shape)
    truth[1:, 3:5, 3:5] = -600.0
    rng = np.random.default_rng(seed)
    density = bj.Parameter("density", MESH, prior=bj.Matern(std=200.0, range=150.0, extent=extent))
    if scattered:
        east, north = (a.ravel() for a in np.meshgrid(MESH.easting + 7.0, MESH.northing))
        op = bj.GravityOperator.at_stations(MESH, east, north, 5.0)
    else:
        op = bj.GravityOperator(MESH, MESH.easting, MESH.northing, height=5.0)
    data = op.predict(truth) + 0.01 * rng.standard_normal(op.data_shape)
    surveys, parameters = [bj.Modality("gravity", op, data, bj.DiagonalNoise(np.full(64, 0.01)), "density")], [density]
    if magnetic:
        parameters.append(bj.Parameter("susceptibility", MESH, prior=bj.Matern(std=0.01, range=150.0, extent=extent)))
        mag = bj.MagneticOperator(MESH, MESH.easting, MESH.northing, height=0.0, inclination=70.0)
        field = mag.predict(-truth / 3e4) + 2.0 * rng.standard_normal(mag.data_shape)
        surveys.append(bj.Modality("magnetic", mag, field, bj.DiagonalNoise(np.full(64, 2.0)), "susceptibility"))
    made = bj.JointProblem(parameters, surveys)
    return bj.add_bias(made, "gravity", "linear", std=0.5) if bias else made


def gaussian_ground(mesh, seed):
    """Ground that is a draw of the prior of `problem`, constant over the cells of `MESH` whatever mesh is asked for."""
    rng = np.random.default_rng(seed)
    prior = bj.Parameter("density", MESH, prior=bj.Matern(std=200.0, range=150.0)).bound_prior.covariance
    values = 1000.0 * prior.sample(rng, 1).reshape(MESH.shape)
    factors = [n // m for n, m in zip(mesh.shape, MESH.shape, strict=True)]
    for axis, factor in enumerate(factors):
        values = values.repeat(factor, axis)
    return {"density": values}
