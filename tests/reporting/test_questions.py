"""The report's sections on diagnostics: there when the tree holds them, and saying what the numbers say."""

import re

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.dataset import read_tree, write_tree
from bayesjoint.reporting import _panels as panels
from bayesjoint.reporting import _questions as questions

from ..refusals import refused

SECTIONS = ("quantities", "resolution", "leakage", "information", "bought", "calibration")


def survey_problem(correlation=0.7):
    mesh = bj.Mesh.regular((2, 4, 6), (200.0, 300.0, 300.0), west=1000.0)
    rng = np.random.default_rng(2)
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=150.0, range=800.0))
    chi = bj.Parameter("susceptibility", mesh, prior=bj.Matern(std=0.03, range=800.0))
    lattice = (mesh, mesh.easting[1:-1], mesh.northing)
    surveys = [bj.Modality("gravity", bj.GravityOperator(*lattice, height=40.0), rng.normal(0, 2, (4, 4)),
                           bj.DiagonalNoise(np.full((4, 4), 0.2)), "density"),
               bj.Modality("magnetic", bj.MagneticOperator(*lattice, height=40.0), rng.normal(0, 100, (4, 4)),
                           bj.DiagonalNoise(np.full((4, 4), 9.0)), "susceptibility")]
    return bj.JointProblem([density, chi], surveys, [bj.Coregionalization(correlation)] if correlation else [])


@pytest.fixture(scope="module")
def answers():
    problem = survey_problem()
    post = bj.posterior(problem)
    return post, {
        "resolution": bj.resolution(post), "leakage": bj.leakage(post),
        "identifiability": bj.identifiability(problem, target={"density": np.ones((2, 4, 6))}),
        "comparison": bj.compare(post, post.separate()), "calibration": bj.calibrate(problem, n=40, draws=19),
        "functionals_mass": bj.excess_mass(post, draws=100), "functionals_top": bj.depth_to_top(post, 150.0, draws=100),
        "functionals_exceedance": bj.exceedance(post, "density", 100.0, draws=100),
    }


@pytest.fixture(scope="module")
def tree(answers, tmp_path_factory):
    post, found = answers
    path = tmp_path_factory.mktemp("trees") / "x.nc"
    write_tree(post.to_datatree(draws=20, diagnostics=found), path)
    return read_tree(path)


@pytest.fixture(scope="module")
def text(tree, tmp_path_factory):
    return bj.report(tree, tmp_path_factory.mktemp("reports") / "r.html").read_text(encoding="utf-8")


def test_the_file_keeps_every_answer(answers, tree):
    for group, dataset in answers[1].items():
        for name, variable in dataset.variables.items():
            held = tree[group][name]
            assert held.attrs["units"] == variable.attrs["units"]
            if variable.dtype.kind == "f":
                np.testing.assert_allclose(held.values, variable.values)


def test_every_section_stands_with_its_pictures(text):
    for section in SECTIONS:
        assert f'<section id="{section}">' in text
        assert f'href="#{section}"' in text
    part = re.search(r'<section id="resolution">.*?</section>', text, re.S)[0]
    assert part.count("<img") == 6


@pytest.mark.parametrize("asked", [(), ("identifiability",), ("calibration", "comparison"), ("leakage",)])
def test_only_what_was_asked_has_a_section(asked, tmp_path):
    slope = bj.Parameter("slope", 2, prior=bj.GaussianPrior(0.0, 1.0))
    lines = [bj.Modality(k, np.eye(2), [3.0, 1.0], bj.DiagonalNoise([1.0, 1.0]), "slope") for k in ("a", "b")]
    problem = bj.JointProblem([slope], lines)
    post = bj.posterior(problem)
    ways = {"identifiability": lambda: bj.identifiability(problem), "leakage": lambda: bj.leakage(post),
            "calibration": lambda: bj.calibrate(problem, n=20, draws=19),
            "comparison": lambda: bj.compare(post, post.separate())}
    tree = post.to_datatree(draws=5, diagnostics={name: ways[name]() for name in asked})
    page = bj.report(tree, tmp_path / "r.html").read_text(encoding="utf-8")
    named = {"identifiability": "information", "comparison": "bought"}
    assert {s for s in SECTIONS if f'<section id="{s}">' in page} == {named.get(name, name) for name in asked}


def test_rows_are_the_numbers(answers, tree):
    found = answers[1]
    rows = {row["name"]: row for row in questions.quantity_rows(tree)}
    assert rows["excess mass"]["mean"] == float(found["functionals_mass"].excess_mass_mean)
    assert rows["excess mass"]["interval"] == "90 % equal-tailed interval"
    mass, reach = rows["excess mass"], 1.6448536 * float(found["functionals_mass"].excess_mass_std_closed_form)
    middle = float(found["functionals_mass"].excess_mass_mean_closed_form)
    assert mass["source"] == "closed form"
    np.testing.assert_allclose([mass["lower"], mass["upper"]], [middle - reach, middle + reach], rtol=1e-6)
    assert any("depth to the top" in name for name in rows)
    assert all(row["source"].endswith("draws") for name, row in rows.items() if "depth to the top" in name)
    assert questions.bought(tree)["rows"][0]["median_ratio"] == float(found["comparison"].median_ratio[0, 0])
    together = questions.information(tree)["rows"][-1]["information"][0]
    assert together == float(found["identifiability"].information_joint)
    assert "calibrat" not in questions.calibrated(tree)["words"] or found["calibration"].verdict != "calibrated"
    assert len(questions.leaks(tree)["sentences"]) == 2


def test_words_follow_a_failure(tree, answers):
    post, found = answers
    wrong = found["calibration"].copy()
    wrong["flagged"] = wrong["flagged"].copy(data=np.r_[1, np.zeros(wrong.functional.size - 1, "i1")].astype("i1"))
    words = questions.calibrated(post.to_datatree(draws=5, diagnostics={"calibration": wrong}))["words"]
    assert words.startswith("Do not trust")


def test_no_leak_is_said_so():
    post = bj.posterior(survey_problem(correlation=None))
    tree = post.to_datatree(draws=5, diagnostics={"leakage": bj.leakage(post)})
    assert questions.leaks(tree)["sentences"] == ["No property shows up in the estimate of another."]
    assert panels.pictures_of(tree)["leakage"] == []


def test_a_leaking_bias_is_not_called_ground():
    post = bj.posterior(bj.add_bias(survey_problem(), "gravity", "constant", std=5.0))
    tree = post.to_datatree(draws=5, diagnostics={"leakage": bj.leakage(post)})
    sentences = questions.leaks(tree)["sentences"]
    # maps of what reaches either property from the other and from the bias, none of what reaches the bias
    assert len(panels.pictures_of(tree)["leakage"]) == 2 * 4
    assert any(s.startswith("A gravity bias that deviates as its prior expects shows up in the estimate of density")
               and s.endswith("(rms over cells).") for s in sentences)
    assert any(s.startswith("A ground in which density alone deviates") and "estimate of gravity bias" in s
               and s.endswith("(rms over coefficients).") for s in sentences)


def test_what_is_no_dataset_is_refused(answers):
    post = answers[0]
    refused(lambda: post.to_datatree(draws=2, diagnostics={"resolution": 3}), "group", TypeError)
    refused(lambda: post.to_datatree(draws=2, diagnostics={"posterior": answers[1]["leakage"]}), "extra")
    refused(lambda: post.to_datatree(draws=2, diagnostics=[1]), "diagnostics", TypeError)
