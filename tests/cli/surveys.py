"""A tiny pair of surveys on disk, and a configuration for them."""

import numpy as np

from bayesjoint import GravityOperator, MagneticOperator, Mesh, Survey

FIELD = {"intensity": 50_000.0, "inclination": 60.0, "declination": 5.0}

CONFIG = """
title = "Two bodies"
seed = 3

[surveys.gravity]
file = "gravity.nc"
kind = "gravity"
parameter = "density"
std = 0.05

[surveys.magnetic]
file = "magnetic.nc"
kind = "magnetic"
parameter = "susceptibility"
relative_std = 0.02
floor_std = 0.02
bias = "constant"
bias_std = 50.0

[mesh]
depth = 400.0
layers = 3
padding = 1

[parameters.density]
std = 200.0
range = 200.0

[parameters.susceptibility]
std = 0.05
range = 200.0

[coupling]
kind = "coregionalization"
correlation = 0.5

[posterior]
draws = 3
chains = 2
"""


def write_pair(folder, shape=(6, 7)):
    """Write gravity.nc, magnetic.nc and run.toml; return the path of the configuration."""
    ny, nx = shape
    mesh = Mesh.regular((3, ny, nx), (100, 100, 100))
    truth = np.zeros(mesh.shape)
    truth[1, 2:4, 2:5] = 1.0
    rng = np.random.default_rng(0)
    fields = {
        "gravity": (GravityOperator(mesh, mesh.easting, mesh.northing), 300.0, 0.05, {}),
        "magnetic": (MagneticOperator(mesh, mesh.easting, mesh.northing, **FIELD), 0.05, 5.0, FIELD),
    }
    for kind, (operator, amplitude, noise, field) in fields.items():
        data = operator.predict(amplitude * truth) + noise * rng.standard_normal(operator.data_shape)
        survey = Survey(kind, data, mesh.easting, mesh.northing, upward=0.0, licence="none", **field)
        survey.to_dataset().to_netcdf(folder / f"{kind}.nc", engine="h5netcdf")
    config = folder / "run.toml"
    config.write_text(CONFIG)
    return config
