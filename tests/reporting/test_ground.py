"""The report on intervals: recalibrated ones lead, and without them the page says that nothing was checked."""

import pytest

import bayesjoint as bj

from ..calibration.pairs import recalibrated
from .test_report import flat, page


@pytest.fixture(scope="module")
def joint():
    return recalibrated()


@pytest.fixture(scope="module")
def tree(joint):
    return joint[0].to_datatree(draws=5, chains=2, separate=joint[1])


@pytest.fixture(scope="module")
def text(tree, tmp_path_factory):
    found = page(tree, tmp_path_factory.mktemp("ground"))
    return {section: flat(words) for section, words in found.text.items()}


def test_the_answer_leads_with_recalibrated_intervals(text, tree):
    answer = text["answer"]
    assert answer.index("recalibrated on “mixture”") < answer.index("the Gaussian says")
    assert "± is one posterior" not in answer and "Not checked" not in answer
    held = float(tree["recalibration"].coverage.sel(parameter="density", kind="recalibrated", probability=0.9))
    assert f"hold {100 * held:.0f} % of the cells for density" in answer
    assert "joint inversion changed the interval score by" in answer
    assert f"How sure is it? Checked on simulated ground. 90 % intervals hold {100 * held:.0f} % (density)" in answer
    assert "Do the surveys agree? Not tested. " in answer and "What did inverting jointly buy? " in answer


def test_the_section_gives_coverage_scores_other_grounds_and_limits(text, tree):
    section, found = text["ground"], tree["recalibration"].to_dataset()
    ratio = float(found.score_over_no_data.sel(parameter="density"))
    assert f"{ratio:.2f} ±" in section and "What the data bought." in section
    other = tree["recalibration_sensitivity"].coverage.sel(variant="contrasts x 1.4", parameter="density")
    assert f"contrasts × 1.4 {100 * float(other):.0f} ±" in section
    assert "would stand out" in section and "of the observed data" in section
    assert "not for sums" in section and "(seed 1)" in section
    assert "gravity alone" in section


def test_without_a_geology_the_first_screen_says_so_with_the_remedy(joint, tmp_path):
    found = page(joint[0].engine.to_datatree(draws=5, chains=2), tmp_path)
    answer = flat(found.text["answer"])
    assert "How sure is it? Not checked against ground. " in answer and "bj.recalibrate(post, geology)" in answer
    assert "ground" not in found.text


def test_what_is_no_ground_is_not_accused(tmp_path):
    slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    line = bj.Modality("line", [[1.0]], [3.0], bj.DiagonalNoise([1.0]), "slope")
    tree = bj.posterior(bj.JointProblem([slope], [line])).to_datatree(draws=5, chains=2)
    assert "Not checked" not in page(tree, tmp_path).text["answer"]


def test_charts_draw_what_the_tree_holds(tree):
    from matplotlib.figure import Figure

    ax = bj.plot.coverage(tree, ax=Figure().add_subplot())
    assert [t.get_text() for t in ax.get_yticklabels()] == ["own family", "contrasts × 1.4", "bodies"]
    ax = bj.plot.interval(tree, "susceptibility", "least", depth=25.0, ax=Figure().add_subplot())
    lower = tree["posterior_summary"]["susceptibility_lower"].sel(upward=-25.0).values
    assert ax.images[0].get_array().max() == pytest.approx(lower.max()) and lower.max() > 0


def test_quantities_show_the_recalibrated_interval_and_the_gaussians(joint, tmp_path):
    mass = bj.excess_mass(joint[0], draws=50)
    tree = joint[0].to_datatree(draws=5, chains=2, diagnostics={"functionals_mass": mass})
    text = flat(page(tree, tmp_path).text["quantities"])
    assert "90 % recalibrated interval, 60 worlds" in text and "the Gaussian's" in text
