"""The likelihood ratio of two surveys: whether one model serves both as well as a model each."""

import numpy as np

from .._checks import fail, one_of
from ..problem import JointProblem
from ..problem.gaussian import is_linear_gaussian
from .pair import make_pair
from .result import AgreementTest, chi2_test, untestable
from .simulated import bootstrap_test, wilks_test
from .words import UNTESTABLE, shared_note

NULLS = ("auto", "exact", "iterative", "spectral", "bootstrap", "wilks")
OPTIONS = {"auto": ("probes", "steps"), "exact": (), "iterative": ("probes", "steps"), "spectral": ("probes",)}
METHOD = {"auto": "auto", "exact": "dense", "iterative": "iterative", "spectral": "auto"}


def likelihood_ratio_test(problem, pair, null="auto", seed=0, **options):
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
        - "bootstrap": pairs simulated from the joint fit, refitted: `agreement.simulated.bootstrap_test`.
        - "wilks": flat priors, nonlinear models: χ² by Wilks's theorem, `agreement.simulated.wilks_test`.
        - "auto": exact up to 6,000 data, else iterative; bootstrap where the problem is not linear-Gaussian.
    seed : int or numpy.random.Generator, default 0
        Of the random vectors, or of the simulations.
    **options
        ``probes`` (that many random vectors and no more) and, for "iterative", ``steps`` of the spectrum; ``draws``,
        ``truths``, ``executor`` and the rest of `bootstrap_test`.

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
    if one_of("null", null, NULLS) == "auto" and isinstance(problem, JointProblem) and not is_linear_gaussian(problem):
        null = "bootstrap"
    if null == "bootstrap":
        return bootstrap_test(problem, pair, seed=seed, **options)
    if null == "wilks":
        return wilks_test(problem, pair, **options)
    unknown = sorted(set(options) - set(OPTIONS[null]))
    if unknown:
        fail("options", f"be among {OPTIONS[null]} for the null {null!r}", f"{unknown}", "Leave them out.", TypeError)
    both = make_pair(problem, pair, METHOD[null])
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
