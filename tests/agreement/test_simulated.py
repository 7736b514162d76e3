"""Simulated and asymptotic nulls: linear cases against the exact test, bounds against a closed form, executors."""

import pickle
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import asdict

import numpy as np
import pytest
from scipy.stats import chi2

import bayesjoint as bj
from bayesjoint.agreement._simulated_null import _SimulatedTest, bootstrap_test, restricted, wilks_test

from ..curves import Line, dressed
from ..refusals import refused

PAIR = ("a", "b")


class Decay:
    """exp(−m t) at some times; a class, so that processes can be given it."""

    def __init__(self, *times):
        self.times = np.array(times)

    def __call__(self, m):
        return m[0] * np.exp(-m[1] * self.times)


def decays(shift=0.0, seed=0, std=0.02):
    """Two surveys of one decay, the second one's rate off by `shift`."""
    rng = np.random.default_rng(seed)
    surveys = []
    for name, times, rate in (("a", (0.5, 1.0, 2.0, 3.0), 0.7), ("b", (0.2, 1.5, 2.5), 0.7 + shift)):
        model = Decay(*times)
        data = model([1.0, rate]) + std * rng.standard_normal(len(times))
        surveys.append(bj.Modality(name, bj.ForwardModel(model, (len(times), 2)), data,
                                   bj.DiagonalNoise(np.full(len(times), std)), "m"))
    return bj.JointProblem([bj.Parameter("m", 2, reference=1.0)], surveys)


def lines(priors=(None, None), seed=3, shift=0.0, bounds=None):
    """Two linear surveys of one vector, one of them with dense noise, and of one more each."""
    rng = np.random.default_rng(seed)
    shared = bj.Parameter("x", 2, prior=priors[0], bounds=bounds)
    own = bj.Parameter("y", 1, prior=priors[1])
    a, b = rng.standard_normal((6, 2)), rng.standard_normal((5, 3))
    root = rng.standard_normal((5, 5))
    noise = bj.DenseNoise(root @ root.T + np.eye(5))
    surveys = [bj.Modality("a", a, a @ [1.0, 2.0] + rng.standard_normal(6), bj.DiagonalNoise(np.ones(6)), "x"),
               bj.Modality("b", b, b @ [1.0 + shift, 2.0, -1.0] + noise.sample(rng, 1)[0], noise, ("x", "y"))]
    return bj.JointProblem([shared, own], surveys, weights={"b": 0.5})


def test_a_linear_case_has_the_exact_statistic_and_null():
    problem = lines(shift=5.0)
    exact = bj.likelihood_ratio_test(problem, PAIR)
    assert exact.dof == 2 and 0.01 < exact.p_value < 0.5
    for p, draws in ((problem, 60), (dressed(problem), 200)):
        found = bootstrap_test(p, PAIR, draws=draws, seed=1)
        assert found.statistic == pytest.approx(exact.statistic, rel=1e-6)
        assert abs(found.p_value - exact.p_value) < 4 * found.p_value_error
        assert 0 < found.p_value_error < 0.06 and "joint fit" in found.null
    wilks = wilks_test(dressed(problem), PAIR)
    assert wilks.dof == 2
    assert wilks.p_value == pytest.approx(exact.p_value, rel=1e-6) and wilks.p_value_error < 1e-6


def test_with_gaussian_priors_and_truths_from_them_it_is_the_exact_null_of_log_r():
    problem = lines((bj.GaussianPrior(0.0, [1.0, 4.0]), bj.GaussianPrior(0.5, 1.0)), shift=8.0)

    def prior(rng, count):
        return {"x": rng.standard_normal((count, 2)) * [1.0, 2.0], "y": 0.5 + rng.standard_normal((count, 1))}

    exact = bj.likelihood_ratio_test(problem, PAIR)
    found = bootstrap_test(dressed(problem), PAIR, draws=250, truths=prior, seed=2)
    assert 0.005 < exact.p_value < 0.4
    assert abs(found.p_value - exact.p_value) < 4 * found.p_value_error
    posterior = bootstrap_test(dressed(problem), PAIR, draws=40, truths="posterior")
    assert posterior.null.endswith("the joint posterior (laplace)")
    assert posterior.statistic == found.statistic


def test_a_bound_changes_the_null_as_it_should():
    # x >= 0, d_k ~ N(x, 1): at x = 0 the fits are max(d, 0), and the statistic has a closed form
    def statistic(d):
        both = np.maximum(d.mean(axis=-1), 0.0)
        return np.sum((d - both[..., None]) ** 2 - np.minimum(d, 0.0) ** 2, axis=-1)

    data = np.array([-2.0, 1.6])
    x = bj.Parameter("x", 1, bounds=(0.0, None))
    surveys = [bj.Modality(k, [[1.0]], [d], bj.DiagonalNoise([1.0]), "x") for k, d in zip(PAIR, data, strict=True)]
    found = bj.likelihood_ratio_test(bj.JointProblem([x], surveys), PAIR, draws=300, seed=3)
    assert "bootstrap" in found.null
    assert found.statistic == pytest.approx(statistic(data), rel=1e-6)
    null = statistic(np.random.default_rng(0).standard_normal((200_000, 2)))
    exact = np.mean(null >= found.statistic)
    assert abs(found.p_value - exact) < 4 * found.p_value_error
    assert abs(chi2.sf(found.statistic, 1) - exact) > 2 * found.p_value_error  # what ignoring the bound would say
    refused(lambda: wilks_test(bj.JointProblem([x], surveys), PAIR), "problem must have its joint fit inside")


class PicklingExecutor(Executor):
    """Hands everything over as processes would, in one process."""

    def map(self, function, *iterables, **_):
        for args in zip(*iterables, strict=True):
            yield pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(function))(*pickle.loads(pickle.dumps(args)))))


def test_the_answer_does_not_depend_on_the_executor():
    problem = decays(shift=0.05)
    alone = bootstrap_test(problem, PAIR, draws=40, seed=5)
    with ThreadPoolExecutor(2) as threads:
        others = [bootstrap_test(problem, PAIR, draws=40, seed=5, executor=threads)]
    others += [bootstrap_test(problem, PAIR, draws=40, seed=5, executor=PicklingExecutor()),
               bootstrap_test(problem, PAIR, draws=40, seed=np.random.default_rng(5))]
    for found in others:
        np.testing.assert_equal(asdict(found), asdict(alone))  # NaN is NaN
    other = bootstrap_test(problem, PAIR, draws=40, seed=6)
    assert other.statistic == alone.statistic


def test_nonlinear_surveys_that_agree_and_that_do_not():
    agree, differ = decays(), decays(shift=0.2)
    calm = bj.likelihood_ratio_test(agree, PAIR, draws=99, seed=1)
    assert calm.p_value > 0.05 and not calm.note
    found = bj.likelihood_ratio_test(differ, PAIR, null="bootstrap", draws=99, seed=1)
    assert found.p_value == 0.01 and "no smaller than 1/(draws+1) = 0.01" in found.note
    assert "raise draws" in found.note and "sigma is a lower bound" in found.note
    wilks = bj.likelihood_ratio_test(differ, PAIR, null="wilks")
    assert wilks.dof == 2 and wilks.p_value < 1e-3
    assert wilks.statistic == pytest.approx(found.statistic, abs=1e-4)


def test_ranks_see_through_the_error_of_differences():
    # both surveys see a + b only, nonlinearly: one direction in common, one that nobody sees
    surveys = [bj.Modality(k, bj.ForwardModel(lambda m, t=t: np.exp(t * (m[0] + m[1])), (3, 2)),
                           np.exp(t * 1.3) + 0.01, bj.DiagonalNoise(np.full(3, 0.01)), "x")
               for k, t in zip(PAIR, (np.array([0.1, 1.0, 2.0]), np.array([0.3, 0.7, 3.0])), strict=True)]
    problem = bj.JointProblem([bj.Parameter("x", 2, reference=0.5)], surveys)
    assert wilks_test(problem, PAIR).dof == 1


def test_wilks_measures_what_curvature_does():
    straight, bent = wilks_test(decays(0.02, std=1e-4), PAIR), wilks_test(decays(0.02, std=0.1), PAIR)
    assert bent.p_value_error > 1e-3
    exact = bootstrap_test(decays(0.02, std=0.1), PAIR, draws=100)
    assert abs(exact.p_value - bent.p_value) < 4 * exact.p_value_error + 10 * bent.p_value_error
    assert straight.p_value < 1e-6


def test_a_gramian_ties_surveys_of_two_parameters():
    mesh, rng = bj.Mesh.regular((1, 2, 3), (100, 100, 100)), np.random.default_rng(0)
    parameters = [bj.Parameter(name, mesh, prior=bj.MinimumLength(1.0)) for name in ("density", "susceptibility")]

    def problem(sign, couplings):
        shape = np.array([1.0, 0.5, 0.0, 0.0, -0.5, 1.0])
        surveys = [bj.Modality(k, np.eye(6) / p.scale, s * shape + 0.1 * rng.standard_normal(6),
                               bj.DiagonalNoise(np.full(6, 0.1)), p.name)
                   for k, p, s in zip(PAIR, parameters, (np.ones(6), sign), strict=True)]
        return bj.JointProblem(parameters, surveys, couplings)

    same, other = (problem(s, [bj.Gramian(weight=50.0)]) for s in (np.ones(6), np.array([1.0, 1, 1, 1, -1, -1])))
    found = [bootstrap_test(p, PAIR, draws=19, tolerance=1e-5) for p in (same, other)]
    assert found[0].statistic < found[1].statistic and found[1].p_value == 0.05
    free = bootstrap_test(problem(np.ones(6), []), PAIR, draws=19)
    assert np.isnan(free.p_value) and "untestable" in free.note
    assert restricted(same, ("a",)).couplings == () and len(restricted(same, PAIR).couplings) == 1


def test_what_shares_nothing_is_untestable():
    models = [bj.ForwardModel(Line(np.eye(2)), (2, 2)) for _ in PAIR]
    surveys = [bj.Modality(k, m, [1.0, 2.0], bj.DiagonalNoise([1.0, 1.0]), p)
               for k, m, p in zip(PAIR, models, ("x", "y"), strict=True)]
    problem = bj.JointProblem([bj.Parameter("x", 2), bj.Parameter("y", 2)], surveys)
    for null in ("bootstrap", "wilks"):
        found = bj.likelihood_ratio_test(problem, PAIR, null=null)
        assert np.isnan(found.p_value) and found.dof == 0


def positives(data, model=np.exp, start=0.0):
    """Two measurements, std 1, of one number that cannot be negative, by its logarithm: without a minimum below 0."""
    surveys = [bj.Modality(k, bj.ForwardModel(model, (1, 1), typical=1.0), [d], bj.DiagonalNoise([1.0]), "m")
               for k, d in zip(PAIR, data, strict=True)]
    return bj.JointProblem([bj.Parameter("m", 1, reference=start)], surveys)


def positive_statistic(d):
    """Λ of `positives` from data (..., 2): infima, whether or not there are minima."""
    both = np.maximum(d.mean(axis=-1), 0.0)
    return np.sum((d - both[..., None]) ** 2 - np.minimum(d, 0.0) ** 2, axis=-1)


@pytest.mark.parametrize(("model", "start", "data", "draws"), [
    (np.exp, 0.0, (-2.0, 1.6), 150), (np.exp, 0.0, (1.0, -0.2), 150), (np.sqrt, 1.0, (-0.5, 1.6), 50)])
def test_surveys_without_a_minimum_have_the_statistic_and_null_of_the_limit(model, start, data, draws):
    # the joint fit runs off in the first, one survey's in all, simulated ones' often, by the root into the edge at 0
    found = bootstrap_test(positives(data, model, start), PAIR, draws=draws, seed=3)
    assert found.statistic == pytest.approx(positive_statistic(np.array(data)), rel=1e-5)
    truth = max(np.mean(data), 0.0)
    null = positive_statistic(truth + np.random.default_rng(0).standard_normal((100_000, 2)))
    assert abs(found.p_value - np.mean(null >= found.statistic)) < 4 * found.p_value_error < 0.25


def test_wilks_says_that_the_joint_fit_ran_off():
    found = wilks_test(positives((-2.0, 1.6)), PAIR)
    assert np.isnan(found.p_value) and "ran off" in found.note and "bootstrap" in found.note


def least_misfit(times, data, std):
    """Infimum of the χ² of a exp(−r t) by brute force: the best a for each of many r, infinite ones among them."""
    rates = np.concatenate([np.linspace(-20, -2, 200), np.linspace(-2, 14, 4000), [30.0, 60.0]])
    shape = np.exp(-np.outer(rates, times))
    shape /= np.sqrt(np.sum(shape**2, axis=1, keepdims=True))
    return (np.sum(data**2) - np.max(np.square(shape @ data))) / std**2


def test_the_statistic_without_a_minimum_is_the_limit_to_its_stated_error():
    std = 0.2
    problem = decays(seed=3, std=std)
    times = [m.forward._predict.times for m in problem.modalities]
    fit = bj.find_map(problem, tolerance=1e-4).x
    run = _SimulatedTest(problem, [("a",), ("b",)], 1e-3, problem.start())
    rng, open_ = np.random.default_rng(5), 0
    for _ in range(60):
        data = [problem.predict(name, fit) + std * rng.standard_normal(t.size)
                for name, t in zip(PAIR, times, strict=True)]
        pair = problem.replace(modalities=[m.replace(data=d) for m, d in zip(problem.modalities, data, strict=True)])
        found, error, reached = run.statistic(pair, fit)
        brute = least_misfit(np.concatenate(times), np.concatenate(data), std) - sum(
            least_misfit(t, d, std) for t, d in zip(times, data, strict=True))
        assert abs(found - brute) < 3 * error + 1e-3 < 0.1  # the lattice is that coarse
        open_ += not reached
    assert 3 <= open_ <= 20


def test_refits_without_a_minimum_are_counted_and_said():
    found = bootstrap_test(decays(seed=3, std=0.2), PAIR, draws=60, seed=1)
    assert "reached no minimum, parameters running off" in found.note
    assert 0.03 < noted_share(found) < 0.3
    p = found.p_value
    assert found.p_value_error < 1.1 * np.sqrt(p * (1 - p) / 60)  # they add nothing: their Λ is known to 1e-3


def noted_share(found):
    return float(found.note.split("in ")[1].split("%")[0]) / 100


@pytest.mark.parametrize(("fate", "words"), [((0.0, np.inf, False), "neither a minimum nor a limit"),
                                             ((1e3, 1e-5, False), "reached no minimum")], ids=["lost", "limit"])
def test_no_refit_is_left_out(fate, words, monkeypatch):
    problem = decays()
    known, plain = _SimulatedTest._simulated, bootstrap_test(problem, PAIR, draws=60)
    monkeypatch.setattr(_SimulatedTest, "_simulated",
                        lambda self, x, seed: fate if seed % 100 < 30 else known(self, x, seed))
    found = bootstrap_test(problem, PAIR, draws=60)
    share = noted_share(found)
    assert 0.1 < share < 0.6 and words in found.note
    assert plain.p_value < found.p_value <= plain.p_value + share + 1e-9
    # what is not known at all is in the error, as large as what counting it the other way would change
    assert (found.p_value_error > share) == (fate[1] == np.inf)


def test_it_refuses():
    problem = decays()
    refused(lambda: bootstrap_test(problem, PAIR, draws=5), "draws")
    refused(lambda: bootstrap_test("problem", PAIR), "problem", TypeError)
    refused(lambda: bootstrap_test(problem, PAIR, draws=True), "draws")
    refused(lambda: bootstrap_test(problem, PAIR, truths="prior"), "truths", TypeError)
    refused(lambda: bootstrap_test(problem, ("a", "c")), "pair")
    refused(lambda: bootstrap_test(problem, PAIR, tolerance=0), "tolerance")
    refused(lambda: bj.likelihood_ratio_test(problem, PAIR, null="guess"), "null")
    refused(lambda: bj.likelihood_ratio_test(problem, PAIR, null="exact"), "problem")
    refused(lambda: wilks_test(lines((bj.GaussianPrior(0.0, 1.0), None)), PAIR), "problem must have flat priors")
