"""How wrong a posterior is because unknowns of the measurement enter by a tangent: measured on its own draws."""

from dataclasses import dataclass

import numpy as np

from .._checks import fail, warn
from ..augment import tangents_of
from ..dataset import Approximation
from ..gaussian import DENSE_DATA
from ._data_space import DataSpacePosterior

DRAWS, COSTLY_DRAWS = 64, 16  # behind the figures; each of a large survey is a solve
GOOD, BAD = 0.25, 1.0  # standard deviations: beyond the first it is said aloud, beyond the second refused


@dataclass(frozen=True, kw_only=True)
class TangentError:
    """What the tangent of one unknown leaves of the exact data, over the posterior.

    Parameters
    ----------
    center : float
        Root mean square at the posterior mean, in noise standard deviations.
    spread : float
        The same over draws.
    shift : float
        Largest shift of the posterior mean of any average of model and unknowns, in its own standard deviations.
    unknown : float
        Largest shift of a value of the unknown itself.
    """

    center: float
    spread: float
    shift: float
    unknown: float

    @property
    def size(self):
        """What is judged: the larger of `shift` and `spread`."""
        return max(self.shift, self.spread)


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
        If what the tangent leaves is more than one standard deviation of noise, or of an average of the model.
    """
    tangents, out = tangents_of(post.problem), []
    count = DRAWS if post.problem.data_size <= DENSE_DATA else COSTLY_DRAWS
    drawn = post.joint_draws(np.random.default_rng(0), count) if tangents and isinstance(
        post, DataSpacePosterior) else None
    for name, tangent in tangents.items():
        known = post.problem.surveys[tangent.survey].size == tangent.geometry.forward.shape[0]
        if drawn is None or not known:
            out.append(Approximation(
                name=f"tangent of {name}", status="not validated", error=float("nan"),
                statement=f"{name} enters by a {tangent.words()}. What that leaves wrong nobody has measured "
                + ("for this engine; dense and iterative do." if known else "for a part of the survey.")))
            continue
        error = _measured(post, name, tangent, *drawn)
        _judge(name, error)
        out.append(Approximation(
            name=f"tangent of {name}", status="measured", error=error.shift,
            statement=f"{name} enters by a {tangent.words()}. Exact data differ from it by {error.center:.2g} of the "
            f"noise std at the posterior mean and by {error.spread:.2g} over {count} draws (root mean square over the "
            f"data). That shifts the mean of no average of the model by more than {error.shift:.2g} of its std, and "
            f"{name} by {error.unknown:.2g} of its own."))
    return out


def _measured(post, name, tangent, x, clean):
    """What the tangent leaves at the mean and over draws x, (count, size), with clean data (count, n_data).

    A common error ē of the data shifts the mean of any average by at most (ēᵀC⁻¹ A Σ Aᵀ C⁻¹ ē)^½ of its std. ē comes
    from two halves of the draws, so that what each has of chance does not count.
    """
    problem, survey = post.problem, post.problem.surveys[tangent.survey]
    seen, own, p = problem.by_name[survey.seen[0]], problem.slices[name], problem.by_name[name]
    states = np.vstack([x, post.state_mean()])
    models, errors = seen.scale * states[:, problem.slices[seen.name]].T, p.scale * states[:, own]
    linear = survey.forward.matmat(models) + survey.term(name).columns @ (errors - tangent.error).T
    root = np.sqrt(problem.weights[survey.name])
    left = root * survey.noise.whiten(tangent.geometry.data(models, errors) - linear)
    rows = clean[:, problem.data_slices[survey.name]]
    around = root * survey.noise.whiten((rows - rows.mean(axis=0)).T)
    one, other = (around.T @ left[:, :-1][:, half].mean(axis=1) for half in np.arange(len(x)).reshape(2, -1))
    common = 0.5 * (one + other)
    moved = (x[:, own] - x[:, own].mean(axis=0)).T @ common / len(x)
    return TangentError(
        center=float(np.sqrt(np.mean(left[:, -1] ** 2))), spread=float(np.sqrt(np.mean(left[:, :-1] ** 2))),
        shift=float(np.sqrt(max(one @ other / len(x), 0.0))),
        unknown=float(np.max(np.abs(moved) / x[:, own].std(axis=0))))


def _judge(name, error):
    if error.size <= GOOD:
        return
    found = (f"what the tangent of {name} leaves of the exact data is {error.spread:.2g} of the noise std, and shifts "
             f"averages of the model by up to {error.shift:.2g} of their std")
    if error.size > BAD:
        fail("problem", f"keep the tangent of {name} within {BAD:g} std of the exact data over the posterior", found,
             "Give a smaller prior std, or find out more about it: the posterior is no Gaussian.")
    warn(f"{found}: the posterior is a rough one")
