"""The two cubes of Vatankhah et al. (2022), for the tests of estimates."""

from functools import cache

import numpy as np

import bayesjoint as bj


@cache
def setting():
    """Mesh, operators and true model, built once."""
    mesh = bj.Mesh.regular(shape=(10, 30, 50), spacing=(100, 100, 100))
    body = np.zeros(mesh.shape)
    body[6:9, 12:17, 10:20] = body[5:8, 12:17, 30:40] = 1.0  # layers from the bottom: tops at 100 m and 200 m
    stations = (mesh, mesh.easting, mesh.northing)
    operators = {"gravity": bj.GravityOperator(*stations),
                 "magnetic": bj.MagneticOperator(*stations, intensity=50_000.0, inclination=45.0, declination=45.0)}
    return mesh, operators, {"density": 1000.0 * body, "susceptibility": 0.1 * body}


def two_cubes(seed, couplings=(), prior=bj.Focusing, alpha=(20_000.0, 20_000.0)):
    """(problem, truth) for one noise draw."""
    mesh, operators, truth = setting()
    rng = np.random.default_rng(seed)
    parameters = [bj.Parameter(name, mesh, prior=prior(a), bounds=(0, top))
                  for name, a, top in zip(truth, alpha, (1000.0, 0.1), strict=True)]
    surveys = []
    for (kind, operator), name, rule in zip(operators.items(), truth, ((0.02, 0.01), (0.01, 0.01)), strict=True):
        clean = operator.predict(truth[name])
        std = bj.noise_std(clean, *rule)
        surveys.append(bj.Modality(kind, operator, clean + std * rng.standard_normal(clean.shape),
                                   bj.DiagonalNoise(std), name))
    return bj.JointProblem(parameters, surveys, list(couplings)), truth


def relative_errors(result, truth):
    """‖m − m_true‖ / ‖m_true‖ of every parameter, in the order of the result's model."""
    return [float(np.linalg.norm(m - truth[name]) / np.linalg.norm(truth[name])) for name, m in result.model.items()]
