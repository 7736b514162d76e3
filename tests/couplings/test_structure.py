"""Cross-gradient and joint total variation: slopes, what they vanish for, units, air, cells, and who takes them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bayesjoint as bj
from bayesjoint.couplings import CrossGradient, JointTotalVariation
from bayesjoint.testing import check_gradient

from ..refusals import refused

ACTIVE = np.ones((3, 3, 4), dtype=bool)
ACTIVE[2, 0, :2] = False
MESHES = {"ground": bj.Mesh(100 * np.arange(5), [0, 50, 150, 220], [-700, -300, -100, 0]),
          "air": bj.Mesh.regular((3, 3, 4), (50, 100, 100)).with_active(ACTIVE),
          "layer": bj.Mesh.regular((1, 4, 5), (50, 100, 100)), "row": bj.Mesh.regular((4, 1, 5), (50, 100, 100))}
STDS = {"density": 100.0, "susceptibility": 0.02, "third": 2.0}


def members(mesh, count=2):
    own = {"third": {"units": "1", "scale": 1.0}}
    return [bj.Parameter(name, mesh, prior=bj.GaussianPrior(0.0, std**2 * np.eye(mesh.size)), **own.get(name, {}))
            for name, std in list(STDS.items())[:count]]


def split(x, parameters):
    return {p.name: part / p.scale * STDS[p.name] for p, part in zip(
        parameters, np.reshape(x, (len(parameters), -1)), strict=True)}


def joined(parts, parameters):
    return np.concatenate([parts[p.name] / p.scale * STDS[p.name] for p in parameters])


kinds = st.sampled_from(["cross", "against", "variation"])


def bound_of(kind, parameters, weight=1.3, **rest):
    if kind == "variation":
        return JointTotalVariation(weight, epsilon=0.3, **rest).bind(parameters)
    fixed = {"against": np.random.default_rng(8).standard_normal(parameters[0].mesh.shape)} if kind == "against" else {}
    return CrossGradient(weight, **fixed, **rest).bind(parameters)


@settings(max_examples=40, deadline=None)
@given(kinds, st.sampled_from(sorted(MESHES)), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_gradient_and_hessian_are_those_of_the_value(kind, mesh, count, seed):
    parameters = members(MESHES[mesh], max(count, 2) if kind == "cross" else count)
    bound, size = bound_of(kind, parameters), len(parameters) * MESHES[mesh].size
    x, v, w = np.random.default_rng(seed).standard_normal((3, size))
    check_gradient(lambda y: bound.value(split(y, parameters)),
                   lambda y: joined(bound.gradient(split(y, parameters)), parameters), x, seed=seed)
    check_gradient(lambda y: joined(bound.gradient(split(y, parameters)), parameters) @ v, lambda y: joined(
        bound.hessian_product(split(y, parameters), split(v, parameters)), parameters), x, seed=seed)
    for whole in (True, False):
        ends = [joined(bound.hessian_product(split(x, parameters), split(a, parameters), whole=whole), parameters)
                for a in (v, w)]
        assert ends[0] @ w == pytest.approx(ends[1] @ v, rel=1e-9, abs=1e-9)
    assert ends[0] @ v >= 0.0


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(MESHES)), st.integers(0, 2**32 - 1), st.floats(-5.0, 5.0), st.floats(-5.0, 5.0))
def test_one_structure_costs_nothing(mesh, seed, slope, level):
    parameters = members(MESHES[mesh], 3)
    field = np.random.default_rng(seed).standard_normal(MESHES[mesh].size)
    parts = split(np.concatenate([field, level + slope * field, 2.0 - field]), parameters)
    bound = bound_of("cross", parameters)
    assert bound.value(parts) < 1e-18
    assert np.abs(joined(bound.gradient(parts), parameters)).max() < 1e-9


def by_hand(mesh, u, w):
    """½ Σ share |∇u × ∇w|² of two fields, cell by cell, with NumPy's cross product; steps per mean distance."""
    length = np.exp(np.mean([np.log(np.median(np.diff(c))) for c in (mesh.upward, mesh.northing, mesh.easting)
                             if c.size > 1]))
    total, volumes = 0.0, np.einsum("i,j,k->ijk", *(np.diff(e) for e in (
        mesh.upward_edges, mesh.northing_edges, mesh.easting_edges)))
    centres = mesh.upward, mesh.northing, mesh.easting
    for cell in zip(*np.nonzero(mesh.active), strict=True):
        slopes = np.zeros((2, 3))
        for axis in range(3):
            after = tuple(c + (a == axis) for a, c in enumerate(cell))
            if after[axis] < mesh.shape[axis] and mesh.active[after]:
                step = (centres[axis][after[axis]] - centres[axis][cell[axis]]) / length
                slopes[:, axis] = [(f[after] - f[cell]) / step for f in (u, w)]
        total += 0.5 * volumes[cell] * np.sum(np.cross(*slopes) ** 2)
    return total / volumes[mesh.active].mean()


@pytest.mark.parametrize("mesh", sorted(MESHES))
def test_the_value_is_the_sum_over_cells(mesh, rng):
    parameters = members(MESHES[mesh])
    u, w = fields = rng.standard_normal((2, *MESHES[mesh].shape))
    assert bound_of("cross", parameters, 1.0).value(split(fields, parameters)) == pytest.approx(
        by_hand(MESHES[mesh], u, w), rel=1e-12)


def test_units_signs_and_other_spreads_do_not_count(rng):
    """A property in other units, or turned over, costs the same; half the spread costs four times as much."""
    mesh, (u, w) = MESHES["ground"], rng.standard_normal((2, MESHES["ground"].size))
    value = CrossGradient(1.0).bind(members(mesh)).value(split(np.concatenate([u, w]), members(mesh)))
    assert CrossGradient(1.0).bind(members(mesh)).value(split(np.concatenate([-u, w]), members(mesh))) == pytest.approx(
        value, rel=1e-12)
    other = [members(mesh)[0].replace(scale=7.0), members(mesh)[1]]
    parts = {"density": 100.0 * u / 7.0, "susceptibility": 0.02 * w}
    assert CrossGradient(1.0).bind(other).value(parts) == pytest.approx(value, rel=1e-12)
    assert CrossGradient(1.0, spread={"density": 50.0}).bind(other).value(parts) == pytest.approx(4 * value, rel=1e-12)
    variation = JointTotalVariation(1.0, spread={"density": 50.0, "susceptibility": 0.01}, epsilon=0.2)
    same = JointTotalVariation(2.0, epsilon=0.1)
    assert variation.bind(other).value(parts) == pytest.approx(same.bind(other).value(parts), rel=1e-12)


def test_a_cell_at_right_angles_costs_half_the_weight():
    mesh = bj.Mesh.regular((1, 2, 2), (100, 100, 100))
    parameters = members(mesh)
    u, w = np.array([[0.0, 1.0], [0.0, 1.0]]), np.array([[0.0, 0.0], [1.0, 1.0]])
    bound = CrossGradient(3.0).bind(parameters)
    assert bound.value(split(np.concatenate([u.ravel(), w.ravel()]), parameters)) == pytest.approx(1.5)


def test_a_known_field_ties_members_to_itself_alone(rng):
    mesh = MESHES["ground"]
    u, w, f = rng.standard_normal((3, *mesh.shape))
    parameters = members(mesh)
    tied = CrossGradient(1.0, against=40.0 * f).bind(parameters).value(split(np.concatenate([u, w]), parameters))
    known = f / f.std()
    assert tied == pytest.approx(by_hand(mesh, u, known) + by_hand(mesh, w, known), rel=1e-12)


def test_a_known_field_may_lack_air_and_nothing_else(rng):
    mesh, parameters = MESHES["air"], members(MESHES["air"])
    field, x = rng.standard_normal(mesh.shape), split(rng.standard_normal(2 * mesh.size), parameters)
    lacking = np.where(mesh.active, field, np.nan)
    assert CrossGradient(1.0, against=lacking).bind(parameters).value(x) == pytest.approx(
        CrossGradient(1.0, against=field).bind(parameters).value(x), rel=1e-12)
    lacking[0, 0, 0] = np.nan
    assert "ground cell" in refused(lambda: CrossGradient(1.0, against=lacking).bind(parameters), "against")


def surveyed(couplings, prior=None, seed=0, side=5):
    """Gravity and magnetics over one body, and the truth in units of the spreads."""
    rng, mesh = np.random.default_rng(seed), bj.Mesh.regular((3, side, side), (100, 100, 100))
    truth = np.zeros(mesh.shape)
    truth[1:, 1:3, 2:4] = 1.5
    parameters = members(mesh)
    if prior is not None:
        parameters = [p.replace(prior=prior(p)) for p in parameters]
    place = mesh, mesh.easting, mesh.northing
    operators = [bj.GravityOperator(*place, height=20.0), bj.MagneticOperator(*place, height=20.0, inclination=60.0)]
    surveys = []
    for p, operator, std in zip(parameters, operators, (0.05, 5.0), strict=True):
        data = operator.predict(STDS[p.name] * truth) + std * rng.standard_normal((side, side))
        surveys.append(bj.Modality(f"of_{p.name}", operator, data, bj.DiagonalNoise(np.full(data.shape, std)), p.name))
    return bj.JointProblem(parameters, surveys, couplings)


@pytest.mark.parametrize("coupling", [CrossGradient(2.0), JointTotalVariation(1.0, epsilon=0.1)])
def test_a_map_is_a_stationary_point_and_has_more_of_one_structure(coupling):
    problem = surveyed([coupling])
    found = bj.find_map(problem)
    assert found.converged
    free = bj.find_map(problem.replace(couplings=[]))
    bound = problem.penalties[0]
    assert bound.value(problem.parts(found.x)) < bound.value(problem.parts(free.x))


def test_between_bounds_and_under_focusing_priors():
    spread = {"density": 100.0, "susceptibility": 0.02}
    problem = surveyed([CrossGradient(1.0, spread=spread)], lambda p: bj.Focusing(20.0, depth_exponent=0.5))
    problem = problem.replace(parameters=[p.replace(bounds=(0.0, None)) for p in problem.parameters])
    found = bj.find_map(problem, discrepancy=False)
    assert found.converged and min(m.min() for m in found.model.values()) >= 0.0
    assert bj.find_map(problem, method="rrcg").target_met


def test_laplace_agrees_with_nuts_where_the_tie_is_weak_and_says_so_where_it_is_strong():
    """With a weight of 0.01 its std are 0 to 13 % too wide, of 1 up to 80 %."""
    weak, strong = (surveyed([CrossGradient(w)], side=3) for w in (0.01, 1.0))
    laplace, wide = (bj.posterior(p, method="laplace", at=bj.find_map(p)) for p in (weak, strong))
    nuts = bj.posterior(weak, method="nuts", draws=400, seed=0)
    for name in laplace.mean():
        assert np.abs((laplace.mean()[name] - nuts.mean()[name]) / nuts.std()[name]).max() < 0.15
        assert np.abs(laplace.std()[name] / nuts.std()[name] - 1).max() < 0.2
    assert "Not valid here" in wide.approximations[0].statement
    assert "Not valid here" not in laplace.approximations[0].statement


def test_given_one_the_other_is_gaussian(rng):
    """S is quadratic in each of two parameters: third differences along one vanish."""
    parameters = members(MESHES["ground"])
    bound, (u, w, v) = CrossGradient(1.0).bind(parameters), rng.standard_normal((3, MESHES["ground"].size))
    values = [bound.value(split(np.concatenate([u + k * v, w]), parameters)) for k in range(4)]
    assert abs(np.diff(values, 3)[0]) < 1e-9 * max(values)


def test_what_cannot_be_is_refused():
    mesh = MESHES["ground"]
    refused(lambda: CrossGradient(-1.0), "weight")
    refused(lambda: CrossGradient(1.0, spread={"density": 0.0}), "spread of density")
    refused(lambda: CrossGradient(1.0, length=-1.0), "length")
    refused(lambda: JointTotalVariation(1.0, epsilon=0.0), "epsilon")
    refused(lambda: CrossGradient(1.0).bind(members(mesh)[:1]), "parameters")
    refused(lambda: CrossGradient(1.0, spread={"porosity": 1.0}).bind(members(mesh)), "spread")
    refused(lambda: CrossGradient(1.0, against=np.ones(mesh.shape)).bind(members(mesh)), "against")
    refused(lambda: CrossGradient(1.0, against=np.ones((2, 2, 2))).bind(members(mesh)), "against")
    refused(lambda: CrossGradient(1.0).bind([*members(mesh)[:1], members(MESHES["layer"])[1]]), "parameters")
    refused(lambda: surveyed([CrossGradient(1.0)], lambda p: bj.Focusing(2.0)), "spread")
    one = bj.Mesh.regular((1, 1, 1), (100, 100, 100))
    refused(lambda: JointTotalVariation(1.0).bind(members(one)), "mesh")
    problem = surveyed([CrossGradient(1.0)])
    assert "BoundCrossGradient" in refused(lambda: bj.posterior(problem, method="dense"), "problem")
    assert "nuts" in refused(lambda: bj.posterior(problem, method="gibbs"), "problem|couplings")
