"""The dataset of a posterior: groups on their own dims, every number the posterior's own, gaps kept, file and back."""

import copy
import pickle

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator
from scipy.stats import multivariate_normal, norm

import bayesjoint as bj
from bayesjoint.dataset import read_attributes, read_tree, write_tree

from ..linear import joined
from ..refusals import refused

MESH = bj.Mesh.regular((2, 4, 5), (100, 80, 90), west=1000.0, south=500.0)
GAPS = np.zeros((4, 5), bool)
GAPS[1, 2:4] = GAPS[3, 0] = True
SHAPE = {"draws": 20, "chains": 2, "seed": 3}


class Observed(LinearOperator):
    """The observed stations of a lattice operator."""

    kind, units = "gravity", "mGal"

    def __init__(self, operator, mask):
        self.operator, self.keep = operator, np.flatnonzero(mask)
        super().__init__(np.dtype(float), (self.keep.size, operator.shape[1]))

    def _matvec(self, x):
        return self.operator.matvec(x)[self.keep]

    def _rmatvec(self, y):
        full = np.zeros(self.operator.shape[0])
        full[self.keep] = np.ravel(y)
        return self.operator.rmatvec(full)

    def coordinates(self):
        return tuple(c[self.keep] for c in self.operator.coordinates())


def survey_problem():
    rng = np.random.default_rng(1)
    lattice = bj.GravityOperator(MESH, MESH.easting, MESH.northing, height=20.0)
    gravity = Observed(lattice, ~GAPS.ravel())
    magnetic = bj.MagneticOperator(MESH, MESH.easting[1:4], MESH.northing[:3], height=30.0)
    stations = bj.GravityOperator.at_stations(MESH, [1040.0, 1210.0, 1333.0], [555.0, 600.0, 777.0], [5.0, 8.0, 9.0])
    fixed = np.full(MESH.shape, np.nan)
    fixed[1, 0, 0] = 60.0
    parameters = [
        bj.Parameter("density", MESH, prior=bj.Matern(std=150.0, range=200.0, mean=10.0), fixed=fixed),
        bj.Parameter("susceptibility", MESH, prior=bj.Matern(std=0.05, range=200.0)),
        bj.Parameter("datum", 2, prior=bj.GaussianPrior([1.0, 0.0], 4.0), units="mm"),
    ]
    kernel = bj.StationaryNoise(lambda e, n: 25.0 * np.exp(-np.hypot(e, n) / 150.0), white=3.0)
    surveys = [
        bj.Modality("gravity", gravity, rng.normal(0, 0.3, 17), bj.DiagonalNoise(rng.uniform(0.05, 0.1, 17)), "density",
                    metadata={"source": "made up"}),
        bj.Modality("magnetic", magnetic, rng.normal(0, 40, (3, 3)), kernel, "susceptibility"),
        bj.Modality("points", stations, [0.1, -0.2, 0.3], bj.DiagonalNoise(np.full(3, 0.05)), "density"),
        bj.Modality("levels", rng.standard_normal((4, 2)), [0.2, 1.0, -1.0, 0.4], bj.DiagonalNoise([1.0] * 4), "datum"),
    ]
    problem = bj.JointProblem(parameters, surveys, [bj.Coregionalization(0.6)], {"gravity": 0.5, "magnetic": 0.25})
    return bj.add_bias(problem, "points", np.ones((3, 1)), std=0.2)


@pytest.fixture(scope="module")
def post():
    return bj.posterior(survey_problem())


@pytest.fixture(scope="module")
def tree(post):
    return post.to_datatree(**SHAPE, separate=post.separate())


@pytest.fixture(scope="module")
def draws(post):
    """The tree's own draws in double precision, and their predictions."""
    sample = post.sample(**SHAPE)
    x = np.stack([post.problem.pack({k: v.reshape(40, *v.shape[2:])[i] for k, v in sample.items()}) for i in range(40)])
    return sample, x, [post.problem.operator(k).matmat(x.T).T for k in range(4)]


def test_groups(tree):
    assert set(tree.children) == {
        "posterior", "prior", "posterior_summary", "prior_summary", "separate_summary", "observed_data",
        "posterior_predictive", "predictive_summary", "log_likelihood", "constant_data", "sample_stats",
        "nuisances", "leave_one_out"}
    assert set(tree["posterior"].data_vars) == {"density", "susceptibility", "datum", "points_bias"}
    for group in ("observed_data", "posterior_predictive", "log_likelihood"):
        assert set(tree[group].data_vars) == {"gravity", "magnetic", "points", "levels"}
    for group in tree.children.values():
        for name, variable in group.data_vars.items():
            assert {"units", "long_name"} <= set(variable.attrs), (group.name, name)
            assert not any(value is None or isinstance(value, (bool, np.bool_)) for value in variable.attrs.values())


def test_each_modality_has_its_own_dims(tree):
    observed = tree["observed_data"]
    assert observed["gravity"].dims == ("gravity_northing", "gravity_easting")
    assert observed["magnetic"].dims == ("magnetic_northing", "magnetic_easting")
    assert observed["points"].dims == ("points_station",) and observed["levels"].dims == ("levels_id",)
    assert tree["posterior"]["density"].dims == ("chain", "draw", "upward", "northing", "easting")
    assert tree["posterior"]["datum"].dims == ("chain", "draw", "datum_id")
    assert tree["posterior_predictive"]["points"].dims == ("chain", "draw", "points_station")
    np.testing.assert_allclose(observed["magnetic_easting"], MESH.easting[1:4])
    np.testing.assert_allclose(observed["gravity_northing"], MESH.northing)
    np.testing.assert_allclose(observed["points_easting"], [1040.0, 1210.0, 1333.0])
    np.testing.assert_allclose(tree["posterior"]["upward"], MESH.upward)
    np.testing.assert_allclose(tree["constant_data"]["upward_edges"], MESH.upward_edges)


def test_gaps_stay_gaps(tree, post):
    for group in ("observed_data", "posterior_predictive", "log_likelihood"):
        values = tree[group]["gravity"].values
        np.testing.assert_array_equal(np.isnan(values), np.broadcast_to(GAPS, values.shape))
        assert np.isfinite(tree[group]["magnetic"].values).all()
    for name in ("gravity_mean", "gravity_std"):
        np.testing.assert_array_equal(np.isnan(tree["predictive_summary"][name].values), GAPS)
    np.testing.assert_array_equal(tree["observed_data"]["gravity"].values[~GAPS], post.problem.modalities[0].data)
    np.testing.assert_array_equal(tree["observed_data"]["magnetic"].values.ravel(), post.problem.modalities[1].data)
    assert tree["observed_data"]["gravity"].attrs["n_data"] == 17


def test_draws_are_the_posteriors(tree, draws):
    for name, values in draws[0].items():
        np.testing.assert_allclose(tree["posterior"][name].values, values, rtol=2e-7, atol=1e-12)
        assert tree["posterior"][name].shape[:2] == (2, 20)


def test_summaries_are_the_posteriors(tree, post):
    for key in ("mean", "std", "mean_error", "std_error"):
        for name, values in getattr(post, key)().items():
            np.testing.assert_array_equal(tree["posterior_summary"][f"{name}_{key}"].values, values)
    for name, values in post.prior_std().items():
        np.testing.assert_array_equal(tree["prior_summary"][f"{name}_std"].values, values)
    mean = tree["prior_summary"]["density_mean"].values
    assert mean[1, 0, 0] == pytest.approx(60.0)  # the known cell
    assert tree["posterior"]["density"].values[:, :, 1, 0, 0] == pytest.approx(60.0)
    assert float(tree["prior_summary"]["correlation__density__susceptibility"]) == 0.6


def test_separate_summaries_stand_beside(tree, post):
    for label, other in post.separate().items():
        for name, values in other.std().items():
            stored = tree["separate_summary"][f"{name}_std__{label}_only"]
            np.testing.assert_array_equal(stored.values, values)
            np.testing.assert_array_equal(tree["separate_summary"][f"{name}_mean__{label}_only"], other.mean()[name])
        chi2 = other.problem.chi2(other.problem.pack(other.mean()))[label]
        assert float(tree["separate_summary"][f"{label}_chi2__{label}_only"]) == pytest.approx(chi2, rel=1e-12)


def test_predictions(tree, post):
    problem = post.problem
    center, stds = problem.pack(post.mean()), post.prediction_std()
    for k, m in enumerate(problem.modalities):
        seen = np.isfinite(tree["observed_data"][m.name].values)
        summary = tree["predictive_summary"]
        np.testing.assert_allclose(summary[f"{m.name}_mean"].values[seen], problem.operator(k) @ center, rtol=1e-10)
        np.testing.assert_array_equal(summary[f"{m.name}_std"].values[seen], stds[m.name])
        assert float(summary[f"{m.name}_chi2"]) == pytest.approx(problem.chi2(center)[m.name], rel=1e-10)
        noise = np.sqrt(m.noise.variance() / problem.weights[m.name])
        np.testing.assert_allclose(tree["constant_data"][f"{m.name}_noise_std"].values[seen], noise, rtol=1e-14)


def test_chi2_of_every_draw(tree, post, draws):
    chi2 = [post.problem.chi2(x) for x in draws[1]]
    for m in post.problem.modalities:
        stored = tree["sample_stats"][f"chi2_{m.name}"]
        assert stored.dims == ("chain", "draw")
        np.testing.assert_allclose(stored.values.ravel(), [c[m.name] for c in chi2], rtol=1e-10)


def test_log_likelihood_is_scipys(tree, post, draws):
    for k, m in enumerate(post.problem.modalities):
        weight, stored = post.problem.weights[m.name], tree["log_likelihood"][m.name]
        if m.noise.independent:
            wanted = norm(draws[2][k], np.sqrt(m.noise.variance() / weight)).logpdf(m.data)
            found = stored.values.reshape(40, -1)
            found = found[:, np.isfinite(found[0])]
            assert stored.attrs["kind"] == "pointwise"
        else:
            right = multivariate_normal(np.zeros(m.size), m.noise.covariance() / weight)
            wanted, found = right.logpdf(m.data - draws[2][k]), stored.values.ravel()
            assert stored.dims == ("chain", "draw") and stored.attrs["kind"] == "total"
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


def test_predictive_draws_hold_noise_and_model(post):
    tree = post.to_datatree(draws=1000, chains=2, seed=5)
    problem, center = post.problem, post.problem.pack(post.mean())
    for k, m in enumerate(problem.modalities):
        values = tree["posterior_predictive"][m.name].values.reshape(2000, -1).astype(float)
        values = values[:, np.isfinite(values[0])]
        spread = np.sqrt(post.prediction_std()[m.name] ** 2 + m.noise.variance() / problem.weights[m.name])
        assert np.abs((values.mean(axis=0) - problem.operator(k) @ center) / spread).max() < 4.5 / np.sqrt(2000)
        assert np.abs(values.std(axis=0) / spread - 1).max() < 4.5 / np.sqrt(4000)
    prior = joined(problem, {k: v.values.reshape(2000, *v.shape[2:]).std(axis=0) for k, v in tree["prior"].items()})
    wanted = joined(problem, post.prior_std())
    assert np.abs(prior[problem.free] / wanted[problem.free] - 1).max() < 4.5 / np.sqrt(4000)


def test_attributes(tree, post):
    attributes = read_attributes(tree)
    assert (attributes["method"], attributes["seed"]) == ("dense", 3)
    assert attributes["log_evidence"] == float(post.log_evidence())
    assert attributes["log_evidence_error"] == post.log_evidence().error
    assert attributes["settings"]["gravity: likelihood exponent"] == 0.5
    assert {"bayesjoint", "numpy", "python"} <= set(attributes["versions"])
    assert attributes["approximations"][0]["status"] == "exact"
    assert tree["observed_data"]["gravity"].attrs["source"] == "made up"
    assert tree["observed_data"]["gravity"].attrs["units"] == "mGal"
    assert tree["posterior"]["datum"].attrs["units"] == "mm"


def test_file_and_back(post, tmp_path):
    first = {"parameters": post.problem.parameters[:2], "modalities": post.problem.modalities[:2]}  # files are slow
    tree = bj.posterior(post.problem.replace(**first)).to_datatree(draws=2, chains=2)
    assert read_tree(write_tree(tree, tmp_path / "posterior.nc")).identical(tree)


def test_the_same_seed_gives_the_same_tree(tree, post):
    again = post.to_datatree(**SHAPE)
    for group in ("posterior", "prior", "posterior_predictive", "log_likelihood"):
        assert again[group].to_dataset().identical(tree[group].to_dataset())
    assert "separate_summary" not in again.children
    one, two = (post.to_datatree(draws=2, chains=2, seed=np.random.default_rng(3)) for _ in range(2))
    assert one["posterior"].to_dataset().identical(two["posterior"].to_dataset())
    assert isinstance(read_attributes(one)["seed"], str)
    whole = post.to_datatree(draws=1, chains=1, seed=np.int64(3))
    assert read_attributes(whole)["seed"] == 3


def test_several_heights_are_stations():
    operator = bj.GravityOperator(MESH, MESH.easting, MESH.northing, height=[10.0, 60.0])
    density = bj.Parameter("density", MESH, prior=bj.Matern(std=100.0, range=200.0))
    data = np.arange(40.0).reshape(2, 4, 5)
    survey = bj.Modality("gravity", operator, data, bj.DiagonalNoise(np.ones(data.shape)), "density")
    tree = bj.posterior(bj.JointProblem([density], [survey])).to_datatree(draws=2, chains=1)
    assert tree["observed_data"]["gravity"].dims == ("gravity_station",)
    np.testing.assert_array_equal(tree["observed_data"]["gravity"], data.ravel())
    np.testing.assert_array_equal(tree["constant_data"]["gravity_upward"], np.repeat([10.0, 60.0], 20))


def test_shared_axes_do_not_join():
    """Two surveys on one lattice, one a row short: aligned by name, a row would turn to NaN."""
    density = bj.Parameter("density", MESH, prior=bj.Matern(std=100.0, range=200.0))
    surveys = []
    for name, rows in (("a", slice(0, 4)), ("b", slice(1, 4))):
        operator = bj.GravityOperator(MESH, MESH.easting, MESH.northing[rows], height=10.0)
        surveys.append(bj.Modality(name, operator, np.ones(operator.data_shape), bj.DiagonalNoise(
            np.ones(operator.data_shape)), "density"))  # fmt: skip
    tree = bj.posterior(bj.JointProblem([density], surveys)).to_datatree(draws=2, chains=1)
    assert tree["observed_data"]["a"].shape == (4, 5) and tree["observed_data"]["b"].shape == (3, 5)
    assert all(np.isfinite(tree["observed_data"][k].values).all() for k in "ab")


BAD = {
    "draws": ({"draws": 0}, "draws", ValueError),
    "chains": ({"chains": 1.5}, "chains", TypeError),
    "conflict": ({"conflict": "suite"}, "conflict", TypeError),
    "separate a posterior": ({"separate": "joint"}, "separate", TypeError),
    "separate misnamed": ({"separate": {"gravty": "self"}}, "separate", ValueError),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "argument", "error"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(post, changes, argument, error):
    if changes.get("separate") == {"gravty": "self"}:
        changes = {"separate": {"gravty": post}}
    refused(lambda: post.to_datatree(**changes), argument, error)


def test_an_estimate_is_a_float_that_keeps_its_statement():
    estimate = bj.Estimate(-2.5, error=0.25, bias=0.125, method="16 probes")
    assert estimate == -2.5 and estimate + 1 == -1.5 and f"{estimate:.1f}" == "-2.5"
    for other in (copy.deepcopy(estimate), pickle.loads(pickle.dumps(estimate))):
        assert (other, other.error, other.bias, other.method) == (-2.5, 0.25, 0.125, "16 probes")
    assert repr(estimate) == "Estimate(-2.5, error=0.25, bias=0.125, method='16 probes')"
    assert "bias" not in repr(bj.Estimate(1.0, error=0.0))
