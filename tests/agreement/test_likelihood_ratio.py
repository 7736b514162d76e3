"""The likelihood ratio and node splits against closed forms, brute-force algebra, draws, and each other's engines."""

import numpy as np
import pytest
from scipy.stats import chi2, kstest, multivariate_normal, norm

import bayesjoint as bj
from bayesjoint.agreement._likelihood_ratio_null import torus_correlations
from bayesjoint.agreement._pair import make_pair
from bayesjoint.agreement._weighted_chi2 import WeightedChi2
from bayesjoint.gaussian import data_system

from ..linear import make
from ..periodic import continued_problem
from ..refusals import refused
from .pairs import Brute, scalars, two_gravity

PAIR = ("survey_density", "survey_susceptibility")
H0 = {"planck": (67.36, 0.54), "shoes": (73.04, 1.04)}


# -- flat priors -----------------------------------------------------------------------------------------------------
def test_two_numbers_to_machine_precision(rng):
    for _ in range(50):
        (d, e), (s, t) = 1000 * rng.standard_normal(2), np.exp(rng.standard_normal(2))
        found = bj.likelihood_ratio_test(scalars({"a": (d, s), "b": (e, t)}), ("a", "b"))
        assert found.statistic == pytest.approx((d - e) ** 2 / (s**2 + t**2), rel=1e-12)
        assert found.dof == 1


def test_planck_against_shoes():
    found = bj.likelihood_ratio_test(scalars(H0), ("planck", "shoes"))
    assert found.sigma == pytest.approx((73.04 - 67.36) / np.hypot(0.54, 1.04), rel=1e-12)
    assert round(found.sigma, 2) == 4.85
    assert found.p_value_error < 1e-12 * found.p_value


def test_degrees_of_freedom_are_those_of_the_ranks(rng):
    shared, alone = rng.standard_normal((5, 3)), rng.standard_normal((6, 3))
    for rank in range(4):
        mixing = rng.standard_normal((3, rank)) @ rng.standard_normal((rank, 3))
        matrices = [shared, alone @ mixing]
        model = bj.Parameter("m", 3)
        data = [rng.standard_normal(5), rng.standard_normal(6)]
        problem = bj.JointProblem([model], [bj.Modality(k, a, d, bj.DiagonalNoise(np.full(len(d), 0.3)), "m")
                                            for k, a, d in zip("ab", matrices, data, strict=True)])
        found = bj.likelihood_ratio_test(problem, ("a", "b"))
        assert found.dof == rank
        if rank == 0:
            assert np.isnan(found.p_value)
            assert "untestable without a prior" in found.note
            continue
        brute = Brute(np.eye(11), np.vstack(matrices) / 0.3, np.arange(5))
        assert found.statistic == pytest.approx(brute.statistics(np.concatenate(data) / 0.3)[0], rel=1e-9)
        assert found.p_value == pytest.approx(chi2.sf(found.statistic, rank), rel=1e-12)


def test_surveys_that_share_nothing_are_untestable(rng):
    a, b = bj.Parameter("a", 2), bj.Parameter("b", 2)
    problem = bj.JointProblem([a, b], [bj.Modality(f"of_{p}", rng.standard_normal((4, 2)), rng.standard_normal(4),
                                                   bj.DiagonalNoise(np.ones(4)), p) for p in "ab"])
    assert np.isnan(bj.likelihood_ratio_test(problem, ("of_a", "of_b")).p_value)
    assert np.isnan(bj.likelihood_ratio_test(problem, ("of_a", "of_b"), null="iterative").p_value)
    problem = two_gravity(inclined=60.0).replace(couplings=[])
    assert np.isnan(bj.likelihood_ratio_test(problem, ("gravity", "magnetic")).p_value)


# -- Gaussian priors -------------------------------------------------------------------------------------------------
CASES = {
    "coregionalized": {"correlation": 0.6},
    "one sees both": {"shared": True},
    "dense noise, exponents": {"correlation": -0.5, "dense": True, "weights": {"survey_density": 0.4}},
    "biased, vector": {"correlation": 0.6, "bias": True, "vector": True, "mean": True},
    "known cells": {"correlation": 0.6, "known": (0, 5)},
}


@pytest.fixture(params=CASES.values(), ids=CASES)
def case(request):
    problem, ref = make(counts=(9, 7), **request.param)
    covariance = ref.matrix @ ref.prior @ ref.matrix.T + ref.noise
    if ref.known.size:
        rows = ref.matrix[:, ref.known]
        held = ref.matrix @ ref.prior[:, ref.known]
        covariance = covariance - held @ np.linalg.solve(ref.prior[np.ix_(ref.known, ref.known)], held.T)
        assert rows.size
    mean = ref.matrix @ ref.prior_mean
    if ref.known.size:
        gap = ref.known_values - ref.prior_mean[ref.known]
        mean = mean + held @ np.linalg.solve(ref.prior[np.ix_(ref.known, ref.known)], gap)
    return problem, covariance, ref.data - mean


def test_statistic_is_the_evidence_ratio(case):
    problem, covariance, residual = case
    found = bj.likelihood_ratio_test(problem, PAIR)
    one, two = (multivariate_normal(None, covariance[s, s]).logpdf(residual[s]) for s in (slice(9), slice(9, None)))
    log_r = multivariate_normal(None, covariance).logpdf(residual) - one - two
    assert found.statistic == pytest.approx(-2 * log_r, rel=1e-8, abs=1e-8)
    brute = Brute(covariance, np.zeros((16, 0)), np.arange(9))
    weights = np.sort(found.weights[np.abs(found.weights) > 1e-9])
    np.testing.assert_allclose(weights, brute.weights[np.abs(brute.weights) > 1e-9], rtol=1e-6)
    p = WeightedChi2(brute.weights).tail(brute.statistics(residual)[0])[0]
    assert found.p_value == pytest.approx(p, rel=1e-6)


def test_node_splits_are_predictive_residuals(case):
    problem, covariance, residual = case
    onward, back = bj.node_split(problem, PAIR)
    one, two = np.arange(9), np.arange(9, 16)
    for found, source, target in ((onward, one, two), (back, two, one)):
        gain = np.linalg.solve(covariance[np.ix_(source, source)], covariance[np.ix_(source, target)]).T
        left = residual[target] - gain @ residual[source]
        spread = covariance[np.ix_(target, target)] - gain @ covariance[np.ix_(source, target)]
        assert found.statistic == pytest.approx(left @ np.linalg.solve(spread, left), rel=1e-7)
        assert found.dof == target.size
        assert found.p_value == pytest.approx(chi2.sf(found.statistic, target.size), rel=1e-7)
    assert "1%" in onward.note


def test_iterative_engine_agrees(case):
    problem, *_ = case
    exact = bj.likelihood_ratio_test(problem, PAIR)
    found = bj.likelihood_ratio_test(problem, PAIR, null="iterative", probes=32)
    assert abs(found.p_value - exact.p_value) < 4 * found.p_value_error + 1e-9
    assert found.p_value_error < 0.35 * exact.p_value + 1e-3
    for one, other in zip(bj.node_split(problem, PAIR), bj.node_split(problem, PAIR, "iterative"), strict=True):
        assert other.statistic == pytest.approx(one.statistic, rel=1e-6)


# -- flat values beside Gaussian ones --------------------------------------------------------------------------------
def mixed(rng, seen=(2, 2), own=0):
    """A Gaussian vector and a flat one, which surveys see as far as `seen` columns; `own` flat values of the second."""
    field, flat = bj.Parameter("field", 6, prior=bj.GaussianPrior(0.0, np.eye(6) + 0.3)), bj.Parameter("flat", 2)
    parameters = [field, flat]
    if own:
        parameters.append(bj.Parameter("own", own))
    surveys, rows = [], []
    for k, (name, count) in enumerate((("a", 7), ("b", 6))):
        matrix = rng.standard_normal((count, 8))
        matrix[:, 6 + seen[k] :] = 0.0
        sees, extra = ("field", "flat"), np.zeros((count, own))
        if own and name == "b":
            extra = rng.standard_normal((count, own))
            sees, matrix = (*sees, "own"), np.hstack([matrix, extra])
        surveys.append(bj.Modality(name, matrix, 3 * rng.standard_normal(count), bj.DiagonalNoise(np.full(count, 0.5)),
                                   sees))
        rows.append(np.hstack([matrix[:, :8], extra]) / 0.5)
    return bj.JointProblem(parameters, surveys), np.vstack(rows)


@pytest.mark.parametrize(("seen", "own", "excess"), [((2, 2), 0, 2), ((2, 1), 0, 1), ((0, 2), 0, 0), ((1, 1), 2, 1)])
def test_flat_columns_are_eliminated(rng, seen, own, excess):
    problem, matrix = mixed(rng, seen, own)
    covariance = matrix[:, :6] @ (np.eye(6) + 0.3) @ matrix[:, :6].T + np.eye(13)
    columns = matrix[:, 6:]
    brute = Brute(covariance, columns[:, np.any(columns != 0, axis=0)], np.arange(7))
    y = np.concatenate([m.data for m in problem.modalities]) / 0.5
    ratio, into_first, into_second = brute.statistics(y)
    for method in ("dense", "iterative"):
        made = make_pair(problem, ("a", "b"), method)
        assert made.excess == excess
        found = made.statistics()
        np.testing.assert_allclose([found.ratio[0], found.into_first[0], found.into_second[0]],
                                   [ratio, into_first, into_second], rtol=1e-6)
    test = bj.likelihood_ratio_test(problem, ("a", "b"))
    np.testing.assert_allclose(np.sort(test.weights[np.abs(test.weights) > 1e-9]),
                               brute.weights[np.abs(brute.weights) > 1e-9], rtol=1e-6)
    assert test.p_value == pytest.approx(float(WeightedChi2(brute.weights).tail(ratio)[0]), rel=1e-6)
    solved = bj.likelihood_ratio_test(problem, ("a", "b"), null="iterative", probes=64)
    assert abs(solved.p_value - test.p_value) < 4 * solved.p_value_error + 1e-9
    onward, back = bj.node_split(problem, ("a", "b"))
    rank = np.linalg.matrix_rank(columns)
    assert onward.dof == 6 - (rank - np.linalg.matrix_rank(columns[:7]))
    assert back.dof == 7 - (rank - np.linalg.matrix_rank(columns[7:]))


def test_weak_prior_tends_to_flat():
    flat = bj.likelihood_ratio_test(scalars(H0), ("planck", "shoes"))
    weak = bj.likelihood_ratio_test(scalars(H0, bj.GaussianPrior(70.0, 1e8)), ("planck", "shoes"))
    assert weak.p_value == pytest.approx(flat.p_value, rel=2.0)  # one more χ²_1, of where the number lies in its prior
    assert weak.weights == pytest.approx([1.0, -1.0], abs=1e-7)


# -- groups, parameters ----------------------------------------------------------------------------------------------
def test_groups_and_their_order(rng):
    problem = two_gravity((2, 4, 5))
    third = problem.modalities[1].replace(name="drone", data=rng.standard_normal(20))
    problem = problem.replace(modalities=[*problem.modalities, third])
    one = bj.likelihood_ratio_test(problem, ("air", ("ground", "drone")))
    other = bj.likelihood_ratio_test(problem, (("drone", "ground"), "air"))
    assert one.statistic == pytest.approx(other.statistic, rel=1e-9)
    assert one.p_value == pytest.approx(other.p_value, rel=1e-8)
    pair = make_pair(problem, ("air", "ground"))
    assert pair.both.size == 40
    solved = make_pair(problem, ("air", ("ground", "drone")), "iterative").statistics()
    np.testing.assert_allclose(solved.ratio, make_pair(problem, ("air", ("ground", "drone"))).statistics().ratio,
                               atol=1e-6)


def test_parameters_that_the_pair_does_not_see_play_no_part():
    problem = two_gravity((2, 4, 5))
    mesh = problem.parameters[0].mesh
    other = bj.Parameter("susceptibility", mesh, prior=bj.Matern(std=0.02, range=250.0, extent="continued"))
    magnetic = bj.MagneticOperator(mesh, mesh.easting, mesh.northing, height=60.0)
    survey = bj.Modality("magnetic", magnetic, np.zeros(magnetic.data_shape), bj.DiagonalNoise(
        np.ones(magnetic.data_shape)), "susceptibility")
    wider = problem.replace(parameters=[*problem.parameters, other], modalities=[*problem.modalities, survey])
    assert bj.likelihood_ratio_test(wider, ("ground", "air")).p_value == pytest.approx(
        bj.likelihood_ratio_test(problem, ("ground", "air")).p_value, rel=1e-6)


GAPS = (np.array([[1, 1, 0, 1], [1, 1, 1, 1], [0, 1, 1, 1]], bool), None)


@pytest.mark.parametrize("options", [{}, {"bias": True}, {"mask": GAPS}, {"noise": 0.4}, {"extent": "mesh"}])
def test_parts_of_an_iterative_pair_are_blocks_of_the_whole(options):
    problem = continued_problem(**options)
    dense, solved = (make_pair(problem, ("gravity", "magnetic"), method) for method in ("dense", "iterative"))
    for which in ("first", "second", "both"):
        one, other = getattr(dense, which), getattr(solved, which)
        np.testing.assert_allclose(other.product(np.eye(one.size)), one.covariance, atol=1e-8 * one.covariance.max())
        np.testing.assert_allclose(other.solve(np.eye(one.size))[0], np.linalg.inv(one.covariance), atol=1e-5)
    y = dense.both.draw(np.random.default_rng(0), 5)
    one, other = dense.statistics(y), solved.statistics(y)
    for name in ("ratio", "into_first", "into_second"):
        assert np.all(np.abs(getattr(one, name) - getattr(other, name)) <= other.error + 1e-7)


# -- the null --------------------------------------------------------------------------------------------------------
def p_values_of_pairs(made, spectrum, count, seed):
    found = made.statistics(made.both.draw(np.random.default_rng(seed), count))
    dof = made.both.dof - np.array([made.first.dof, made.second.dof])
    return {"likelihood ratio": spectrum.tail(found.ratio)[0], "split onward": chi2.sf(found.into_second, dof[0]),
            "split back": chi2.sf(found.into_first, dof[1])}


@pytest.mark.parametrize("options", [{}, {"inclined": 60.0}])
def test_p_values_are_uniform_and_a_wrong_null_is_not(options):
    made = make_pair(two_gravity((2, 6, 7), **options), ("gravity", "magnetic") if options else ("ground", "air"))
    spectrum = made.spectrum()
    for name, p in p_values_of_pairs(made, spectrum, 600, 20261122).items():
        assert kstest(p, "uniform").pvalue > 0.005, name
    found = made.statistics(made.both.draw(np.random.default_rng(1), 600))
    cells = made.problem.parameters[0].size
    assert kstest(chi2.sf(found.ratio + cells, cells), "uniform").pvalue < 1e-6
    assert kstest(chi2.sf(found.into_second / 0.95**2, made.second.size), "uniform").pvalue < 1e-4


def test_prior_predictive_draws_are_those_of_the_covariance():
    made = make_pair(two_gravity((2, 4, 5)), ("ground", "air"), "iterative")
    y = made.both.draw(np.random.default_rng(0), 4000)
    wanted = make_pair(made.problem, ("ground", "air")).both.covariance
    q = np.einsum("ij,ij->j", y, np.linalg.solve(wanted, y))
    assert kstest(q, chi2(40).cdf).pvalue > 1e-3


def test_spectrum_by_wavenumber_is_that_of_endless_data():
    made = make_pair(two_gravity((2, 6, 7), inclined=60.0), ("gravity", "magnetic"))
    rho, counts = torus_correlations(made)
    group = made.both.model.groups[0]
    rows, columns = group.torus
    assert counts.sum() == rows * columns
    # the same from the covariance between all columns of the torus
    signal = group.spectra()[0]
    index = [np.subtract.outer(np.arange(n), np.arange(n)) % n for n in group.torus]
    lags = {key: np.fft.irfft2(wave, group.torus) for key, wave in signal.items()}
    noise = [0.05**2, 8.0**2]
    full = {key: v[index[0][:, None, :, None], index[1][None, :, None, :]].reshape(rows * columns, -1)
            for key, v in lags.items()}
    one, two = (np.linalg.inv(full[k, k] + noise[k] * np.eye(rows * columns)) for k in (0, 1))
    squares = np.trace(one @ full[0, 1] @ two @ full[0, 1].T)
    assert counts @ rho**2 == pytest.approx(squares, rel=1e-6)


def test_spectral_null_tells_how_far_it_is_off():
    problem = two_gravity((2, 14, 16), inclined=60.0)
    made = make_pair(problem, ("gravity", "magnetic"))
    exact, waves = made.spectrum(), made.spectrum("spectral", probes=16)
    x = np.sqrt(exact.null().variance) * np.array([-1.0, 0.5, 1.5, 3.0])
    p, error = waves.tail(x)
    assert np.all(np.abs(p - exact.tail(x)[0]) < 3 * error)
    assert np.all(error < 0.05)
    assert waves.null().variance == pytest.approx(exact.null().variance, rel=0.1)  # edges: measured 4.5 %
    found = bj.likelihood_ratio_test(problem, ("gravity", "magnetic"), null="spectral")
    assert "approximate" in found.null
    assert found.weights is None


# -- bad input -------------------------------------------------------------------------------------------------------
def test_refusals():
    problem = scalars(H0)
    for test in (bj.likelihood_ratio_test, bj.node_split):
        refused(lambda t=test: t(problem, ("planck", "planck")), "pair")
        refused(lambda t=test: t(problem, ("planck", "desi")), "pair")
        refused(lambda t=test: t(problem, "planck"), "pair", TypeError)
        refused(lambda t=test: t(problem, ("planck", ())), "pair", TypeError)
        refused(lambda t=test: t(problem, ("planck", "shoes", "desi")), "pair", TypeError)
        refused(lambda t=test: t("problem", ("planck", "shoes")), "problem", TypeError)
    refused(lambda: bj.likelihood_ratio_test(problem, ("planck", "shoes"), null="wrong"), "null")
    refused(lambda: bj.likelihood_ratio_test(problem, ("planck", "shoes"), null="exact", probes=8), "options",
            TypeError)
    refused(lambda: bj.likelihood_ratio_test(problem, ("planck", "shoes"), null="iterative", probes=1), "probes")
    refused(lambda: bj.node_split(problem, ("planck", "shoes"), "spectral"), "method")
    bounded = problem.replace(parameters=[bj.Parameter("number", 1, bounds=(0, 100))])
    refused(lambda: bj.likelihood_ratio_test(bounded, ("planck", "shoes"), null="exact"), "problem")
    refused(lambda: bj.node_split(bounded, ("planck", "shoes")), "problem")
    refused(lambda: bj.likelihood_ratio_test(two_gravity((2, 4, 5), extent="mesh"), ("ground", "air"),
                                             null="spectral"), "problem")


def test_sigma_is_two_sided():
    found = bj.likelihood_ratio_test(scalars(H0), ("planck", "shoes"))
    assert found.sigma == pytest.approx(norm.isf(found.p_value / 2))
    assert "4.85 σ" in repr(found)
    assert "4.85 σ" in found._repr_html_()


def test_a_covariance_is_kept_for_the_same_surveys_and_for_no_others():
    """It is looked up by the very parts of a problem: another noise, prior or exponent is another matrix."""
    problem = two_gravity()
    first = data_system(problem, "dense")
    moved = problem.replace(modalities=[m.replace(data=m.data + 1.0) for m in problem.modalities])
    assert data_system(moved, "dense").signal is first.signal and data_system(moved, "dense").factor is first.factor
    quieter = problem.replace(modalities=[problem.modalities[0], problem.modalities[1].replace(
        noise=bj.DiagonalNoise(0.5 * problem.modalities[1].noise.std))])
    tempered = problem.replace(weights={problem.modalities[0].name: 0.5})
    wider = problem.replace(parameters=[problem.parameters[0].replace(prior=bj.Matern(std=150.0, range=300.0, extent=(
        problem.parameters[0].prior.extent)))])
    for other in (quieter, tempered, wider):
        assert np.abs(data_system(other, "dense").covariance - first.covariance).max() > 0.1
    assert first.signal.flags.writeable is first.factor.flags.writeable is False
