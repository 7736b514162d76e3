"""The report on intervals: recalibrated ones lead, and without them the page says that nothing was checked."""

import pytest

import bayesjoint as bj
from bayesjoint.reporting._family import family_of

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
    assert answer.index("(90 %, simulated worlds of “mixture”)") < answer.index("the Gaussian says")
    assert "± is one posterior" not in answer and "Not checked" not in answer
    held = float(tree["recalibration"].coverage.sel(parameter="density", kind="recalibrated", probability=0.9))
    assert f"hold {100 * held:.0f} % of the cells for density" in answer
    assert "joint inversion changed the interval score by" in answer
    assert "How sure is it? Checked on simulated ground. Misfit χ²/m of posterior draws: gravity " in answer
    assert f"90 % intervals hold {100 * held:.0f} % (density)" in answer
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


def test_the_family_is_told_in_plain_words(text, tree):
    section, approximate = text["ground"], text["approximate"]
    assert "recalibrated on “mixture”" in section and "% of the worlds: " in section
    assert "about" in section and "mostly within a factor of" in section and "km" in section
    for record in ("exp(", "GaussianField", "Plurigaussian", "(log)", "× or /", "N(0, 1)", "plus with probability"):
        assert record in tree.attrs["recalibration_family"]
        assert record not in section and record not in approximate
    assert "“mixture”, described under “Intervals on ground”" in approximate


MADE = ("sheets: Layers (number 3; thickness (900 to 2400 (log)) × or / exp(0.5); dip 50 to 90; density "
        "((40 × or / exp(0.5)), plus with probability (0.2 to 0.8)), centred); then GaussianField (std of density 9; "
        "std of log chi 0.2; range 500; smoothness 1.5). Host chi: 0.004. Contrasts of a property times "
        "exp(0.35 N(0, 1)) in each world.")


def test_a_family_s_laws_become_words():
    (kind,) = family_of(MADE)["kinds"]
    (title, layers), (_, field) = kind["structures"]
    assert (kind["share"], kind["name"], title) == (None, "sheets", "Folded and faulted layers")
    assert layers == [
        ("how many", "3"), ("thickness", "about 900 m to 2.4 km (log scale), mostly within a factor of 1.6"),
        ("dip", "50 to 90°"), ("density", "about 40 kg/m³, mostly within a factor of 1.6, positive in 20 to 80 % of "
                               "cases, their mean taken away")]
    assert field[:2] == [("density varies by", "9 kg/m³"), ("chi varies by a factor of", "1.22")]
    assert kind["notes"][0] == "Chi of the rock around them: 0.004." and "a factor of 1.4" in kind["notes"][1]


def test_every_family_on_offer_is_told_in_words():
    mesh = bj.Mesh.regular((4, 8, 8), (500.0, 500.0, 500.0))
    offered = bj.geology_default(mesh, {"density": 43.0, "susceptibility": 0.039})
    found = family_of(offered.describe())
    assert len(found["kinds"]) == len(offered.families) and "(25 %)" in found["short"]
    words = " ".join(f"{what} {much}" for k in found["kinds"] for _, items in k["structures"] for what, much in items)
    assert not set("()") & set(words.replace("(log scale)", "").replace("(exponent)", ""))


@pytest.mark.parametrize(("text", "names"), [
    ("mine: a function of the user's.", ["mine"]), ("something else", None),
    ("mixture: each world is drawn from one of 2 families. 50 % 1.0: Cover (thickness 100). 50 % f: a function of the "
     "user's.", ["1.0", "f"]),
    ("a: Cover (thickness 100). Host x: 1. b: Cover (thickness 200). Of these families the widest interval counts.",
     ["a", "b"]),
])
def test_other_descriptions_are_told_or_left_as_they_are(text, names):
    found = family_of(text)
    assert (None if found is None else [kind["name"] for kind in found["kinds"]]) == names
