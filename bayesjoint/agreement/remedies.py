"""What remedies of a conflict change: the fit of every survey, the model, how well it is known, and the tests again."""

import numpy as np

from .._checks import fail
from ..dataset import Sheet
from ..engines import Posterior
from ..engines.export import chi2_of, clean_mean
from ..problem.describe import parameter_fields
from .likelihood_ratio import ratio_of
from .pair import make_pair
from .splitting import splits_of

SHOWN = 3  # coefficients of a bias that are all told
TESTS = ("likelihood ratio", "node split, first predicts second", "node split, second predicts first")
REUSED = ("p-values under a remedy that was fitted to the same data (a bias or an exponent by evidence) are too large: "
          "the data were used twice")


def compare_remedies(posteriors, pair=None, seed=0):
    """Set the posteriors under several remedies beside the one as stated.

    Parameters
    ----------
    posteriors : dict of {str: Posterior}, or iterable of (str, Posterior)
        The first is the problem as stated; the others are the same surveys with a bias, an exponent or a discrepancy.
        Of an iterable, such as a generator, all but the first are let go of one by one: at survey size a posterior may
        hold gigabytes.
    pair : (str or tuple of str, str or tuple of str), optional
        Surveys tested again under every remedy; default the two of a problem that has two, else none.
    seed : int, default 0
        Of the tests.

    Returns
    -------
    xarray.Dataset
        Over ``remedy`` and ``survey``: ``chi2`` of the posterior mean with the noise as stated, ``exponent``. Over
        ``remedy`` and ``parameter``: ``std_ratio``, the median over cells of the standard deviation over that as
        stated, and ``shift``, the root mean square over cells of the change of the mean in standard deviations as
        stated. Over ``remedy``: ``log_evidence`` (NaN where the engine has none; the same data throughout, so that
        differences count). Over ``remedy`` and ``test``: ``p_value`` with its error. For every parameter p on a mesh
        ``<p>_mean`` and ``<p>_std`` under each remedy. The coordinate ``words`` says what each did.
        Errors as ``*_error`` where the engine states them.

    Raises
    ------
    ValueError, TypeError
        If there are no posteriors, or they are of other surveys or meshes than the first.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> level = bj.Parameter("level", 1, prior=bj.GaussianPrior(0.0, 100.0))
    >>> surveys = [bj.Modality(k, [[1.0]] * 4, [d] * 4, bj.DiagonalNoise([1.0] * 4), "level") for k, d in
    ...            (("ground", 0.0), ("air", 4.0))]
    >>> stated = bj.JointProblem([level], surveys)
    >>> biased = bj.add_bias(stated, "air", basis=[[1.0]] * 4, std=10.0)
    >>> found = compare_remedies({"as stated": bj.posterior(stated), "bias of air": bj.posterior(biased)})
    >>> found.chi2.sel(survey="ground").values.round(1), found.p_value.sel(test="likelihood ratio").values.round(3)
    (array([16.,  0.]), array([0.   , 0.429]))
    """
    labels, found, stated = [], [], None
    for item in _pairs(posteriors):
        label, post = _checked(item, stated)
        stated = stated or post
        labels.append(label)
        found.append(_Kept(post, stated))
    if stated is None:
        fail("posteriors", "hold at least the one as stated", "none", "Put it first.")
    problem, names = stated.problem, [m.name for m in stated.problem.modalities]
    pair = tuple(names) if pair is None and len(names) == 2 else pair
    sheet = Sheet()
    sheet.along("remedy", labels, "remedy")
    sheet.along("survey", names, "survey")
    sheet.add("chi2", ("remedy", "survey"), [each.chi2 for each in found], "1",
              "χ² of the posterior mean, noise as stated")
    sheet.add("n_data", ("survey",), [float(m.size) for m in problem.modalities], "1", "number of data")
    exponents = [[each.problem.weights[n] for n in names] for each in found]
    sheet.add("exponent", ("remedy", "survey"), exponents, "1", "likelihood exponent")
    _add_models(sheet, problem, [each.moments for each in found])
    evidence = [each.evidence for each in found]
    sheet.add("log_evidence", ("remedy",), [v for v, _ in evidence], "nat", "log evidence", [e for _, e in evidence])
    if pair is not None:
        _add_tests(sheet, [each.problem for each in found], pair, seed)
    about = {"heed": REUSED, "engine": stated.method}
    table = sheet.dataset(about if pair is None else about | {"pair": " against ".join(map(_label, pair))})
    words = "remedy", [each.words for each in found], {"units": "1", "long_name": "what the remedy did"}
    return table.assign_coords(words=words)


class _Kept:
    """What is wanted of a posterior, so that it need not be kept."""

    def __init__(self, post, stated):
        self.problem = post.problem
        self.chi2 = [chi2_of(m, clean_mean(post, m.name)) for m in stated.problem.modalities]
        self.moments = {key: getattr(post, key)() for key in ("mean", "std", "std_error")}
        self.evidence, self.words = _evidence(post), _words(post, stated)


def _add_models(sheet, problem, moments):
    """Means and standard deviations under every remedy, and how far they are from those as stated."""
    fields = [p for p in problem.parameters if p.mesh is not None] or list(problem.parameters)
    sheet.along("parameter", [p.name for p in fields], "parameter")
    base, ratio, ratio_error, shift = moments[0], [], [], []
    for each in moments:
        ratio.append([np.nanmedian(each["std"][p.name] / base["std"][p.name]) for p in fields])
        ratio_error.append([_error_of_ratio(each, base, p.name) for p in fields])
        shift.append([np.sqrt(np.nanmean(((each["mean"][p.name] - base["mean"][p.name]) / base["std"][p.name]) ** 2))
                      for p in fields])
    sheet.add("std_ratio", ("remedy", "parameter"), ratio, "1", "standard deviation over that as stated, median cell",
              ratio_error)
    sheet.add("shift", ("remedy", "parameter"), shift, "1", "rms change of the mean, standard deviations as stated")
    for p in fields:
        place = parameter_fields(p)
        sheet.place(place)
        for key, words in (("mean", "posterior mean"), ("std", "posterior standard deviation")):
            sheet.add(f"{p.name}_{key}", ("remedy", *place["dims"]), np.stack([each[key][p.name] for each in moments]),
                      p.units, f"{words} of {p.name} under the remedy")


def _error_of_ratio(each, base, name):
    """Standard error of the ratio of two standard deviations in the median cell; errors are taken as independent."""
    if each is base:
        return 0.0
    parts = [m["std_error"][name] / m["std"][name] for m in (each, base)]
    return float(np.nanmedian(each["std"][name] / base["std"][name] * np.hypot(*parts)))


def _add_tests(sheet, problems, pair, seed):
    rows = [_tests(make_pair(problem, pair), seed) for problem in problems]
    sheet.along("test", list(TESTS), "test")
    sheet.add("p_value", ("remedy", "test"), [[t.p_value for t in row] for row in rows], "1", "p-value of agreement",
              [[t.p_value_error for t in row] for row in rows])


def _tests(made, seed):
    spectrum = made.spectrum(**({} if made.method == "dense" else {"seed": seed}))
    return ratio_of(made, spectrum), *splits_of(made)


def _words(post, stated):
    """What a remedy did: coefficients of biases that it added, exponents that it changed."""
    said = [f"{name} {told}" for name, told in _coefficients(post) if name.split(":")[0] not in stated.problem.by_name]
    said += [f"noise std of {name} × {weight**-0.5:.3g}" for name, weight in post.problem.weights.items()
             if weight != stated.problem.weights[name]]
    return "; ".join(said)


def _coefficients(post):
    """(bias and coefficient, value ± std) of all, of a bias of many the largest alone."""
    found = post.nuisances()
    for name in () if found is None else (p.name for p in post.problem.parameters if f"{p.name}_value" in found):
        value, std, labels = found[f"{name}_value"], found[f"{name}_std"].values, found[f"{name}_value"].dims[0]
        units, labels = value.attrs["units"].removeprefix("1"), value[labels].values
        told = [f"{v:.3g} ± {s:.2g} {units}".rstrip() for v, s in zip(value.values, std, strict=True)]
        if len(told) > SHOWN:
            k, rms = int(np.argmax(np.abs(value.values))), float(np.sqrt(np.mean(value.values**2)))
            yield f"{name}:", f"{len(told)} values, rms {rms:.2g} {units}, largest {labels[k]} {told[k]}"
            continue
        yield from ((f"{name}: {label}", words) for label, words in zip(labels, told, strict=True))


def _evidence(post):
    found = post.evidence_or_none()
    return (np.nan, np.nan) if found is None else (float(found), float(found.error))


def _label(group):
    return group if isinstance(group, str) else " and ".join(group)


def _pairs(posteriors):
    if hasattr(posteriors, "items"):
        return posteriors.items()
    if isinstance(posteriors, Posterior) or not hasattr(posteriors, "__iter__"):
        fail("posteriors", "be a dict of posteriors, or pairs of a label and one", type(posteriors).__name__,
             "Pass {label: bj.posterior(...)}.", TypeError)
    return posteriors


def _checked(item, stated):
    """(label, posterior) of the same surveys as stated."""
    label, post = item if isinstance(item, tuple) and len(item) == 2 else (None, item)
    if label is None or not isinstance(post, Posterior):
        fail("posteriors", "be a dict of posteriors", type(post).__name__, "Pass {label: bj.posterior(...)}.",
             TypeError)
    if stated is None:
        return label, post
    same = [m.name for m in post.problem.modalities] == [m.name for m in stated.problem.modalities]
    if not same or any(p.name not in post.problem.by_name or post.problem.by_name[p.name].shape != p.shape
                       for p in stated.problem.parameters):
        fail("posteriors", "be of the surveys and parameters of the first", label,
             "A remedy adds parameters or exponents; it takes nothing away.")
    return label, post
