"""Noise of a survey from itself: stations measured again, crossings of lines, or its shortest wavelengths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import as_positive, checked, fail
from .._typing import Survey
from ..survey import roughness

FEWEST = 10  # differences from which a std is stated: it is known to a quarter then


@dataclass(frozen=True)
class NoiseEstimate:
    """Standard deviation of the noise of one datum.

    Attributes
    ----------
    std, error : float
        Estimate and its standard error, units of the data.
    how : {"repeats", "crossings", "wavelengths"}
        What it comes from.
    count : int
        Differences behind it; 0 for "wavelengths", whose error counts them already.
    note : str
        What it holds, and what it cannot tell.
    """

    std: float
    error: float
    how: str
    count: int
    note: str


@checked
def noise_estimate(survey: Survey, how: str = "auto", apart: float = 1.0) -> NoiseEstimate:
    """Estimate the noise of a survey from its own data.

    Stations measured again differ by the noise of both. Lines that cross differ there by the noise of four stations and
    by their levels; the curvature of the field between stations adds to it. Shortest wavelengths hold whatever is
    rougher than a polynomial of degree four: noise, and sources shallower than the stations are apart.

    Parameters
    ----------
    survey : Survey
    how : {"auto", "repeats", "crossings", "wavelengths"}, default "auto"
        The first of these that the survey has, repeats being trusted most.
    apart : float, default 1.0
        Metres within which stations count as one place, as positions are known that well.

    Returns
    -------
    NoiseEstimate

    Raises
    ------
    ValueError
        If the survey has nothing of what is asked for, or nothing that tells noise from ground.

    Examples
    --------
    >>> from bayesjoint import Survey
    >>> rng = np.random.default_rng(0)
    >>> east = np.repeat(rng.uniform(0, 1e4, 200), 2)
    >>> survey = Survey("gravity", np.sin(east / 1e3) + 0.1 * rng.standard_normal(400), east, east, upward=0.0)
    >>> found = noise_estimate(survey)
    >>> found.how, abs(found.std - 0.1) < 2 * found.error
    ('repeats', True)
    """
    apart = float(as_positive("apart", apart, 0))
    ways = {"repeats": lambda: _repeats(survey, apart), "crossings": lambda: _crossings(survey),
            "wavelengths": lambda: _wavelengths(survey)}
    if how not in (*ways, "auto"):
        fail("how", f"be one of {', '.join(('auto', *ways))}", repr(how), "Correct the spelling.")
    for way in ways if how == "auto" else [how]:
        found = ways[way]()
        if found is not None:
            return found
    return fail("survey", f"tell its noise by {' or '.join(ways) if how == 'auto' else how}",
                f"fewer than {FEWEST} differences, or data that are smooth to the last digit",
                "State a std: what the contractor quotes, or fit it with fit_hyperparameters.")


def _of(differences, shares, how, note):
    """By differences whose variance is `shares` times that of one datum; None if they are few."""
    if differences.size < FEWEST:
        return None
    std = float(np.sqrt(np.mean(differences**2 / shares)))
    if not std > 0:
        return None
    # the spread of the squares themselves: tails of levels and blunders count
    squares = differences**2 / shares
    error = float(np.std(squares) / np.sqrt(squares.size) / (2 * std))
    return NoiseEstimate(std, max(error, float(std / np.sqrt(2 * squares.size))), how, int(squares.size), note)


def _repeats(survey, apart):
    """Pairs of stations at one place and height, each station once, of two lines where lines are named."""
    from scipy.spatial import cKDTree

    places = np.stack(survey.coordinates(), axis=1)[survey.observed.ravel()]
    data = survey.data[survey.observed]
    pairs = cKDTree(places).query_pairs(apart, output_type="ndarray")
    if survey.lines is not None:  # neighbours on a line share its drift
        line = survey.lines[survey.observed]
        pairs = pairs[line[pairs[:, 0]] != line[pairs[:, 1]]]
    pairs = pairs[np.argsort(pairs[:, 1] - pairs[:, 0], kind="stable")] if pairs.size else pairs.reshape(0, 2)
    first = np.unique(pairs[:, 0], return_index=True)[1]
    pairs = pairs[first]
    pairs = pairs[~np.isin(pairs[:, 0], pairs[:, 1])]
    return _of(data[pairs[:, 0]] - data[pairs[:, 1]], np.full(len(pairs), 2.0), "repeats",
               f"stations within {apart:g} m of each other: noise of the instrument and of its set-up, without what is "
               "the same each time")


def _crossings(survey):
    """Differences where lines cross, by linear interpolation along both."""
    if survey.lines is None:
        return None
    seen = survey.observed
    names, line = np.unique(survey.lines[seen], return_inverse=True)
    tracks = [np.stack([survey.easting[seen], survey.northing[seen], survey.data[seen]])[:, line == k]
              for k in range(names.size)]
    tracks = [track for track in tracks if track.shape[1] > 1]
    boxes = [(track[:2].min(axis=1), track[:2].max(axis=1)) for track in tracks]
    differences, shares = [np.empty(0)], [np.empty(0)]
    for a, one in enumerate(tracks):
        for b in range(a):
            if (boxes[a][0] <= boxes[b][1]).all() and (boxes[b][0] <= boxes[a][1]).all():
                found = _where_crossed(one, tracks[b])
                differences.append(found[0])
                shares.append(found[1])
    return _of(np.concatenate(differences), np.concatenate(shares), "crossings",
               "crossings of lines: noise and levels of lines, and what the field bends between stations; heights "
               "count as equal")


def _where_crossed(one, other):
    """(differences, their variance for one of a datum) at crossings of two lines (3, n) of east, north and data."""
    start, step = one[:2, :-1, None], np.diff(one[:2])[:, :, None]
    begin, way = other[:2, None, :-1], np.diff(other[:2])[:, None, :]
    across = step[0] * way[1] - step[1] * way[0]
    gap = begin - start
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (gap[0] * way[1] - gap[1] * way[0]) / across
        u = (gap[0] * step[1] - gap[1] * step[0]) / across
    i, j = np.nonzero((t >= 0) & (t < 1) & (u >= 0) & (u < 1))
    t, u = t[i, j], u[i, j]
    mine = (1 - t) * one[2, i] + t * one[2, i + 1]
    theirs = (1 - u) * other[2, j] + u * other[2, j + 1]
    return mine - theirs, (1 - t) ** 2 + t**2 + (1 - u) ** 2 + u**2


def _wavelengths(survey):
    found = roughness(survey)
    if found is None or not found.is_noise:
        return None
    return NoiseEstimate(found.std, found.error, "wavelengths", 0,
                         f"{found.how}: noise, and sources shallower than the stations are apart")
