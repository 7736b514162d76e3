"""How wrong a posterior is because unknowns of the measurement enter by a tangent: measured on the posterior itself."""

from dataclasses import dataclass

import numpy as np

from .._checks import fail, warn
from ..augment import tangents_of
from ..dataset import Approximation
from ..gaussian import DENSE_DATA
from ._data_space import DataSpacePosterior

DRAWS, COSTLY_DRAWS = 64, 16  # behind the figures; each of a large survey is a solve
SHARE = 0.9  # of an interval; each 0.05 that it is off counts as a quarter of a standard deviation
GOOD, BAD = 0.25, 1.0  # standard deviations: beyond the first it is said aloud, beyond the second refused


@dataclass(frozen=True, kw_only=True)
class TangentError:
    """What the tangent of one unknown leaves of the exact posterior.

    Parameters
    ----------
    spread : float
        What it leaves of the exact data over joint draws, root mean square, in noise standard deviations. Where there
        are operators for other values only such draws feel it: given the unknown, the model has its exact mean.
    model : float
        How far the posterior mean of the model, given the unknown one standard deviation away, is from the exact one:
        root mean square over the cells, in their posterior standard deviations. Where no operators can be built for
        that, the same of the shift by what the tangent leaves of the data on average.
    away : float
        How far the posterior's unknown is from where the tangent was laid, in its standard deviations.
    """

    spread: float
    model: float
    away: float


def tangent_statements(post):
    """An `Approximation` for each unknown that enters by a tangent; an error or a warning where it is a poor one.

    Parameters
    ----------
    post : Posterior

    Returns
    -------
    list of Approximation

    Raises
    ------
    ValueError
        If what a tangent leaves is more than one standard deviation.
    """
    tangents, out = tangents_of(post.problem), []
    count = DRAWS if post.problem.data_size <= DENSE_DATA else COSTLY_DRAWS
    drawn = post.state_draws(np.random.default_rng(0), count) if tangents and isinstance(
        post, DataSpacePosterior) else None
    for name, tangent in tangents.items():
        whole = post.problem.surveys[tangent.survey].size == tangent.geometry.forward.shape[0]
        if drawn is None or not whole:
            out.append(Approximation(
                name=f"tangent of {name}", status="not validated", error=float("nan"),
                statement=f"{name} enters by a {tangent.words()}. What that leaves wrong nobody has measured "
                + ("for this engine; dense and iterative do." if whole else "for a part of the survey.")))
            continue
        error = _measured(post, name, tangent, drawn)
        worst = max(error.model, error.away, 5 * abs(tangent.held - SHARE) if tangent.geometry.movable else
                    error.spread)
        out.append(Approximation(name=f"tangent of {name}", status="measured", error=worst,
                                 statement=_words(name, tangent, error)))
        out.append(Approximation(
            name=f"draws of {name} with the model", status="measured", error=error.spread,
            statement=f"Exact data of one draw of both differ from its linear ones by {error.spread:.2g} of the noise "
            f"std (root mean square over the data and {count} draws)."
            + (" Means, standard deviations and intervals do not rest on that: see the figures above."
               if tangent.geometry.movable else "")))
        if worst > GOOD:
            _say(name, worst, out[-2].statement)
    return out


def _say(name, worst, statement):
    if worst > BAD:
        fail("problem", f"keep what the tangent of {name} leaves within {BAD:g} std", statement,
             "Give a smaller prior std, or lay it anew by bj.relinearised(problem).")
    warn(f"the tangent of {name} is a rough one: {statement}")


def _words(name, tangent, error):
    if tangent.geometry.movable:
        exact = ("Its own posterior has its place and width by the exact evidence: what is stated as its 90 % interval "
                 f"holds {tangent.held:.1%} of it, and simulated data behind it leave an error of "
                 f"{tangent.trace_error:.2g} of its std. One std away the exact mean of the model is {error.model:.2g} "
                 "of the cells' std from this one.")
    else:
        exact = (f"It leaves {error.spread:.2g} of the noise std of the exact data. On average that shifts the mean of "
                 f"the model by {error.model:.2g} of the cells' std; the unknown's own std nobody has held against the "
                 "evidence.")
    return (f"{name} enters by a {tangent.words()}. {exact} The posterior here is {error.away:.2g} std from where it "
            "was laid for.")


def _measured(post, name, tangent, x):
    """`TangentError` from draws x, (count, size)."""
    problem, survey = post.problem, post.problem.surveys[tangent.survey]
    seen, own, p = problem.by_name[survey.seen[0]], problem.slices[name], problem.by_name[name]
    cells, mean = problem.slices[seen.name], post.state_mean()
    models, errors = seen.scale * x[:, cells].T, p.scale * x[:, own]
    linear = survey.forward.matmat(models) + survey.term(name).columns @ (errors - tangent.error).T
    linear += np.reshape(tangent.geometry.offset(tangent.error), (-1, 1))
    left = tangent.geometry.data(models, errors) - linear
    movable = tangent.geometry.movable
    away = np.abs(mean[own] - tangent.mean / p.scale) / x[:, own].std(axis=0) if movable else np.zeros(1)
    return TangentError(
        spread=float(np.sqrt(problem.weights[survey.name] * np.mean(survey.noise.whiten(left) ** 2))),
        away=float(away.max()),
        model=_of_ends(post, name, tangent, x) if movable else _shift(post, survey, cells, left, x))


def _of_ends(post, name, tangent, x):
    """Root mean square difference of the exact conditional means from the tangent's, over the cells' std."""
    problem, survey = post.problem, post.problem.surveys[tangent.survey]
    seen, own, p = problem.by_name[survey.seen[0]], problem.slices[name], problem.by_name[name]
    cells = problem.slices[seen.name]
    unit = np.zeros((problem.size, p.size))
    unit[own] = np.eye(p.size)
    spread = post.state_product(unit)
    response = spread[cells] @ np.linalg.inv(spread[own])
    std, mean = x[:, cells].std(axis=0, ddof=1), post.state_mean()
    known, out = std > 0, []
    for end in tangent.ends:
        model = mean[cells] + response @ (end.error / p.scale - mean[own])
        out.append(np.mean(((end.model / seen.scale - model)[known] / std[known]) ** 2))
    return float(np.sqrt(np.max(out)))


def _shift(post, survey, cells, left, x):
    """Root mean square shift of the cells' means, over their std, by what the tangent leaves of the data on average.

    The average comes from two halves of the draws, so that chance does not count.
    """
    data = np.zeros((post.problem.data_size, 2))
    for k, half in enumerate(np.arange(left.shape[1]).reshape(2, -1)):
        data[post.problem.data_slices[survey.name], k] = left[:, half].mean(axis=1)
    one, other = post.mean_response(data)[cells].T
    variance = x[:, cells].var(axis=0, ddof=1)
    return float(np.sqrt(max(np.mean(one[variance > 0] * other[variance > 0] / variance[variance > 0]), 0.0)))
