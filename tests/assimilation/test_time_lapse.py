"""Filter and smoother against the textbook's recursions and against all states inferred at once."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import bayesjoint as bj

from ..linear import joined, matern_matrix
from ..moments import sampling_excess
from ..refusals import refused

MESH = bj.Mesh.regular((1, 3, 3), (50.0, 100.0, 100.0))
RANGES = (150.0, 300.0, 200.0)


class Stacked:
    """The same state model as plain matrices in physical units, worked out by two other roads."""

    def __init__(self, mean, prior, moves, noises, drifts, rows, noise, data):
        self.steps = len(rows)
        self.moves, self.noises, self.drifts = moves, noises, drifts
        self.rows, self.noise, self.data = rows, noise, data
        self.means, covariances = [mean], [[prior]]
        for f, q, c in zip(moves, noises, drifts, strict=True):
            self.means.append(f @ self.means[-1] + c)
            old = covariances[-1]
            covariances.append([f @ block for block in old] + [f @ old[-1] @ f.T + q])
        n = mean.size
        self.prior = np.zeros((n * self.steps,) * 2)
        for j, line in enumerate(covariances):
            for i, block in enumerate(line):
                self.prior[j * n:(j + 1) * n, i * n:(i + 1) * n] = block
                self.prior[i * n:(i + 1) * n, j * n:(j + 1) * n] = block.T
        self.n = n

    def batch(self, upto=None):
        """(mean, covariance, log evidence) of all states given the data of the first `upto` steps, at once."""
        upto = self.steps if upto is None else upto
        count = [len(d) for d in self.data[:upto]]
        a, r = np.zeros((sum(count), self.prior.shape[0])), np.zeros((sum(count),) * 2)
        start = 0
        for t, size in enumerate(count):
            a[start:start + size, t * self.n:(t + 1) * self.n] = self.rows[t]
            r[start:start + size, start:start + size] = self.noise[t]
            start += size
        mean, d = np.concatenate(self.means), np.concatenate(self.data[:upto])
        k = a @ self.prior @ a.T + r
        gain = np.linalg.solve(k, a @ self.prior).T
        return (mean + gain @ (d - a @ mean), self.prior - gain @ a @ self.prior,
                multivariate_normal(a @ mean, k).logpdf(d))

    def textbook(self):
        """Means and covariances of filter and smoother by the recursions of Rauch, Tung & Striebel (1965)."""
        n = self.n
        x, p = self.means[0], self.prior[:n, :n]
        forecasts, analyses = [], []
        for t in range(self.steps):
            if t:
                x = self.moves[t - 1] @ x + self.drifts[t - 1]
                p = self.moves[t - 1] @ p @ self.moves[t - 1].T + self.noises[t - 1]
            forecasts.append((x, p))
            gain = p @ self.rows[t].T @ np.linalg.inv(self.rows[t] @ p @ self.rows[t].T + self.noise[t])
            x, p = x + gain @ (self.data[t] - self.rows[t] @ x), p - gain @ self.rows[t] @ p
            analyses.append((x, p))
        smoothed = [analyses[-1]]
        for t in range(self.steps - 2, -1, -1):
            (x, p), (xf, pf), (xs, ps) = analyses[t], forecasts[t + 1], smoothed[0]
            gain = p @ self.moves[t].T @ np.linalg.pinv(pf, rcond=1e-13, hermitian=True)
            smoothed.insert(0, (x + gain @ (xs - xf), p + gain @ (ps - pf) @ gain.T))
        return analyses, smoothed


def correlation():
    return matern_matrix(MESH, RANGES, 1.5)


def surveys(rng, steps, size, names, sigma=1.0):
    """One survey a step but two at the second, and the matrices they stand for."""
    out, rows, noise, data, order = [], [], [], [], []
    for t in range(steps):
        here, a, d, r = [], [], [], []
        for k in range(2 if t == 1 else 1):
            count = 3 + k
            matrix = rng.standard_normal((count, size)) / 50
            values, std = 3 * rng.standard_normal(count), sigma * rng.uniform(0.5, 1.5, count)
            here.append(bj.Modality(f"s{t}{k}", matrix, values, bj.DiagonalNoise(std), names))
            a, d, r = [*a, matrix], [*d, values], [*r, std**2]
        out += here
        order.append(tuple(m.name for m in here))
        rows.append(np.vstack(a))
        data.append(np.concatenate(d))
        noise.append(np.diag(np.concatenate(r)))
    return out, order, rows, noise, data


def random_walk():
    """A field and a datum that stays, unequal times."""
    rng = np.random.default_rng(1)
    field = bj.Parameter("density", MESH, prior=bj.Matern(std=100.0, range=RANGES, mean=20.0))
    datum = bj.Parameter("datum", 2, prior=bj.GaussianPrior([1.0, -1.0], [4.0, 9.0]))
    times = [0.0, 1.0, 3.5, 4.0]
    state = bj.StateModel(noise=bj.Matern(std=30.0, range=RANGES), times=times)
    seen, order, *plain = surveys(rng, 4, 11, ("density", "datum"))
    prior, q = np.zeros((11, 11)), np.zeros((11, 11))
    prior[:9, :9], prior[9:, 9:] = 100.0**2 * correlation(), np.diag([4.0, 9.0])
    q[:9, :9] = 30.0**2 * correlation()
    moves, noises = [np.eye(11)] * 3, [q * dt for dt in np.diff(times)]
    mean = np.r_[np.full(9, 20.0), 1.0, -1.0]
    problem = bj.JointProblem([field, datum], seen)
    return problem, order, state, Stacked(mean, prior, moves, noises, [np.zeros(11)] * 3, *plain)


def stationary():
    """Two tied fields that forget, about a mean, over unequal times."""
    rng = np.random.default_rng(2)
    parameters = [bj.Parameter(name, MESH, prior=bj.Matern(std=std, range=RANGES, mean=mean))
                  for name, std, mean in (("density", 100.0, 40.0), ("susceptibility", 0.02, 0.0))]
    times = [2.0, 3.0, 5.0]
    state = bj.StateModel(transition=0.7, noise="stationary", times=times)
    seen, order, rows, noise, data = surveys(rng, 3, 18, ("density", "susceptibility"))
    seen = [m.replace(forward=m.forward.matmat(np.eye(18)) * np.r_[np.ones(9), np.full(9, 5e3)]) for m in seen]
    rows = [a * np.r_[np.ones(9), np.full(9, 5e3)] for a in rows]
    std = np.r_[np.full(9, 100.0), np.full(9, 0.02)]
    prior = np.kron([[1.0, 0.5], [0.5, 1.0]], correlation()) * np.outer(std, std)
    powers = 0.7 ** np.diff(times)
    mean = np.r_[np.full(9, 40.0), np.zeros(9)]
    problem = bj.JointProblem(parameters, seen, [bj.Coregionalization(0.5)])
    return problem, order, state, Stacked(mean, prior, [f * np.eye(18) for f in powers],
                                          [(1 - f**2) * prior for f in powers], [(1 - f) * mean for f in powers],
                                          rows, noise, data)


def rates():
    """A field fed by a field of rates, a vector moved by a matrix and forgetting noise of its own."""
    rng = np.random.default_rng(3)
    mass = bj.Parameter("density", MESH, prior=bj.Matern(std=50.0, range=RANGES))
    rate = bj.Parameter("rate", MESH, prior=bj.Matern(std=20.0, range=RANGES, mean=5.0), units="kg/m3/yr", scale=10.0)
    pair = bj.Parameter("pair", 2, prior=bj.GaussianPrior([1.0, 0.0], [[1.0, 0.3], [0.3, 2.0]]))
    turn = np.array([[0.8, -0.4], [0.4, 0.8]])
    state = bj.StateModel(
        transition={"density": 0.9, ("density", "rate"): 1.0, "pair": turn},
        noise={"density": bj.Matern(std=10.0, range=RANGES), "pair": bj.GaussianPrior(0.0, 0.25)})
    seen, order, *plain = surveys(rng, 4, 20, ("density", "rate", "pair"))
    prior, q, f = np.zeros((20, 20)), np.zeros((20, 20)), np.eye(20)
    prior[:9, :9], prior[9:18, 9:18] = 50.0**2 * correlation(), 20.0**2 * correlation()
    prior[18:, 18:] = [[1.0, 0.3], [0.3, 2.0]]
    q[:9, :9], q[18:, 18:] = 10.0**2 * correlation(), 0.25 * np.eye(2)
    f[:9, :9], f[:9, 9:18], f[18:, 18:] = 0.9 * np.eye(9), np.eye(9), turn
    mean = np.r_[np.zeros(9), np.full(9, 5.0), 1.0, 0.0]
    problem = bj.JointProblem([mass, rate, pair], seen)
    return problem, order, state, Stacked(mean, prior, [f] * 3, [q] * 3, [np.zeros(20)] * 3, *plain)


CASES = {"random walk": random_walk, "stationary": stationary, "rates": rates}


@pytest.fixture(params=CASES.values(), ids=CASES, scope="module")
def case(request):
    problem, order, state, ref = request.param()
    return problem, bj.assimilate(problem, order, state=state), ref


def states(ref, mean, covariance, t):
    where = slice(t * ref.n, (t + 1) * ref.n)
    return mean[where], covariance[where, where]


def held(problem, post, mean, covariance):
    """One state against its mean and covariance, to 1e-8 of the posterior std and of the covariance."""
    std = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose((joined(problem, post.mean()) - mean) / std, 0, atol=1e-8)
    np.testing.assert_allclose(joined(problem, post.std()), std, rtol=1e-8)
    scale = np.concatenate([np.full(p.size, p.scale) for p in problem.parameters])
    rng = np.random.default_rng(0)
    v = rng.standard_normal((mean.size, 2)) * scale[:, None] / std[:, None]
    ours = post.state_product(v) * scale[:, None]
    np.testing.assert_allclose(ours / std[:, None], covariance @ (v / scale[:, None]) / std[:, None], atol=1e-8)


def test_smoothed_and_filtered_states_equal_the_batch_posterior(case):
    problem, post, ref = case
    mean, covariance, evidence = ref.batch()
    for t in range(ref.steps):
        held(problem, post.smoothed(t), *states(ref, mean, covariance, t))
        some, spread, _ = ref.batch(t + 1)
        held(problem, post.filtered(t), *states(ref, some, spread, t))
    held(problem, post, *states(ref, mean, covariance, ref.steps - 1))
    assert float(post.log_evidence()) == pytest.approx(evidence, abs=1e-8)


def test_they_equal_the_recursions_of_the_textbook(case):
    problem, post, ref = case
    filtered, smoothed = ref.textbook()
    for t in range(ref.steps):
        for ours, (mean, covariance) in ((post.filtered(t), filtered[t]), (post.smoothed(t), smoothed[t])):
            std = np.sqrt(np.diag(covariance))
            np.testing.assert_allclose((joined(problem, ours.mean()) - mean) / std, 0, atol=1e-7)
            np.testing.assert_allclose(joined(problem, ours.std()), std, rtol=1e-7)


def test_the_dense_engine_agrees_on_the_stacked_problem():
    problem, order, state, ref = stationary()
    post = bj.assimilate(problem, order, state=state)
    whole = bj.Parameter("states", ref.n * ref.steps, prior=bj.GaussianPrior(np.concatenate(ref.means), ref.prior))
    seen = []
    for t, (a, d, r) in enumerate(zip(ref.rows, ref.data, ref.noise, strict=True)):
        wide = np.zeros((len(d), ref.n * ref.steps))
        wide[:, t * ref.n:(t + 1) * ref.n] = a
        seen.append(bj.Modality(f"e{t}", wide, d, bj.DiagonalNoise(np.sqrt(np.diag(r))), "states"))
    batch = bj.posterior(bj.JointProblem([whole], seen), method="dense")
    mean, std = (x["states"].reshape(ref.steps, ref.n) for x in (batch.mean(), batch.std()))
    for t in range(ref.steps):
        np.testing.assert_allclose((joined(problem, post.smoothed(t).mean()) - mean[t]) / std[t], 0, atol=1e-8)
        np.testing.assert_allclose(joined(problem, post.smoothed(t).std()), std[t], rtol=1e-8)
    assert float(post.log_evidence()) == pytest.approx(float(batch.log_evidence()), abs=1e-8)


def test_change_between_steps(case):
    problem, post, ref = case
    mean, covariance, _ = ref.batch()
    n, last = ref.n, ref.steps - 1
    difference = np.zeros((n, n * ref.steps))
    difference[:, last * n:], difference[:, :n] = np.eye(n), -np.eye(n)
    moved, std = post.change(0, last)
    spread = np.sqrt(np.diag(difference @ covariance @ difference.T).clip(0))
    scale = np.sqrt(np.diag(ref.prior)[:n])
    np.testing.assert_allclose((joined(problem, moved) - difference @ mean) / scale, 0, atol=1e-8)
    np.testing.assert_allclose((joined(problem, std)**2 - spread**2) / scale**2, 0, atol=1e-10)
    back, same = post.change(last, 0)
    np.testing.assert_allclose(joined(problem, back), -joined(problem, moved))
    np.testing.assert_allclose(joined(problem, same), joined(problem, std))


def test_trajectories_are_joint_draws_of_all_states():
    problem, order, state, ref = random_walk()
    post = bj.assimilate(problem, order, state=state)
    draws = post.trajectories(draws=3000, seed=4)
    flat = np.concatenate([draws["density"].reshape(3000, 4, 9), draws["datum"]], axis=2).reshape(3000, -1)
    mean, covariance, _ = ref.batch()
    keep = [i for i in range(44) if i < 11 or i % 11 < 9]  # the datum is the same at every step
    scale = np.sqrt(np.diag(covariance))[keep]
    spread = covariance[np.ix_(keep, keep)] / np.outer(scale, scale)
    assert min(sampling_excess(flat[:, keep] / scale, mean[keep] / scale, spread)) > 1e-3
    np.testing.assert_allclose(draws["datum"], np.repeat(draws["datum"][:, :1], 4, axis=1), atol=1e-10)
    one = post.filtered(1).sample(draws=3000, chains=1, seed=5)
    some, covariance = states(ref, *ref.batch(2)[:2], 1)
    scale = np.sqrt(np.diag(covariance))
    flat = np.hstack([one["density"].reshape(3000, 9), one["datum"][0]])
    assert min(sampling_excess(flat / scale, some / scale, covariance / np.outer(scale, scale))) > 1e-3


def test_history_is_the_forecast_of_each_step(case):
    problem, post, ref = case
    total = 0.0
    for t, step in enumerate(post.history):
        before = ref.batch(t) if t else (np.concatenate(ref.means), ref.prior, 0.0)
        mean, covariance = states(ref, before[0], before[1], t)
        spread = ref.rows[t] @ covariance @ ref.rows[t].T + ref.noise[t]
        miss = ref.data[t] - ref.rows[t] @ mean
        assert float(step.chi2) == pytest.approx(miss @ np.linalg.solve(spread, miss), rel=1e-8)
        bits = 0.5 * np.log2(np.linalg.det(spread) / np.linalg.det(ref.noise[t]))
        assert float(step.information) == pytest.approx(bits, rel=1e-8)
        total += float(step.log_evidence)
        after = np.diag(states(ref, *ref.batch(t + 1)[:2], t)[1])
        prior = np.diag(ref.prior)[t * ref.n:(t + 1) * ref.n]
        where = problem.slices["density"]
        assert step.std_left["density"] == pytest.approx(np.sqrt(after[where].sum() / prior[where].sum()), rel=1e-8)
        assert step.std["density"] == (pytest.approx(np.sqrt(after[where].mean()), rel=1e-8), "kg/m3")
    assert repr(post).startswith("TimeLapsePosterior of density, ")
    assert total == pytest.approx(ref.batch()[2], abs=1e-8)


def test_stated_rounding_covers_the_truth_and_is_small(case):
    problem, post, ref = case
    mean, _, _ = ref.batch()
    worst = max(np.abs(joined(problem, post.smoothed(t).mean()) - mean[t * ref.n:(t + 1) * ref.n]).max()
                / np.sqrt(np.diag(ref.prior).max()) for t in range(ref.steps))
    assert worst < post.rounding < 1e-9
    assert post.approximations[0].error == post.rounding


def test_a_gain_that_went_wrong_shows_in_the_rounding():
    problem, order, state, _ = random_walk()
    post = bj.assimilate(problem, order, state=state)
    from bayesjoint.assimilation._time_lapse import _rounding
    post._smoothed[1][0, 0] *= 1 + 1e-5
    assert _rounding(post.run, post._smoothed) > 1e-7


def test_a_still_state_is_plain_assimilation():
    problem, order, _, _ = random_walk()
    still = bj.assimilate(problem, order, state=bj.StateModel())
    batch = bj.posterior(problem, method="dense")
    for t in range(4):
        for name in batch.mean():
            np.testing.assert_allclose(still.smoothed(t).mean()[name], batch.mean()[name], rtol=1e-8, atol=1e-8)
            np.testing.assert_allclose(still.smoothed(t).std()[name], batch.std()[name], rtol=1e-8)
    assert float(still.log_evidence()) == pytest.approx(float(batch.log_evidence()), abs=1e-8)
    _, std = still.change(0, 3)
    assert max(np.abs(s).max() for s in std.values()) < 1e-5


def test_the_dataset_of_one_state():
    problem, order, state, _ = random_walk()
    post = bj.assimilate(problem, order, state=state)
    tree = post.to_datatree(draws=4, chains=1)
    assert set(tree["observed_data"].data_vars) == {"s30"}
    assert tree["assimilation"].sizes["step"] == 4
    middle = post.smoothed(1).to_datatree(draws=4, chains=1)
    assert set(middle["observed_data"].data_vars) == {"s10", "s11"}
    np.testing.assert_allclose(middle["posterior_summary"]["density_std"].values, post.smoothed(1).std()["density"])


def test_refusals():
    problem, order, state, _ = random_walk()

    def attempt(argument, error=ValueError, order=order, **given):
        return refused(lambda: bj.assimilate(problem, order, state=bj.StateModel(**given)), argument, error)

    attempt("times", times=[0, 1, 2])
    attempt("times", times=[0, 1, 1, 2])
    attempt("transition", transition={"x": 1.0})
    attempt("transition of datum", transition={("datum", "density"): 1.0})
    attempt("transition of datum", transition={"datum": np.eye(3)})
    attempt("transition of datum", transition={"datum": np.eye(2)}, times=[0, 1, 2, 4])
    attempt("transition of density", transition={"density": "datum"})
    attempt("transition of density", transition={"density": -0.5}, times=[0, 0.5, 1, 2])
    attempt("noise", noise={"x": bj.GaussianPrior(0.0, 1.0)})
    attempt("noise of datum", TypeError, noise={"datum": 3.0})
    attempt("noise of density", noise="stationary")
    attempt("noise of density", noise={"density": bj.Focusing(1.0)})
    refused(lambda: bj.assimilate(problem, order, state=0.9), "state", TypeError)
    post = bj.assimilate(problem, order, state=state)
    for wrong in (4, -1, True, 1.5):
        refused(lambda wrong=wrong: post.smoothed(wrong), "step")
    flat = problem.replace(parameters=[problem.parameters[0], bj.Parameter("datum", 2)])
    refused(lambda: bj.assimilate(flat, order, state=state), "prior")
    known = np.full(MESH.shape, np.nan)
    known[0, 0, 0] = 1.0
    fixed = problem.replace(parameters=[problem.parameters[0].replace(fixed=known), problem.parameters[1]])
    refused(lambda: bj.assimilate(fixed, order, state=state), "parameter density")
    tied, order, _, _ = stationary()
    one = bj.StateModel(transition=0.7, noise={"density": "stationary"})
    refused(lambda: bj.assimilate(tied, order, state=one), "noise of density and susceptibility")
