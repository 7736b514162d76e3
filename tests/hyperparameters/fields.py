"""Small surveys simulated from known hyperparameters."""

import numpy as np

import bayesjoint as bj

TRUTH = {"density_std": 100.0, "density_range": 250.0, "gravity_noise": 0.05}


def gravity_problem(seed, shape=(2, 10, 10), stated=(30.0, 500.0, 0.3), smoothness=1.5, noise=None):
    """A gravity survey drawn from TRUTH, and the problem that states something else."""
    rng, mesh = np.random.default_rng(seed), bj.Mesh.regular(shape, (100, 100, 100))
    std, reach, level = TRUTH.values()
    truth = bj.Parameter("density", mesh, prior=bj.Matern(std=std, range=reach, smoothness=smoothness))
    operator = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    field = truth.from_hat(truth.bound_prior.covariance.sample(rng, 1)[0])
    data = operator.predict(field) + level * rng.standard_normal(operator.data_shape)
    prior = bj.Matern(std=stated[0], range=stated[1], smoothness=smoothness)
    noise = bj.DiagonalNoise(np.full(data.shape, stated[2])) if noise is None else noise
    return bj.JointProblem([truth.replace(prior=prior)], [bj.Modality("gravity", operator, data, noise, "density")])


def joint_problem(seed, correlation=0.6, shape=(2, 8, 8), stated=0.0):
    """Gravity and magnetics of two correlated fields."""
    rng, mesh = np.random.default_rng(seed), bj.Mesh.regular(shape, (100, 100, 100))
    stds = {"density": 100.0, "susceptibility": 0.02}
    fields = [bj.Parameter(name, mesh, prior=bj.Matern(std=s, range=200.0)) for name, s in stds.items()]
    operators = [bj.GravityOperator(mesh, mesh.easting, mesh.northing),
                 bj.MagneticOperator(mesh, mesh.easting, mesh.northing, height=20.0, inclination=60.0)]
    draw = bj.Coregionalization(correlation).joint_covariance(fields).sample(rng, 1)[0]
    modalities = []
    for p, operator, part, level, name in zip(fields, operators, np.split(draw, 2), (0.05, 2.0),
                                              ("gravity", "magnetic"), strict=True):
        data = operator.predict(p.from_hat(part)) + level * rng.standard_normal(operator.data_shape)
        modalities.append(bj.Modality(name, operator, data, bj.DiagonalNoise(np.full(data.shape, level)), p.name))
    return bj.JointProblem(fields, modalities, [bj.Coregionalization(stated)])
