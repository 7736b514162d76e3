"""What may be done about a conflict, and what each remedy changes: fit, model, standard deviations, tests."""

from __future__ import annotations

from itertools import chain, count

import numpy as np

from .._checks import checked, fail
from .._shown import cut
from .._typing import Any, Callable, xr
from ..augment import add_bias, add_discrepancy, bias_basis, biases_of, held_by_biases, scaled
from ..dataset import DatasetBuilder
from ..engines import Posterior, chi2_of, clean_mean
from ..hyperparameters import HyperVector, fit_hyperparameters
from ..priors import Matern, parts_of
from ..problem import one_survey, parameter_fields
from ..tempering import temper
from ._likelihood_ratio import ratio_of, splits_of
from ._nuisance_test import BASES
from ._pair import checked_groups, make_pair
from ._residuals import residual_of

WIDE = 3.0  # times an estimate, and its std, that a bias may be
REACH = 0.25  # of a survey's longer side: range of a discrepancy
PLACED = {"places", "wavelengths", "node split"}  # forms of what has a place or a wavelength
FEW = 4  # data of a survey below which exponents are common
NOTHING = 1e-9  # share of a residual below which others predict nothing
SLOW = 3e7  # values times data of fields on a mesh, from which the data covariance of new ranges takes many seconds


class Remedies(dict):
    """{name: JointProblem}, the problem as stated first.

    Attributes
    ----------
    untried : dict of {str: str}
        Remedies that were called for and could not be made, and why.
    fits : dict of {str: HyperparameterFit}
        The fits behind those that were fitted.
    """

    def __init__(self, stated):
        super().__init__({"as stated": stated})
        self.untried, self.fits = {}, {}

    def __repr__(self):
        return cut(f"Remedies({'; '.join(self)}{f'; {len(self.untried)} could not be tried' * bool(self.untried)})")

    def attempt(self, name, build, *arguments):
        """Add ``build(*arguments)``, or keep the reason for which it refuses."""
        try:
            made = build(*arguments)
            if hasattr(made, "estimate"):  # a fit, with the problem at its values
                self.fits[name], made = made, made.problem
            self[name] = made
        except ValueError as error:
            self.untried[name] = str(error)


def remedies(found, progress=None):
    """`Remedies` for a `Conflict`: the problem as stated first; `progress` is called as each of the others is begun.

    An offset, a tilt, levels of lines or a gain that was found: the survey with a bias of that form, beside the one it
    may have already, its std three times what was estimated (of levels: as large as they are); of a gain, the form is
    what the other surveys predict of this one. For any disagreement: exponents by the evidence, and where a disturbance
    has a place or a wavelength a discrepancy of all surveys that were named. A wrong prior or noise: hyperparameters by
    the evidence. A wrong coupling: those, and no coupling.
    """
    out, planned = Remedies(found.problem), list(called_for(found))
    for number, (name, *what) in enumerate(planned):
        if progress is not None:
            progress(name, number, len(planned))
        out.attempt(name, *what)
    return out


def called_for(found):
    """(name, build, arguments) of every remedy that a `Conflict` calls for."""
    problem = found.problem
    forms = {t.form for t in found.blame}
    tied = [set(pair) for pair in found.couplings]
    if tied:
        yield "without coupling", _without_coupling, problem
    if (tied or forms & {"prior", "noise"}) and any(
            parts_of(p.prior) for p in problem.parameters):
        yield _fit_of(problem, found.seed)
    for test in found.blame:
        if test.form in (*BASES, "gain") and set(test.surveys) not in tied:  # else the coupling explains it
            yield test.name, _with_gain if test.form == "gain" else _with_bias, problem, test
    if found.kind == "disagree":
        surveys = sorted({s for t in found.blame for s in t.surveys}, key=list(problem.weights).index)
        yield "tempered", _tempered, problem, surveys, found.seed
        if forms & PLACED:
            yield "discrepancy", _with_discrepancy, problem, found, surveys


def mended(problem, tests):
    """The problem with std of priors and of noise scaled as these tests of `own_model_fits` ask, up or down.

    Where several surveys of one property object to its prior, as wide as the widest of them asks. None where neither
    noise is asked for nor any prior can be scaled.
    """
    priors, noise = {}, {t.target: t.effect["factor"] for t in tests if t.form == "noise"}
    for test in tests:
        for name in one_survey(problem, test.target).parameters if test.form == "prior" else ():
            priors[name] = max(priors.get(name, 0.0), test.effect["factor"])
    return scaled(problem, priors, noise)


def _without_coupling(problem):
    return problem.replace(couplings=[c for c in problem.couplings if not hasattr(c, "joint_covariance")])


def _with_gain(problem, test):
    """A bias as the other surveys' posterior mean predicts this survey.

    The survey's own data stay out of the column: it would else follow the gain that it is to explain.
    """
    residual = residual_of(problem, test.target).value
    column = np.ravel(one_survey(problem, test.target).data) - residual
    if np.linalg.norm(column) <= NOTHING * np.linalg.norm(residual):
        fail("survey", "be predicted by the others", "nothing of it", "A gain has no column then.")
    made = add_bias(problem, test.target, {"gain": column}, WIDE * 0.01 * abs(test.size),
                    _name(problem, test.target, "gain"))
    share = made.parameters[-1].replace(units="1")  # the column has the units of the data
    return made.replace(parameters=[*made.parameters[:-1], share])


def _with_bias(problem, test):
    """Wide enough for what was found, whatever its sign; columns that a bias holds already stay out of it."""
    survey, value, std = test.target, *(np.atleast_1d(test.effect[key]) for key in ("value", "std"))
    if test.form in ("offset", "tilt"):
        size = WIDE * np.nanmax(np.abs(value) + std)
    else:
        size = np.sqrt(np.nanmean(value**2)) or np.nanmax(std)  # many levels tell their own size
    modality = one_survey(problem, survey)
    placed = hasattr(modality.forward, "coordinates")
    columns, labels = bias_basis(modality, BASES[test.form] if placed else {"offset": np.ones(modality.size)})
    held = held_by_biases(problem, survey, columns)
    held &= not held.all()  # a bias that holds every one of them is then too narrow
    basis = {label: column for label, column, there in zip(labels, columns.T, held, strict=True) if not there}
    return add_bias(problem, survey, basis, float(size), _name(problem, survey, test.form))


def _name(problem, survey, form):
    """Of the new bias: the usual one where that is free, else the survey's with the form, and a number if need be."""
    if not biases_of(problem, survey):
        return None
    name = f"{survey}_{form.replace(' ', '_')}"
    return next(n for n in chain([name], (f"{name}_{k}" for k in count(2))) if n not in problem.by_name)


def _tempered(problem, surveys, seed):
    # surveys of a datum or two have no noise of their own to speak of: one factor for all of them
    common = min(m.size for m in problem.modalities if m.name in surveys) < FEW
    return temper(problem, surveys=surveys, common=common, curve=False, seed=seed).problem


def _fit_of(problem, seed):
    """(label, build, argument): what tests objected to fitted; ranges too where trying one is quick."""
    free, label = None, "hyperparameters by evidence"
    if not problem.prior.continued and problem.size * problem.data_size > SLOW:
        free, label = [c.name for c in HyperVector(problem).coordinates if c.kind != "range"], "std, noise by evidence"
    return label, lambda free: fit_hyperparameters(problem, free=free, curve=False, seed=seed), free


def _with_discrepancy(problem, found, surveys):
    """A smooth error of each survey as large as what its residual has too much."""
    excess = {}
    for each in found.pairs.values():
        for name, bands in each.bands.items():
            beyond = float(np.sum(np.maximum(bands.residual_rms.values**2 - bands.expected_rms.values**2, 0.0)))
            excess[name] = max(excess.get(name, 0.0), np.sqrt(beyond))
    chosen = [m for m in problem.modalities if m.name in surveys and excess.get(m.name, 0.0) > 0]
    if not chosen:
        fail("places", "show a residual that is larger than expected, whose size a discrepancy is given",
             "none" if excess else "no bands of wavelength", "Make them (places = true), or use add_discrepancy.")
    places = [np.column_stack(m.forward.coordinates()[:2]) for m in chosen]
    reach = REACH * max(float(np.ptp(p, axis=0).max()) for p in places)
    return add_discrepancy(problem, Matern(std=1.0, range=reach), [m.name for m in chosen],
                           std={m.name: excess[m.name] for m in chosen})


SHOWN = 3  # coefficients of a bias that are all told
TESTS = ("likelihood ratio", "node split, first predicts second", "node split, second predicts first")
REUSED = ("p-values under a remedy that was fitted to the same data (a bias or an exponent by evidence) are too large: "
          "the data were used twice")


@checked
def compare_remedies(posteriors: Any, pair: tuple | None = None, seed: int = 0, *,
                     fits: dict | None = None, tested: tuple | None = None,
                     progress: Callable | None = None) -> xr.Dataset:
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
    fits : dict of {str: HyperparameterFit}, optional
        Behind remedies that were fitted, such as ``bj.conflict(problem).problems.fits``: `words` tells their values,
        and which of them the data do not settle.
    tested : tuple of AgreementTest, optional
        Likelihood ratio and both node splits of `pair` as stated, if they were done:
        ``found.pairs["ground", "air"].tests[:3]``.
    progress : callable, optional
        Called with (what, remedies done, remedies in all) as the posterior under each remedy is looked at and as each
        is tested again; None in all where an iterable does not say how many it holds.

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
    for one in () if tested is None else tested:
        if not hasattr(one, "p_value"):
            fail("tested", "hold tests of agreement", type(one).__name__, "Pass the tests of bj.conflict.", TypeError)
    labels, kept, stated = [], [], None
    tell = (lambda *_: None) if progress is None else progress
    for number, (label, post) in enumerate(_checked(posteriors)):
        tell(f"{label}: mean and std", number, len(posteriors) if hasattr(posteriors, "__len__") else None)
        stated = stated or post
        labels.append(label)
        kept.append(_Kept(post, stated))
    if stated is None:
        fail("posteriors", "hold at least the one as stated", "none", "Put it first.")
    names, about = list(stated.problem.surveys), {"heed": REUSED, "engine": stated.method}
    table, both = DatasetBuilder(), ("remedy", "survey")
    table.along("remedy", labels, "remedy")
    table.along("survey", names, "survey")
    table.add("chi2", both, [k.chi2 for k in kept], "1", "χ² of the posterior mean, noise as stated")
    table.add("n_data", ("survey",), [float(m.size) for m in stated.problem.modalities], "1", "number of data")
    table.add("exponent", both, [[k.problem.weights[n] for n in names] for k in kept], "1", "likelihood exponent")
    _add_models(table, stated.problem, kept)
    table.add("log_evidence", ("remedy",), [k.evidence[0] for k in kept], "nat", "log evidence",
              [k.evidence[1] for k in kept])
    if pair is not None or len(names) == 2:
        groups = checked_groups(stated.problem, tuple(names) if pair is None else pair)
        tests = []
        for number, (label, k) in enumerate(zip(labels, kept, strict=True)):
            if number == 0 and tested is not None:
                tests.append(tuple(tested))
                continue
            tell(f"{label}: tests", number, len(kept))
            tests.append(_tested(k.problem, groups, seed))
        table.along("test", list(TESTS), "test")
        table.add("p_value", ("remedy", "test"), [[t.p_value for t in row] for row in tests], "1",
                  "p-value of agreement", [[t.p_value_error for t in row] for row in tests])
        about["pair"] = " against ".join(map(" and ".join, groups))
    fitted = {label: _fitted_words(fit) for label, fit in (fits or {}).items()}
    said = ["; ".join(filter(None, (fitted.get(label), k.words))) for label, k in zip(labels, kept, strict=True)]
    words = "remedy", said, {"units": "1", "long_name": "what the remedy did"}
    return table.dataset(about).assign_coords(words=words)


def _tested(problem, groups, seed):
    """`TESTS` of one pair, whose large matrices are let go of."""
    pair = make_pair(problem, groups)
    return ratio_of(pair, pair.spectrum(seed=seed)), *splits_of(pair)


class _Kept:
    """What is wanted of a posterior, so that it need not be kept."""

    def __init__(self, post, stated):
        self.problem = post.problem
        self.chi2 = [chi2_of(m, clean_mean(post, m.name)) for m in stated.problem.modalities]
        self.mean, self.std, self.std_error = post.mean(), post.std(), post.std_error()
        evidence = post.evidence_or_none()
        self.evidence = (np.nan, np.nan) if evidence is None else (float(evidence), float(evidence.error))
        self.words = _words(post, stated.problem)


def _add_models(table, problem, kept):
    """Means and standard deviations under every remedy, and how far they are from those as stated."""
    fields = [p for p in problem.parameters if p.mesh is not None] or list(problem.parameters)
    names, base = [p.name for p in fields], kept[0]
    table.along("parameter", names, "parameter")
    ratio = [[np.nanmedian(k.std[n] / base.std[n]) for n in names] for k in kept]
    shift = [[np.sqrt(np.nanmean(((k.mean[n] - base.mean[n]) / base.std[n]) ** 2)) for n in names] for k in kept]
    table.add("std_ratio", ("remedy", "parameter"), ratio, "1", "standard deviation over that as stated, median cell",
              [[_error_of_ratio(k, base, n) for n in names] for k in kept])
    table.add("shift", ("remedy", "parameter"), shift, "1", "rms change of the mean, standard deviations as stated")
    for p in fields:
        place = parameter_fields(p)
        table.place(place)
        for key, words in (("mean", "posterior mean"), ("std", "posterior standard deviation")):
            table.add(f"{p.name}_{key}", ("remedy", *place["dims"]), np.stack([getattr(k, key)[p.name] for k in kept]),
                      p.units, f"{words} of {p.name} under the remedy")


def _error_of_ratio(each, base, name):
    """Standard error of the ratio of two standard deviations in the median cell; errors are taken as independent."""
    if each is base:
        return 0.0
    shares = [k.std_error[name] / k.std[name] for k in (each, base)]
    return float(np.nanmedian(each.std[name] / base.std[name] * np.hypot(*shares)))


def _fitted_words(fit):
    """Fitted values beside the stated ones, and which of them the data do not settle."""
    t, told = fit.table, []
    for name, value, units, stated, sure in zip(
            *(t[key] for key in ("name", "value", "units", "stated", "identified")), strict=True):
        units = "" if units == "1" else f" {units}"
        told.append(f"{name} {value:.3g}{units} (stated {stated:.3g}{'' if sure else '; not identified'})")
    return "; ".join(told)


def _words(post, stated):
    """What a remedy did: coefficients of biases that it added, exponents that it changed."""
    found, said = post.nuisances(), []
    for name in (p.name for p in post.problem.parameters if p.name not in stated.by_name):
        if found is not None and f"{name}_value" in found:
            said += _coefficients(name, found[f"{name}_value"], found[f"{name}_std"].values)
    said += [f"noise std of {name} × {weight**-0.5:.3g}" for name, weight in post.problem.weights.items()
             if weight != stated.weights[name]]
    return "; ".join(said)


def _coefficients(name, value, std):
    """A bias's coefficients with their std; of many the largest alone."""
    units, labels = value.attrs["units"], value[value.dims[0]].values
    units = "" if units == "1" else f" {units}"
    told = [f"{v:.3g} ± {s:.2g}{units}" for v, s in zip(value.values, std, strict=True)]
    if len(told) <= SHOWN:
        return [f"{name}: {label} {words}" for label, words in zip(labels, told, strict=True)]
    k, rms = int(np.argmax(np.abs(value.values))), float(np.sqrt(np.mean(value.values**2)))
    return [f"{name}: {len(told)} values, rms {rms:.2g}{units}, largest {labels[k]} {told[k]}"]


def _checked(posteriors):
    """(label, posterior) of each, of the same surveys as the first."""
    if isinstance(posteriors, Posterior) or not hasattr(posteriors, "__iter__"):
        fail("posteriors", "be a dict of posteriors, or pairs of a label and one", type(posteriors).__name__,
             "Pass {label: bj.posterior(...)}.", TypeError)
    stated = None
    for item in posteriors.items() if hasattr(posteriors, "items") else posteriors:
        label, post = item if isinstance(item, tuple) and len(item) == 2 else (None, item)
        if label is None or not isinstance(post, Posterior):
            fail("posteriors", "be a dict of posteriors", type(post).__name__, "Pass {label: bj.posterior(...)}.",
                 TypeError)
        stated = stated or post.problem
        same = [m.name for m in post.problem.modalities] == [m.name for m in stated.modalities]
        shapes = {p.name: p.shape for p in post.problem.parameters}
        if not same or any(shapes.get(p.name) != p.shape for p in stated.parameters):
            fail("posteriors", "be of the surveys and parameters of the first", label,
                 "A remedy adds parameters or exponents; it takes nothing away.")
        yield label, post
