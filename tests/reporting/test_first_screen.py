"""The four answers of the first screen follow from the figures, and say so where there are none."""

from types import SimpleNamespace

import pytest

from bayesjoint.reporting._first_screen import answers


def found(**changes):
    """A property of which one cell stands out."""
    facts = {"long_name": "density contrast", "units": "kg/m3", "peak": 100.0, "peak_std": 10.0, "score": 10.0,
             "interval": (83.0, 117.0), "gaussian": None, "beneath": True, "scale": (1000.0, "km"),
             "place": {"depth": 500.0, "easting": 2000.0, "northing": 3000.0}}
    return SimpleNamespace(**facts | changes)


def asked(properties=(), fits=(), gains=(), ground=None, agreed=None, unmixed=None):
    found = answers(list(properties), list(fits), list(gains), ground, agreed, unmixed)
    return {a.question.split()[0]: a for a in found}


def fitted(name, verdict="as expected"):
    return SimpleNamespace(name=name, verdict=verdict)


def scored(*scores):
    """A recalibration with scores of joint over separate inversion."""
    rows = [{"name": "density", "held": (0.9, 0.01), "gaussian_held": (0.5, 0.01), "outside": 0.0}]
    joint = [{"name": f"property{k}", "score_over_separate": score} for k, score in enumerate(scores)]
    return {"rows": rows, "joint": joint}


@pytest.mark.parametrize(("changes", "status", "line"), [
    ({}, "something stands out",
     "Density contrast +100 ± 10 kg/m³, 0.50 km deep at easting 2.00 km, northing 3.00 km."),
    ({"score": 1.0}, "nothing clear", "Not clear from its prior mean, density contrast +100 ± 10 kg/m³, "),
    ({"peak_std": None}, "one model", "Density contrast +100 kg/m³, "),
    ({"gaussian": (90.0, 110.0)}, "something stands out", "Density contrast +83.0 to +117 kg/m³ (90 %), "),
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
    assert checked.line == "90 % intervals hold 90 % (density) of the cells of worlds left out; the Gaussian's 50 %."
    doubted = asked([found()], [fitted("gravity", "more closely than stated")], ground=scored())["How"]
    assert doubted.tone == "fair" and "The fit of gravity says" in doubted.line
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
    assert agreed is None or got.line == "A and b are so. More below."


@pytest.mark.parametrize(("scores", "status", "tone"), [
    ([(0.9, 0.01)], "better intervals", "good"), ([(0.9, 0.2)], "nothing", "fair"),
    ([(1.1, 0.01)], "worse intervals", "bad"),
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
    line = asked([found()], ground=ground)["How"].line
    assert "The mean of density lies outside its interval in 57 % of the cells" in line


def test_what_was_bought_without_ground():
    gain = {"long_name": "density contrast", "middle": 0.9, "shift": 0.3}
    smaller = answers([found()], [fitted("a"), fitted("b")], [gain], None, None, None)[3]
    assert smaller.status == "smaller std" and "−10 %" in smaller.line and "not checked" in smaller.line
    hardly = answers([found()], [fitted("a"), fitted("b")], [gain | {"middle": 0.9997}], None, None, None)[3]
    assert hardly.status == "nothing"
    assert answers([found()], [fitted("a")], [], None, None, None)[3].status == "not compared"
