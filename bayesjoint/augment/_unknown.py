"""Problems with an unknown of the measurement added: the direction of the inducing field, the stations' heights."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from .._checks import as_finite, as_positive, as_shape, checked, fail, one_of
from .._typing import ArrayLike, JointProblem
from ..forward import FieldDirection, StationHeights, can_move
from ..priors import TangentPrior
from ..problem import Parameter, one_survey
from ._tangent import Tangent, check_settles, relinearised, tangents_of

PER = ("survey", "line", "station")
LARGEST = 20.0  # degrees: with 40 up to 0.8 % of posteriors by quadrature pointed the other way, which doubles a std
REACH = 4.0  # standard deviations that stations stay above the ground for, or the field there is continued downward


@checked
def add_direction_error(problem: JointProblem, survey: str, inclination: float | None = None,
                        declination: float | None = None) -> JointProblem:
    """A problem in which the direction of a magnetic survey's inducing field is not known well.

    The true direction less the stated one, degrees, is one more unknown with a Gaussian prior, found and marginalised
    with the model. Data are a smooth function of it, no linear one. Its own posterior is found by the exact evidence,
    the model integrated out; the model follows along a tangent laid there. What that leaves wrong is measured: see
    ``approximations`` of the posterior, which warns or refuses where it is too much.

    Parameters
    ----------
    problem : JointProblem
        The problem to augment.
    survey : str
        Name of a magnetic modality, with an operator of this package.
    inclination, declination : float, optional
        Prior standard deviations, degrees, at most 20. One that is left out is known. At least one. A main field
        model is good to some tenths of a degree; a grid whose convergence was forgotten to one to three.

    Returns
    -------
    JointProblem
        With a parameter ``<survey>_direction_error``, whose ``labels`` say what its values are, degrees. Where the
        mean is away from 0 the forward operator is that of the mean's direction, and the survey's data have the tangent
        there added: its ``metadata["tangent"]`` says so.

    Raises
    ------
    ValueError, TypeError
        If the survey is unknown or not magnetic, has an operator that cannot be built anew or such an unknown already,
        no std is given, one is not positive or too wide, the problem is not linear-Gaussian, or the unknown's posterior
        is like no Gaussian.

    Notes
    -----
    Remanence is not in it: the direction of magnetisation turns with the field. The log evidence's slope is
    αᵀ A′ m̄ − tr(K⁻¹ A′ Γ Aᵀ), with K = AΓAᵀ + C and α = K⁻¹(d − Aμ); its second term, which the best fit of model and
    unknown together lacks, is a sum over all data up to 1,000 of them, and beyond that an average over 64 simulated
    data sets.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((1, 4, 4), (100.0, 100.0, 100.0))
    >>> chi = bj.Parameter("susceptibility", mesh, prior=bj.Matern(std=0.01, range=200.0))
    >>> field = bj.MagneticOperator(mesh, mesh.easting, mesh.northing, height=50.0)
    >>> survey = bj.Modality("magnetic", field, np.eye(4) * 20, bj.DiagonalNoise(np.ones(16)), "susceptibility")
    >>> unsure = add_direction_error(bj.JointProblem([chi], [survey]), "magnetic", inclination=2.0)
    >>> unsure.parameters[1].labels, unsure.parameters[1].units
    (('inclination',), 'degree')
    """
    stds = {name: float(as_positive(name, value, 0)) for name, value in (
        ("inclination", inclination), ("declination", declination)) if value is not None}
    if not stds:
        fail("inclination, declination", "be given, one at least", "None", "Say how wrong it may be, in degrees.")
    for angle, std in stds.items():
        if std > LARGEST:
            fail(angle, f"be a std of at most {LARGEST:g} degrees", f"{std:g}", "Find out more about the field: the "
                 "opposite direction gives the same data, and no Gaussian holds both.")
    modality = _movable(problem, survey)
    return _added(problem, modality, f"{survey}_direction_error", FieldDirection(modality.forward, stds),
                  tuple(stds.values()))


@checked
def add_height_error(problem: JointProblem, survey: str, std: float | ArrayLike, per: str = "survey",
                     reduction: float | None = None) -> JointProblem:
    """A problem in which the heights of a survey's stations are not known well.

    True heights less the stated ones, metres, are unknowns with Gaussian priors: one for the survey, one for each
    flight line, or one for each station, which is then marginalised like noise that grows with the field's gradient.
    They enter by a tangent, as in `add_direction_error`.

    Parameters
    ----------
    problem : JointProblem
        The problem to augment.
    survey : str
        Name of a modality, with an operator of this package.
    std : float or array_like
        Prior standard deviation, metres; one for each line or station, if not all have the same.
    per : {"survey", "line", "station"}, default "survey"
        What has one error.
    reduction : float, optional
        What the reduction of the data has added for every metre of the stated heights: 0.3086 mGal for free-air
        anomalies, 0.1967 for Bouguer anomalies at 2,670 kg/m³, 0 where data are as measured. Needed for gravity, where
        it is by far the larger part; default 0 for all else.

    Returns
    -------
    JointProblem
        With a parameter ``<survey>_height_error``, metres.

    Raises
    ------
    ValueError, TypeError
        As for `add_direction_error`; if stations are inside the ground, lines are asked for and not named, or
        `reduction` is missing.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((1, 4, 4), (100.0, 100.0, 100.0))
    >>> rho = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=200.0))
    >>> field = bj.GravityOperator(mesh, mesh.easting, mesh.northing)
    >>> survey = bj.Modality("gravity", field, np.eye(4), bj.DiagonalNoise(np.full(16, 0.1)), "density")
    >>> unsure = add_height_error(bj.JointProblem([rho], [survey]), "gravity", 0.5, per="station", reduction=0.3086)
    >>> unsure.parameters[1].size, unsure.parameters[1].units
    (16, 'm')
    """
    one_of("per", per, PER)
    modality = _movable(problem, survey)
    if reduction is None:
        if modality.units == "mGal":
            fail("reduction", "be given for gravity", "None", "0.3086 for free-air anomalies, 0.1967 for Bouguer "
                 "anomalies at 2,670 kg/m³, 0 where data are as measured.")
        reduction = 0.0
    reduction = float(as_finite("reduction", reduction, 0))
    if reduction < 0:
        fail("reduction", "be >= 0", f"{reduction:g}", "It is what was added for each metre up: 0.3086 mGal.")
    member, labels = _members(modality, per)
    stds = as_shape("std", as_positive("std", std, (0, 1)), (int(member.max()) + 1,))
    geometry = StationHeights(modality.forward, member, labels, reduction, REACH * float(stds.max()))
    return _added(problem, modality, f"{survey}_height_error", geometry, tuple(stds.tolist()))


def _members(modality, per):
    """(which value is a datum's, names of the values or None where each has its own)."""
    if per == "station":
        return np.arange(modality.size), None
    if per == "survey":
        return np.zeros(modality.size, dtype=int), ("height",)
    if modality.lines is None:
        fail("per", "be 'survey' or 'station' where lines are not named", "'line'",
             "Give Survey(..., lines=...) the name of every station's line.")
    names, member = np.unique(modality.lines, return_inverse=True)
    return member, tuple(f"line {name}" for name in names.tolist())


def _movable(problem, survey):
    modality = one_survey(problem, survey)
    if not can_move(modality.forward):
        fail("survey", "have an operator of bayesjoint's, which can be built elsewhere",
             type(modality.forward).__name__, "Use Survey.modality(parameter).")
    known = [name for name, tangent in tangents_of(problem).items() if tangent.survey == survey]
    if known:
        fail("survey", "have no unknown by a tangent yet", known[0], "One survey takes one.")
    check_settles(problem)
    return modality


def _added(problem, modality, name, geometry, stds):
    """The problem with one more unknown, its tangent where the data put it."""
    if name in problem.by_name:
        fail("survey", "leave that name free", f"{name} among the parameters", "Rename that parameter.")
    tangent = Tangent(survey=modality.name, geometry=geometry, error=np.zeros(len(stds)))
    unknown = Parameter(name, len(stds), units=geometry.units, prior=TangentPrior(std=stds, tangent=tangent),
                        labels=geometry.labels)
    empty = modality.with_term(name, csr_array((modality.size, len(stds))))
    return relinearised(problem.replace(
        parameters=[*problem.parameters, unknown],
        modalities=[empty if m.name == modality.name else m for m in problem.modalities]))
