"""Small problems whose priors are sums of Matérns, beside the plain matrices that they stand for."""

import numpy as np

import bayesjoint as bj
from tests.linear import matern_matrix
from tests.periodic import torus_rows

SHARED = (200.0, 220.0, 180.0)
PARTS = {  # std (physical, by layer or one), range, smoothness; the first is shared
    "density": [(60.0, SHARED, 1.5), (np.array([40.0, 70.0]), (90.0, 130.0, 100.0), 0.5)],
    "susceptibility": [(0.02, SHARED, 1.5), (0.03, (120.0,) * 3, 2.5)],
}
SCALE = {"density": 1000.0, "susceptibility": 1.0}


def prior(name, extent):
    one, other = (bj.Matern(*part, extent=extent) for part in PARTS[name])
    return one + other


def sum_problem(extent="mesh", correlation=-0.6, shape=(2, 4, 5), names=tuple(PARTS)):
    """Gravity and magnetics over the mesh, each with its property."""
    mesh = bj.Mesh.regular(shape, (80.0, 120.0, 100.0))
    parameters = [bj.Parameter(n, mesh, prior=prior(n, extent)) for n in names]
    kinds = {"density": bj.GravityOperator, "susceptibility": bj.MagneticOperator}
    rng, surveys = np.random.default_rng(3), []
    for name, level in zip(names, (0.3, 20.0), strict=False):
        operator = kinds[name](mesh, mesh.easting, mesh.northing, height=15.0)
        data = level * rng.standard_normal(operator.data_shape)
        noise = bj.DiagonalNoise(np.full(data.shape, 0.1 * level))
        surveys.append(bj.Modality(operator.kind, operator, data, noise, name))
    tied = [] if correlation is None or len(names) == 1 else [bj.Coregionalization(correlation)]
    return bj.JointProblem(parameters, surveys, tied)


def stds(name, mesh):
    """Std of m̂ in every cell, by part."""
    return [np.broadcast_to(np.reshape(std, (-1, 1)) / SCALE[name], (mesh.shape[0], mesh.size // mesh.shape[0])).ravel()
            for std, *_ in PARTS[name]]


def prior_matrix(problem, kernel):
    """Γ of m̂ written out, `kernel(ranges, smoothness)` the correlation between cells; ρ is the problem's own."""
    names, mesh = list(problem.by_name), problem.parameters[0].mesh
    rho = problem.couplings[0].correlation if problem.couplings else 0.0
    rows = []
    for p in names:
        row = []
        for q in names:
            block = 0.0
            for k, ((_, reach, rough), s, t) in enumerate(zip(PARTS[p], stds(p, mesh), stds(q, mesh), strict=True)):
                tie = 1.0 if p == q else rho if k == 0 else 0.0
                if tie:
                    cells = kernel(reach, rough).shape[0] // mesh.shape[0]
                    one, two = (np.repeat(each.reshape(mesh.shape[0], -1)[:, 0], cells) for each in (s, t))
                    block = block + tie * np.outer(one, two) * kernel(reach, rough)
            row.append(block if np.ndim(block) else np.zeros_like(kernel(SHARED, 1.5)))
        rows.append(row)
    return np.block(rows)


def on_mesh(problem):
    """(A, Γ, cells that are visible) of fields that end with the mesh, m̂."""
    mesh = problem.parameters[0].mesh
    matrix = np.zeros((problem.data_size, problem.size))
    for m in problem.modalities:
        name = m.parameters[0]
        matrix[problem.data_slices[m.name], problem.slices[name]] = SCALE[name] * m.forward.matmat(np.eye(mesh.size))
    return matrix, prior_matrix(problem, lambda reach, rough: matern_matrix(mesh, reach, rough)), np.arange(
        problem.size)


def on_torus(problem, torus):
    """The same of continued fields: of all cells of the torus."""
    (py, px), mesh = torus, problem.parameters[0].mesh
    (dy, dx), (nz, ny, nx) = mesh.horizontal_spacing(), mesh.shape
    count = nz * py * px

    def kernel(reach, rough):
        ring = bj.Mesh(dx * np.arange(px + 1), dy * np.arange(py + 1), mesh.upward_edges)
        r, c = (np.minimum(np.arange(n), n - np.arange(n)) for n in (py, px))
        one = matern_from(ring, r, c, reach, rough)
        rows, columns = (np.subtract.outer(np.arange(n), np.arange(n)) % n for n in (py, px))
        field = one[:, :, rows[:, None, :, None], columns[None, :, None, :]]
        return field.transpose(0, 2, 3, 1, 4, 5).reshape(count, -1)

    matrix = np.zeros((problem.data_size, count * len(problem.parameters)))
    for i, m in enumerate(problem.modalities):
        block = SCALE[m.parameters[0]] * torus_rows(m.forward, torus)
        matrix[problem.data_slices[m.name], i * count : (i + 1) * count] = block
    cells = np.arange(count * len(problem.parameters)).reshape(-1, nz, py, px)[:, :, :ny, :nx].ravel()
    return matrix, prior_matrix(problem, kernel), cells


def matern_from(mesh, rows, columns, reach, rough):
    """Correlation (z, z', row lag, column lag) of the Matérn formulas with whole exponents."""
    (dy, dx), z = mesh.horizontal_spacing(), mesh.upward
    up = ((z[:, None] - z)[:, :, None, None] / reach[0]) ** 2
    s = np.sqrt(2 * rough * (up + (dy * rows[:, None] / reach[1]) ** 2 + (dx * columns / reach[2]) ** 2))
    return {0.5: np.exp(-s), 1.5: (1 + s) * np.exp(-s), 2.5: (1 + s + s**2 / 3) * np.exp(-s)}[rough]
