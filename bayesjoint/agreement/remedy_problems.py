"""What may be done about a conflict: problems with a bias, with exponents, with a discrepancy, with another prior."""

from dataclasses import replace

import numpy as np

from .._checks import fail
from ..hyperparameters import fit_hyperparameters
from ..hyperparameters.vector import HyperVector
from ..priors import GaussianPrior, Matern
from ..problem import add_bias, add_discrepancy
from ..problem.augment import biases_of, held_by_biases
from ..problem.bias_basis import bias_basis
from ..tempering import temper
from .marginal import one_survey
from .residuals import Prediction
from .verdicts import coupling_at_fault

BASES = {"offset": "constant", "tilt": "linear", "row levels": "rows", "column levels": "columns"}
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
    """

    def __init__(self, stated):
        super().__init__({"as stated": stated})
        self.untried = {}

    def attempt(self, name, build, *arguments):
        """Add ``build(*arguments)``, or keep the reason for which it refuses."""
        try:
            self[name] = build(*arguments)
        except ValueError as error:
            self.untried[name] = str(error)


def remedies(found):
    """`Remedies` for a `Conflict`: the problem as stated first.

    An offset, a tilt, levels of lines or a gain that was found: the survey with a bias of that form, beside the one it
    may have already, its std three times what was estimated (of levels: as large as they are); of a gain, the form is
    what the other surveys predict of this one. For any disagreement: exponents by the evidence, and where a disturbance
    has a place or a wavelength a discrepancy of all surveys that were named. A wrong prior or noise: hyperparameters by
    the evidence. A wrong coupling: those, and no coupling.
    """
    problem, out = found.problem, Remedies(found.problem)
    forms = {t.form for t in found.blame}
    blamed = {pair: [t for t in found.blame if set(t.surveys) == set(pair)] for pair in found.pairs}
    tied = [set(pair) for pair, each in blamed.items() if coupling_at_fault(problem, pair, each)]
    if tied:
        out["without coupling"] = problem.replace(
            couplings=[c for c in problem.couplings if not hasattr(c, "joint_covariance")])
    if (tied or forms & {"prior", "noise"}) and any(isinstance(p.prior, Matern) for p in problem.parameters):
        out.attempt(*_fit_of(problem, found.seed))
    for test in found.blame:
        if test.form in (*BASES, "gain") and set(test.surveys) not in tied:  # else the coupling explains it
            out.attempt(test.name, _with_gain if test.form == "gain" else _with_bias, problem, test)
    if found.kind == "disagree":
        surveys = sorted({s for t in found.blame for s in t.surveys}, key=list(problem.weights).index)
        out.attempt("tempered", _tempered, problem, surveys, found.seed)
        if forms & PLACED:
            out.attempt("discrepancy", _with_discrepancy, problem, found, surveys)
    return out


def mended(problem, tests):
    """The problem with std of priors and of noise scaled as these `own_model_tests` ask, up or down.

    Where several surveys of one property object to its prior, as wide as the widest of them asks. None where neither
    noise is asked for nor any prior can be scaled.
    """
    priors, noise = {}, {t.target: t.effect["factor"] for t in tests if t.form == "noise"}
    for test in tests:
        for name in one_survey(problem, test.target).parameters if test.form == "prior" else ():
            priors[name] = max(priors.get(name, 0.0), test.effect["factor"])
    parameters = [_scaled(p, priors[p.name]) if p.name in priors else p for p in problem.parameters]
    if not noise and all(new is p for new, p in zip(parameters, problem.parameters, strict=True)):
        return None
    weights = {name: weight / noise.get(name, 1.0) ** 2 for name, weight in problem.weights.items()}
    return problem.replace(parameters=parameters, weights=weights)


def _scaled(parameter, factor):
    prior = parameter.prior
    if isinstance(prior, Matern):
        return parameter.replace(prior=replace(prior, std=np.asarray(prior.std) * factor))
    if type(prior) is GaussianPrior:
        return parameter.replace(prior=replace(prior, covariance=np.asarray(prior.covariance) * factor**2))
    return parameter


def _with_gain(problem, test):
    """A bias as the other surveys' posterior mean predicts this survey.

    The survey's own data stay out of the column: it would else follow the gain that it is to explain.
    """
    residual = Prediction(problem).residual(test.target).value
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
    if hasattr(modality.forward, "coordinates"):
        columns, labels = bias_basis(modality, BASES[test.form])
    else:
        columns, labels = np.ones((modality.size, 1)), ("offset",)
    held = held_by_biases(problem, survey, columns)
    held &= not held.all()  # a bias that holds every one of them is then too narrow
    basis = {label: column for label, column, there in zip(labels, columns.T, held, strict=True) if not there}
    return add_bias(problem, survey, basis, float(size), _name(problem, survey, test.form))


def _name(problem, survey, form):
    """Of the new bias: the usual one where that is free, else the survey's with the form, and a number if need be."""
    if not biases_of(problem, survey):
        return None
    name, count = f"{survey}_{form.replace(' ', '_')}", 1
    taken = name
    while taken in problem.by_name:
        count += 1
        taken = f"{name}_{count}"
    return taken


def _tempered(problem, surveys, seed):
    # surveys of a datum or two have no noise of their own to speak of: one factor for all of them
    common = min(m.size for m in problem.modalities if m.name in surveys) < FEW
    return temper(problem, surveys=surveys, common=common, curve=False, seed=seed).problem


def _fit_of(problem, seed):
    """(label, build, argument): what tests objected to fitted; ranges too where trying one is quick."""
    free, label = None, "hyperparameters by evidence"
    on_mesh = not problem.prior.continued
    if on_mesh and problem.size * sum(m.size for m in problem.modalities) > SLOW:
        free, label = [c.name for c in HyperVector(problem).coordinates if c.kind != "range"], "std, noise by evidence"
    return label, lambda free: fit_hyperparameters(problem, free=free, curve=False, seed=seed).problem, free


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
