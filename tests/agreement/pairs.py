"""Pairs of surveys, and their tests by plain matrix algebra on whitened data with flat columns: nothing shared."""

import numpy as np
from scipy.linalg import null_space, orth

import bayesjoint as bj
from bayesjoint.gaussian import linear_gaussian


def two_gravity(shape=(2, 8, 9), extent="continued", heights=(0.0, 60.0), noise=(0.05, 0.08), std=100.0, seed=0,
                survey_std=None, inclined=None, correlation=0.7, range_=250.0):
    """Ground and airborne gravity of one density, or gravity and magnetics tied by a correlation, drawn from the prior.

    `survey_std`: the prior std that the problem states, where it is not the truth's.
    """
    mesh = bj.Mesh.regular(shape, (100, 100, 100))
    fields = {"density": std} if inclined is None else {"density": std, "susceptibility": 0.02}
    parameters = [bj.Parameter(k, mesh, prior=bj.Matern(std=s, range=range_, extent=extent)) for k, s in fields.items()]
    operators = [bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=h) for h in heights]
    names = ["ground", "air"]
    sees = ["density", "density"]
    if inclined is not None:
        operators[1] = bj.MagneticOperator(mesh, mesh.easting, mesh.northing, height=heights[1], inclination=inclined)
        names, sees, noise = ["gravity", "magnetic"], ["density", "susceptibility"], (noise[0], 100 * noise[1])
    couplings = [] if inclined is None else [bj.Coregionalization(correlation)]
    surveys = [bj.Modality(name, op, np.zeros(op.data_shape), bj.DiagonalNoise(np.full(op.data_shape, n)), p)
               for name, op, n, p in zip(names, operators, noise, sees, strict=True)]
    problem = bj.JointProblem(parameters, surveys, couplings)
    model = linear_gaussian(problem)
    rng = np.random.default_rng(seed)
    drawn = model.draw(rng, 1)[1][0] + model.colour(rng.standard_normal(model.data_size))
    surveys = [m.replace(data=drawn[where].reshape(m.data_shape)) for m, where in
               zip(surveys, model.data_slices, strict=True)]
    problem = problem.replace(modalities=surveys)
    if survey_std is not None:
        prior = bj.Matern(std=survey_std, range=range_, extent=extent)
        problem = problem.replace(parameters=[parameters[0].replace(prior=prior), *parameters[1:]])
    return problem


def scalars(rows, prior=None):
    """Measurements {name: (value, std)} of one number."""
    number = bj.Parameter("number", 1, prior=prior)
    return bj.JointProblem([number], [bj.Modality(k, [[1.0]], [v], bj.DiagonalNoise([s]), "number")
                                      for k, (v, s) in rows.items()])


def generalised_inverse(covariance, columns):
    """K⁻¹ without the flat columns, by contrasts."""
    contrasts = null_space(columns.T) if columns.shape[1] else np.eye(len(covariance))
    if not contrasts.shape[1]:
        return np.zeros_like(covariance)
    return contrasts @ np.linalg.solve(contrasts.T @ covariance @ contrasts, contrasts.T)


class Brute:
    """q_ab, q_a, q_b and the weights of q_ab − q_a − q_b, from K, flat columns X and which data are a's."""

    def __init__(self, covariance, columns, first):
        n = len(covariance)
        self.whole = generalised_inverse(covariance, orth(columns) if columns.shape[1] else columns)
        self.parts = []
        for rows in (first, np.setdiff1d(np.arange(n), first)):
            part = np.zeros((n, n))
            seen = columns[rows]
            part[np.ix_(rows, rows)] = generalised_inverse(covariance[np.ix_(rows, rows)],
                                                           orth(seen) if seen.shape[1] else seen)
            self.parts.append(part)
        form = self.whole - self.parts[0] - self.parts[1]
        root = np.linalg.cholesky(covariance)
        self.weights = np.linalg.eigvalsh(root.T @ form @ root)

    def statistics(self, y):
        q, one, two = (y @ m @ y for m in (self.whole, *self.parts))
        return q - one - two, q - two, q - one


def stretched(score, gain, draws, rng):
    """Scores of data sets whose signal is larger by `gain`, shape (draws,)."""
    constant, slope, square = score.paths(draws, rng, energy=False)
    return constant + gain * slope + gain**2 * square
