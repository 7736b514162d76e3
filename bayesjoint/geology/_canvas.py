"""The ground of one world while structures are painted on it, and the mesh as they see it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Domain:
    """A mesh as structures see it: its extent and its ground, never the size of its cells.

    What is random is drawn in metres within the extent, so that one seed gives one world on every mesh of that extent.

    Parameters
    ----------
    mesh : Mesh
    surface : ndarray, shape (ny, nx)
        Height of the ground, metres; NaN where a column is air.
    """

    mesh: object
    surface: np.ndarray

    @classmethod
    def of(cls, mesh):
        """The domain of a mesh."""
        flat = np.full(mesh.shape[1:], mesh.upward_edges[-1])
        return cls(mesh, np.asarray(mesh.surface, dtype=float) if mesh.has_air else flat)

    @property
    def origin(self):
        """South-west corner of the top, (upward, northing, easting)."""
        mesh = self.mesh
        return float(mesh.upward_edges[-1]), float(mesh.northing_edges[0]), float(mesh.easting_edges[0])

    def places(self, rng, count):
        """Random places within the extent, (northing, easting), each (count,)."""
        u = rng.random((count, 2))
        return tuple(e[0] + (e[-1] - e[0]) * u[:, i] for i, e in enumerate(
            (self.mesh.northing_edges, self.mesh.easting_edges)))

    def ground_at(self, northing, easting):
        """Height of the ground at places, that of the column they lie in; the mesh's top where a column is air."""
        j, i = (np.clip(np.searchsorted(e, v, side="right") - 1, 0, e.size - 2) for e, v in (
            (self.mesh.northing_edges, northing), (self.mesh.easting_edges, easting)))
        ground = self.surface[j, i]
        return np.where(np.isnan(ground), self.mesh.upward_edges[-1], ground)


@dataclass(frozen=True)
class Canvas:
    """Values and units of one world.

    Parameters
    ----------
    domain : Domain
    fields : ndarray of float32, shape (n_parameters, nz, ny, nx)
        Contrasts, painted over in place.
    unit : ndarray of int16, shape (nz, ny, nx)
        What each cell belongs to, painted over in place.
    """

    domain: Domain
    fields: np.ndarray
    unit: np.ndarray

    @classmethod
    def blank(cls, domain, host, unit):
        """Ground of host rock alone: `host` holds one value a parameter."""
        host = np.asarray(host, dtype=np.float32)
        fields = np.empty((host.size, *domain.mesh.shape), dtype=np.float32)
        fields[:] = host[:, None, None, None]
        return cls(domain, fields, np.full(domain.mesh.shape, unit, dtype=np.int16))


@dataclass(frozen=True)
class Paint:
    """What the objects of one structure are made of.

    Parameters
    ----------
    values : ndarray of float32, shape (n_objects, n_parameters)
    touched : ndarray of bool, shape (n_parameters,)
        Parameters that the structure changes.
    units : ndarray of int16, shape (n_objects,)
    """

    values: np.ndarray
    touched: np.ndarray
    units: np.ndarray
