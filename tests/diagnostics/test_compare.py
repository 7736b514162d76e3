"""Joint against separate: ratios and prices written out, and the fusion of separate results as the baseline."""

import numpy as np
import pytest

import bayesjoint as bj

from ..linear import make
from ..periodic import continued_problem
from ..refusals import refused

CASES = {"coupled": {"correlation": 0.7, "mean": True}, "independent": {},
         "one property twice": {"names": ("density", "susceptibility"), "shared": True, "known": (0, 5)}}


@pytest.fixture(params=CASES.values(), ids=list(CASES))
def case(request):
    problem, reference = make(**request.param)
    post = bj.posterior(problem)
    return post, post.separate(), reference


def test_ratios_are_ratios_of_stds(case):
    post, separate, _ = case
    found = bj.compare(post, separate, draws=20)
    for name, other in separate.items():
        for p in other.problem.parameters:
            with np.errstate(invalid="ignore"):
                ratio = post.std()[p.name] / other.std()[p.name]
            np.testing.assert_allclose(found[f"{p.name}_std_ratio__{name}"], ratio)
            assert np.nanmax(found[f"{p.name}_std_ratio__{name}_error"]) < 1e-6
            table = found.sel(parameter=p.name, survey=name)
            assert float(table.median_ratio) == pytest.approx(np.nanmedian(ratio))
            assert float(table.helped + table.unchanged + table.harmed + table.undecided) == pytest.approx(1)
            assert float(table.harmed) == 0


def test_variance_explained_is_one_less_its_ratio(case):
    post, separate, reference = case
    found = bj.compare(post, separate, draws=20)
    prior = post.prior_std()["susceptibility"]
    np.testing.assert_allclose(found.susceptibility_explained, 1 - post.std()["susceptibility"]**2 / prior**2)
    assert np.nanmin(found.susceptibility_explained - found.susceptibility_explained__survey_susceptibility) > -1e-9
    if reference.known.size:
        assert np.isnan(found.density_explained.values.ravel()[reference.known]).all()


def test_the_price_is_what_chi2_rose_by_and_its_mean_is_known(case):
    """Over simulated data of the joint problem the mean price is the expected one."""
    post, separate, reference = case
    found = bj.compare(post, separate, draws=20)
    for name, other in separate.items():
        rise = post.problem.chi2(post.state_mean())[name] - other.problem.chi2(other.state_mean())[name]
        assert float(found.price.sel(survey=name)) == pytest.approx(rise, abs=1e-8)
    rng, prices = np.random.default_rng(0), []
    prior = np.linalg.cholesky(_given(reference) + 1e-12 * np.diag(np.diag(reference.prior)))
    for _ in range(300):
        data = reference.matrix @ (prior @ rng.standard_normal(len(prior)))
        data += np.linalg.cholesky(reference.noise) @ rng.standard_normal(data.size)
        row = []
        for k, (name, other) in enumerate(separate.items()):
            m = post.problem.modalities[k]
            where = post.problem.data_slices[m.name]
            fits = [each.problem.operator(name).matvec(each.mean_response(d[:, None])[:, 0]) - data[where]
                    for each, d in ((post, data), (other, data[where]))]
            row.append(np.sum(m.noise.whiten(fits[0]) ** 2) - np.sum(m.noise.whiten(fits[1]) ** 2))
        prices.append(row)
    score = (np.mean(prices, axis=0) - found.price_expected) / (np.std(prices, axis=0) / np.sqrt(300) + 1e-6)
    assert np.abs(score).max() < 4


def _given(reference):
    known, prior = reference.known, reference.prior
    if not known.size:
        return prior
    return prior - prior[:, known] @ np.linalg.solve(prior[np.ix_(known, known)], prior[known])


def test_one_cell_fuses_to_the_joint_posterior():
    """Where cells share nothing, the product of experts divided by the prior is the joint posterior."""
    mesh = bj.Mesh.regular((1, 1, 3), (100.0, 100.0, 100.0))
    priors = {"density": bj.Matern(std=50.0, range=1e-3), "susceptibility": bj.Matern(std=0.1, range=1e-3)}
    parameters = [bj.Parameter(k, mesh, prior=prior, reference=None) for k, prior in priors.items()]
    surveys = [bj.Modality("a", np.eye(3) / 50, [1.0, 2.0, 0.0], bj.DiagonalNoise([0.5, 1.0, 2.0]), "density"),
               bj.Modality("b", np.eye(3) * 10, [0.5, 0.0, 1.0], bj.DiagonalNoise([1.0, 1.0, 0.3]), "susceptibility")]
    post = bj.posterior(bj.JointProblem(parameters, surveys, [bj.Coregionalization(-0.8)]))
    found = bj.compare(post, post.separate(), "stochastic", draws=2000)
    for name in priors:
        np.testing.assert_allclose(found[f"{name}_fused_mean"], post.mean()[name], rtol=1e-9)
        np.testing.assert_allclose(found[f"{name}_fused_std"], post.std()[name], rtol=1e-9)
        score = (found[f"{name}_joint_over_fused"] - 1) / found[f"{name}_joint_over_fused_error"]
        assert np.abs(score).max() < 4


def test_fusion_is_as_wrong_as_stated_and_never_better_than_joint(case):
    post, separate, _ = case
    found, drawn = bj.compare(post, separate), bj.compare(post, separate, "stochastic", draws=3000)
    for name in ("density", "susceptibility"):
        ratio = found[f"{name}_joint_over_fused"].values
        assert np.nanmax(ratio) < 1 + 1e-9
        exact, near, error = found[f"{name}_fused_rmse"], drawn[f"{name}_fused_rmse"], drawn[f"{name}_fused_rmse_error"]
        assert np.all(found[f"{name}_fused_rmse_error"] == 0)
        assert np.all(np.abs(near - exact) <= 4.5 * error + 1e-9)
    alone = separate["survey_susceptibility"]
    if not post.problem.prior.tied and len(alone.problem.parameters) == 1:  # nothing to fuse
        np.testing.assert_allclose(found.susceptibility_fused_std, alone.std()["susceptibility"])
        np.testing.assert_allclose(found.susceptibility_fused_mean, alone.mean()["susceptibility"], atol=1e-12)


def test_a_coupling_helps_where_the_other_survey_is_better():
    post = bj.posterior(make(correlation=0.95, counts=(3, 12))[0])
    found = bj.compare(post, post.separate(), draws=20)
    assert float(found.helped.sel(parameter="density", survey="survey_density")) > 0.3
    assert np.isnan(found.helped.sel(parameter="density", survey="survey_susceptibility"))


def test_noise_of_the_standard_deviations_is_not_taken_for_help_or_harm():
    """Properties that are tied by next to nothing: the truth is a ratio of 1 in every cell."""
    problem = continued_problem(1e-9, extent="mesh")
    joint = bj.posterior(problem, method="iterative", rank=0)
    alone = {name: bj.posterior(each, method="iterative", rank=0, seed=7) for name, each in problem.separate().items()}
    found = bj.compare(joint, alone, draws=20)
    for name, parameter in (("gravity", "density"), ("magnetic", "susceptibility")):
        row = found.sel(survey=name, parameter=parameter)
        assert float(row.helped) < 0.1
        assert float(row.harmed) < 0.1
        assert float(row.undecided) > 0.5
        fused = np.abs(found[f"{parameter}_fused_std"] - bj.posterior(problem, method="dense").std()[parameter])
        assert np.mean(fused <= 3 * found[f"{parameter}_fused_std_error"] + 1e-12) > 0.9


def test_every_map_has_its_error(case):
    found = bj.compare(case[0], case[1], draws=20)
    plain = {"undecided"}  # how much the errors leave open
    for name in found.data_vars:
        assert name.endswith("_error") or name in plain or f"{name}_error" in found


def test_refusals(case):
    post, separate, _ = case
    refused(lambda: bj.compare("post", separate), "joint", TypeError)
    refused(lambda: bj.compare(post, {}), "separate", TypeError)
    refused(lambda: bj.compare(post, {"nobody": post}), "separate")
    refused(lambda: bj.compare(post, {"survey_density": 3}), "separate")
    refused(lambda: bj.compare(post, separate, draws=1), "draws")
