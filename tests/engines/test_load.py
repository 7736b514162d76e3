"""A saved dataset is asked again: the answers are those of the posterior that was saved, or a clear refusal."""

import numpy as np
import pytest
import xarray as xr

import bayesjoint as bj
from bayesjoint.dataset import write_tree
from bayesjoint.engines import LoadedPosterior

from ..calibration.grounds import gaussian_ground
from ..calibration.grounds import problem as ground_problem
from ..periodic import continued_problem
from ..refusals import refused
from .test_export import survey_problem

MESH = bj.Mesh.regular((3, 8, 8), (50.0, 50.0, 50.0))
ASKED = {"draws": 60, "chains": 2, "seed": 3}


def pair(tmp_path, post, **options):
    """(posterior, the same from a file)."""
    return post, bj.load(write_tree(post.to_datatree(**ASKED, **options), tmp_path / "posterior.nc"))


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    return pair(tmp_path_factory.mktemp("dense"), bj.posterior(survey_problem(), method="dense"))


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    """With air, a bias and the inducing field."""
    active = np.ones(MESH.shape, dtype=bool)
    active[-1, :, 4:] = False
    mesh = MESH.with_active(active)
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=200.0, range=150.0))
    chi = bj.Parameter("susceptibility", mesh, prior=bj.Matern(std=0.02, range=150.0))
    where = mesh.easting, mesh.northing
    surveys = []
    for op, p, std in ((bj.GravityOperator(mesh, *where, height=5.0), density, 0.02),
                       (bj.MagneticOperator(mesh, *where, height=5.0, intensity=48_000.0), chi, 5.0)):
        data = std * np.random.default_rng(0).standard_normal(op.data_shape)
        surveys.append(bj.Modality(op.kind, op, data, bj.DiagonalNoise(np.full(op.data_shape, std)), p.name))
    problem = bj.JointProblem([density, chi], surveys, [bj.Coregionalization(0.7)])
    problem = bj.add_bias(problem, "gravity", "constant", std=0.5)
    return pair(tmp_path_factory.mktemp("ground"), bj.posterior(problem, method="dense"))


@pytest.fixture(params=["dense", "ground"])
def both(request):
    return request.getfixturevalue(request.param)


def close(one, two, rtol=1e-12):
    assert set(one) == set(two)
    for name in one:
        np.testing.assert_allclose(one[name], two[name], rtol=rtol, atol=1e-300)


def test_summaries_are_those_that_were_saved(both):
    post, found = both
    assert isinstance(found, LoadedPosterior) and isinstance(found, bj.Posterior)
    for what in ("mean", "std", "mean_error", "std_error"):
        close(getattr(post, what)(), getattr(found, what)())
    for name, prior in post.prior_std().items():
        np.testing.assert_allclose(found.prior_std()[name], prior, rtol=1e-12)
    assert found.method == post.method and found.reason == post.reason and not found.markov
    assert [a.statement for a in found.approximations] == [a.statement for a in post.approximations]
    assert found.log_evidence() == pytest.approx(float(post.log_evidence()))
    assert found.log_evidence().error == post.log_evidence().error
    assert found.nuisances().equals(found.tree["nuisances"].to_dataset())


def test_predictions_are_those_that_were_saved(both):
    post, found = both
    close({k: np.ravel(v) for k, v in post.prediction().items()}, {k: np.ravel(v) for k, v in
                                                                   found.prediction().items()})
    close(post.prediction_std(), found.prediction_std())
    close(post.chi2(), found.chi2())
    np.testing.assert_array_equal(np.concatenate([m.data for m in found.problem.modalities]),
                                  np.concatenate([m.data for m in post.problem.modalities]))
    for m, kept in zip(post.problem.modalities, found.problem.modalities, strict=True):
        np.testing.assert_allclose(kept.noise.variance(), m.noise.variance(), rtol=1e-12)
        assert kept.noise.independent == m.noise.independent and kept.parameters == m.parameters
    assert found.problem.weights == post.problem.weights


@pytest.mark.parametrize("share", [0.9, 0.5])
def test_intervals(both, share):
    post, found = both
    for name, ends in post.interval(share).items():
        np.testing.assert_allclose(found.interval(share)[name], ends, rtol=1e-9, atol=1e-9)
    assert found.interval_words("density").startswith("at 90% as stored: equal-tailed Gaussian")


def test_draws_are_the_stored_ones(both):
    post, found = both
    drawn = post.sample(**ASKED)
    close({k: v.astype(np.float32) for k, v in drawn.items()}, found.sample(), 1e-6)
    close({k: v[:1, :15].astype(np.float32) for k, v in drawn.items()}, found.sample(draws=15, chains=1), 1e-6)
    assert [b["density"].shape[0] for b in found.stream(draws=25)] == [10, 10, 5]
    refused(lambda: found.sample(draws=61), "draws and chains")
    refused(lambda: found.sample(chains=3), "draws and chains")


def test_functionals_are_those_of_the_stored_draws(ground):
    post, found = ground
    box = (100.0, 300.0, 100.0, 300.0, -150.0, 0.0)
    for ask in (lambda p, **n: bj.excess_mass(p, box, **n), lambda p, **n: bj.exceedance(p, "density", 50.0, **n),
                lambda p, **n: bj.magnetic_moment(p, **n), lambda p, **n: bj.depth_to_top(p, 100.0, **n)):
        live, loaded = ask(post, **ASKED), ask(found)
        for name in loaded.data_vars:
            np.testing.assert_allclose(loaded[name], live[name], rtol=1e-4, err_msg=name)
        assert not any("closed_form" in str(name) for name in loaded.data_vars)
    refused(lambda: bj.excess_mass(found, draws=500), "draws and chains")


def test_reports_plots_and_comparisons(ground, tmp_path):
    from matplotlib.figure import Figure

    post, found = ground
    page = bj.report(found, tmp_path / "one.html").read_text(encoding="utf-8")
    assert page == bj.report(found.tree, tmp_path / "two.html").read_text(encoding="utf-8")
    axes = [Figure().add_subplot() for _ in range(5)]
    bj.plot.model(found, "density", ax=axes[0])
    bj.plot.model(found, "density", "std", ax=axes[1])
    bj.plot.data(found, "gravity", ax=axes[2])
    bj.plot.interval(found, ax=axes[3])
    bj.plot.profile(found, ax=axes[4])
    alone = post.separate()
    loaded = {name: bj.load(one.to_datatree(draws=2, chains=1)) for name, one in alone.items()}
    wanted, answer = bj.compare(post, alone), bj.compare(found, loaded)
    for name in answer.data_vars:
        if not str(name).endswith("_error") or "ratio" in str(name):
            np.testing.assert_allclose(answer[name], wanted[name], rtol=1e-7, atol=1e-12, err_msg=name)
    assert {str(k) for k in wanted.data_vars} - {str(k) for k in answer.data_vars} == {
        str(k) for k in wanted.data_vars if "fused" in str(k)}
    assert np.isnan(answer.price_error).all()


def test_the_rest_is_refused(ground):
    _, found = ground
    weights = {name: np.ones_like(values) for name, values in found.mean().items()}
    refused(lambda: found.covariance_product(weights), "dataset")
    refused(lambda: bj.resolution(found), "dataset")
    refused(lambda: bj.leakage(found), "dataset")
    refused(found.separate, "dataset")
    refused(lambda: found.data_sensitivity(np.zeros((found.problem.size, 1))), "dataset")
    refused(lambda: found.joint_draws(None, 1), "dataset")
    refused(lambda: found.to_datatree(draws=3), "arguments", TypeError)
    assert found.to_datatree() is found.tree


def test_correlated_noise_is_known_by_its_std_only(dense):
    _, found = dense
    refused(lambda: found.problem.modalities[1].noise.whiten(np.zeros(9)), "dataset")


def test_bounds_and_labels_come_back(tmp_path):
    upper = np.array([1.0, np.inf])
    q = bj.Parameter("q", 2, prior=bj.GaussianPrior(0.0, 1.0), bounds=(0.0, upper), labels=["one", "two"])
    problem = bj.JointProblem([q], [bj.Modality("a", np.eye(2), [2.0, 2.0], bj.DiagonalNoise([1.0, 1.0]), "q")])
    post, found = pair(tmp_path, bj.posterior(problem, at=bj.find_map(problem, method="map")))
    p = found.problem.by_name["q"]
    assert list(p.labels) == ["one", "two"]
    np.testing.assert_array_equal(p.upper, upper)
    np.testing.assert_array_equal(p.lower, [0.0, 0.0])
    close(post.std(), found.std())
    held = np.quantile(found.sample()["q"].reshape(-1, 2), [0.25, 0.75], axis=0)
    np.testing.assert_allclose(found.interval(0.5)["q"], held)


def test_chains_stay_chains(tmp_path):
    mesh = bj.Mesh.regular((1, 1, 3), (1.0, 1.0, 1.0))
    prior = bj.Focusing(alpha=1.0, p=1, epsilon=0.1, depth_exponent=0)
    problem = bj.JointProblem([bj.Parameter("x", mesh, prior=prior)], [
        bj.Modality("a", np.eye(3), [0.1, 0.5, 2.0], bj.DiagonalNoise(np.full(3, 0.5)), "x")])
    post, found = pair(tmp_path, bj.posterior(problem, method="gibbs", draws=100, chains=2, seed=1))
    assert found.markov and found.held == (2, 60)
    np.testing.assert_allclose(found.interval(0.9)["x"], post.interval(0.9)["x"])
    x = found.sample()["x"].reshape(-1, 3)
    np.testing.assert_allclose(np.stack(found.interval(0.5)["x"]).reshape(2, 3), np.quantile(x, [0.25, 0.75], axis=0))
    assert "of the stored draws" in found.interval_words("x")
    assert found.sample(draws=31)["x"].shape == (2, 31, 1, 1, 3)


def test_recalibrated_intervals_lead(tmp_path):
    sound = bj.recalibrate(bj.posterior(ground_problem()), gaussian_ground, worlds=60, seed=2, sensitivity=None)
    post, found = pair(tmp_path, sound)
    np.testing.assert_allclose(found.interval(0.9)["density"], post.interval(0.9)["density"])
    refused(lambda: found.interval(0.5), "probability")  # the engine's would be narrower, though they hold less
    refused(lambda: bj.posterior(ground_problem()).to_file(tmp_path / "posterior.nc"), "path")
    assert "recalibrated on" in found.interval_words("density")
    assert "functionals of a loaded posterior" in bj.excess_mass(found).caution


def test_an_older_file_answers_what_it_holds(ground):
    post, found = ground
    kept = {k: v for k, v in found.tree.attrs.items() if not k.startswith(("markov", "interval_"))}
    tree = xr.DataTree.from_dict({f"/{group}": node.to_dataset() for group, node in found.tree.children.items()} | {
        "/": xr.Dataset(attrs=kept)})
    for name in ("gravity", "magnetic"):
        for key in ("parameters_json", "intensity"):
            tree["observed_data"][name].attrs.pop(key, None)
    old = bj.load(tree)
    np.testing.assert_allclose(old.interval(0.5)["density"], post.interval(0.5)["density"], rtol=1e-9, atol=1e-9)
    refused(lambda: bj.magnetic_moment(old), "intensity")
    assert bj.magnetic_moment(old, intensity=48_000.0).magnetic_moment_mean.units == "A m2"


def test_what_is_no_posterior_is_refused(dense, tmp_path):
    refused(lambda: bj.load(xr.DataTree()), "source")
    from bayesjoint.dataset import ParameterBlock, build_tree

    refused(lambda: bj.load(build_tree([ParameterBlock(name="mass", mean=4.0)])), "source")
    with pytest.raises(FileNotFoundError, match="existing file"):
        bj.load(tmp_path / "nowhere.nc")
    best = bj.find_map(continued_problem(extent="mesh"), method="map").to_datatree()
    model = bj.load(best)
    assert np.isfinite(model.mean()["density"]).all()
    refused(model.std, "dataset")
    refused(model.sample, "dataset")
