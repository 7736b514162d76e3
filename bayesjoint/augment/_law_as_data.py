"""A soft linear law between properties as a survey: what exact engines and tests of agreement can take."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array, eye_array, hstack
from scipy.sparse.linalg import aslinearoperator

from .._checks import checked, fail
from .._typing import JointProblem
from ..couplings import Petrophysical
from ..noise import DiagonalNoise
from ..problem import Modality, check_problem


@checked
def law_as_data(problem: JointProblem, name: str = "law") -> JointProblem:
    """The same posterior with a linear law among the surveys instead of the couplings.

    m_2 = a + b m_1 with scatter std says of each ground cell that m_2 − b m_1 was measured as a, with noise of that
    std. Nothing is approximated. The problem is then linear-Gaussian where all else is: "dense" and "iterative" are
    exact, `fit_hyperparameters` has an evidence, and `conflict` and `likelihood_ratio_test` can ask whether the law and
    the surveys agree.

    Parameters
    ----------
    problem : JointProblem
        With one soft linear `Petrophysical` of known θ among its couplings.
    name : str, default "law"
        Of the survey.

    Returns
    -------
    JointProblem

    Raises
    ------
    ValueError
        If there is no such law, or more than one.

    Notes
    -----
    The evidence of the result is log p(d, law): of laws with other numbers it compares log p(d | law) only after the
    evidence of the law alone, p(law), is taken off: that of ``problem.separate()["law"]``.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> mesh = bj.Mesh.regular((2, 3, 4), (100, 100, 100))
    >>> density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=300.0))
    >>> magnetic = bj.Parameter("susceptibility", mesh, prior=bj.Matern(std=0.03, range=300.0))
    >>> seen = bj.Modality("samples", np.eye(24), np.zeros(24), bj.DiagonalNoise(np.full(24, 50.0)), "density")
    >>> law = bj.Petrophysical("linear", (0.0, 2e-4), std=0.005)
    >>> told = law_as_data(bj.JointProblem([density, magnetic], [seen], [law]))
    >>> list(told.surveys), bj.posterior(told).method
    (['samples', 'law'], 'dense')
    """
    check_problem(problem)
    laws = [c for c in problem.couplings if isinstance(c, Petrophysical)]
    fitting = [c for c in laws if c.relation == "linear" and not c.hard and not isinstance(c.theta, str)]
    if len(fitting) != 1 or len(laws) != 1:
        fail("problem", "hold one soft linear Petrophysical with known theta", f"{len(laws)} law(s), of which "
             f"{len(fitting)} are", 'Use Petrophysical("linear", theta, std).')
    law = fitting[0]
    first, second = (problem.by_name[each] for each in law.members)
    ground = np.flatnonzero(first.ground)
    chosen = csr_array((np.ones(ground.size), (np.arange(ground.size), ground)), shape=(ground.size, first.size))
    forward = chosen @ hstack([-law.theta[1] * eye_array(first.size), eye_array(first.size)], format="csr")
    survey = Modality(name, aslinearoperator(forward), np.full(ground.size, law.theta[0]),
                      DiagonalNoise(np.full(ground.size, law.std)), law.members, units=second.units)
    return problem.replace(modalities=[*problem.modalities, survey],
                           couplings=[c for c in problem.couplings if c is not law])
