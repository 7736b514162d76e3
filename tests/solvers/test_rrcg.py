import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator

import bayesjoint.solvers.rrcg as module
from bayesjoint.solvers.rrcg import RRCGSettings, rrcg
from bayesjoint.solvers.terms import Block, Misfit, NoCoupling, independent_groups


class Counted(LinearOperator):
    """A matrix that counts its products."""

    def __init__(self, matrix):
        super().__init__(matrix.dtype, matrix.shape)
        self.matrix, self.forward, self.backward = matrix, 0, 0

    def _matvec(self, x):
        self.forward += 1
        return self.matrix @ x

    def _rmatvec(self, y):
        self.backward += 1
        return self.matrix.T @ y


def quadratic(name, where, alpha, target=0.0, floor=0.0, scaling=1.0):
    """Prior ½ α ‖m − target‖²."""
    def prior(m):
        off = m - target
        return 0.5 * alpha * float(off @ off), alpha * off, lambda v: alpha * float(v @ v), scaling

    return Block(name=name, where=where, alpha=alpha, floor=floor, prior=prior)


def system(seed, rows=12, size=8):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((rows, size)), rng.standard_normal(rows)


@pytest.mark.parametrize("conjugacy", ["polak-ribiere", "fletcher-reeves"])
def test_reaches_the_minimum_of_a_regularised_quadratic_in_as_many_steps_as_unknowns(conjugacy):
    a, d = system(0)
    data = Misfit(name="d", operator=a, data=d, blocks=("m",), target=-1.0)
    settings = RRCGSettings(alpha_decay=1.0, max_iterations=8, conjugacy=conjugacy)
    result = rrcg(np.zeros(8), [data], [quadratic("m", slice(0, 8), 0.5, 0.3)], settings=settings)
    exact = np.linalg.solve(a.T @ a + 0.5 * np.eye(8), a.T @ d + 0.15)
    np.testing.assert_allclose(result.x, exact, atol=1e-8)
    assert result.projected_gradient < 1e-8
    assert not result.target_met


def test_scaling_changes_the_path_and_not_the_minimum():
    a, d = system(1)
    plain = quadratic("m", slice(0, 8), 0.5)
    scaled = quadratic("m", slice(0, 8), 0.5, scaling=np.linspace(0.1, 3.0, 8))
    data = Misfit(name="d", operator=a, data=d, blocks=("m",), target=-1.0)
    few, many = (RRCGSettings(alpha_decay=1.0, max_iterations=n) for n in (2, 40))
    ends = [rrcg(np.zeros(8), [data], [b], settings=many).x for b in (plain, scaled)]
    np.testing.assert_allclose(*ends, atol=1e-8)
    starts = [rrcg(np.zeros(8), [data], [b], settings=few).x for b in (plain, scaled)]
    assert np.abs(starts[0] - starts[1]).max() > 1e-3


def test_bounds_are_kept_and_the_end_satisfies_the_optimality_conditions():
    a, d = system(2)
    data = Misfit(name="d", operator=a, data=d, blocks=("m",), target=-1.0)
    settings = RRCGSettings(alpha_decay=1.0, max_iterations=400)
    result = rrcg(np.full(8, 0.1), [data], [quadratic("m", slice(0, 8), 0.01)], lower=0.0, upper=0.2, settings=settings)
    gradient = a.T @ (a @ result.x - d) + 0.01 * result.x
    assert result.x.min() >= 0
    assert result.x.max() <= 0.2
    inside = (result.x > 0) & (result.x < 0.2)
    assert 0 < inside.sum() < 8
    np.testing.assert_allclose(gradient[inside], 0.0, atol=1e-6)
    assert np.all(gradient[result.x == 0] > 0)
    assert np.all(gradient[result.x == 0.2] < 0)


def test_two_data_sets_on_one_block_and_two_blocks_under_one_data_set():
    (a, d), (b, e) = system(3, size=10), system(4, size=10)
    b[:, 6:] = 0.0
    data = [Misfit(name="d", operator=a, data=d, blocks=("m", "n"), target=-1.0),
            Misfit(name="e", operator=b, data=e, blocks=("m",), target=-1.0)]
    blocks = [quadratic("m", slice(0, 6), 0.7), Block(name="n", where=slice(6, 10))]
    result = rrcg(np.zeros(10), data, blocks, settings=RRCGSettings(alpha_decay=1.0, max_iterations=500))
    prior = np.diag([0.7] * 6 + [0.0] * 4)
    exact = np.linalg.solve(a.T @ a + b.T @ b + prior, a.T @ d + b.T @ e)
    np.testing.assert_allclose(result.x, exact, atol=1e-7)
    # every block's step is exact given those before it, so the objective never rises
    objective = sum(result.history[k] for k in ("misfit_d", "misfit_e", "prior_m"))
    assert np.all(np.diff(objective) <= 1e-9)


def three_blocks():
    """Blocks a and c under one data set, b under two of its own: two independent_groups."""
    rng = np.random.default_rng(11)
    blocks = [quadratic(n, slice(4 * i, 4 * i + 4), 0.5, 0.1 * i) for i, n in enumerate("abc")]
    columns = {("a", "c"): [0, 1, 2, 3, 8, 9, 10, 11], ("b",): [4, 5, 6, 7]}
    data = []
    for k, seen in enumerate([("a", "c"), ("b",), ("b",)]):
        matrix = np.zeros((6, 12))
        matrix[:, columns[seen]] = rng.standard_normal((6, len(columns[seen])))
        data.append(Misfit(name=f"d{k}", operator=matrix, data=rng.standard_normal(6), blocks=seen, target=-1.0))
    return blocks, data


def test_lanes_hold_together_what_a_data_set_ties():
    blocks, data = three_blocks()
    found = {frozenset(b.name for b in part): sorted(members) for part, members in independent_groups(blocks, data)}
    assert found == {frozenset("ac"): [0], frozenset("b"): [1, 2]}
    assert len(independent_groups([*blocks, quadratic("alone", slice(12, 13), 1.0)], data)) == 3


@pytest.mark.parametrize("bound", [np.inf, 0.3])
def test_lanes_side_by_side_go_the_same_way(monkeypatch, bound):
    blocks, data = three_blocks()
    settings = RRCGSettings(alpha_decay=0.9, max_iterations=15)
    ways = []
    for first in (np.inf, 0):
        monkeypatch.setattr(module, "SIDE_BY_SIDE_FROM", first)
        ways.append(rrcg(np.zeros(12), data, blocks, lower=-bound, upper=bound, settings=settings))
    np.testing.assert_array_equal(ways[0].x, ways[1].x)
    assert ways[0].x.any() and ways[0].chi2 == ways[1].chi2


def test_weights_fall_until_their_own_data_fit_and_not_below_the_floor():
    a, d = system(5)
    data = [Misfit(name="d", operator=np.hstack([a, 0 * a]), data=d, blocks=("m",), target=1e9),
            Misfit(name="e", operator=np.hstack([0 * a, a]), data=d, blocks=("n",), target=0.0)]
    blocks = [quadratic("m", slice(0, 8), 4.0), quadratic("n", slice(8, 16), 4.0, floor=1.0)]
    result = rrcg(np.zeros(16), data, blocks, settings=RRCGSettings(alpha_decay=0.5, max_iterations=5))
    np.testing.assert_allclose(result.history["alpha_m"], 4.0)
    np.testing.assert_allclose(result.history["alpha_n"], [4, 2, 1, 1, 1, 1])
    assert result.alpha == {"m": 4.0, "n": 1.0}


def test_an_iteration_costs_one_product_and_one_adjoint_unless_bounds_cut():
    a, d = system(6)
    data = Misfit(name="d", operator=Counted(a), data=d, blocks=("m",), target=-1.0)
    blocks = [quadratic("m", slice(0, 8), 0.5)]
    rrcg(np.zeros(8), [data], blocks, settings=RRCGSettings(max_iterations=5))
    assert data.operator.forward == 5 + 1  # the residual at the start
    assert data.operator.backward == 5 + 1  # the gradient at the end
    residual = Misfit(name="d", operator=Counted(a), data=d, blocks=("m",), target=-1.0)
    result = rrcg(np.zeros(8), [residual], blocks, lower=-0.01, upper=0.01, settings=RRCGSettings(max_iterations=5))
    np.testing.assert_allclose(result.chi2["d"], np.sum((a @ result.x - d) ** 2), rtol=1e-12)
    np.testing.assert_allclose(result.history["chi2_d"][-1], result.chi2["d"], rtol=1e-10)


def test_what_is_not_free_stays_and_the_target_stops():
    a, d = system(7)
    free = np.arange(8) > 2
    start = np.linspace(0, 1, 8)
    data = Misfit(name="d", operator=a, data=d, blocks=("m",), target=0.9 * float(np.sum((a @ start - d) ** 2)))
    seen = []
    result = rrcg(start, [data], [quadratic("m", slice(0, 8), 0.5)], free=free,
                  callback=lambda i, chi2: seen.append((i, chi2["d"])))
    np.testing.assert_array_equal(result.x[:3], start[:3])
    assert result.target_met
    assert seen[-1][0] == result.iterations
    assert all(chi2 > data.target for _, chi2 in seen[:-1])
    assert np.isnan(result.history["step_m"][0])
    assert result.history["projected_gradient"].size == result.iterations + 1


def test_data_that_fit_already_need_no_iteration():
    a, d = system(8)
    data = Misfit(name="d", operator=a, data=0 * d, blocks=("m",), target=1.0)
    assert rrcg(np.zeros(8), [data], [quadratic("m", slice(0, 8), 1.0)]).iterations == 0


def test_multipliers_enter_the_weighted_space_undivided():
    class Push(NoCoupling):
        def look(self, x):
            return {}, None, np.array([1.0, 0.0])

    data = Misfit(name="d", operator=np.eye(2), data=np.array([4.0, 4.0]), blocks=("m",), target=-1.0)
    block = Block(name="m", where=slice(0, 2), prior=lambda m: (0.0, np.zeros(2), lambda v: 0.0, 2.0))
    result = rrcg(np.zeros(2), [data], [block], coupling=Push(), settings=RRCGSettings(max_iterations=200))
    np.testing.assert_allclose(result.x, [2.0, 4.0], atol=1e-6)  # W⁻¹ ∇ + multiplier = 0: (x − 4) / 2 + 1 = 0


@pytest.mark.parametrize(("change", "match"), [
    ({"alpha_decay": 0.0}, "alpha_decay must be > 0"),
    ({"alpha_decay": 1.1}, "alpha_decay must be <= 1"),
    ({"max_iterations": -1}, "max_iterations must be an integer >= 0"),
    ({"max_iterations": 2.5}, "max_iterations must be an integer >= 0"),
    ({"conjugacy": "newton"}, "conjugacy must be one of"),
])
def test_bad_settings_are_refused(change, match):
    with pytest.raises(ValueError, match=match):
        RRCGSettings(**change)


def test_a_direction_with_neither_data_nor_prior_is_refused():
    data = Misfit(name="d", operator=np.array([[1.0, 0.0]]), data=np.array([1.0]), blocks=("m",), target=-1.0)

    class Pull(NoCoupling):
        def look(self, x):
            return {}, np.array([0.0, 1.0]), None

    with pytest.raises(ValueError, match="have data or a prior along every direction"):
        rrcg(np.zeros(2), [data], [Block(name="m", where=slice(0, 1)), Block(name="n", where=slice(1, 2))],
             coupling=Pull())
