"""A small hill in air, and the same problem with the ground cells alone as plain vectors."""

import numpy as np

import bayesjoint as bj

from ..linear import matern_matrix

RANGE = 250.0
STD = {"density": 200.0, "susceptibility": 0.02}


def hill(shape=(3, 3, 4)):
    """A mesh of 100 m cells with air over its east, and one cell of air deeper."""
    mesh = bj.Mesh.regular(shape, (100, 100, 100), top=100.0)
    active = np.ones(mesh.shape, dtype=bool)
    active[-1, :, 2:], active[-2, 0, 3] = False, False
    return mesh.with_active(active)


def operators(mesh):
    """Gravity and magnetics at stations above everything."""
    east, north = (a.ravel() for a in np.meshgrid(mesh.easting, mesh.northing))
    return {"density": bj.GravityOperator.at_stations(mesh, east, north, 110.0),
            "susceptibility": bj.MagneticOperator.at_stations(mesh, east, north, 110.0)}


def surveys(mesh, restricted=False):
    """Modalities of both, over the mesh or over its ground cells alone."""
    rng, out, ground = np.random.default_rng(0), [], mesh.active.ravel()
    for name, operator in operators(mesh).items():
        rows = operator.to_dense()[:, ground]
        model = STD[name] * rng.standard_normal(rows.shape[1])
        std = 0.05 * np.std(rows @ model)
        data = rows @ model + std * rng.standard_normal(rows.shape[0])
        out.append(bj.Modality(operator.kind, rows if restricted else operator, data,
                               bj.DiagonalNoise(np.full(data.size, std)), name))
    return out


def covariance(mesh, name):
    """Prior covariance of the ground cells, physical units: the submatrix of the mesh's."""
    ground = mesh.active.ravel()
    return STD[name] ** 2 * matern_matrix(mesh, (RANGE,) * 3, 1.5)[np.ix_(ground, ground)]


def matern(name, **options):
    return bj.Matern(STD[name], RANGE, **options)


def restricted_matern(mesh, name):
    return bj.GaussianPrior(0.0, covariance(mesh, name))


def both(mesh, priors, restricted, couplings=(), bounds=None):
    """(problem over the mesh, the same over the ground cells alone); priors and bounds by name."""
    bounds = bounds or {}
    members = {"parameters": tuple(STD)}
    whole = bj.JointProblem([bj.Parameter(n, mesh, prior=p, bounds=bounds.get(n)) for n, p in priors.items()],
                            surveys(mesh), [kind(**options) for kind, options in couplings])
    count = int(mesh.active.sum())
    return whole, bj.JointProblem(
        [bj.Parameter(n, count, prior=p, bounds=bounds.get(n)) for n, p in restricted.items()],
        surveys(mesh, True), [kind(**options, **members) for kind, options in couplings])


def gaussian(mesh):
    return both(mesh, {n: matern(n) for n in STD}, {n: restricted_matern(mesh, n) for n in STD})


def brute_force(mesh, correlation):
    """(mean, std, log evidence) of ground cells of both properties, in prior standard deviations, by plain algebra."""
    blocks = [covariance(mesh, n) / STD[n] ** 2 for n in STD]
    tie = np.array([[1.0, correlation], [correlation, 1.0]])
    prior = np.block([[tie[i, j] * blocks[0] for j in (0, 1)] for i in (0, 1)])
    modalities = surveys(mesh, True)
    a, b = (m.forward.matmat(np.eye(len(blocks[0]))) * STD[n] for m, n in zip(modalities, STD, strict=True))
    rows = np.block([[a, np.zeros_like(a)], [np.zeros_like(b), b]])
    noise = np.concatenate([m.noise.variance() for m in modalities])
    data, k = np.concatenate([m.data for m in modalities]), rows @ prior @ rows.T + np.diag(noise)
    gain = np.linalg.solve(k, rows @ prior).T
    evidence = -0.5 * (data @ np.linalg.solve(k, data) + np.linalg.slogdet(2 * np.pi * k)[1])
    return gain @ data, np.sqrt(np.diag(prior - gain @ rows @ prior)), evidence


def same(whole, restricted, active, **tolerance):
    """Assert that answers over the mesh are NaN in air, and elsewhere those over the ground cells."""
    for name, values in restricted.items():
        assert np.isnan(whole[name][..., ~active]).all()
        np.testing.assert_allclose(whole[name][..., active] / STD[name], values / STD[name], **tolerance)
