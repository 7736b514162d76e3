"""What can be measured: kinds and their components, each one entry with its units, property and corner functions."""

from dataclasses import dataclass

import numpy as np

from .._checks import as_finite, as_positive, fail, one_of
from .kernels import GRAVITATIONAL_CONST

MGAL_PER_SI, EOTVOS_PER_SI = 1e5, 1e9
PROPERTIES = {"gravity": ("density", "kg/m3"), "magnetic": ("susceptibility", "SI")}
UNITS = dict(PROPERTIES.values())


@dataclass(frozen=True, kw_only=True, eq=False)
class Quantity:
    """One component of one kind of field, as weights of the corner functions of a prism.

    Parameters
    ----------
    kind : {"gravity", "magnetic"}
        It decides which property it is of, and stays the kind of a survey whatever its component.
    component : str
        Such as "gz".
    units : str
        Of the data.
    coefficients : ndarray, shape (6,)
        Weights of ``kernel_u, kernel_ee, kernel_nn, kernel_en, kernel_eu, kernel_nu``.
    """

    kind: str
    component: str
    units: str
    coefficients: np.ndarray

    @property
    def singular(self):
        """Whether the field is singular at edges of prisms and jumps at their faces: all but g_z."""
        return self.coefficients[0] == 0.0


# Second derivatives of 1/r by corner functions, in the order of `Quantity.coefficients`. kernel_uu is replaced by
# −(kernel_ee + kernel_nn): Laplace's equation outside the prism, and on its top or bottom face it gives the limit from
# outside, where a differenced kernel_uu gives the one from inside.
TENSOR = {"ee": (0, 1, 0, 0, 0, 0), "nn": (0, 0, 1, 0, 0, 0), "uu": (0, -1, -1, 0, 0, 0), "en": (0, 0, 0, 1, 0, 0),
          "eu": (0, 0, 0, 0, 1, 0), "nu": (0, 0, 0, 0, 0, 1)}
TENSOR = {pair: np.array(weights, dtype=float) for pair, weights in TENSOR.items()}

# Components of gravity, z positive down: sign and pair of the tensor.
GRADIENTS = {"gee": (1, "ee"), "gnn": (1, "nn"), "gzz": (1, "uu"), "gen": (1, "en"), "gez": (-1, "eu"),
             "gnz": (-1, "nu")}
MAGNETIC = ("tfa", "b_e", "b_n", "b_u")
NAMES = {"gravity": ("gz", *GRADIENTS), "magnetic": MAGNETIC}


def gravity_quantity(component="gz"):
    """A component of gravity per kg/m³.

    Parameters
    ----------
    component : str, default "gz"
        "gz": g_z in mGal, positive down. "gee", "gnn", "gzz", "gen", "gez", "gnz": its gradients in Eötvös (1e-9 s⁻²),
        e and n towards east and north, z down; "gzz" is positive above a dense body.

    Returns
    -------
    Quantity

    Raises
    ------
    ValueError
        If there is no such component.

    Examples
    --------
    >>> gravity_quantity("gzz").units, bool(gravity_quantity().coefficients[0] < 0)
    ('E', True)
    """
    one_of("component", component, NAMES["gravity"])
    if component == "gz":
        weights, units = np.array([-MGAL_PER_SI * GRAVITATIONAL_CONST, 0.0, 0.0, 0.0, 0.0, 0.0]), "mGal"
    else:
        sign, pair = GRADIENTS[component]
        weights, units = sign * EOTVOS_PER_SI * GRAVITATIONAL_CONST * TENSOR[pair], "E"
    return Quantity(kind="gravity", component=component, units=units, coefficients=weights)


def magnetic_quantity(component="tfa", intensity=50_000.0, inclination=45.0, declination=45.0):
    """A component of the magnetic field in nT per SI unit of induced susceptibility.

    With f the unit vector of the inducing field F, B = χ F/(4π) U f and ΔT = fᵀ B (Blakely 1995, ch. 9), U the third
    difference of the tensor's corner functions.

    Parameters
    ----------
    component : str, default "tfa"
        "tfa": total-field anomaly. "b_e", "b_n", "b_u": the anomalous field towards east, north and up.
    intensity : float
        Inducing field, nT, > 0.
    inclination, declination : float
        Degrees; inclination positive down, within ±90; declination clockwise from north, within ±360.

    Returns
    -------
    Quantity

    Raises
    ------
    ValueError
        If there is no such component, or a value is not finite or out of range.

    Examples
    --------
    >>> magnetic_quantity("tfa", 50_000.0, 90.0, 0.0).coefficients.round(0) + 0.0
    array([    0., -3979., -3979.,     0.,     0.,     0.])
    """
    one_of("component", component, NAMES["magnetic"])
    intensity = float(as_positive("intensity", intensity, 0))
    angles = []
    for name, value, limit in (("inclination", inclination, 90.0), ("declination", declination, 360.0)):
        angle = float(as_finite(name, value, 0))
        if abs(angle) > limit:
            fail(name, f"lie within ±{limit:g} degrees", f"{angle:g}", "Give the angle in degrees.")
        angles.append(np.radians(angle))
    dip, azimuth = angles
    field = {"e": np.cos(dip) * np.sin(azimuth), "n": np.cos(dip) * np.cos(azimuth), "u": -np.sin(dip)}
    along = field if component == "tfa" else {component[-1]: 1.0}
    weights = sum(a * f * TENSOR["".join(sorted(i + j))]
                  for i, a in along.items() for j, f in field.items())
    return Quantity(kind="magnetic", component=component, units="nT", coefficients=intensity / (4 * np.pi) * weights)


def quantity_named(name, **field):
    """The quantity of a kind ("gravity": g_z, "magnetic": total field) or of a component; `field` for magnetics."""
    kinds = {component: kind for kind, components in NAMES.items() for component in components}
    one_of("kind", name, (*NAMES, *kinds))
    kind, component = kinds.get(name, name), (name,) if name in kinds else ()
    return gravity_quantity(*component) if kind == "gravity" else magnetic_quantity(*component, **field)
