"""From a scalar functional of draws to a dataset with its errors."""

import numpy as np
from scipy.special import ndtri

from .._checks import as_count, as_share
from ..dataset import DatasetBuilder
from ._closed_form import closed_form
from ._montecarlo import drawn, mean_and_std, quantiles

KIND = "equal-tailed"
DRAWS, CHAINS = 500, 4  # 2,000 draws give a mean to 2 % of the standard deviation


def tails(probability):
    """Levels of the two ends of an equal-tailed interval."""
    share = as_share("probability", probability)
    return (1 - share) / 2, (1 + share) / 2


def interval_words(probability):
    """Attributes that say what an interval is."""
    return {"probability": float(probability), "kind": KIND}


def counts(post, draws, chains):
    """(draws, chains) to ask for, by default all of a loaded posterior; counts that are none are refused."""
    held = (CHAINS, DRAWS) if post.held is None else post.held
    return (as_count("draws", held[1] if draws is None else draws),
            as_count("chains", held[0] if chains is None else chains))


def run_words(post, draws, chains, seed):
    """Attributes that say where a dataset's figures come from."""
    return {"method": post.method, "draws_per_chain": draws, "chains": chains, "seed": str(seed),
            "draws_are": "Markov chains" if post.markov else "independent", "caution": caution(post)}


def caution(post):
    """What nobody has validated in the posterior itself, in its own words: chains that did not mix among it."""
    return " ".join(f"{a.name}: {a.statement}" for a in post.approximations if a.status == "not validated") or "none"


def add_recalibrated(table, name, words, units, told, probability):
    """What a recalibrated posterior says of a functional, as from `RecalibratedPosterior.functional_interval`."""
    kind = {"probability": float(probability), "kind": "recalibrated", "worlds": told["worlds"]}
    table.add(f"{name}_median", (), told["centre"], units, f"recalibrated median of {words}")
    for side in ("lower", "upper"):
        table.add(f"{name}_{side}", (), told[side], units, f"{side} end of the recalibrated interval of {words}",
                  **kind)
        table.add(f"{name}_without_data_{side}", (), told[f"{side}_without_data"], units,
                  f"{side} end of what the family says of {words} before any data", **kind)
    table.add(f"{name}_coverage", (), told["coverage"], "1", f"share of worlds left out whose interval holds {words}",
              told["coverage_error"])


def add_answer(table, name, words, units, values, figures, probability, told, condition=""):
    """Add draws, (chains, draws), and `figures` of mean, std and interval, whose place a recalibrated one `told` takes.

    `figures` are (mean, its error, std, its error, ends, their errors), as from `figures_of_draws`.
    """
    mean, mean_error, std, std_error, ends, end_errors = figures
    table.add(f"{name}_draws", (), values, units, f"posterior draws of {words}", draws=True)
    table.add(f"{name}_mean", (), mean, units, f"posterior mean of {words}{condition}", mean_error)
    table.add(f"{name}_std", (), std, units, f"posterior standard deviation of {words}", std_error)
    own = name if told is None else f"{name}_gaussian"
    for side, end, error in zip(("lower", "upper"), ends, end_errors, strict=True):
        table.add(f"{own}_{side}", (), end, units, f"{side} end of the interval of {words}", error,
                  **interval_words(probability))
    if told is not None:
        add_recalibrated(table, name, words + condition, units, told, probability)


def figures_of_draws(values, probability, markov):
    """Mean, std and ends of the interval of draws, (chains, draws), each with its Monte Carlo error."""
    return *mean_and_std(values, markov), *quantiles(values, tails(probability), markov)


def _figures_of_gaussian(exact, probability):
    """The same of a Gaussian whose mean and std are known, as from `closed_form`."""
    mean, mean_error, std, std_error = exact
    z = ndtri(tails(probability))
    return *exact, mean + z * std, mean_error + np.abs(z) * std_error


def integral(post, functional, probability, draws, chains, seed, attributes, asked=None):
    """Dataset of a linear functional: draws, mean, std, interval, and the closed form of a Gaussian posterior.

    Where there is a closed form and nobody asks for a number of draws, all figures are those of the closed form, and
    the draws are those of one number: models need not be drawn.
    `asked` is what a recalibrated posterior is asked for, where that is more than the functional: one that picks.
    """
    tails(probability)  # refuses what is none, before anything is drawn
    exact, wanted = closed_form(post, functional), draws is not None or chains is not None
    draws, chains = counts(post, draws, chains)
    name, words, units = functional.name, functional.long_name, functional.units
    if exact is None or wanted:
        values, source = drawn(post, functional.evaluate, draws, chains, seed), "draws"
        figures = figures_of_draws(values, probability, post.markov)
    else:
        values, source = np.random.default_rng(seed).normal(exact[0], exact[2], (chains, draws)), "closed form"
        figures = _figures_of_gaussian(exact, probability)
    table = DatasetBuilder()
    told = post.functional_interval(functional if asked is None else asked, probability)
    add_answer(table, name, words, units, values, figures, probability, told)
    if exact is not None:
        table.add(f"{name}_mean_closed_form", (), exact[0], units, f"posterior mean of {words}, without draws",
                  exact[1])
        table.add(f"{name}_std_closed_form", (), exact[2], units,
                  f"posterior standard deviation of {words}, without draws", exact[3])
    return table.dataset(attributes | run_words(post, draws, chains, seed) | interval_words(probability)
                         | {"figures_from": source})
