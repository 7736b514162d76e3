"""NUTS under topography: the ground's posterior is that of the exact engine, air is NaN."""

import numpy as np

import bayesjoint as bj


def test_the_reference_sampler_leaves_air_out():
    mesh = bj.Mesh.regular((2, 3, 3), (50.0, 100.0, 100.0)).with_topography(
        ([50.0, 150.0, 250.0], [50.0, 150.0, 250.0], [-60.0, 0.0, 0.0]))
    op = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=5.0)
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=300.0))
    data = op.predict(np.where(mesh.active, 100.0, 0.0))
    survey = bj.Modality("gravity", op, data, bj.DiagonalNoise(np.full(data.shape, 0.1)), "density")
    problem = bj.JointProblem([density], [survey])
    chains, exact = bj.posterior(problem, method="nuts", draws=500, seed=1), bj.posterior(problem, method="dense")
    ground = mesh.active
    mean, std = exact.mean()["density"], exact.std()["density"]
    assert np.array_equal(np.isnan(chains.mean()["density"]), ~ground)
    assert np.abs((chains.mean()["density"] - mean)[ground] / std[ground]).max() < 0.2
    np.testing.assert_allclose(chains.std()["density"][ground], std[ground], rtol=0.2)
