"""A small pair of surveys, and what recalibration makes of it: for tests of what shows results."""

import functools

import numpy as np

import bayesjoint as bj

FIELD = {"intensity": 50_000.0, "inclination": 60.0, "declination": 5.0}


def problem():
    """Gravity and magnetics over one body of 3 x 8 x 8 cells."""
    mesh = bj.Mesh.regular((3, 8, 8), (50.0, 50.0, 50.0))
    body = np.zeros(mesh.shape)
    body[1:, 3:5, 3:5] = 1.0
    at = (mesh, mesh.easting, mesh.northing)
    operators = bj.GravityOperator(*at, height=5.0), bj.MagneticOperator(*at, height=5.0, **FIELD)
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=200.0, range=150.0))
    chi = bj.Parameter("susceptibility", mesh, prior=bj.Matern(std=0.02, range=150.0))
    surveys = [bj.Modality(name, op, op.predict(size * body), bj.DiagonalNoise(np.full(64, std)), p)
               for name, op, size, std, p in zip(("gravity", "magnetic"), operators, (-600.0, 0.05), (0.01, 1.0),
                                                 ("density", "susceptibility"), strict=True)]
    return bj.JointProblem([density, chi], surveys, [bj.Coregionalization(0.5)])


def family(mesh):
    """The default one, of the prior's size of contrasts."""
    return bj.geology_default(mesh, {"density": 200.0, "susceptibility": 0.02})


@functools.cache
def recalibrated():
    """(joint, {survey: separate}) posteriors recalibrated on the same 60 worlds, and two other families tried."""
    post = bj.posterior(problem())
    ground = family(post.problem.parameters[0].mesh)
    joint = bj.recalibrate(post, ground, worlds=60, seed=1, sensitivity={
        "contrasts x 1.4": ground.scaled(density=1.4, susceptibility=1.4), "foreign: bodies": ground.families[0]},
        sensitivity_worlds=10)
    return joint, {name: bj.recalibrate(each, ground, worlds=joint, sensitivity=None)
                   for name, each in post.separate().items()}
