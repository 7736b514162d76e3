"""What a user holds shows itself in short: which it is, of what size, and what came out."""

from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

import bayesjoint as bj
from bayesjoint._html import card

from .refusals import refused
from .reporting.test_questions import survey_problem

LONGEST = 300
CELLS = (2, 4, 6)


@pytest.fixture(scope="module")
def problem():
    return survey_problem()


@pytest.fixture(scope="module")
def bounded(problem):
    density = problem.parameters[0].replace(prior=bj.MinimumLength(100.0), bounds=(-500.0, 500.0))
    return bj.JointProblem([density], [problem.modalities[0]])


@pytest.mark.parametrize("method", ["dense", "iterative", "lowrank"])
def test_posteriors_tell_method_sizes_and_parameters(problem, method):
    text = repr(bj.posterior(problem, method=method))
    assert f"({method}: 96 unknowns of density, susceptibility; 32 data of gravity, magnetic)" in text


def test_a_loaded_posterior_tells_its_draws(problem, tmp_path):
    bj.posterior(problem).to_file(tmp_path / "p.nc", draws=3)
    assert repr(bj.load(tmp_path / "p.nc")).endswith("32 data of gravity, magnetic; 4 chains of 3 draws kept)")


def test_maps_and_laplace_posteriors_are_short(bounded):
    found = bj.find_map(bounded, method="map", discrepancy=False)
    assert repr(found).startswith("ConvergedMap(map: 48 unknowns of density; 16 data of gravity; chi2/n: gravity ")
    assert len(repr(found)) <= LONGEST and str(found.iterations) in repr(found)
    free = bounded.replace(parameters=[bounded.parameters[0].replace(bounds=None)])
    at = bj.find_map(free, method="map", discrepancy=False)
    assert "laplace: 48 unknowns of density" in repr(bj.posterior(free, method="laplace", at=at))


def test_fits_tell_values_and_what_is_not_identified(problem):
    found = bj.fit_hyperparameters(problem, curve=False)
    text = repr(found)
    shown = list(zip(found.table["name"], found.table["value"], found.table["identified"], strict=True))[:4]
    assert not all(sure for *_, sure in shown)
    for name, value, sure in shown:
        assert f"{name} {value:.4g}{'' if sure else ' (not identified)'}, " in text
    assert "not identified" in text and len(text) <= LONGEST
    assert "gravity" in repr(bj.temper(problem, curve=False))


def test_conflicts_are_short_and_print_in_full(problem):
    found = bj.conflict(problem, places=False)
    text = repr(found)
    alarms = int(np.sum(found.p_adjusted <= found.level))
    assert text.startswith(f"Conflict({found.kind}; {alarms} of {len(found.tests)} tests object at 0.05: ")
    assert len(text) <= LONGEST < len(str(found)) and found.verdict in str(found)
    assert "as stated" in repr(found.problems) and len(repr(found.problems)) <= LONGEST
    assert all("object at" not in repr(pair) for pair in found.pairs.values())


def test_priors_noises_and_grounds_show_no_arrays(problem):
    mesh = problem.parameters[0].mesh
    held = [
        bj.Matern(std=np.full(CELLS, 3.0), range=900.0), bj.GaussianPrior(np.zeros(48), np.eye(48)),
        bj.DenseNoise(np.eye(30)), bj.DiagonalNoise(np.ones(30)), bj.StationaryNoise(bj.MaternKernel(1.0, 900.0)),
        bj.geology_default(mesh, {"density": 100.0}), bj.Geology([bj.Bodies(contrasts={"density": 300})] * 9),
        bj.Borehole("a", np.zeros(30), 0.1, property="density", path=np.c_[np.ones((31, 2)), -np.arange(31.0)]),
        bj.Parameter("density", mesh, prior=bj.Matern(std=np.full(CELLS, 3.0), range=900.0)),
        bj.JointProblem([bj.Parameter(f"level_{k}", 1) for k in range(99)], [bj.Modality(
            f"a{k}", [[1.0]], [0.0], bj.DiagonalNoise([1.0]), f"level_{k}") for k in range(99)])]
    for each in held:
        assert len(repr(each)) <= LONGEST and "\n" not in repr(each) and "object at" not in repr(each), each
    assert repr(held[0]).startswith("Matern(std=array 2 x 4 x 6, 3 to 3, range=900.0")


def test_notebooks_show_a_page_of_everything_a_user_holds(problem, bounded, tmp_path):
    """Well-formed, escaped, short, and with the facts that were asked for by name."""
    post = bj.posterior(problem)
    post.to_file(tmp_path / "p.nc", draws=3)
    mesh = problem.parameters[0].mesh
    active = np.ones(mesh.shape, bool)
    active[-1, 0, 0] = False
    survey = bj.Survey("magnetic", [[1.0, np.nan], [3.0, 4.0]], [0, 5000], [0, 100], 30.0, std=2.0, crs="EPSG:32751",
                       intensity=5e4, inclination=60.0, declination=5.0, source="<b>a & b</b>")
    told = [
        (survey, ["2 x 2 grid, 1 of them gaps", "1 to 4 nT", "EPSG:32751", "inclination 60", "&lt;b&gt;a &amp; b"]),
        (bj.Mesh([0, 1], [7_123_456, 7_123_556], [-1, 0]), ["7123456 to 7123556"]),  # no digit of a northing is lost
        (mesh.with_active(active), ["2 x 4 x 6", "1 of 48 cells"]), (problem, ["96 unknowns", "2 x 4 x 6 cells"]),
        (post, ["DensePosterior (dense)", "kg/m3", "exact", "independent, std"]),
        (bj.load(tmp_path / "p.nc"), ["4 chains of 3", "density"]),
        (bj.find_map(bounded, method="map", discrepancy=False), ["chi2 / data", "has no error of its own"]),
        (bj.conflict(problem, places=False), ["p, corrected for all", "likelihood ratio"]),
    ]
    for held, words in told:
        html = held._repr_html_()
        ElementTree.fromstring(html)
        assert len(html) < 12_000 and "object at" not in html
        for text in words:
            assert text in html, (text, html)
    assert "flat" not in bj.load(tmp_path / "p.nc")._repr_html_()  # a file holds no priors
    assert "<td" not in card("nothing", [("a", None), ("b", "")])


def test_a_notebook_page_computes_nothing(problem, monkeypatch):
    post = bj.posterior(problem, method="iterative")
    monkeypatch.setattr(type(post), "state_variance", lambda self: pytest.fail("computed for a page"))
    monkeypatch.setattr(type(post), "state_draws", lambda self, *_: pytest.fail("computed for a page"))
    assert "iterative" in post._repr_html_()


def test_posteriors_and_surveys_plot_themselves(problem):
    post = bj.posterior(problem)
    for given in ({}, {"parameter": "susceptibility", "northing": float(problem.parameters[0].mesh.northing[0])}):
        axes = post.plot(**given, axes=Figure().subplots(1, 2))
        mean, std = (ax.images[0] for ax in axes)
        assert mean.norm.vmin == -mean.norm.vmax and std.norm.vmin == 0.0
        drawn = np.asarray(std.get_array())
        name = given.get("parameter", "density")
        whole = post.std()[name]
        layers = whole if not given else whole.transpose(1, 0, 2)
        assert any(np.allclose(drawn, layer) for layer in layers)
        assert "std" in axes[1].get_title() or "standard deviation" in axes[1].get_title()
    x = np.arange(3) * 4e3
    survey = bj.Survey("gravity", np.eye(3), x, x, 0.0, std=0.5)
    ax = survey.plot(ax=Figure().add_subplot())
    assert ax.get_xlabel() == "easting (km)"
    np.testing.assert_array_equal(ax.images[0].get_array(), np.eye(3))
    assert survey.plot("noise_std", ax=Figure().add_subplot()).images[0].norm.vmin == 0.0
    refused(lambda: survey.replace(std=None).plot("noise_std"), "what")
    refused(lambda: post.plot(axes=[1, 2]), "axes")
    refused(lambda: post.plot("porosity"), "parameter")
    refused(lambda: post.plot(depth=1e9, axes=Figure().subplots(1, 2)), "depth")
