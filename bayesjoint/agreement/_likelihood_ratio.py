"""Tests of two surveys: whether one model serves both as well as a model each, and node splits, each from the other."""

from __future__ import annotations

import numpy as np

from .._checks import checked, fail, one_of
from .._typing import Any, Seed
from ..gaussian import is_linear_gaussian
from ..problem import JointProblem, check_gaussian_noise
from ._pair import make_pair
from ._result import AgreementTest, chi2_test, untestable
from ._sentences import UNTESTABLE, name_of, shared_note, slip_note
from ._simulated_null import bootstrap_test, wilks_test

GAUSSIAN = {  # nulls of linear-Gaussian problems: their method and options
    "auto": ("auto", ("probes", "steps")), "exact": ("dense", ()), "iterative": ("iterative", ("probes", "steps")),
    "spectral": ("auto", ("probes",))}


@checked
def likelihood_ratio_test(problem: JointProblem, pair: tuple, null: str = "auto", seed: Seed = 0,
                          **options: Any) -> AgreementTest:
    """Test whether one model serves two surveys as well as a model each.

    Flat priors, linear: the statistic is the rise of the misfit when one model must fit both, Λ, a χ² with
    rank A_a + rank A_b − rank [A_a; A_b] degrees of freedom (Wilks 1938, exact here; ranks at 1e-10 of the largest
    singular value). Gaussian priors: it is −2 log R, R = Z_ab / (Z_a Z_b), whose distribution under agreement is a
    signed weighted χ², −2 I + Σ_k ρ_k (χ²_1 − χ²_1) with ρ_k the canonical correlations of the two data sets under the
    prior predictive and I = −½ Σ log(1 − ρ_k²) their mutual information: the number of cells plays no part. Flat values
    beside Gaussian ones are eliminated by generalised least squares; directions that both surveys see and no prior
    holds add a χ² with as many degrees of freedom.

    Across two properties it sees a coupling that is stated too strong, or of the wrong sign, and little else; one that
    is stated too weak makes surveys more alike than expected, which is no conflict and never seen. The node split and
    the tests of a nuisance see what it does not.

    Parameters
    ----------
    problem : JointProblem
        Linear operators, Gaussian or flat priors, no bounds; a `Coregionalization` may tie the parameters. With
        "bootstrap" any density, nonlinear models, bounds and penalties included.
    pair : (str or tuple of str, str or tuple of str)
        Names of two surveys, or of two groups of surveys.
    null : {"auto", "exact", "iterative", "spectral", "bootstrap", "wilks"}, default "auto"
        - "exact": all canonical correlations, from matrices over at most 6,000 data; the p-value by Imhof's integral.
        - "iterative": statistic by preconditioned conjugate gradients; null from canonical correlations by a block
          Krylov space for the strong ones and random vectors for the rest (Lanczos quadrature), as many as it takes to
          know log p to 0.1 and the information to 0.3 nats or 1 %, or 32; at any size. Both errors are in
          `p_value_error` and `statistic_error`.
        - "spectral": the same statistic, null by wavenumber, for continued fields on lattices: approximate for a
          finite window, with the error measured by random vectors.
        - "bootstrap": pairs simulated from the joint fit, refitted.
        - "wilks": flat priors, nonlinear models: χ² by Wilks's theorem.
        - "auto": exact up to 6,000 data, else iterative; bootstrap where the problem is not linear-Gaussian.
    seed : int or numpy.random.Generator, default 0
        Of the random vectors, or of the simulations.
    **options
        ``probes`` (that many random vectors and no more) and, for "iterative", ``steps`` of the spectrum; ``draws``,
        ``truths`` ("fit", "posterior" or a function that draws models), ``start`` (of the joint fit), ``tolerance`` and
        ``executor`` of the bootstrap.

    Returns
    -------
    AgreementTest
        ``statistic`` is −2 log R, or Λ where both surveys see directions that no prior holds.

    Raises
    ------
    ValueError, TypeError
        If a survey is unknown or named twice, or the problem is not what the null is for.

    Examples
    --------
    Two measurements of one number, and the tension between them:

    >>> import bayesjoint as bj
    >>> h0 = bj.Parameter("H0", 1, units="km/s/Mpc")
    >>> rows = {"planck": (67.36, 0.54), "shoes": (73.04, 1.04)}
    >>> surveys = [bj.Modality(k, [[1.0]], [v], bj.DiagonalNoise([s]), "H0") for k, (v, s) in rows.items()]
    >>> found = likelihood_ratio_test(bj.JointProblem([h0], surveys), ("planck", "shoes"))
    >>> round(found.statistic, 2), found.dof, round(found.sigma, 2)
    (23.49, 1, 4.85)
    """
    one_of("null", null, (*GAUSSIAN, "bootstrap", "wilks"))
    if isinstance(problem, JointProblem):
        check_gaussian_noise(problem, "for a likelihood ratio")
    if null == "auto" and isinstance(problem, JointProblem) and not is_linear_gaussian(problem):
        null = "bootstrap"
    if null == "bootstrap":
        return bootstrap_test(problem, pair, seed=seed, **options)
    if null == "wilks":
        return wilks_test(problem, pair, **options)
    method, known = GAUSSIAN[null]
    unknown = sorted(set(options) - set(known))
    if unknown:
        fail("options", f"be among {known} for the null {null!r}", f"{unknown}", "Leave them out.", TypeError)
    both = make_pair(problem, pair, method)
    return ratio_of(both, both.spectrum("spectral" if null == "spectral" else None, seed=seed, **options))


def ratio_of(pair, spectrum):
    """The test of a `Pair`, under the null of a `CanonicalSpectrum` of it."""
    form, names = "likelihood ratio", pair.names
    if not spectrum.testable:
        return untestable(form, names, UNTESTABLE, dof=0)
    found = pair.statistics()
    ratio, error = float(found.ratio[0]), float(found.error[0])
    if not np.any(spectrum.correlations**2 > 0):
        return chi2_test(form, names, ratio, error, pair.excess, statistic_error=error)
    p, p_error = (float(v) for v in spectrum.tail(ratio, error))
    information, doubt = spectrum.information()
    constant, off = (0.0, 0.0) if pair.excess else (-2.0 * information, 2.0 * doubt)
    rho, counts = spectrum.correlations, spectrum.counts
    whole = counts.size == 0 or np.all(counts == 1.0)
    return AgreementTest(
        form=form, surveys=names, statistic=ratio + constant, statistic_error=off + error, p_value=p,
        p_value_error=p_error, log_p=spectrum.null().log_tail(ratio),
        null=f"signed weighted χ² by Imhof's integral, {spectrum.words}",
        weights=np.concatenate([rho, -rho, np.ones(pair.excess)]) if whole else None,
        note=shared_note(pair.excess, information, doubt, float(np.sqrt(np.max(rho**2)))))


@checked
def node_split(problem: JointProblem, pair: tuple, method: str = "auto"):
    """Test each of two surveys against its prediction from the other.

    For each direction (d_b − A_b m_a)ᵀ (A_b P_a A_bᵀ + C_b)⁻¹ (d_b − A_b m_a), with m_a, P_a the posterior given the
    other survey alone: a χ² with as many degrees of freedom as there are data (less flat directions that the other
    survey leaves open), exact for linear-Gaussian problems (Presanis et al. 2013, Stat. Sci. 28, 376). It sees gains,
    patches and wrong noise, but also a wrong prior: a small p-value is not yet a conflict between surveys.

    Parameters
    ----------
    problem : JointProblem
        Linear operators, Gaussian or flat priors, no bounds.
    pair : (str or tuple of str, str or tuple of str)
        Names of two surveys, or of two groups of surveys.
    method : {"auto", "dense", "iterative"}, default "auto"
        Matrices over the data, or conjugate gradients; auto: matrices up to 6,000 data.

    Returns
    -------
    (AgreementTest, AgreementTest)
        From the first to the second, and back. Where noise is independent, `note` tells what a slip of 1 % in the
        noise standard deviation alone would do to it.

    Raises
    ------
    ValueError, TypeError
        As `likelihood_ratio_test`.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> level = bj.Parameter("level", 1, prior=bj.GaussianPrior(0.0, 100.0))
    >>> surveys = [bj.Modality(name, [[1.0]], [d], bj.DiagonalNoise([1.0]), "level")
    ...            for name, d in (("ground", 0.0), ("air", 4.0))]
    >>> onward, back = node_split(bj.JointProblem([level], surveys), ("ground", "air"))
    >>> onward.name, round(onward.statistic, 2), onward.dof
    ('node split ground -> air', 8.04, 1)
    """
    return splits_of(make_pair(problem, pair, method))


def splits_of(pair):
    """Both splits of a `Pair`."""
    found = pair.statistics()
    return tuple(_split(pair, source, float(value[0]), float(found.error[0]))
                 for source, value in enumerate((found.into_second, found.into_first)))


def split_dof(pair, source):
    """Degrees of freedom of the split of the other group given group `source` (0 or 1)."""
    return pair.both.dof - (pair.first, pair.second)[source].dof


def split_name(pair, source):
    """Name of the split of the other group given group `source` (0 or 1)."""
    return name_of("node split", pair.label(1 - source), pair.label(source))


def _split(pair, source, statistic, error):
    surveys, dof = pair.groups[source] + pair.groups[1 - source], split_dof(pair, source)
    about = {"name": split_name(pair, source), "target": pair.label(1 - source)}
    if dof == 0:
        return untestable("node split", surveys, UNTESTABLE, dof=0, **about)
    return chi2_test("node split", surveys, statistic, error, dof, note=slip_note(dof), **about)
