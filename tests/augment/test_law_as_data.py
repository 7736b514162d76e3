import numpy as np
import pytest

import bayesjoint as bj

from ..couplings.test_petrophysical import LAW, MESH, fields, law_of, problem_of


def field(parameter, rng):
    """A draw of its prior."""
    covariance = parameter.bound_prior.covariance.matmat(np.eye(parameter.size))
    return parameter.scale * np.linalg.cholesky(covariance) @ rng.standard_normal(parameter.size)


@pytest.mark.parametrize("air", [False, True])
def test_the_posterior_is_the_same(air):
    active = np.ones(MESH.shape, dtype=bool)
    active[-1, 0] = not air
    problem = problem_of(law_of("linear", False), fields(MESH.with_active(active)))
    told = bj.law_as_data(problem, name="rocks")
    assert list(told.surveys)[-1] == "rocks" and told.linear_gaussian and told.couplings == ()
    dense = bj.posterior(told)
    laplace = bj.posterior(problem, method="laplace", at=bj.find_map(problem))
    assert dense.method == "dense"
    for p in problem.parameters:
        size = np.nanmax(dense.std()[p.name])
        np.testing.assert_allclose(laplace.mean()[p.name], dense.mean()[p.name], atol=1e-8 * size)
        np.testing.assert_allclose(laplace.std()[p.name], dense.std()[p.name], rtol=1e-8)


@pytest.mark.parametrize(("slope", "found"), [(1.0, False), (0.7, True), (1.3, True)])
def test_a_wrong_slope_is_found_by_what_one_survey_and_the_law_say_of_the_other(slope, found):
    """Under a flat-like prior of susceptibility, which the law then replaces; five grounds, together."""
    mesh, p_values = bj.Mesh.regular((2, 5, 5), (100.0, 100.0, 100.0)), []
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=300.0))
    susceptibility = bj.Parameter("susceptibility", mesh, prior=bj.Matern(std=0.3, range=300.0))
    for seed in range(5):
        rng = np.random.default_rng(seed)
        truth = field(density, rng)
        surveys = []
        for p, values, size in ((density, truth, 100.0), (susceptibility, LAW[0] + LAW[1] * truth
                                                          + 0.002 * rng.standard_normal(mesh.size), 0.02)):
            matrix = rng.standard_normal((60, mesh.size)) / size
            surveys.append(bj.Modality(f"of_{p.name}", matrix, matrix @ values + 0.1 * rng.standard_normal(60),
                                       bj.DiagonalNoise(np.full(60, 0.1)), p.name))
        law = bj.Petrophysical("linear", (LAW[0], slope * LAW[1]), std=0.002)
        told = bj.law_as_data(bj.JointProblem([density, susceptibility], surveys, [law]))
        p_values.append(bj.node_split(told, (("law", "of_density"), "of_susceptibility"))[0].p_value)
    assert (max(p_values) < 0.001) if found else (min(p_values) > 0.01)


@pytest.mark.parametrize("law", [
    law_of("complex steps", False), law_of("linear", False, std=None, hard=True), law_of("linear", True), None])
def test_other_laws_are_refused(law):
    with pytest.raises(ValueError, match="one soft linear Petrophysical"):
        bj.law_as_data(problem_of(law))
