"""Differences between neighbouring cells of a mesh, as a linear operator."""

import numpy as np
from scipy.sparse.linalg import LinearOperator

METRES_PER_UNIT = 1000.0  # gradients are per kilometre, so that they are of order one on survey meshes


class MeshGradient(LinearOperator):
    """Spatial gradient of m̂ across the inner faces of a mesh: cell differences over centre distances, per kilometre.

    Rows are the faces between neighbours in upward, then northing, then easting, each in C order. At a face of an air
    cell there is no difference: its row is 0.

    Parameters
    ----------
    mesh : Mesh
        nz × ny × nx cells.

    Examples
    --------
    >>> from bayesjoint import Mesh
    >>> MeshGradient(Mesh.regular((1, 1, 3), (100, 100, 500))) @ np.array([0.0, 1.0, 1.0])
    array([2., 0.])
    """

    def __init__(self, mesh):
        self.mesh_shape = mesh.shape
        centres = (mesh.upward, mesh.northing, mesh.easting)
        self._steps = [(np.diff(c) / METRES_PER_UNIT).reshape([-1 if a == axis else 1 for a in range(3)])
                       for axis, c in enumerate(centres)]
        self._faces = [tuple(n - (a == axis) for a, n in enumerate(mesh.shape)) for axis in range(3)]
        self._ends = np.cumsum([0, *(int(np.prod(f)) for f in self._faces)])
        self._shut = [~(_upper(mesh.active, a) & _lower(mesh.active, a)) for a in range(3)] if mesh.has_air else None
        super().__init__(np.dtype(np.float64), (int(self._ends[-1]), mesh.size))

    def at_faces(self, cells):
        """Mean of the two cells at every face, shape (n_faces,), for cell values of shape (size,)."""
        cube = np.reshape(cells, self.mesh_shape)
        return np.concatenate([
            0.5 * (_upper(cube, axis) + _lower(cube, axis)).ravel() for axis in range(3)
        ])

    def _open(self, axis, values):
        return values if self._shut is None else np.where(self._shut[axis], 0.0, values)

    def _matvec(self, x):
        cube = np.reshape(x, self.mesh_shape)
        return np.concatenate([self._open(a, np.diff(cube, axis=a) / s).ravel() for a, s in enumerate(self._steps)])

    def _rmatvec(self, y):
        y = np.ravel(y)
        out = np.zeros(self.mesh_shape)
        for axis, step in enumerate(self._steps):
            flux = self._open(axis, y[self._ends[axis]:self._ends[axis + 1]].reshape(self._faces[axis]) / step)
            _upper(out, axis)[...] += flux
            _lower(out, axis)[...] -= flux
        return out.ravel()


def _upper(cube, axis):
    return cube[(slice(None),) * axis + (slice(1, None),)]


def _lower(cube, axis):
    return cube[(slice(None),) * axis + (slice(None, -1),)]
