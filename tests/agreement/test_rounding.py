"""Rounding decides nothing: data and operators moved by their last bits give the same answers, and none is refused."""

import numpy as np
import pytest
from scipy.special import gammaln, logsumexp
from scipy.stats import chi2, norm

import bayesjoint as bj
from bayesjoint.agreement import AgreementTest
from bayesjoint.agreement._result import chi2_log_tail, chi2_test
from bayesjoint.agreement._weighted_chi2 import WeightedChi2
from bayesjoint.forward._base import ForwardOperator

from ..refusals import refused
from .overlapping import overlapping
from .pairs import scalars


class Rounded(ForwardOperator):
    """Another operator as a matrix whose entries are times 1 ± 1e-15."""

    def __init__(self, operator, shaken):
        super().__init__(operator.mesh, operator.kind, operator.data_shape, operator.data_dims)
        self.coordinates, self._matrix = operator.coordinates, shaken(operator @ np.eye(operator.shape[1]))

    def _forward(self, columns):
        return self._matrix @ columns

    def _backward(self, columns):
        return self._matrix.T @ columns


def moved(problem, seed):
    rng = np.random.default_rng(seed)

    def shaken(values):
        return np.asarray(values) * (1.0 + 1e-15 * rng.choice([-1.0, 1.0], np.shape(values)))

    def forward(m):
        if hasattr(m.forward, "coordinates"):
            return Rounded(m.forward, shaken)
        return shaken(m.forward @ np.eye(m.forward.shape[1]))

    return problem.replace(modalities=[m.replace(data=shaken(m.data), forward=forward(m)) for m in problem.modalities])


def lattices():
    """Two lattices that differ by a datum shift."""
    problem = overlapping(shape=(2, 7, 8), gaps=False, extent="mesh", disturb=lambda m: 0.6)
    return problem.replace(modalities=[m.replace(forward=Rounded(m.forward, lambda v: v)) for m in problem.modalities])


def redundant():
    """A field with a flat level, seen by two surveys through columns that repeat one another."""
    rng = np.random.default_rng(7)
    field = bj.Parameter("field", 12, prior=bj.GaussianPrior(0.0, np.eye(12)))
    level = bj.Parameter("level", 2)  # flat; both of its columns are the same up to a factor
    surveys = []
    for name, count, shift in (("ground", 20, 0.0), ("air", 15, 1.0)):
        gains = np.hstack([rng.standard_normal((count, 12)), np.ones((count, 1)), np.full((count, 1), 1 / 3)])
        data = gains @ np.concatenate([np.ones(12), [2.0, 3.0]]) + shift + rng.standard_normal(count)
        surveys.append(bj.Modality(name, gains, data, bj.DiagonalNoise(np.ones(count)), ("field", "level")))
    return bj.JointProblem([field, level], surveys)


PROBLEMS = {"lattices": lattices, "redundant": redundant,
            "numbers": lambda: scalars({"ground": (0.0, 1.0), "air": (6.0, 1.0)})}


def answers(problem):
    """{name: test} of every test, and the verdict."""
    pair, own = ("ground", "air"), problem.modalities[1]
    column = np.linspace(0.0, 1.0, own.size)[:, None]
    tests = {"ratio": bj.likelihood_ratio_test(problem, pair), "column": bj.nuisance_test(problem, "air", column),
             "gain": bj.nuisance_test(problem, "air", "gain", draws=99)}
    tests |= dict(zip(("onward", "back"), bj.node_split(problem, pair), strict=True))
    found = bj.conflict(problem)
    return tests | {f"suite: {t.name}": t for t in found.tests}, found


@pytest.mark.parametrize("name", PROBLEMS)
def test_last_bits_change_no_answer(name):
    stated, conflict = answers(PROBLEMS[name]())
    for seed in range(3):
        tests, again = answers(moved(PROBLEMS[name](), seed))
        assert again.kind == conflict.kind and list(again.problems) == list(conflict.problems)
        assert [t.name for t in again.blame] == [t.name for t in conflict.blame]
        assert again.verdict == conflict.verdict
        assert list(tests) == list(stated)
        for key, test in tests.items():
            assert test.testable == stated[key].testable and test.dof == stated[key].dof, key
            assert test.p_value == pytest.approx(stated[key].p_value, rel=1e-6, nan_ok=True), key
            assert test.log_p == pytest.approx(stated[key].log_p, rel=1e-6, abs=1e-6, nan_ok=True), key
            assert test.direction == stated[key].direction


def made(**changes):
    given = {"form": "offset", "target": "a", "surveys": ("a", "b"), "statistic": 4.0, "p_value": 0.05,
             "p_value_error": 0.0, "null": "χ²"}
    return AgreementTest(**(given | changes))


@pytest.mark.parametrize(("p", "kept"), [(1.0 + 3e-16, 1.0), (-1e-18, 0.0), (1.0, 1.0), (0.0, 0.0), (5e-324, 5e-324)])
def test_p_values_beyond_0_or_1_by_rounding_are_set_there(p, kept):
    test = made(p_value=p, p_value_error=-1e-20, statistic_error=-1e-20)
    assert test.p_value == kept and test.p_value_error == 0.0 and test.statistic_error == 0.0
    assert np.isfinite(test.log_p) and np.isfinite(test.sigma)


def test_what_is_no_rounding_is_refused():
    for wrong in (-0.01, 1.01, np.inf):
        refused(lambda wrong=wrong: made(p_value=wrong), "p_value")
    refused(lambda: made(p_value_error=-0.01), "p_value")
    refused(lambda: made(statistic_error=-0.01), "statistic_error")


def test_logarithms_go_on_where_p_values_are_0():
    for dof in (2, 40, 3000, 60_000):  # even: a finite sum
        for x in (1.0, 1.3, 4.0):
            half = 0.5 * x * chi2.isf(1e-300, dof)
            k = np.arange(dof // 2)
            exact = logsumexp(k * np.log(half) - gammaln(k + 1)) - half
            assert chi2_log_tail(2 * half, dof) == pytest.approx(exact, rel=1e-9)
    far = chi2_test("offset", ("a", "b"), 1e4, 0.0, 1, target="a")
    assert far.p_value == 0.0 and far.log_p == pytest.approx(norm.logsf(100.0) + np.log(2), rel=1e-12)
    assert far.sigma == pytest.approx(100.0, rel=1e-10)
    farther = chi2_test("offset", ("a", "b"), 2e4, 0.0, 1, target="a")
    assert farther.log_p < far.log_p  # told apart, though both p-values are 0


def test_logarithms_of_weighted_sums_go_on_too():
    null = WeightedChi2([1.0], [7.0])
    assert null.log_tail(20.0) == pytest.approx(chi2.logsf(20.0, 7))
    assert null.log_tail(3000.0) == pytest.approx(chi2_log_tail(3000.0, 7), abs=0.05)
    assert WeightedChi2([-1.0]).log_tail(1.0) == -np.inf


def test_a_known_logarithm_counts_only_where_the_p_value_is_0():
    assert made(p_value=0.05, log_p=-900.0).log_p == pytest.approx(np.log(0.05))
    assert made(p_value=0.0, log_p=-900.0).log_p == -900.0
    assert made(p_value=0.0, log_p=-np.inf).log_p == pytest.approx(np.log(np.finfo(float).tiny))
