"""Grids filtered by wavenumber, to be looked at: continued upward, reduced to the pole."""

import numpy as np

from .._checks import as_positive, fail

LEAST_INCLINATION = 20.0  # degrees: the filter's largest factor is 1 / sin² I, 8.5 there


def continued(survey, distance):
    """(data at `distance` metres above, what was done)."""
    distance = float(as_positive("distance", distance, 0))
    data = _filtered(survey, lambda east, north: np.exp(-distance * np.hypot(east, north)))
    return data, f"continued upward by {distance:g} m on a mirrored grid, for looking: margins that wide are made up"


def at_the_pole(survey):
    """(data as under a vertical field, what was done)."""
    if survey.inclination is None:
        fail("inclination", "be known of a survey that is reduced to the pole", "none",
             "Pass intensity, inclination and declination to Survey, or use survey.igrf(date).")
    if abs(survey.inclination) < LEAST_INCLINATION:
        fail("inclination", f"be at least {LEAST_INCLINATION:g}° from the horizontal for a reduction to the pole",
             f"{survey.inclination:g}°", "Nearer to the equator the filter makes stripes of noise: invert the data "
             "as they are.")
    dip, turn = np.radians([survey.inclination, survey.declination])

    def factor(east, north):
        size = np.hypot(east, north)
        along = np.divide(north * np.cos(turn) + east * np.sin(turn), size, out=np.zeros_like(size), where=size > 0)
        return np.where(size > 0, 1.0 / (np.sin(dip) + 1j * np.cos(dip) * along) ** 2, 1.0)

    note = ("reduced to the pole on a mirrored grid, for looking: it takes all magnetisation for induced, multiplies "
            f"noise by up to {1 / np.sin(dip) ** 2:.2g}, and margins are made up")
    return _filtered(survey, factor), note


def _filtered(survey, factor):
    """Data times a function of wavenumber (radians per metre), mirrored at the edges."""
    if not survey.is_grid or not survey.observed.all():
        fail("the survey", "be a grid without gaps to be filtered", "a grid with gaps" if survey.is_grid else
             "scattered stations", "Grid it first: bj.equivalent_sources(survey, spacing).")
    steps = [np.diff(axis) for axis in (survey.northing, survey.easting)]
    for name, step in zip(("northing", "easting"), steps, strict=True):
        if not step.size or np.ptp(step) > 1e-3 * step.mean():
            fail(name, "be equally spaced to be filtered", f"{step.size + 1} values, steps {step.min(initial=0):g} to "
                 f"{step.max(initial=0):g} m", "Grid it first: bj.equivalent_sources(survey, spacing).")
    ny, nx = survey.shape
    padded = np.pad(survey.data, ((ny // 2, ny - ny // 2), (nx // 2, nx - nx // 2)), mode="symmetric")
    north, east = (2 * np.pi * np.fft.fftfreq(n, step.mean()) for n, step in zip(padded.shape, steps, strict=True))
    wave = np.fft.fft2(padded) * factor(*np.meshgrid(east, north))
    return np.fft.ifft2(wave).real[ny // 2: ny // 2 + ny, nx // 2: nx // 2 + nx]
