"""A small joint problem with continued fields beside the plain matrices of its torus, every cell of it written out."""

import numpy as np

import bayesjoint as bj
from bayesjoint.forward import StationSelection
from bayesjoint.gaussian import linear_gaussian

STD = {"density": np.array([60.0, 100.0]), "susceptibility": np.array([0.02, 0.03])}
RANGES = (150.0, 250.0, 200.0)


def continued_problem(correlation=0.7, *, mask=None, bias=False, noise=None, smoothness=1.5, weights=None,
                      extent="continued", inclination=-30.0):
    """Gravity on a window of the mesh, magnetics on one that reaches beyond it; shallow, so a small torus."""
    mesh = bj.Mesh([100.0 * k for k in range(6)], [120.0 * k for k in range(5)], [-90.0, -40.0, 0.0])
    gravity = bj.GravityOperator(mesh, mesh.easting[1:], mesh.northing[:3], height=15.0)
    magnetic = bj.MagneticOperator(mesh, mesh.easting - 100.0, mesh.northing, height=25.0, intensity=5e4,
                                   inclination=inclination, declination=20.0)  # fmt: skip
    rng = np.random.default_rng(3)
    forwards = [gravity, magnetic]
    if mask is not None:
        forwards = [f if m is None else StationSelection(f, m) @ f for f, m in zip(forwards, mask, strict=True)]
    parameters = [bj.Parameter(k, mesh, prior=bj.Matern(std=s, range=RANGES, smoothness=smoothness, extent=extent))
                  for k, s in STD.items()]  # fmt: skip
    surveys = []
    for p, f, size in zip(parameters, forwards, (0.3, 20.0), strict=True):
        std = np.full(f.shape[0], 0.05 * size) if noise is None else 0.05 * size * np.exp(noise * rng.standard_normal(
            f.shape[0]))
        surveys.append(bj.Modality(f.kind, f, size * rng.standard_normal(f.shape[0]), bj.DiagonalNoise(std), p.name))
    couplings = [] if correlation is None else [bj.Coregionalization(correlation)]
    problem = bj.JointProblem(parameters, surveys, couplings, weights)
    return bj.add_bias(problem, "gravity", "linear", std=[0.5, 0.2, 0.2]) if bias else problem


def torus_matrices(problem, correlation=0.7, smoothness=1.5):
    """(A, Γ, visible): data from all cells of all fields on the torus, their covariance, indices of the mesh's cells.

    Physical units; the torus' size is the problem's, everything on it is computed here.
    """
    py, px = linear_gaussian(problem).groups[0].torus
    mesh = problem.parameters[0].mesh
    (dy, dx), (nz, ny, nx) = mesh.horizontal_spacing(), mesh.shape
    r, c = (np.minimum(np.arange(n), n - np.arange(n)) for n in (py, px))
    z = mesh.upward
    distance = np.sqrt(((z[:, None] - z)[:, :, None, None] / RANGES[0]) ** 2 + (dy * r[:, None] / RANGES[1]) ** 2
                       + (dx * c / RANGES[2]) ** 2)
    s = np.sqrt(2 * smoothness) * distance
    kernel = {0.5: np.exp(-s), 1.5: (1 + s) * np.exp(-s)}[smoothness]
    rows, columns = (np.subtract.outer(np.arange(n), np.arange(n)) % n for n in (py, px))
    field = kernel[:, :, rows[:, None, :, None], columns[None, :, None, :]]  # z, z', r, c, r', c'
    field = field.transpose(0, 2, 3, 1, 4, 5).reshape(nz * py * px, -1)
    std = [np.repeat(STD[k], py * px) for k in STD]
    mixing = np.eye(2) if correlation is None else np.array([[1, correlation], [correlation, 1]])
    prior = np.block([[mixing[i, j] * std[i][:, None] * field * std[j] for j in range(2)] for i in range(2)])
    matrix = []
    for i, m in enumerate(problem.modalities):
        block = np.zeros((m.size, 2 * nz * py * px))
        block[:, i * nz * py * px:(i + 1) * nz * py * px] = torus_rows(m.forward, (py, px))
        matrix.append(block)
    cells = np.arange(2 * nz * py * px).reshape(2, nz, py, px)[:, :, :ny, :nx]
    return np.vstack(matrix), prior, cells.ravel()


def torus_rows(forward, torus):
    """Dense sensitivities (n_data, nz · rows · columns) from direct prism sums around one station."""
    forward = getattr(forward, "forward", forward)  # bias columns aside
    lattice, index = getattr(forward, "lattice", forward), getattr(getattr(forward, "processing", None), "index", None)
    (py, px), mesh, (dy, dx) = torus, lattice.mesh, lattice.mesh.horizontal_spacing()
    half = py // 2, px // 2
    disc = bj.Mesh(dx * (np.arange(-half[1], half[1] + 2) - 0.5), dy * (np.arange(-half[0], half[0] + 2) - 0.5),
                   mesh.upward_edges)
    angles = {k: getattr(lattice, k) for k in ("intensity", "inclination", "declination") if hasattr(lattice, k)}
    direct = type(lattice).at_stations(disc, [0.0], [0.0], [float(lattice.height[0])], **angles)
    near = direct.to_dense().reshape(disc.shape)
    ring = np.zeros((mesh.shape[0], py, px))
    for i, north in enumerate(range(-half[0], half[0] + 1)):
        for j, east in enumerate(range(-half[1], half[1] + 1)):
            share = (0.5 if 2 * abs(north) == py else 1.0) * (0.5 if 2 * abs(east) == px else 1.0)
            ring[:, north % py, east % px] += share * near[:, i, j]
    row, column = (round(float((axis[0] - centre[0]) / step)) for axis, centre, step in (
        (lattice.northing, mesh.northing, dy), (lattice.easting, mesh.easting, dx)))
    out = [np.roll(ring, (row + i, column + j), axis=(1, 2)).ravel()
           for i in range(lattice.northing.size) for j in range(lattice.easting.size)]
    return np.array(out) if index is None else np.array(out)[index]
