"""Information of surveys: identities that must hold, closed forms on tiny problems, and posteriors as referee."""

from itertools import pairwise

import numpy as np
import pytest

import bayesjoint as bj

from ..linear import make
from ..refusals import refused

CASES = {
    "two surveys": {},
    "coupled": {"correlation": 0.7},
    "dense noise, exponents": {"dense": True, "weights": {"survey_density": 0.3}, "shared": True},
    "three, known cells, a vector": {"names": ("density", "susceptibility", "porosity"), "known": (0, 5),
                                     "vector": True, "shared": True, "counts": (5, 6, 4)},
}  # fmt: skip


def bits(matrix):
    return 0.5 * np.linalg.slogdet(matrix)[1] / np.log(2)


def signal_of(reference):
    """Whitened signal matrix, given the known cells."""
    prior, known = reference.prior, reference.known
    if known.size:
        prior = prior - prior[:, known] @ np.linalg.solve(prior[np.ix_(known, known)], prior[known])
    root = np.linalg.inv(np.linalg.cholesky(reference.noise))
    return root @ reference.matrix @ prior @ reference.matrix.T @ root.T, prior


@pytest.fixture(params=CASES.values(), ids=list(CASES))
def case(request):
    return make(**request.param)


def places(problem):
    ends = np.cumsum([0, *(m.size for m in problem.modalities)])
    return [np.arange(a, b) for a, b in pairwise(ends)]


def test_information_is_the_log_determinant(case):
    problem, reference = case
    S, _ = signal_of(reference)
    found, rows = bj.identifiability(problem), places(problem)
    expected = [bits(np.eye(r.size) + S[np.ix_(r, r)]) for r in rows]
    np.testing.assert_allclose(found.information, expected, rtol=1e-9)
    assert float(found.information_joint) == pytest.approx(bits(np.eye(len(S)) + S))


def test_parts_less_what_they_repeat_make_the_whole(case):
    """I(m; d₁, d₂) = I(m; d₁) + I(m; d₂) − I(d₁; d₂), the last from the data's own covariance."""
    problem, reference = case
    S, _ = signal_of(reference)
    K, rows, found = S + np.eye(len(S)), places(problem), bj.identifiability(problem)
    for i, a in enumerate(rows):
        for j, b in enumerate(rows[:i]):
            both = np.concatenate([a, b])
            mutual = bits(K[np.ix_(a, a)]) + bits(K[np.ix_(b, b)]) - bits(K[np.ix_(both, both)])
            assert float(found.redundancy_pair[i, j]) == pytest.approx(mutual, abs=1e-9)
            canonical = found.canonical_correlation.values[i, j]
            assert -0.5 * np.sum(np.log2(1 - canonical[: min(a.size, b.size)] ** 2)) == pytest.approx(mutual, abs=1e-8)
    assert float(found.redundancy) == pytest.approx(float(found.information.sum() - found.information_joint), abs=1e-9)


def test_fisher_information_adds_up_and_degrees_of_freedom_do_not(case):
    problem, reference = case
    found, (S, prior) = bj.identifiability(problem), signal_of(reference)
    J = reference.matrix.T @ np.linalg.solve(reference.noise, reference.matrix)
    assert float(found.fisher_trace.sum()) == pytest.approx(float(found.fisher_trace_joint))
    assert float(found.fisher_trace_joint) == pytest.approx(np.trace(prior @ J))
    assert float(found.degrees_of_freedom_joint) == pytest.approx(np.trace(np.linalg.solve(S + np.eye(len(S)), S)))
    assert float(found.degrees_of_freedom.sum()) >= float(found.degrees_of_freedom_joint) - 1e-9


def test_degrees_of_freedom_are_those_of_the_resolution(case):
    problem, _ = case
    found, resolved = bj.identifiability(problem), bj.resolution(bj.posterior(problem))
    total = sum(float(resolved[f"{p.name}_degrees_of_freedom"]) for p in problem.parameters)
    assert float(found.degrees_of_freedom_joint) == pytest.approx(total)


def test_independent_surveys_repeat_nothing():
    found = bj.identifiability(make()[0])
    assert abs(float(found.redundancy)) < 1e-9
    assert np.nanmax(found.cosine) < 1e-9


def test_precision_shares_are_generalised_eigenvalues():
    problem, reference = make(shared=True, counts=(5, 6))
    found = bj.identifiability(problem)
    rows = places(problem)[1]
    A, C = reference.matrix[rows], reference.noise[np.ix_(rows, rows)]
    values = np.linalg.eigvals(reference.covariance @ A.T @ np.linalg.solve(C, A)).real
    np.testing.assert_allclose(found.precision_share[1, :6], np.sort(values)[::-1][:6], rtol=1e-8)


def subspace_problem(angles, noise=1e-3):
    """Two surveys of one vector, each of two directions, with given angles between them pair by pair."""
    n = 2 * len(angles)
    first, second = np.zeros((2, len(angles), n))
    for k, angle in enumerate(angles):
        first[k, 2 * k] = 1.0
        second[k, 2 * k : 2 * k + 2] = np.cos(angle), np.sin(angle)
    p = bj.Parameter("m", n, prior=bj.GaussianPrior(0.0, 4.0))
    std = np.full(len(angles), noise)
    return bj.JointProblem([p], [bj.Modality(k, a, np.zeros(len(a)), bj.DiagonalNoise(std), "m")
                                 for k, a in (("one", first), ("two", second))])


def test_principal_angles_of_subspaces_built_so():
    angles = np.array([0.0, 0.4, 1.1, np.pi / 2])
    found = bj.identifiability(subspace_problem(angles))
    np.testing.assert_allclose(found.cosine.values[0, 1, :4], np.cos(angles), atol=1e-6)
    assert found.seen_directions.values.tolist() == [4, 4]
    assert int(found.seen_directions_joint) == 7
    assert found.null_space.values.tolist() == [4, 4]
    assert int(found.null_space_joint) == 1
    assert found.informative_directions.values.tolist() == [4, 4]


def test_a_target_can_gain_from_both_together():
    """d₁ = a + b, d₂ = b: about a alone the second says nothing, yet it sharpens the first."""
    a, b = (bj.Parameter(k, 1, prior=bj.GaussianPrior(0.0, 1.0)) for k in "ab")
    one = bj.Modality("one", [[1.0, 1.0]], [0.0], bj.DiagonalNoise([0.5]), ("a", "b"))
    two = bj.Modality("two", [[1.0]], [0.0], bj.DiagonalNoise([0.5]), "b")
    found = bj.identifiability(bj.JointProblem([a, b], [one, two]), target="a")
    hidden = 1 - 1 / 1.25  # variance of b after the second
    expected = [0.5 * np.log2(1 / (1 - 1 / 2.25)), 0.0]
    joint = 0.5 * np.log2(1 / (1 - 1 / (1 + hidden + 0.25)))
    np.testing.assert_allclose(found.target_information, expected, atol=1e-12)
    assert float(found.target_information_joint) == pytest.approx(joint)
    assert float(found.target_synergy) == pytest.approx(joint - expected[0])


def test_the_whole_model_is_a_target_too():
    problem = make(names=("density",))[0]
    found = bj.identifiability(problem, target="density")
    assert float(found.target_information[0]) == pytest.approx(float(found.information[0]), rel=1e-6)


def candidate_of(problem, rng, name="new"):
    p = problem.parameters[0]
    rows = rng.standard_normal((4, p.size)) / 100.0
    return bj.Modality(name, rows, np.zeros(4), bj.DiagonalNoise(np.full(4, 0.7)), p.name)


def test_a_candidate_leaves_what_the_posterior_with_it_has(case):
    problem, _ = case
    rng = np.random.default_rng(4)
    new = candidate_of(problem, rng)
    weights = {p.name: rng.standard_normal((3, *p.shape)) for p in problem.parameters}
    found = bj.expected_information(problem, new, weights)
    both = problem.replace(modalities=[*problem.modalities, new])
    for key, each in (("target_std_now", problem), ("target_std", both)):
        post = bj.posterior(each)
        for k in range(3):
            one = {name: w[k] for name, w in weights.items()}
            through = post.covariance_product(one)
            variance = sum(np.sum(one[name] * through[name]) for name in one)
            assert float(found[key].values.ravel()[k]) == pytest.approx(np.sqrt(variance), rel=1e-8)
    gained = bj.identifiability(both).information_joint - bj.identifiability(problem).information_joint
    assert float(found.information[0]) == pytest.approx(float(gained))


def test_a_candidate_s_own_bits_are_those_of_a_tiny_problem():
    slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 9.0))
    line = bj.Modality("line", [[1.0]], [3.0], bj.DiagonalNoise([3.0]), "slope")
    more = [bj.Modality(f"more{k}", np.ones((k, 1)), np.zeros(k), bj.DiagonalNoise(np.full(k, 3.0)), "slope")
            for k in (2, 6)]
    found = bj.expected_information(bj.JointProblem([slope], [line]), more, target={"slope": [2.0]})
    np.testing.assert_allclose(found.information, 0.5 * np.log2([4 / 2, 8 / 2]))
    np.testing.assert_allclose(found.target_std.values.ravel(), 2 * 3 / np.sqrt([4, 8]))
    np.testing.assert_allclose(found.target_information, found.information)


LARGE = {"scattered": {"shared": True, "counts": (60, 40), "weights": {"survey_density": 0.3}},
         "dense noise, coupled": {"dense": True, "correlation": 0.7, "counts": (40, 60), "known": (0, 5)}}


def lattice_problem():
    mesh = bj.Mesh.regular((2, 6, 7), (100.0, 100.0, 100.0))
    parameters = [bj.Parameter(k, mesh, prior=bj.Matern(std=s, range=400.0))
                  for k, s in (("density", 100.0), ("susceptibility", 0.01))]
    lattice = (mesh, mesh.easting, mesh.northing)
    surveys = [bj.Modality("gravity", bj.GravityOperator(*lattice, height=20.0), np.zeros((6, 7)),
                           bj.DiagonalNoise(np.full((6, 7), 0.05)), "density"),
               bj.Modality("magnetic", bj.MagneticOperator(*lattice, height=20.0), np.zeros((6, 7)),
                           bj.DiagonalNoise(np.full((6, 7), 3.0)), "susceptibility")]
    return bj.JointProblem(parameters, surveys, [bj.Coregionalization(0.7)])


@pytest.fixture(params=["lattice", *LARGE])
def large(request):
    return lattice_problem() if request.param == "lattice" else make(**LARGE[request.param])[0]


def test_figures_at_size_are_right_within_their_errors(large, monkeypatch):
    exact, new = bj.identifiability(large), candidate_of(large, np.random.default_rng(1))
    gain = bj.expected_information(large, new).information
    monkeypatch.setattr("bayesjoint.gaussian._choice.DENSE_DATA", 3)
    found = [bj.identifiability(large, probes=32, seed=seed) for seed in range(6)]
    for key in ("information", "information_joint", "redundancy", "redundancy_pair", "degrees_of_freedom",
                "fisher_trace_joint"):
        values, errors = (np.array([f[key + end].values for f in found]) for end in ("", "_error"))
        known = np.isfinite(exact[key].values)
        score = (values.mean(0) - exact[key].values) / np.sqrt((errors**2).mean(0) / 6)
        assert np.abs(score[known]).max() < 4.5, key
        assert np.all(errors[..., known] < 0.3 * np.abs(exact[key].values[known]) + 3), key
    near = bj.expected_information(large, new, probes=64)
    assert abs(near.information - gain) < 4.5 * near.information_error + 1e-6


def test_targets_at_size_are_within_their_bound(large, monkeypatch):
    rng = np.random.default_rng(2)
    weights = {p.name: rng.standard_normal((3, *p.shape)) for p in large.parameters}
    new = candidate_of(large, rng)
    exact = bj.identifiability(large, weights), bj.expected_information(large, new, weights)
    monkeypatch.setattr("bayesjoint.gaussian._choice.DENSE_DATA", 3)
    found = bj.identifiability(large, weights, probes=8), bj.expected_information(large, new, weights, probes=8)
    asked = ("target_information", "target_synergy"), ("target_std",)
    for true, near, keys in zip(exact, found, asked, strict=True):
        for key in keys:
            assert np.all(np.abs(near[key] - true[key]) <= near[f"{key}_error"] + 1e-8 * np.abs(true[key])), key
            assert np.all(near[f"{key}_error"] < 0.01 * np.abs(true[key]) + 0.01), key


def test_refusals():
    problem = make()[0]
    new = candidate_of(problem, np.random.default_rng(1))
    refused(lambda: bj.identifiability(problem, target="gold"), "target")
    refused(lambda: bj.identifiability(problem, target={"gold": 1.0}), "target")
    refused(lambda: bj.identifiability(problem, target=3), "target", TypeError)
    refused(lambda: bj.identifiability(problem, target={"density": np.ones(3)}), "target")
    refused(lambda: bj.identifiability(problem, probes=1), "probes")
    refused(lambda: bj.expected_information(problem, "gravity"), "candidate", TypeError)
    refused(lambda: bj.expected_information(problem, []), "candidate")
    refused(lambda: bj.expected_information(problem, new.replace(name="survey_density")), "candidate")
    refused(lambda: bj.expected_information(problem, [new, new]), "candidate")
    flat = bj.JointProblem([bj.Parameter("m", 1)], [bj.Modality("d", [[1.0]], [0.0], bj.DiagonalNoise([1.0]), "m")])
    refused(lambda: bj.identifiability(flat), "prior")
