"""Ground, surveys and problems of the five bodies."""

from dataclasses import dataclass

import numpy as np

import bayesjoint as bj

RULES = {"gravity": (0.02, 0.01), "magnetic": (0.01, 0.01)}  # (tau1, tau2), those of two_cubes
FIELD = {"intensity": 50_000.0, "inclination": 45.0, "declination": 45.0}
DENSITY, SUSCEPTIBILITY = 1000.0, 0.1  # kg/m3 (1 g/cm3) and SI, in every body
SHAPE, SPACING = (10, 100, 150), (100.0, 100.0, 100.0)


@dataclass(frozen=True)
class Body:
    """A body: what it looks like, and which cell centres (east, north, depth in metres) it takes."""

    name: str
    shape: str
    inside: object


def _box(east, north, depth):
    return lambda e, n, d: _between(e, east) & _between(n, north) & _between(d, depth)


def _between(values, limits):
    return (limits[0] < values) & (values < limits[1])


def _dipping(e, n, d):
    """A sheet 500 m wide that steps 100 m east for every 100 m down."""
    return _between(e - d, (4800, 5300)) & _between(n, (4500, 8000)) & _between(d, (100, 700))


def _boomerang(e, n, d):
    """Two arms, 500 m wide, that meet at a right angle."""
    west = _between(e, (1500, 2000)) & _between(n, (1500, 4500))
    south = _between(e, (1500, 4500)) & _between(n, (1500, 2000))
    return (west | south) & _between(d, (200, 500))


def _ellipsoid(e, n, d):
    return ((e - 11_500) / 1500) ** 2 + ((n - 7000) / 1100) ** 2 + ((d - 500) / 310) ** 2 < 1


BODIES = (
    Body("A", "cube", _box((1800, 2600), (6500, 7300), (100, 900))),
    Body("B", "right-angled bend", _boomerang),
    Body("C", "sheet dipping 45° east", _dipping),
    Body("D", "thin upright dyke", _box((7200, 12_500), (3300, 3600), (100, 500))),
    Body("E", "flat ellipsoid", _ellipsoid),
)


def geometry():
    """(mesh, operators by survey, true model by parameter, mask of cells by body)."""
    mesh = bj.Mesh.regular(shape=SHAPE, spacing=SPACING)
    depth, north, east = np.meshgrid(mesh.depth, mesh.northing, mesh.easting, indexing="ij")
    masks = {body.name: body.inside(east, north, depth) for body in BODIES}
    ground = np.sum(list(masks.values()), axis=0).astype(float)  # 1 in a body: they do not touch
    stations = (mesh, mesh.easting, mesh.northing, 0.0)
    operators = {"gravity": bj.GravityOperator(*stations), "magnetic": bj.MagneticOperator(*stations, **FIELD)}
    return mesh, operators, {"density": DENSITY * ground, "susceptibility": SUSCEPTIBILITY * ground}, masks


def problem(seed, setting):
    """The joint problem of one noise draw, uncoupled: gravity's noise is drawn first."""
    mesh, operators, truth, _ = setting
    rng = np.random.default_rng(seed)
    parameters, surveys = [], []
    for (kind, operator), (name, model), top in zip(
            operators.items(), truth.items(), (DENSITY, SUSCEPTIBILITY), strict=True):
        clean = operator.predict(model)
        std = bj.noise_std(clean, *RULES[kind])
        data = clean + std * rng.standard_normal(clean.shape)
        parameters.append(bj.Parameter(name, mesh, prior=bj.Focusing(20_000.0), bounds=(0.0, top)))
        surveys.append(bj.Modality(kind, operator, data, bj.DiagonalNoise(std), name))
    return bj.JointProblem(parameters, surveys)


def body_table(setting):
    """Markdown table of the bodies, from the cells they take."""
    mesh, _, _, masks = setting
    rows = ["| body | shape | easting (km) | northing (km) | depth (m) | cells |", "|---|---|---|---|---|---|"]
    for body in BODIES:
        k, j, i = np.nonzero(masks[body.name])
        span = [f"{edges[index.min()] / 1000:.1f}–{edges[index.max() + 1] / 1000:.1f}"
                for edges, index in ((mesh.easting_edges, i), (mesh.northing_edges, j))]
        top, bottom = -mesh.upward_edges[k.max() + 1], -mesh.upward_edges[k.min()]
        rows.append(f"| {body.name} | {body.shape} | {span[0]} | {span[1]} | {top:.0f}–{bottom:.0f} "
                    f"| {masks[body.name].sum()} |")
    return "\n".join(rows) + "\n"
