"""Node splits: whether one survey lies where the other, with the prior, says that it should."""

import numpy as np
from scipy.stats import chi2, norm

from .likelihood_ratio import UNTESTABLE
from .pair import make_pair
from .result import AgreementTest, moved_tail

SLIP = 0.01  # of the noise std, whose effect is quoted


def node_split(problem, pair, method="auto"):
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


def splits_of(made):
    """Both splits of a `Pair` that is there already."""
    found = made.statistics()
    error = float(found.error[0])
    return (_split(made, 0, float(found.into_second[0]), error), _split(made, 1, float(found.into_first[0]), error))


def split_dof(made, source):
    """Degrees of freedom of the split of the other group given group `source` (0 or 1)."""
    return made.both.dof - (made.first, made.second)[source].dof


def _split(made, source, statistic, error):
    names = made.groups[source] + made.groups[1 - source]
    dof, name = split_dof(made, source), f"node split {made.label(source)} -> {made.label(1 - source)}"
    if dof == 0:
        return AgreementTest(name=name, surveys=names, statistic=0.0, p_value=np.nan, p_value_error=np.nan, null="none",
                             dof=0, note=UNTESTABLE)
    return AgreementTest(name=name, surveys=names, statistic=statistic, p_value=float(chi2.sf(statistic, dof)),
                         p_value_error=moved_tail(statistic, error, dof), dof=dof, note=_sensitivity(dof),
                         null=f"χ² with {dof} degrees of freedom, exact")


def _sensitivity(dof):
    """What the statistic is worth when the noise is known to a per cent only."""
    shift = dof * (1.0 - 1.0 / (1.0 + SLIP) ** 2) / np.sqrt(2.0 * dof)
    text = (f"a noise std {SLIP:.0%} larger than stated would alone move it by up to {shift:.2g} standard deviations"
            if shift < 1.0 else
            f"beware: noise std {SLIP:.0%} larger than stated would alone move it by up to {shift:.2g} standard "
            f"deviations (p = {norm.sf(shift):.1g} without any conflict); estimate the noise before you believe it")
    return f"{text}; a wrong prior moves it too"
