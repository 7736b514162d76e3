"""The grounds of the league table and the families it is calibrated with, stated before anything is scored."""

import numpy as np
from families import district

import bayesjoint as bj

MESH = bj.Mesh.regular((6, 18, 18), (100.0, 100.0, 100.0))
NOISE = {"gravity": 0.03, "magnetic": 3.0}  # mGal, nT
BIAS = {"gravity": 1.0, "magnetic": 50.0}  # std of each coefficient of a plane, mGal, nT
SHARES = {"gneiss": 0.7, "schist": 0.1, "gabbro": 0.1, "basalt": 0.1}
TEXTBOOK = bj.RockTable.textbook().select(SHARES)
ROCKS = bj.RockTable([district(rock) for rock in TEXTBOOK.units])
"""Rocks as they vary within one district: half as much as the textbook says."""

HOST, OTHERS = "gneiss", ("schist", "gabbro", "basalt")
COMMON = {"rocks": ROCKS, "host": HOST}
SIZE = bj.LogNormal(bj.LogUniform(250.0, 600.0), 0.3)
GAUSSIAN_STD = {"density": 100.0, "susceptibility": 0.01}

GROUNDS = {
    "blocky": bj.Geology(
        [bj.Bodies(units=OTHERS, number=(2, 8), size=SIZE, strike=0.0, dip=90.0, exponent=60.0, depth=(0.0, 600.0))],
        name="blocky", **COMMON),
    "dykes": bj.Geology(
        [bj.Dykes(units=OTHERS, number=(2, 8), thickness=bj.LogNormal(120.0, 0.3), depth=(0.0, 200.0))],
        name="dykes", **COMMON),
    "layers": bj.Geology(
        [bj.Layers(units=(HOST, *OTHERS), number=(3, 6), thickness=bj.LogNormal(150.0, 0.4), tilt=(0.0, 30.0))],
        name="layers", **COMMON),
    "gaussian": bj.Geology(
        [bj.GaussianField(std=GAUSSIAN_STD, range=300.0)], log_std=0.0, name="gaussian"),
}
"""Axis-parallel boxes, dipping sheets, folded and faulted layers, and what the Gaussian takes all ground for."""

FOREIGN = bj.Geology([bj.Bodies(units=OTHERS, number=(2, 20), size=SIZE, depth=(0.0, 600.0))], name="round bodies",
                     **COMMON)
"""Superquadrics in any direction: the geometry of none of the grounds, of the same rocks."""

UNITS = bj.Geology([bj.Plurigaussian(units=(HOST, *OTHERS), range=bj.LogNormal(500.0, 0.4))], name="units that fill",
                   **COMMON)
DEFAULT = bj.geology_default(MESH, ROCKS.std())
ENVELOPE = (FOREIGN, UNITS, DEFAULT)
"""Round bodies, plurigaussian units and the default mixture: the widest of their intervals."""


def problem(data=None):
    """Gravity 5 m and magnetics 40 m above 18 x 18 columns, a plane for each as its regional field.

    Parameters
    ----------
    data : ndarray, shape (648,), optional
        Default zeros: a problem to simulate with.
    """
    operators = (bj.GravityOperator(MESH, MESH.easting, MESH.northing, height=5.0),
                 bj.MagneticOperator(MESH, MESH.easting, MESH.northing, height=40.0, inclination=65.0))
    data = np.zeros(648) if data is None else data
    parameters = [bj.Parameter(name, MESH, prior=bj.Matern(std=std, range=300.0))
                  for name, std in GAUSSIAN_STD.items()]
    surveys = [bj.Modality(name, operator, part.reshape(18, 18), bj.DiagonalNoise(np.full((18, 18), NOISE[name])),
                           parameter.name)
               for name, operator, part, parameter in zip(NOISE, operators, np.split(data, 2), parameters, strict=True)]
    made = bj.JointProblem(parameters, surveys, [bj.Coregionalization(0.2)])
    for name, std in BIAS.items():
        made = bj.add_bias(made, name, "linear", std=std)
    return made
