"""Small magnetic and gravity problems whose field or heights are not known well, and their posterior by quadrature."""

import numpy as np

import bayesjoint as bj

FIELD = {"intensity": 5e4, "inclination": 55.0, "declination": 8.0}


def mesh(cells=6, layers=3):
    return bj.Mesh.regular((layers, cells, cells), (100.0, 100.0, 100.0))


def magnetic(height=60.0, inclination=55.0, declination=8.0, ground=None, component="tfa"):
    ground = mesh() if ground is None else ground
    return bj.MagneticOperator(ground, ground.easting, ground.northing, height, 5e4, inclination, declination,
                               component=component)


def problem(operator, data, noise, std=0.02, weights=None):
    name = {"magnetic": "susceptibility", "gravity": "density"}[operator.kind]
    ground = bj.Parameter(name, operator.mesh, prior=bj.Matern(std=std, range=250.0))
    survey = bj.Modality(operator.kind, operator, data, bj.DiagonalNoise(np.full(operator.shape[0], noise)), name)
    return bj.JointProblem([ground], [survey], weights=weights)


def truths(operators, std, noise, rng, name):
    """(models (n_cells, k), data (n_data, k)) of worlds, one operator each."""
    ground = bj.Parameter(name, operators[0].mesh, prior=bj.Matern(std=std, range=250.0))
    models = ground.scale * ground.bound_prior.covariance.sample(rng, len(operators)).T
    clean = np.stack([op.matvec(m) for op, m in zip(operators, models.T, strict=True)], axis=1)
    return models, clean + noise * rng.standard_normal(clean.shape)


def by_quadrature(problems, prior):
    """(weights, mean and std of the model) of exact posteriors, each at one value of the unknown, mixed.

    Parameters
    ----------
    problems : list of JointProblem
        One for each node.
    prior : ndarray
        Prior density times weight of each node.
    """
    posts = [bj.posterior(p, method="dense") for p in problems]
    logs = np.array([float(post.log_evidence()) for post in posts]) + np.log(prior)
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    means = np.stack([post.state_mean() for post in posts])
    mean = weights @ means
    variance = weights @ (np.stack([post.state_variance() for post in posts]) + (means - mean) ** 2)
    return weights, mean, np.sqrt(variance)
