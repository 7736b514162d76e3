"""A doubtful posterior is doubtful in every answer drawn from it."""

import numpy as np

import bayesjoint as bj


def test_chains_that_did_not_mix_are_flagged_in_what_is_asked_of_them():
    mesh = bj.Mesh.regular((1, 3, 3), (100.0, 100.0, 100.0))
    density = bj.Parameter("density", mesh, prior=bj.Focusing(1.0, epsilon=1e-3))
    gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    survey = bj.Modality("gravity", gravity, np.full(9, 1.0), bj.DiagonalNoise(np.full(9, 0.1)), "density")
    problem = bj.JointProblem([density], [survey])
    short = bj.posterior(problem, method="gibbs", draws=100, warmup=1, seed=0)
    found = bj.excess_mass(short, draws=100, chains=4)
    assert "mix" in found.attrs["caution"]
    assert "mix" in bj.resolution(short).attrs["caution"]
    slope = bj.Parameter("slope", mesh, prior=bj.Matern(10.0, 100.0))
    exact = bj.posterior(bj.JointProblem([slope], [survey.replace(parameter="slope")]))
    assert bj.excess_mass(exact, parameter="slope", draws=20).attrs["caution"] == "none"
