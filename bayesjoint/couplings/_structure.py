"""What couplings by structure share: parameters in units of their own spread, and differences to the next cells."""

from __future__ import annotations

import numpy as np

from .._checks import as_finite, as_positive, as_shape, fail
from ._members import in_order


class Scaled:
    """Parameters on one mesh as u = m / spread, and distances to the next cells in units of a length.

    Parameters
    ----------
    parameters : list of Parameter
    spread : dict of {str: float}
        Of some of them, physical units; the others' is that of their prior.
    length : float or None
        Metres.

    Attributes
    ----------
    names : list of str
    factors : ndarray, shape (P,)
        m̂ to u.
    steps : ndarray, shape (3, nz, ny, nx)
        One over the distance to the next cell upward, northing and easting, in units of the length; 0 where there is
        none, or one of the two is air.
    shares : ndarray, shape (nz, ny, nx)
        Volume of each cell over the mean of the ground's; 0 in air.
    """

    def __init__(self, parameters, spread, length):
        self.names, self.mesh = [p.name for p in parameters], parameters[0].mesh
        _check(parameters)
        unknown = sorted(set(spread) - set(self.names))
        if unknown:
            fail("spread", f"be keyed by parameters among {self.names}", f"{unknown}", "Correct the key.")
        self.factors = np.array([p.scale / _spread(p, spread.get(p.name)) for p in parameters])
        self.length = _length(self.mesh) if length is None else float(length)
        centres = self.mesh.upward, self.mesh.northing, self.mesh.easting
        self.steps = np.zeros((3, *self.mesh.shape))
        for axis, c in enumerate(centres):
            lower, upper = (tuple(part if a == axis else slice(None) for a in range(3))
                            for part in (slice(None, -1), slice(1, None)))
            step = (self.length / np.diff(c)).reshape([-1 if a == axis else 1 for a in range(3)])
            self.steps[axis][lower] = np.where(self.mesh.active[lower] & self.mesh.active[upper], step, 0.0)
        thickness, north, east = (np.diff(e) for e in (self.mesh.upward_edges, self.mesh.northing_edges,
                                                       self.mesh.easting_edges))
        volume = thickness[:, None, None] * north[:, None] * east
        self.shares = np.where(self.mesh.active, volume / volume[self.mesh.active].mean(), 0.0)

    def fields(self, parts):
        """All members in units of their spread, shape (P, nz, ny, nx)."""
        return np.stack([f * np.reshape(parts[name], self.mesh.shape)
                         for f, name in zip(self.factors, self.names, strict=True)])

    def back(self, slopes, out=None):
        """{name: derivative by m̂}, of derivatives by u, (P, nz, ny, nx)."""
        made = {name: f * slope.ravel() for f, name, slope in zip(self.factors, self.names, slopes, strict=True)}
        if out is None:
            return made
        for name, values in made.items():
            out[name][:] = values
        return {name: out[name] for name in made}


class BoundStructure:
    """A coupling by structure over named parameters; `parts` are {name: flat m̂}. Subclasses `look`.

    Parameters
    ----------
    coupling : CrossGradient or JointTotalVariation
        Settings.
    scaled : Scaled
        Its members.
    """

    is_density = True

    def __init__(self, coupling, scaled):
        self.coupling, self.names, self._scaled = coupling, scaled.names, scaled

    def value(self, parts):
        """S, the penalty."""
        return self.look(parts)[0]

    def gradient(self, parts):
        """{name: derivative by m̂}."""
        return self.look(parts)[1]


def checked_settings(coupling):
    """Refuse a weight, spreads or a length that cannot be; give the spreads as a dict."""
    if as_finite("weight", coupling.weight, 0) < 0:
        fail("weight", "be >= 0", f"{coupling.weight:g}", "0 switches the coupling off.")
    if coupling.length is not None:
        as_positive("length", coupling.length, 0)
    for name, value in (coupling.spread or {}).items():
        as_positive(f"spread of {name}", value, 0)
    if coupling.parameters is not None:
        object.__setattr__(coupling, "parameters", tuple(coupling.parameters))


def members_of(coupling, parameters):
    """The parameters in the order in which the coupling names them."""
    return list(parameters) if coupling.parameters is None else in_order(parameters, coupling.parameters)


def fixed_field(values, scaled):
    """A known field in units of its own spread over the ground, shape (1, nz, ny, nx)."""
    field = as_shape("against", np.nan_to_num(values), scaled.mesh.shape)
    lacking = int(np.sum(~np.isfinite(values[scaled.mesh.active])))
    if lacking:
        fail("against", "be finite in every ground cell", f"{lacking} that are not", "Fill them in; air may be NaN.")
    field = np.where(scaled.mesh.active, field, 0.0)
    spread = float(np.std(field[scaled.mesh.active]))
    if not spread > 0:
        fail("against", "vary over the mesh", "one value everywhere", "A field without structure ties nothing.")
    return field[None] / spread


def _check(parameters):
    if any(p.mesh is None for p in parameters):
        fail("parameters", "lie on a mesh", f"{[p.name for p in parameters if p.mesh is None]} without one",
             "Only a mesh has neighbours; name `parameters`.")
    if any(p.mesh != parameters[0].mesh for p in parameters):
        fail("parameters", "share one mesh, air included", f"{[p.name for p in parameters]} on different ones",
             "Use one mesh for all of them; mark air in the mesh (mesh.with_active), not in one operator.")


def _spread(parameter, stated):
    if stated is not None:
        return float(stated)
    bound = parameter.bound_prior
    if not getattr(bound, "gaussian", False) or hasattr(bound, "depth_weights"):
        fail("spread", f"be given for {parameter.name}, whose prior has no std of its own", repr(parameter.prior),
             f"Say spread={{{parameter.name!r}: how much it varies, {parameter.units}}}.")
    variance = bound.covariance.diagonal()
    return float(parameter.scale * np.sqrt(variance[parameter.ground.ravel()].mean()))


def _length(mesh):
    """Geometric mean of the median distances between cells along the axes that have several."""
    steps = [np.median(np.diff(c)) for c in (mesh.upward, mesh.northing, mesh.easting) if c.size > 1]
    if not steps:
        fail("mesh", "have neighbouring cells for a coupling by structure", "one cell", "Use a finer mesh.")
    return float(np.exp(np.mean(np.log(steps))))
