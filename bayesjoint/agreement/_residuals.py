"""What one survey says beyond what others predict of it: the residual, with its covariance exact or by draws."""

import numpy as np
from scipy.linalg import solve_triangular

from .._checks import as_count, fail, one_of
from ..gaussian import DenseSystem, data_system, factorised
from ..problem import one_survey
from ._pair import restricted
from ._shared import in_blocks

FEWEST, DRAWS = 20, 64  # draws behind a null of Student's t, at least and by default


def residual_of(problem, survey, given=None, draws=DRAWS, seed=0, method="auto"):
    """`Residual` of one survey of a problem given others; surveys that are not named play no part.

    Parameters
    ----------
    problem : JointProblem
        Linear operators, Gaussian priors, none of them flat.
    survey : str
    given : str or tuple of str, optional
        Default all others.
    draws : int, default 64
        Simulated residuals where the surveys are too large for matrices.
    seed : int, default 0
    method : {"auto", "dense", "iterative"}, default "auto"
        Matrices over the data up to 6,000 data in all, or solves.

    Returns
    -------
    Residual

    Raises
    ------
    ValueError
        If the problem is not linear-Gaussian, a prior is flat, or there are fewer than 20 draws.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1e6))
    >>> a, b = (bj.Modality(k, [[1.0]], [d], bj.DiagonalNoise([1.0]), "slope") for k, d in (("a", 3.0), ("b", 5.0)))
    >>> found = residual_of(bj.JointProblem([slope], [a, b]), "b", ("a",))
    >>> found.value.round(4), found.root.round(4)
    (array([2.]), array([[1.4142]]))
    """
    given = checked_given(problem, survey, given)
    problem = restricted(problem, (survey, *given))
    problem.prior.refuse_flat("for a prediction")
    return Residual(data_system(problem, method), survey, given, draws, seed)


def checked_given(problem, survey, given=None):
    """Names of the surveys to predict a survey from; default all others."""
    names = [m.name for m in problem.modalities]
    one_of("survey", survey, names)
    others = [name for name in names if name != survey]
    if given is None:
        return tuple(others)
    given = (given,) if isinstance(given, str) else tuple(given)
    if set(given) - set(others):
        fail("given", f"name surveys among {others}", repr(given), "Correct the names; () is the model alone.")
    return tuple(name for name in others if name in given)


class Residual:
    """Predictive residual r of a linear-Gaussian problem's survey given others, under the joint prior predictive.

    If problem, coupling and noise are right, (d_a, d_b) ~ N(μ, K) with K = Cov(clean data) + noise, and what survey b
    says beyond survey a is r = d_b − E[d_b | d_a] ~ N(0, V), V = K_bb − K_ba K_aa⁻¹ K_ab (node splitting: Presanis et
    al. 2013, Stat. Sci. 28, 376). Given nothing, r is what a survey says beyond its own model.

    V is carried by its root. With matrices that is exact: the last block of the Cholesky factor of the data of a and b.
    With solves its columns are residuals of simulated data over the square root of their number. Simulated data go
    through the same solves as the observed, so that a functional of the observed residual over the root mean square of
    its simulated values is Student's t with as many degrees of freedom as there are draws: exactly, whatever tolerance
    the solves stop at.

    Parameters
    ----------
    whole : System
        Of both surveys, and perhaps of others.
    survey : str
    given : tuple of str
    draws : int, default 64
        Simulated residuals, where `whole` is no `DenseSystem`.
    seed : int, default 0

    Attributes
    ----------
    modality : Modality
        The survey.
    value, weighted : ndarray, shape (n,)
        r in units of the data, and V⁻¹ r.
    root, weighted_root : ndarray, shapes (n, k)
        Columns whose outer products add up to V, and to V⁻¹.
    dof : float
        Number of draws that the roots come from; infinite where they are exact.
    """

    def __init__(self, whole, survey, given, draws=DRAWS, seed=0):
        problem, exact = whole.model.problem, isinstance(whole, DenseSystem)
        draws = as_count("draws", draws, FEWEST, "Fewer leave the null too broad to find anything.")
        self.modality, self.given, self.dof = one_survey(problem, survey), given, np.inf if exact else float(draws)
        own, weighted = _exact(whole, survey, given) if exact else _drawn(whole, survey, given, draws, seed)
        noise, scale = self.modality.noise, np.sqrt(problem.weights[survey])
        own, weighted = noise.colour(own) / scale, noise.whiten_adjoint(weighted) * scale
        self.value, self.root = own[:, 0], own[:, 1:]
        self.weighted, self.weighted_root = weighted[:, 0], weighted[:, 1:]

    def project(self, functionals):
        """(H r, its standard deviations) for H of shape (k, n), dense or sparse."""
        return functionals @ self.value, _spread(functionals @ self.root)

    def project_weighted(self, functionals):
        """(H V⁻¹ r, its standard deviations): what the score for additive anomalies Hᵀ is."""
        return functionals @ self.weighted, _spread(functionals @ self.weighted_root)


def _spread(roots):
    return np.sqrt(np.sum(roots**2, axis=1))


def _exact(whole, survey, given):
    """Whitened ((r, root of V), (V⁻¹ r, root of V⁻¹)): with y = L z, the data of b last, r = L_bb z_b."""
    order = whole.index((*given, survey))
    factor = factorised(whole.covariance[np.ix_(order, order)], overwrite=True)
    mine = slice(order.size - whole.index((survey,)).size, None)
    z = solve_triangular(factor, whole.residual[order], lower=True, check_finite=False)[mine]
    root = factor[mine, mine]
    inverse = solve_triangular(root, np.eye(z.size), lower=True, trans=1, check_finite=False)
    return np.column_stack([root @ z, root]), np.column_stack([inverse @ z, inverse])


def _drawn(whole, survey, given, draws, seed):
    """The same by solves, of the data and of data simulated from the joint prior predictive."""
    names = [name for name in whole.rows if name in (*given, survey)]
    joint = whole if names == list(whole.rows) else whole.part(names)
    white = np.column_stack([joint.residual, joint.draw(np.random.default_rng(seed), draws)])
    mine, scale = joint.rows[survey], np.append(1.0, np.full(draws, draws**-0.5))
    own, weighted = white[mine], in_blocks(joint, white, joint.project)[mine]
    if given:
        rows, part, back = joint.index(given), joint.part(given), np.zeros_like(white)
        back[rows] = in_blocks(part, white[rows], part.project)
        own = own - joint.product(back)[mine]
    return own * scale, weighted * scale
