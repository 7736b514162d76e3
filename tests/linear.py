"""Small linear-Gaussian problems beside their posterior by plain matrix algebra, in physical units, nothing shared."""

from dataclasses import dataclass

import numpy as np
from scipy.special import gamma, kv
from scipy.stats import multivariate_normal

import bayesjoint as bj

SIZE = {"density": 100.0, "susceptibility": 0.02, "porosity": 5.0}  # prior std, physical units


def small_mesh(shape=(2, 3, 4)):
    """Unequal layers, cells longer north than east."""
    nz, ny, nx = shape
    return bj.Mesh(80.0 * np.arange(nx + 1), 120.0 * np.arange(ny + 1) - 50.0, -50.0 * np.arange(nz, -1, -1.0) ** 1.3)


def matern_matrix(mesh, ranges, smoothness):
    """Correlation between cell centres from the general Matérn formula (Rasmussen & Williams 2006, eq. 4.14)."""
    centres = np.meshgrid(mesh.upward, mesh.northing, mesh.easting, indexing="ij")
    offsets = [(c.ravel()[:, None] - c.ravel()) / r for c, r in zip(centres, ranges, strict=True)]
    s = np.sqrt(2 * smoothness) * np.sqrt(sum(o**2 for o in offsets))
    safe = np.where(s > 0, s, 1.0)
    return np.where(s > 0, 2 ** (1 - smoothness) / gamma(smoothness) * safe**smoothness * kv(smoothness, safe), 1.0)


@dataclass
class Reference:
    """Posterior of (m | d, known values) by conditioning the joint Gaussian of all of them at once."""

    problem: bj.JointProblem
    prior_mean: np.ndarray
    prior: np.ndarray
    matrix: np.ndarray
    noise: np.ndarray
    data: np.ndarray
    known: np.ndarray
    known_values: np.ndarray

    def __post_init__(self):
        pick = np.eye(self.prior_mean.size)[self.known]
        rows = np.vstack([pick, self.matrix])
        count, seen = self.known.size, np.concatenate([self.known_values, self.data])
        covariance = rows @ self.prior @ rows.T
        covariance[count:, count:] += self.noise
        gain = np.linalg.solve(covariance, rows @ self.prior).T
        self.mean = self.prior_mean + gain @ (seen - rows @ self.prior_mean)
        self.covariance = self.prior - gain @ rows @ self.prior
        self.evidence = multivariate_normal(rows @ self.prior_mean, covariance).logpdf(seen)
        if count:
            self.evidence -= multivariate_normal(pick @ self.prior_mean, covariance[:count, :count]).logpdf(
                self.known_values)
        self.free = np.setdiff1d(np.arange(self.prior_mean.size), self.known)

    @property
    def scale(self):
        """Prior standard deviations: what an error is measured against."""
        return np.sqrt(np.diag(self.prior))

    @property
    def std(self):
        return np.sqrt(np.diag(self.covariance).clip(0))

    @property
    def prediction_std(self):
        return np.sqrt(np.diag(self.matrix @ self.covariance @ self.matrix.T))


def joined(problem, arrays):
    """{parameter: physical array} as one vector in the problem's order."""
    return np.concatenate([np.ravel(arrays[p.name]) for p in problem.parameters])


def split(problem, flat):
    """The reverse."""
    return {p.name: flat[problem.slices[p.name]].reshape(p.shape) for p in problem.parameters}


def covariance_of(n, rng, std):
    root = rng.standard_normal((n, n))
    return std**2 * (root @ root.T / n + 0.3 * np.eye(n))


def make(names=("density", "susceptibility"), *, correlation=None, members=None, dense=False, weights=None, known=(),
         bias=False, vector=False, shared=False, mean=False, layered=False, smoothness=1.5, counts=(5, 6), seed=1):
    """A problem with one survey a parameter and its `Reference`.

    dense noise, likelihood exponents, `known` cells of the first parameter, a bias of the first survey, a plain vector
    that the last survey sees too, a survey that sees every parameter, prior means, a std by layer.
    """
    rng, mesh, ranges = np.random.default_rng(seed), small_mesh(), (150.0, 300.0, 200.0)
    n, p = mesh.size, len(names)
    means = [SIZE[k] * (0.4 if mean else 0.0) * np.ones(mesh.shape) for k in names]
    stds = [SIZE[k] * (np.array([0.5, 1.0]) if layered else np.ones(2)) for k in names]
    known = np.asarray(known, dtype=int)
    fixed = np.full(n, np.nan)
    fixed[known] = SIZE[names[0]] * rng.standard_normal(known.size)
    parameters = [bj.Parameter(
        k, mesh, prior=bj.Matern(std=s if layered else s[0], range=ranges, smoothness=smoothness, mean=m),
        fixed=fixed.reshape(mesh.shape) if known.size and i == 0 else None,
    ) for i, (k, s, m) in enumerate(zip(names, stds, means, strict=True))]
    kernel = matern_matrix(mesh, ranges, smoothness)
    cells = [np.repeat(s, n // 2) for s in stds]
    order = list(members or names)
    mixing = np.eye(p)
    if correlation is not None:
        table = np.asarray(correlation, float)
        table = table if table.ndim else np.full((p, p), float(table)) + (1 - float(table)) * np.eye(p)
        place = [order.index(k) for k in names]
        mixing = table[np.ix_(place, place)]
    prior = np.block([[mixing[i, j] * cells[i][:, None] * kernel * cells[j] for j in range(p)] for i in range(p)])
    prior_mean = np.concatenate([m.ravel() for m in means])
    if vector:
        spread = covariance_of(2, rng, 3.0)
        parameters.append(bj.Parameter("datum", 2, prior=bj.GaussianPrior([1.0, -2.0], spread)))
        prior_mean = np.concatenate([prior_mean, [1.0, -2.0]])
        prior = np.block([[prior, np.zeros((p * n, 2))], [np.zeros((2, p * n)), spread]])
    surveys, rows, noises = [], [], []
    for i, k in enumerate(names):
        count, sees = counts[i % len(counts)], [k]
        if shared and i == p - 1:
            sees = list(reversed(names))
        if vector and i == p - 1:
            sees.append("datum")
        row, parts = np.zeros((count, prior.shape[0])), []
        for name in sees:
            first = p * n if name == "datum" else names.index(name) * n
            where = slice(first, first + (2 if name == "datum" else n))
            parts.append(rng.standard_normal((count, where.stop - where.start)) / SIZE.get(name, 3.0))
            row[:, where] = parts[-1]
        covariance = covariance_of(count, rng, 1.5) if dense else np.diag(rng.uniform(0.5, 2.0, count) ** 2)
        noise = bj.DenseNoise(covariance) if dense else bj.DiagonalNoise(np.sqrt(np.diag(covariance)))
        data = 4 * rng.standard_normal(count)
        surveys.append(bj.Modality(f"survey_{k}", np.hstack(parts), data, noise, tuple(sees)))
        rows.append(row)
        noises.append(covariance / (weights or {}).get(f"survey_{k}", 1.0))
    couplings = [] if correlation is None else [bj.Coregionalization(correlation, members and tuple(members))]
    problem = bj.JointProblem(parameters, surveys, couplings, weights)
    if bias:
        basis = rng.standard_normal((counts[0], 2))
        problem = bj.add_bias(problem, surveys[0].name, basis=basis, std=[2.0, 0.7])
        rows = [np.hstack([r, basis if i == 0 else np.zeros((len(r), 2))]) for i, r in enumerate(rows)]
        zero = np.zeros((prior.shape[0], 2))
        prior = np.block([[prior, zero], [zero.T, np.diag([4.0, 0.49])]])
        prior_mean = np.concatenate([prior_mean, np.zeros(2)])
    noise = np.zeros((sum(map(len, noises)),) * 2)
    start = 0
    for block in noises:
        noise[start:start + len(block), start:start + len(block)] = block
        start += len(block)
    data = np.concatenate([s.data for s in surveys])
    return problem, Reference(problem, prior_mean, prior, np.vstack(rows), noise, data, known, fixed[known])
