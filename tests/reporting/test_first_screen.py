"""The four answers of the first screen follow from the figures, and say so where there are none."""

from pathlib import Path
from types import SimpleNamespace

import pytest

import bayesjoint as bj
from bayesjoint.reporting._facts import NOT_LOOSE
from bayesjoint.reporting._first_screen import answers

from .chromium import PATH, Browser
from .viewed import make_viewed

PUBLISHED = Path(__file__).parents[2] / "reports"


def found(**changes):
    """A property of which one cell stands out."""
    facts = {"long_name": "density contrast", "units": "kg/m3", "peak": 100.0, "peak_std": 10.0, "score": 10.0,
             "interval": (83.0, 117.0), "gaussian": None, "beneath": True, "scale": (1000.0, "km"),
             "place": {"depth": 500.0, "easting": 2000.0, "northing": 3000.0}}
    return SimpleNamespace(**facts | changes)


def asked(properties=(), fits=(), gains=(), ground=None, agreed=None, unmixed=None):
    found = answers(list(properties), list(fits), list(gains), ground, agreed, unmixed)
    return {a.question.split()[0]: a for a in found}


def fitted(name, verdict="as expected", ratio=1.0, low=0.9, separate=()):
    return SimpleNamespace(name=name, verdict=verdict, judged=(ratio, low, 1.1, "posterior draws"),
                           separate=dict.fromkeys(separate, 1.0), measured_every=1)


def scored(*scores):
    """A recalibration with scores of joint over separate inversion."""
    rows = [{"name": "density", "held": (0.9, 0.01), "gaussian_held": (0.5, 0.01), "outside": 0.0,
             "score_over_no_data": (0.8, 0.01)}]
    joint = [{"name": f"property{k}", "score_over_separate": score} for k, score in enumerate(scores)]
    return {"rows": rows, "joint": joint}


@pytest.mark.parametrize(("changes", "status", "line"), [
    ({}, "something stands out",
     "Density contrast +100 ± 10 kg/m³, 0.50 km deep at easting 2.00 km, northing 3.00 km."),
    ({"score": 1.0}, "nothing clear", "Not clear from its prior mean, density contrast +100 ± 10 kg/m³, "),
    ({"peak_std": None}, "one model", "Density contrast +100 kg/m³, "),
    ({"gaussian": (90.0, 110.0)}, "something stands out",
     "Density contrast +83.0 to +117 kg/m³ (90 %, simulated worlds), "),
    ({"gaussian": (90.0, 110.0), "interval": (0.0, 117.0)}, "nothing clear",
     "Not clear from zero, density contrast 0 "),
])
def test_what_stands_out(changes, status, line):
    got = answers([found(**changes)], [], [], None, None, None)[0]
    assert got.status == status and got.line.startswith(line)


def test_how_sure():
    assert asked([found()])["How"].status == "not checked against ground"
    checked = asked([found()], ground=scored())["How"]
    assert (checked.status, checked.tone) == ("checked on simulated ground", "good")
    assert checked.line == (
        "90 % intervals hold 90 % (density) of the cells of simulated worlds left out; the Gaussian's 50 %.")
    doubted = asked([found()], [fitted("gravity", "more closely than stated")], ground=scored())["How"]
    assert doubted.tone == "fair" and doubted.more[0] == "So prior or noise is not as stated for gravity."
    assert asked([found(peak_std=None)])["How"].status == "not known"
    assert asked([found()], unmixed={"rhat": 2.0})["How"].status == "do not use"


@pytest.mark.parametrize(("fits", "agreed", "status", "tone"), [
    (("a",), None, "one survey", "fair"), (("a", "b"), None, "not tested", "fair"),
    (("a", "b"), "agree", "agree", "good"), (("a", "b"), "disagree", "disagree", "bad"),
    (("a", "b"), "cannot say", "cannot say", "fair"),
])
def test_do_the_surveys_agree(fits, agreed, status, tone):
    verdict = None if agreed is None else {"kind": agreed, "verdict": "A and b are so; but c is not. And more."}
    got = asked([found()], map(fitted, fits), agreed=verdict)["Do"]
    assert (got.status, got.tone) == (status, tone)
    assert agreed is None or (got.line, got.more) == ("A and b are so.", ("But c is not. And more.",))


@pytest.mark.parametrize(("scores", "status", "tone"), [
    ([(0.9, 0.01)], "better intervals", "good"), ([(0.9, 0.2)], "nothing", "fair"),
    ([(1.1, 0.01)], "worse intervals", "bad"), ([(1.014, 0.004)], "nothing", "fair"),
    ([(0.9, 0.01), (1.1, 0.01)], "mixed", "fair"), ([(0.999, 1e-4)], "nothing", "fair"),
])
def test_what_the_joint_inversion_bought(scores, status, tone):
    got = answers([found()], [fitted("a"), fitted("b")], [], scored(*scores), None, None)[3]
    assert (got.status, got.tone) == (status, tone)
    assert f"property0 {100 * (scores[0][0] - 1):+.1f} ± ".replace("-", "−") in got.line


def test_where_nothing_ties_the_surveys_there_is_nothing_to_buy():
    gain = {"long_name": "density contrast", "middle": 1.0 + 1e-9, "shift": 1e-8}
    for ground in (None, scored((0.998, 1e-4))):
        got = answers([found()], [fitted("a"), fitted("b")], [gain, gain], ground, None, None)[3]
        assert (got.status, got.tone) == ("nothing to buy", "fair") and "as if alone" in got.line


def test_means_outside_their_intervals_are_told():
    ground = scored()
    ground["rows"][0]["outside"] = 0.57
    lines = asked([found()], ground=ground)["How"].more
    assert lines[-1] == "The mean of density lies outside its interval in 57 % of the cells: go by the interval."


def test_what_was_bought_without_ground():
    gain = {"long_name": "density contrast", "middle": 0.9, "shift": 0.3}
    smaller = answers([found()], [fitted("a"), fitted("b")], [gain], None, None, None)[3]
    assert smaller.status == "smaller std" and "−10 %" in smaller.line and "not checked" in smaller.line
    hardly = answers([found()], [fitted("a"), fitted("b")], [gain | {"middle": 0.9997}], None, None, None)[3]
    assert hardly.status == "nothing"
    assert answers([found()], [fitted("a")], [], None, None, None)[3].status == "not compared"


@pytest.mark.parametrize(("separate", "line"), [
    ((), "The surveys were not inverted alone."), (("a alone",), "The surveys were inverted alone too, but without "),
])
def test_why_nothing_is_compared_without_standard_deviations(separate, line):
    got = answers([found(peak_std=None)], [fitted("a", separate=separate), fitted("b")], [], None, None, None)[3]
    assert got.status == "not compared" and got.line.startswith(line)


def test_where_a_model_may_fit_as_closely_as_it_likes_only_the_limit_is_told():
    got = asked([found()], [fitted("a", NOT_LOOSE, 0.5, low=0.0)])["How"]
    assert got.line == "Misfit χ²/m of posterior draws: a 0.500 (not too loose); at most 1.10 expected."
    assert not any("not as stated" in line for line in got.more)


@pytest.mark.parametrize("ground", [None, scored()])
def test_how_sure_begins_with_how_the_data_are_fitted(ground):
    fits = [fitted("gravity_a", "more closely than stated", 0.238), fitted("b", ratio=1.02),
            fitted("c", "more loosely than stated", 3.1), fitted("d", "not stated", None)]
    assert asked([found()], fits, ground=ground)["How"].line == (
        "Misfit χ²/m of posterior draws: gravity a 0.238 (too close), b 1.02 (it fits) and "
        "c 3.10 (too loose); 0.90 to 1.10 expected.")


def target(name, sure=True):
    return {"property": name, "sure": sure, "mean": "+128 ± 12 kg/m³", "reach": "0.4 to 4.6 km",
            "around": "easting 373.55, northing 6544.90 km", "volume_words": "30.4 km³", "amount": "+3,880 ± 360 Mt",
            "side": "above", "beyond": "+43.0 kg/m³", "chance": "95 % or more (simulated worlds)"}


def listed(counts, *rows):
    return {"largest": {row["property"]: row for row in rows}, "counts": counts, "rows": list(rows)}


def test_the_headline_names_the_largest_target_of_every_property():
    density, chi = found(name="density"), found(name="chi", long_name="susceptibility")
    targets = listed({"density": 3, "chi": 0}, target("density"), target("chi", sure=False))
    got = answers([density, chi], [], [], None, None, None, targets)[0]
    assert (got.status, got.tone) == ("3 targets", "good")
    about = "+128 ± 12 kg/m³, 0.4 to 4.6 km deep around easting 373.55, northing 6544.90 km."
    amount = ("It holds +3,880 ± 360 Mt in 30.4 km³; its surest cell is above +43.0 kg/m³ with a chance of 95 % or "
              "more (simulated worlds).")
    assert got.line == f"Density contrast, the largest of 3: {about}"
    assert got.more[:3] == (amount, f"Susceptibility, not sure; the largest candidate: {about}",
                            "Its surest cell is above +43.0 kg/m³ with a chance of 95 % or more (simulated worlds).")
    assert "one standard deviation" in got.more[3]
    only = answers([chi], [], [], None, None, None, listed({"chi": 0}, target("chi", sure=False)))[0]
    assert (only.status, only.tone) == ("nothing sure", "fair")
    one = answers([density, chi], [], [], None, None, None, listed({"density": 1, "chi": 0}, target("density")))[0]
    assert one.status == "1 target" and one.line.startswith("Density contrast, one: ")
    assert one.more[1].startswith("Susceptibility: no target; most in one cell, susceptibility +100 ± 10 kg/m³")


def test_without_targets_the_cell_that_stands_out_most_is_named():
    for targets in (None, listed({})):
        got = answers([found(name="density")], [], [], None, None, None, targets)[0]
        assert got.status == "something stands out" and "+100 ± 10 kg/m³, 0.50 km deep" in got.line


def test_a_change_that_rounds_to_nothing_has_no_sign():
    for ratio in (0.9999, 1.0001):
        got = answers([found()], [fitted("a"), fitted("b")], [], scored((ratio, 1e-4)), None, None)[3]
        assert "property0 0.0 ± 0.0 %" in got.line


WHOLE = """[...document.querySelectorAll(".answers > div")].map(d => {
  const r = d.getBoundingClientRect(), s = getComputedStyle(d);
  return [r.top, r.bottom, r.right, parseFloat(s.fontSize), d.innerText.length]; })"""


@pytest.mark.skipif(PATH is None, reason="needs chromium")
@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("name", ["made up", "kalgoorlie_window"])
def test_all_four_answers_are_legible_on_the_first_screen(tmp_path, width, name):
    page = PUBLISHED / f"{name}.html"
    if name == "made up":
        page = bj.report(make_viewed(), tmp_path / "report.html")
    elif not page.is_file():
        pytest.skip("needs the published reports, which stand in a checkout")
    with Browser(width, 800) as browser:
        browser.open(page)
        boxes = browser.run(WHOLE)
    assert len(boxes) == 4
    for top, bottom, right, size, length in boxes:
        assert 0 <= top < bottom <= 800 and right <= width and size >= 14 and length > 30
