"""docs/extending.md: its table is that of the engines there are, and its code adds an engine and a coupling."""

import re
from pathlib import Path

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.cli._config import read_config
from bayesjoint.engines import ENGINES, PosteriorEngine, methods
from bayesjoint.testing import check_gradient

from .refusals import refused

PAGE = Path(__file__).parents[1] / "docs" / "extending.md"


def blocks():
    """Code of the page: the engine's and the coupling's."""
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.fixture
def page():
    names = {}
    known = dict(ENGINES)
    for block in blocks():
        exec(block, names)
    yield names
    for name in set(ENGINES) - set(known):
        del ENGINES[name]


def two_slopes(couplings=()):
    parameters = [bj.Parameter(name, 1, prior=bj.GaussianPrior(0.0, 1.0)) for name in "ab"]
    lines = [bj.Modality("one", [[1.0], [1.0]], [1.0, 1.4], bj.DiagonalNoise([0.5, 0.5]), "a"),
             bj.Modality("two", [[2.0]], [-1.0], bj.DiagonalNoise([1.0]), "b")]
    return bj.JointProblem(parameters, lines, couplings=list(couplings))


def test_the_table_is_that_of_the_registry():
    rows = [f"| `{e.name}` | {e.purpose} |" for e in ENGINES.values()]
    table = "\n".join(["| method | what it is for, and how exact it is |", "|---|---|", *rows])
    found = PAGE.read_text(encoding="utf-8").split("<!-- engines -->")[1].split("<!-- end of engines -->")[0]
    assert found.strip() == table


def test_the_docstring_of_posterior_names_every_engine():
    for name in methods():
        assert f'"{name}"' in bj.posterior.__doc__


def test_each_takes_fewer_than_forty_lines():
    for block in blocks():
        assert 10 < sum(bool(line.strip()) for line in block.splitlines()) < 40


def test_an_engine_of_ones_own(page):
    problem = two_slopes()
    post, exact = bj.posterior(problem, method="importance"), bj.posterior(problem, method="dense")
    assert isinstance(post, PosteriorEngine)
    for one, other, error in ((post.state_mean(), exact.state_mean(), post.state_mean_error()),
                              (np.sqrt(post.state_variance()), np.sqrt(exact.state_variance()),
                               post.state_std_error())):
        assert np.all(np.abs(one - other) < 4.5 * error)
    tree = post.to_datatree(draws=20, chains=2)
    assert tree["posterior"].a.shape == (2, 20, 1)
    assert bj.resolution(post) is not None
    lower, upper = post.interval(0.9)["a"]
    assert lower < exact.mean()["a"] < upper


def test_the_command_takes_it_too(page, tmp_path):
    text = ('[surveys.gravity]\nfile = "g.csv"\nkind = "gravity"\nparameter = "density"\n'
            '[parameters.density]\nstd = 100.0\nrange = 500.0\n[mesh]\ndepth = 1000.0\n'
            'spacing = 100.0\n[posterior]\nmethod = "{}"\n')
    (tmp_path / "g.csv").write_text("easting,northing,height,gravity\n0,0,1,1\n", encoding="utf-8")
    (tmp_path / "run.toml").write_text(text.format("importance"), encoding="utf-8")
    assert read_config(tmp_path / "run.toml").posterior.method == "importance"
    (tmp_path / "run.toml").write_text(text.format("another"), encoding="utf-8")
    with pytest.raises(ValueError, match="'importance'"):
        read_config(tmp_path / "run.toml")


def test_a_coupling_of_ones_own(page):
    problem = two_slopes([page["Alike"]("a", "b", 3.0)])
    check_gradient(problem.value, problem.gradient, np.array([0.3, -0.4]))
    found = bj.find_map(problem, tolerance=1e-9)
    a = np.array([[1 + 2 / 0.25 + 3, -3], [-3, 1 + 4 + 3]])
    wanted = np.linalg.solve(a, [2.4 / 0.25, -2.0])
    np.testing.assert_allclose([found.model["a"][0], found.model["b"][0]], wanted, atol=1e-5)


@pytest.mark.parametrize("engine", ["dense", "iterative", "lowrank"])
def test_engines_keep_the_protocol(engine):
    assert isinstance(bj.posterior(two_slopes(), method=engine), PosteriorEngine)


def test_what_cannot_be_registered_is_refused():
    refused(lambda: bj.register_engine("dense", lambda p: p, "x"), "name")
    refused(lambda: bj.register_engine("a b", lambda p: p, "x"), "name", TypeError)
    refused(lambda: bj.register_engine("grid", 3, "x"), "make", TypeError)


class Wrong(bj.Posterior):
    """An engine whose shapes are to be spoilt."""

    method = "wrong"

    def state_mean(self):
        return np.zeros(self.problem.size)

    def state_variance(self):
        return np.ones(self.problem.size)

    state_mean_error = state_std_error = state_mean

    def state_draws(self, rng, count):
        return rng.standard_normal((count, self.problem.size))

    def state_product(self, v):
        return v


@pytest.mark.parametrize(("name", "value", "ask"), [
    ("state_mean", np.zeros(3), lambda p: bj.posterior(p, method="wrong")),
    ("state_variance", np.ones(3), lambda p: bj.posterior(p, method="wrong").std()),
    ("state_draws", np.zeros(2), lambda p: bj.posterior(p, method="wrong").sample(draws=3)),
    ("state_product", np.zeros(3),
     lambda p: bj.posterior(p, method="wrong").covariance_product({"a": [1.0], "b": [1.0]})),
])
def test_a_wrong_shape_is_refused_at_once(page, monkeypatch, name, value, ask):
    monkeypatch.setattr(Wrong, name, lambda self, *given: value)
    bj.register_engine("wrong", Wrong, "a test's")
    with pytest.raises(ValueError, match="must have shape"):
        ask(two_slopes())


def test_what_is_no_posterior_is_refused(page):
    bj.register_engine("none", lambda problem, **options: None, "a test's")
    with pytest.raises(TypeError, match="must give a PosteriorEngine"):
        bj.posterior(two_slopes(), method="none", anything=1)


def test_the_pages_engine_finds_its_values_wherever_they_are(page):
    mesh = bj.Mesh.regular((1, 1, 2), (1, 1, 1))
    plain = bj.Parameter("v", 2, prior=bj.GaussianPrior([5.0, 5.0], np.eye(2)))
    fields = [bj.Parameter(name, mesh, prior=bj.Matern(std=1.0, range=1.0), scale=1.0) for name in "pq"]
    survey = bj.Modality("line", np.eye(2), [5.0, 5.0], bj.DiagonalNoise([1.0, 1.0]), "v")
    post = bj.posterior(bj.JointProblem([plain, *fields], [survey], [bj.Coregionalization(0.5)]), method="importance")
    assert np.all(np.abs(post.mean()["v"] - 5.0) < 4.5 * post.mean_error()["v"])
    bounded = two_slopes()
    bounded = bounded.replace(parameters=[p.replace(bounds=(0.0, None)) for p in bounded.parameters])
    with pytest.raises(ValueError, match="no bounds"):
        bj.posterior(bounded, method="importance")
