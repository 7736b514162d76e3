"""Independent references: prism after prism through choclo's own forward functions."""

import numpy as np
import pytest
from choclo.constants import VACUUM_MAGNETIC_PERMEABILITY
from choclo.prism import gravity_u, magnetic_field
from numba import njit


@njit
def _gravity(stations, prisms, density):
    out = np.zeros(len(stations))
    for s in range(len(stations)):
        e, n, u = stations[s]
        for p in range(len(prisms)):
            west, east, south, north, bottom, top = prisms[p]
            out[s] -= 1e5 * gravity_u(e, n, u, west, east, south, north, bottom, top, density[p])
    return out


@njit(cache=True)
def _magnetic(stations, prisms, susceptibility, field, direction):
    out = np.zeros(len(stations))
    for s in range(len(stations)):
        e, n, u = stations[s]
        for p in range(len(prisms)):
            west, east, south, north, bottom, top = prisms[p]
            m = field * susceptibility[p]
            b = magnetic_field(e, n, u, west, east, south, north, bottom, top, m[0], m[1], m[2])
            out[s] += 1e9 * (b[0] * direction[0] + b[1] * direction[1] + b[2] * direction[2])
    return out


def direct_sums(coordinates, prisms, properties, kind, intensity=50_000.0, inclination=45.0, declination=45.0):
    stations = np.stack([np.asarray(c, float) for c in coordinates], axis=1)
    prisms, properties = np.asarray(prisms, float), np.ravel(np.asarray(properties, float))
    if kind == "gravity":
        return _gravity(stations, prisms, properties)
    dip, azimuth = np.radians([inclination, declination])
    direction = np.array([np.cos(dip) * np.sin(azimuth), np.cos(dip) * np.cos(azimuth), -np.sin(dip)])
    field = intensity * 1e-9 / VACUUM_MAGNETIC_PERMEABILITY * direction
    return _magnetic(stations, prisms, properties, field, direction)


@pytest.fixture(name="direct_sums")
def _direct_sums():
    return direct_sums
