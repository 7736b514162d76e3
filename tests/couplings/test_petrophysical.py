import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bayesjoint as bj
from bayesjoint.agreement._pair import restricted
from bayesjoint.map_estimate._objective import Objective
from bayesjoint.testing import check_gradient

MESH = bj.Mesh.regular((2, 3, 3), (100.0, 100.0, 100.0))
LAW = (0.001, 2e-4)
PRIORS = {"density": (100.0, 300.0), "susceptibility": (0.03, 200.0)}


def curved(density, susceptibility, theta):
    """Susceptibility grows with the square of density, and saturates."""
    return susceptibility - theta[0] - np.tanh(theta[1] * density) * 0.05 - 1e-7 * density**2


def curved_slopes(density, susceptibility, theta):
    bend = 0.05 / np.cosh(theta[1] * density) ** 2
    return (-theta[1] * bend - 2e-7 * density, np.ones_like(density), -np.ones_like(density), -density * bend)


RELATIONS = {"linear": {"relation": "linear"}, "complex steps": {"relation": curved},
             "given": {"relation": curved, "derivatives": curved_slopes}}


def fields(mesh=MESH, **options):
    return [bj.Parameter(name, mesh, prior=bj.Matern(std=std, range=reach), **options)
            for name, (std, reach) in PRIORS.items()]


def unknown_theta(prior=None):
    prior = bj.GaussianPrior(np.array(LAW), np.diag([0.002, 1e-4]) ** 2) if prior is None else prior
    return bj.Parameter("law", 2, prior=prior, scale=1e-3, reference=np.array(LAW))


def law_of(kind, estimated, **options):
    options = {"std": 0.01} | RELATIONS[kind] | options
    return bj.Petrophysical(theta="law" if estimated else LAW, **options)


def problem_of(law, parameters=None, seed=0, rows=8, noise=1.0):
    """A survey of each property with a few random sums of cells."""
    rng = np.random.default_rng(seed)
    parameters = [*fields(), *([unknown_theta()] if law is not None and isinstance(law.theta, str) else [])] if (
        parameters is None) else parameters
    surveys = []
    for p in parameters[:2]:
        matrix = rng.standard_normal((rows, p.size)) / PRIORS[p.name][0]
        surveys.append(bj.Modality(f"of_{p.name}", matrix, 2 * rng.standard_normal(rows),
                                   bj.DiagonalNoise(np.full(rows, noise)), p.name))
    return bj.JointProblem(parameters, surveys, [] if law is None else [law])


def joined(parts, problem):
    out = np.zeros(problem.size)
    problem.add_parts(out, parts)
    return out


def precise(problem, **options):
    """A MAP far closer to the minimum than users need."""
    return bj.find_map(problem, tolerance=1e-9, **options)


# -- derivatives ---------------------------------------------------------------------------------------------------
@settings(max_examples=40, deadline=None)
@given(st.sampled_from([*RELATIONS]), st.booleans(), st.integers(0, 2**32 - 1), st.floats(1e-3, 0.1))
def test_gradient_and_hessian_are_those_of_the_value(kind, estimated, seed, std):
    problem = problem_of(law_of(kind, estimated, std=std))
    bound, rng = problem.penalties[0], np.random.default_rng(seed)
    spread = np.concatenate([np.full(p.size, std / p.scale) for p, std in zip(
        problem.parameters, [100.0, 0.03, 1e-3], strict=False)])
    x, v, w = rng.standard_normal((3, problem.size)) * spread
    check_gradient(lambda y: bound.value(problem.parts(y)), lambda y: joined(bound.gradient(problem.parts(y)), problem),
                   x, seed=seed)
    product = joined(bound.hessian_product(problem.parts(x), problem.parts(v)), problem)
    other = joined(bound.hessian_product(problem.parts(x), problem.parts(w)), problem)
    assert v @ other == pytest.approx(w @ product, rel=1e-7, abs=1e-7 * np.linalg.norm(w) * np.linalg.norm(product))
    step = 1e-4
    change = joined(bound.gradient(problem.parts(x + step * v)), problem) - joined(
        bound.gradient(problem.parts(x - step * v)), problem)
    np.testing.assert_allclose(product, change / (2 * step), rtol=1e-5, atol=1e-6 * np.abs(product).max())


def test_value_is_half_the_squared_misfit_over_the_variance():
    law, problem = law_of("linear", False, std=0.02), problem_of(None)
    model = {name: np.random.default_rng(1).normal(0, std, MESH.shape) for name, (std, _) in PRIORS.items()}
    off = model["susceptibility"] - LAW[0] - LAW[1] * model["density"]
    np.testing.assert_allclose(law.misfit(model), off)
    value = law.bind(problem.parameters).value(problem.parts(problem.pack(model)))
    assert value == pytest.approx(0.5 * np.sum(off**2) / 0.02**2)


def test_cells_in_air_count_for_nothing():
    active = np.ones(MESH.shape, dtype=bool)
    active[-1, 0] = False
    parameters, law = fields(MESH.with_active(active)), law_of("linear", False)
    bound, flat = law.bind(parameters), {p.name: np.ones(p.size) for p in parameters}
    before, slopes = bound.look(flat)
    flat["density"][~active.ravel()] = 50.0
    assert bound.value(flat) == before
    assert not slopes["density"][~active.ravel()].any()


def test_the_problem_adds_what_it_says_cell_by_cell_to_the_curvature():
    problem = problem_of(law_of("linear", False))
    names, blocks = problem.penalties[0].cellwise(problem.parts(problem.start()))
    dense = np.stack([joined(problem.penalties[0].hessian_product(
        problem.parts(problem.start()), problem.parts(e)), problem) for e in np.eye(problem.size)])
    n = MESH.size
    for i, _ in enumerate(names):
        for k, _ in enumerate(names):
            np.testing.assert_allclose(dense[i * n:(i + 1) * n, k * n:(k + 1) * n], np.diag(blocks[i, k]), atol=1e-9)


# -- what it does to a posterior -------------------------------------------------------------------------------------
def closed_form(problem, theta, std):
    """Mean and covariance of x under a linear law, by dense algebra."""
    precision, pull = np.zeros((problem.size,) * 2), np.zeros(problem.size)
    for where, bound in problem.prior.blocks:
        cells = np.arange(problem.size)[where]
        precision[np.ix_(cells, cells)] = bound.covariance.solve(np.eye(cells.size))
    for k, m in enumerate(problem.modalities):
        matrix = problem.operator(k).matrix()
        precision += matrix.T @ matrix
        pull += matrix.T @ m.data
    n = problem.size // 2
    scales = [p.scale for p in problem.parameters]
    row = np.hstack([-theta[1] * scales[0] * np.eye(n), scales[1] * np.eye(n)])
    covariance = np.linalg.inv(precision + row.T @ row / std**2)
    return covariance @ (pull + row.T @ np.full(n, theta[0]) / std**2), covariance


@pytest.mark.parametrize("std", [0.05, 0.005])
def test_laplace_is_exact_under_a_soft_linear_law_and_says_so(std):
    problem = problem_of(law_of("linear", False, std=std))
    post = bj.posterior(problem, method="laplace", at=bj.find_map(problem))
    mean, covariance = closed_form(problem_of(None), LAW, std)
    np.testing.assert_allclose(problem.pack(post.mean()), mean, atol=1e-8 * np.abs(mean).max())
    np.testing.assert_allclose(problem.pack(post.std()), np.sqrt(np.diag(covariance)), rtol=1e-8)
    said = next(a for a in post.approximations if a.name == "Laplace approximation")
    assert said.status == "exact" and "linear law" in said.statement


def test_laplace_does_not_call_itself_exact_under_a_curved_law():
    problem = problem_of(law_of("complex steps", False))
    post = bj.posterior(problem, method="laplace", at=bj.find_map(problem))
    assert all(a.status != "exact" for a in post.approximations if a.name.startswith("Laplace approximation"))


def test_soft_tends_to_hard_as_the_std_falls():
    hard = precise(problem_of(law_of("linear", False, std=None, hard=True, tolerance=1e-9)))
    assert hard.converged
    apart = []
    for std in (1e-3, 1e-4, 1e-5):
        mean, _ = closed_form(problem_of(None), LAW, std)
        apart.append(np.abs(mean - hard.x).max() / np.abs(hard.x).max())
    assert apart[0] > 90 * apart[1] > 90**2 * apart[2]  # the difference goes with std²
    assert apart[2] < 1e-5


def test_a_hard_linear_law_leaves_one_field():
    """Eliminate susceptibility by hand: one density seen by both surveys, with both priors."""
    free, theta = problem_of(None), LAW
    result = precise(problem_of(law_of("linear", False, std=None, hard=True, tolerance=1e-9)))
    n = MESH.size
    scale = [p.scale for p in free.parameters]
    ahead = np.vstack([np.eye(n), theta[1] * scale[0] / scale[1] * np.eye(n)])
    offset = np.concatenate([np.zeros(n), np.full(n, theta[0] / scale[1])])
    index = np.arange(free.size)
    hessian, gradient = free.hessian_matrix(offset, index), free.gradient(offset)
    density = -np.linalg.solve(ahead.T @ hessian @ ahead, ahead.T @ gradient)
    np.testing.assert_allclose(result.x, offset + ahead @ density, atol=1e-5 * np.abs(result.x).max())


@pytest.mark.parametrize("kind", [*RELATIONS])
@pytest.mark.parametrize("prior", ["matern", "minimum length"])
def test_a_hard_law_is_met_to_its_tolerance(kind, prior):
    parameters = fields() if prior == "matern" else [
        bj.Parameter(name, MESH, prior=bj.MinimumLength(10.0), bounds=(None, 2 * std))
        for name, (std, _) in PRIORS.items()]
    law = law_of(kind, False, std=None, hard=True, tolerance=1e-6)
    result = bj.find_map(problem_of(law, parameters), discrepancy=False)
    assert result.converged and np.abs(law.misfit(result.model)).max() <= 1e-6
    left = result.rounds["coupling 0, largest misfit of a hard law"]
    assert left[-1] == pytest.approx(np.abs(law.misfit(result.model)).max()) and left[0] > 1e-6
    assert "hard law met" in result.message and result.problem.couplings == (law,)


def test_a_law_that_data_contradict_beyond_repair_is_reported_as_not_met():
    parameters = [p.replace(fixed=np.full(MESH.shape, value)) if p.name == "density" else p.replace(bounds=(0.0, 0.01))
                  for p, value in zip(fields(), (500.0, None), strict=True)]
    law = law_of("linear", False, std=None, hard=True)
    result = bj.find_map(problem_of(law, parameters))
    assert not result.converged and "not met" in result.message
    assert np.abs(law.misfit(result.model)).max() == pytest.approx(0.001 + 0.1 - 0.01, rel=1e-3)


# -- numbers of the law unknown --------------------------------------------------------------------------------------
def test_the_prior_of_theta_is_its_marginal_where_the_law_replaces_a_flat_prior():
    density, susceptibility = fields()
    law, stds = law_of("linear", True), [0.002, 1e-4]
    seen = bj.Modality("of_density", np.eye(MESH.size), np.linspace(-200, 200, MESH.size),
                       bj.DiagonalNoise(np.full(MESH.size, 20.0)), "density")
    known = bj.posterior(bj.JointProblem([density], [seen])).mean()["density"]
    start = {"density": known, "susceptibility": LAW[0] + LAW[1] * known, "law": np.array(LAW)}
    found = []
    for prior in (None, susceptibility.prior):
        problem = bj.JointProblem([density, susceptibility.replace(prior=prior), unknown_theta()], [seen], [law])
        found.append(bj.posterior(problem, method="laplace", at=bj.find_map(problem, start=start)).std()["law"])
    np.testing.assert_allclose(found[0], stds, rtol=1e-6)
    assert (found[1] < 0.95 * found[0]).any()  # a proper prior of susceptibility says something of the law by itself


def test_the_numbers_of_a_law_stay_with_the_surveys_that_it_ties():
    problem = problem_of(law_of("linear", True))
    both, one = (restricted(problem, names) for names in (("of_density", "of_susceptibility"), ("of_density",)))
    assert both.couplings == problem.couplings and list(both.by_name) == list(problem.by_name)
    assert one.couplings == () and list(one.by_name) == ["density"]


def test_laplace_and_nuts_agree_on_an_unknown_law():
    pytest.importorskip("nutpie")
    mesh = bj.Mesh.regular((1, 2, 3), (100.0, 100.0, 100.0))
    rng, truth = np.random.default_rng(3), np.array([-200.0, -100.0, 0.0, 50.0, 150.0, 250.0])
    parameters, law = [*fields(mesh), unknown_theta()], law_of("linear", True, std=0.004)
    scatter = LAW[0] + LAW[1] * truth + 0.004 * rng.standard_normal(6)
    surveys = [bj.Modality(f"of_{name}", np.eye(6), values + std * rng.standard_normal(6),
                           bj.DiagonalNoise(np.full(6, std)), name)
               for name, values, std in (("density", truth, 10.0), ("susceptibility", scatter, 0.003))]
    problem = bj.JointProblem(parameters, surveys, [law])
    laplace = bj.posterior(problem, method="laplace", at=precise(problem))
    nuts = bj.posterior(problem, method="nuts", seed=1)
    assert laplace.validity.verdict == "valid"
    for name in ("law", "density"):
        error = 4 * nuts.mean_error()[name].max() + 0.05 * nuts.std()[name].max()
        np.testing.assert_allclose(laplace.mean()[name], nuts.mean()[name], atol=error)
        np.testing.assert_allclose(laplace.std()[name], nuts.std()[name], rtol=0.15)


# -- refusals --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("settings", "message"), [
    ({"relation": "cubic", "theta": LAW, "std": 1.0}, "relation"),
    ({"relation": "linear", "theta": (1.0,), "std": 1.0}, "theta"),
    ({"relation": "linear", "theta": LAW}, "std, hard"),
    ({"relation": "linear", "theta": LAW, "std": 1.0, "hard": True}, "std, hard"),
    ({"relation": "linear", "theta": LAW, "std": 1.0, "tolerance": 1.0}, "tolerance"),
    ({"relation": "linear", "theta": LAW, "std": -1.0}, "std"),
    ({"relation": "linear", "theta": LAW, "std": 1.0, "derivatives": curved_slopes}, "derivatives"),
    ({"relation": "linear", "theta": LAW, "std": 1.0, "parameters": ("density", "density")}, "parameters"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        bj.Petrophysical(**settings)


@pytest.mark.parametrize(("options", "message"), [
    ({"derivatives": lambda d, s, t: (-d, np.ones_like(d), 0.0, 0.0)}, "derivatives"),
    ({"derivatives": lambda d, s, t: (np.ones_like(d),)}, "derivatives"),
    ({"relation": lambda d, s, t: np.abs(s - t[0]) - t[1] * d}, "derivatives"),
    ({"relation": lambda d, s, t: np.sum(d)}, "relation"),
    ({"relation": lambda d, s, t: np.log(-d**2)}, "relation"),
])
def test_wrong_derivatives_and_relations_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        problem_of(bj.Petrophysical(**{"relation": curved, "theta": LAW, "std": 0.01} | options))


def test_a_hard_law_is_no_density_and_engines_say_so():
    problem = problem_of(law_of("linear", False, std=None, hard=True))
    with pytest.raises(ValueError, match="constraint"):
        bj.posterior(problem, at=bj.find_map(problem))
    with pytest.raises(ValueError, match="Gaussian"):
        bj.posterior(problem_of(law_of("linear", False)), method="dense")


def test_rrcg_takes_a_soft_law_and_refuses_a_hard_one():
    parameters = [bj.Parameter(name, MESH, prior=bj.MinimumLength(10.0)) for name in PRIORS]
    assert bj.find_map(problem_of(law_of("linear", False), parameters), method="rrcg").method == "rrcg"
    with pytest.raises(ValueError, match="hard law"):
        bj.find_map(problem_of(law_of("linear", False, std=None, hard=True), parameters), method="rrcg")


# -- how fast ----------------------------------------------------------------------------------------------------------
def test_the_preconditioner_is_symmetric_and_knows_a_stiff_law():
    problem = problem_of(law_of("linear", False, std=1e-3))
    objective, x = Objective(problem), problem.start()
    apply = objective.preconditioner(x, problem.free, 0.0)
    made = np.stack([apply(e) for e in np.eye(problem.size)], axis=1)
    np.testing.assert_allclose(made, made.T, atol=1e-10 * np.abs(made).max())
    assert np.linalg.eigvalsh(made).min() > 0
    hessian = problem.hessian_matrix(x, np.arange(problem.size))
    prior = np.zeros_like(hessian)
    for where, bound in problem.prior.blocks:
        prior[where, where] = bound.covariance.dense()
    conditions = [np.ptp(np.log(np.linalg.eigvals(m @ hessian).real)) for m in (made, prior)]
    assert conditions[0] < conditions[1] - np.log(20)
