"""The top of the page: a title that says what it is, and the coordinate system."""

from types import SimpleNamespace

import pytest

import bayesjoint as bj
from bayesjoint.reporting._heading import system, title

from ..trees import make_tree
from .test_report import page


def fit(name, **attributes):
    return SimpleNamespace(name=name, attributes=attributes)


@pytest.mark.parametrize(("stated", "root", "wanted"), [
    ("Chosen", {}, "Chosen"), (None, {}, "Joint inversion of bouguer east and tmi"),
    ("run", {"title": "run", "configuration": "seed = 1"}, "Joint inversion of bouguer east and tmi (run)"),
    ("run", {"title": "run", "configuration": 'title = "run"'}, "run"),
    ("Mine", {"title": "run", "configuration": "seed = 1"}, "Mine"),
    ("run", {"configuration": "no = toml = at all"}, "run"),
])
def test_the_title(stated, root, wanted):
    assert title(stated, root, [fit("bouguer_east"), fit("tmi")]) == wanted
    assert title(None, {}, [fit("tmi")]) == "Inversion of tmi" and title(None, {}, []) == "Bayesian inversion"


def test_the_coordinate_system():
    assert system([fit("a"), fit("b")]) == system([]) == "no coordinate system stated"
    assert system([fit("a", crs="EPSG:28351"), fit("b", crs="EPSG:28351")]) == "coordinate system EPSG:28351"
    text = 'PROJCS["GDA94 / MGA zone 51",GEOGCS["GDA94",DATUM["D",SPHEROID["GRS 1980",6378137,298.257]]]]'
    assert system([fit("a", crs=text), fit("b")]) == "coordinate system GDA94 / MGA zone 51"


def test_both_stand_at_the_top(tmp_path):
    tree = make_tree((6, 24, 26))
    assert "coordinate system EPSG:28351" in page(tree, tmp_path).text[""]
    for variable in tree["observed_data"].data_vars.values():
        del variable.attrs["crs"]
    tree.attrs |= {"title": "run", "configuration": "seed = 1"}
    text = bj.report(tree, tmp_path / "other.html", title="run").read_text(encoding="utf-8")
    assert "no coordinate system stated" in text and "<h1>Joint inversion of gravity and magnetic (run)</h1>" in text
