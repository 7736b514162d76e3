"""Node splits: whether one survey lies where the other, with the prior, says that it should."""

from .pair import make_pair
from .result import chi2_test, untestable
from .words import UNTESTABLE, name_of, slip_note


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
