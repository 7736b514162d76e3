"""What may be done about a conflict: problems with a bias, with exponents, with a discrepancy, with another prior."""

from dataclasses import replace

import numpy as np

from ..hyperparameters import fit_hyperparameters
from ..hyperparameters.vector import HyperVector
from ..priors import GaussianPrior, Matern
from ..problem import add_bias, add_discrepancy
from ..tempering import temper
from .residuals import Prediction
from .verdicts import coupling_at_fault

BASES = {"offset": "constant", "tilt": "linear"}
WIDE = 3.0  # times an estimate, and its std, that a bias may be
REACH = 0.25  # of a survey's longer side: range of a discrepancy
PLACES = ("places of", "wavelengths of", "node split")
FEW = 4  # data of a survey below which exponents are common
NOTHING = 1e-9  # share of a residual below which others predict nothing
SLOW = 3e7  # values times data of fields on a mesh, from which the data covariance of new ranges takes many seconds
SCATTERED = 6_000  # data from which a discrepancy off one lattice is refused


def remedies(found):
    """{name: JointProblem} for a `Conflict`: the problem as stated first.

    An offset, a tilt or a gain that was found: the survey with a bias of that form, its std three times what was
    estimated; of a gain, the form is what the other surveys predict of this one. For any disagreement: exponents by the
    evidence, and where a disturbance has a place or a wavelength a discrepancy of all surveys that were named. A wrong
    prior or noise: hyperparameters by the evidence. A wrong coupling: those, and no coupling.
    """
    problem, out = found.problem, {"as stated": found.problem}
    named = [t.name for t in found.blame]
    blamed = {id(t) for t in found.blame}
    tied = {pair for pair, each in found.pairs.items()
            if coupling_at_fault(problem, pair, [t for t in each.tests if id(t) in blamed])}
    if tied:
        out["without coupling"] = problem.replace(
            couplings=[c for c in problem.couplings if not hasattr(c, "joint_covariance")])
    if (tied or any(n.startswith(("prior std", "noise std")) for n in named)) and _fits(problem):
        out |= _with_fit(problem, found.seed)
    for test in found.blame:
        form, _, survey = test.name.partition(" of ")
        if form not in (*BASES, "gain") or survey not in problem.weights or f"{survey}_bias" in problem.by_name:
            continue
        if not any(set(test.surveys) == set(pair) for pair in tied):  # else the coupling explains it
            changed = (_with_gain if form == "gain" else _with_bias)(problem, survey, test)
            out |= {test.name: changed} if changed else {}
    if found.kind == "disagree":
        surveys = sorted({s for t in found.blame for s in t.surveys}, key=list(problem.weights).index)
        # surveys of a datum or two have no noise of their own to speak of: one factor for all of them
        common = min(m.size for m in problem.modalities if m.name in surveys) < FEW
        out["tempered"] = temper(problem, surveys=surveys, common=common, curve=False, seed=found.seed).problem
        if any(n.startswith(PLACES) for n in named):
            changed = _with_discrepancy(problem, found, surveys)
            out |= {"discrepancy": changed} if changed else {}
    return out


def with_mended_prior(problem, tests):
    """The problem with the prior std behind each survey of these `own_model_tests` scaled as it asks, up or down.

    Where several surveys of one property object, as wide as the widest of them asks. None if no prior can be scaled.
    """
    factors = {}
    for test in tests:
        survey = next(m for m in problem.modalities if m.name == test.surveys[0])
        for name in survey.parameters:
            factors[name] = max(factors.get(name, 0.0), test.effect["factor"])
    parameters = [_scaled(p, factors[p.name]) if p.name in factors else p for p in problem.parameters]
    changed = any(new is not p for new, p in zip(parameters, problem.parameters, strict=True))
    return problem.replace(parameters=parameters) if changed else None


def _scaled(parameter, factor):
    prior = parameter.prior
    if isinstance(prior, Matern):
        return parameter.replace(prior=replace(prior, std=np.asarray(prior.std) * factor))
    if type(prior) is GaussianPrior:
        return parameter.replace(prior=replace(prior, covariance=np.asarray(prior.covariance) * factor**2))
    return parameter


def _with_gain(problem, survey, test):
    """A bias as the other surveys' posterior mean predicts this survey; None if they predict nothing of it.

    The survey's own data stay out of the column: it would else follow the gain that it is to explain.
    """
    if problem.prior.flat:
        return None
    modality = next(m for m in problem.modalities if m.name == survey)
    residual = Prediction(problem).residual(survey).value
    column = np.ravel(modality.data) - residual
    if np.linalg.norm(column) <= NOTHING * np.linalg.norm(residual):
        return None
    return add_bias(problem, survey, {"gain": column}, std=WIDE * 0.01 * abs(float(test.effect["value"])))


def _with_bias(problem, survey, test):
    """Wide enough for what was found, whatever its sign."""
    form = test.name.partition(" of ")[0]
    size = np.max(np.abs(np.atleast_1d(test.effect["value"])) + np.atleast_1d(test.effect["std"]))
    modality = next(m for m in problem.modalities if m.name == survey)
    basis = BASES[form]
    if not hasattr(modality.forward, "coordinates"):
        basis = {"offset": np.ones(modality.size)}
    return add_bias(problem, survey, basis, std=WIDE * float(size))


def _fits(problem):
    return any(isinstance(p.prior, Matern) for p in problem.parameters)


def _with_fit(problem, seed):
    """What the tests objected to fitted: std, noise and correlation; ranges too where trying one is quick."""
    free, label = None, "hyperparameters by evidence"
    on_mesh = not problem.prior.continued
    if on_mesh and problem.size * sum(m.size for m in problem.modalities) > SLOW:
        free, label = [c.name for c in HyperVector(problem).coordinates if c.kind != "range"], f"{label}, ranges held"
    return {label: fit_hyperparameters(problem, free=free, curve=False, seed=seed).problem}


def _with_discrepancy(problem, found, surveys):
    """A smooth error of each survey as large as what its residual has too much; None if that is nothing."""
    chosen = [m for m in problem.modalities if m.name in surveys]
    excess = {}
    for each in found.pairs.values():
        for name, bands in each.bands.items():
            beyond = float(np.sum(np.maximum(bands.residual_rms.values**2 - bands.expected_rms.values**2, 0.0)))
            excess[name] = max(excess.get(name, 0.0), np.sqrt(beyond))
    if "discrepancy" in problem.by_name or any(excess.get(m.name, 0.0) <= 0 for m in chosen):
        return None
    if sum(m.size for m in chosen) > SCATTERED:
        return None
    places = [np.column_stack(m.forward.coordinates()[:2]) for m in chosen]
    reach = REACH * max(float(np.ptp(p, axis=0).max()) for p in places)
    return add_discrepancy(problem, Matern(std=1.0, range=reach), surveys, std={m.name: excess[m.name] for m in chosen})
