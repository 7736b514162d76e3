"""What may be wrong with a survey, in the units of its data: an offset, a tilt, an extra patch, a gain."""

from dataclasses import dataclass

import numpy as np

from .local import spacing_of

PATCH = 6.0  # radius of the patch in station spacings: about 113 stations
SHARE = 0.25  # of the survey's longer side, which the patch does not exceed
FEWEST = 4  # stations from which a survey has a tilt, a patch or a gain to speak of


@dataclass(frozen=True)
class Disturbance:
    """One way in which a survey may be off.

    Parameters
    ----------
    name : {"offset", "tilt north", "tilt east", "patch", "gain"}
        Form.
    survey : str
        Modality.
    column : ndarray, shape (n_data,)
        What is added to the data, in their units, for a size of 1.
    units : str
        Of the size: those of the data, "%" for a gain.
    scale : float
        Size at which it is as large as the noise: root mean square for a gain, else the noise std.
    words : str
        What the size means.
    """

    name: str
    survey: str
    column: np.ndarray
    units: str
    scale: float
    words: str


def disturbances_of(modality, weight=1.0, signal=None, radius=None):
    """Offset, tilts from the centre to the edge, a disc in the middle, and a gain, as far as they make sense.

    Parameters
    ----------
    modality : Modality
        The survey.
    weight : float, default 1
        Likelihood exponent; noise counts as C / w.
    signal : ndarray, shape (n_data,), optional
        Its clean data as predicted; without it no gain.
    radius : float, optional
        Of the disc, metres; default six station spacings, at most a quarter of the survey's longer side.

    Returns
    -------
    list of Disturbance

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((1, 3, 4), (100.0, 100.0, 100.0))
    >>> op = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    >>> survey = bj.Modality("ground", op, np.zeros((3, 4)), bj.DiagonalNoise(np.full((3, 4), 0.1)), "density")
    >>> [d.name for d in disturbances_of(survey)]
    ['offset', 'tilt north', 'tilt east', 'patch']
    """
    std, name, units = float(np.sqrt(np.median(modality.noise.variance()) / weight)), modality.name, modality.units
    out = [Disturbance("offset", name, np.ones(modality.size), units, std, f"constant shift of {name}")]
    if modality.size < FEWEST:
        return out
    if hasattr(modality.forward, "coordinates"):
        easting, northing, _ = (np.asarray(c, dtype=float) for c in modality.forward.coordinates())
        for direction, values in (("north", northing), ("east", easting)):
            if np.ptp(values) > 0:
                column = 2.0 * (values - values.min()) / np.ptp(values) - 1.0
                out.append(Disturbance(f"tilt {direction}", name, column, units, std,
                                       f"tilt of {name}, from its centre to its {direction}ern edge"))
        places = np.column_stack([easting, northing])
        middle = places[np.argmin(np.sum((places - 0.5 * (places.min(axis=0) + places.max(axis=0))) ** 2, axis=1))]
        if radius is None:
            radius = min(PATCH * spacing_of(places), SHARE * float(np.ptp(places, axis=0).max()))
        inside = np.hypot(*(places - middle).T) <= radius * (1 + 1e-9)
        if not inside.all():
            out.append(Disturbance("patch", name, inside.astype(float), units, std,
                                   f"height of a disc of {radius:.4g} m in the middle of {name}"))
    if signal is not None and np.any(signal):
        size = float(np.sqrt(np.mean(signal**2)))
        out.append(Disturbance("gain", name, 0.01 * signal, "%", 100.0 * std / size, f"gain of {name}"))
    return out
