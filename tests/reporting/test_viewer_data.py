"""What the page gives its viewer: rounded values and how far off, what is left out, and nothing that ends a script."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint import Mesh, plot
from bayesjoint.dataset import ParameterBlock, build_tree
from bayesjoint.reporting import _viewer as view

from .viewed import SHAPE, make_viewed


def decoded(layer, bits):
    codes = np.frombuffer(base64.b64decode(layer["data"]), dtype=f"<u{bits // 8}")
    return np.where(codes == 0, np.nan, layer["low"] + layer["step"] * (codes.astype(float) - 1))


@pytest.fixture(scope="module")
def tree():
    return make_viewed()


@pytest.mark.parametrize("bits", [16, 8])
def test_values_are_rounded_by_no_more_than_is_said(tree, monkeypatch, bits):
    monkeypatch.setattr(view, "FINE", 10**9 if bits == 16 else 0)
    found = view.viewer(tree)
    data = json.loads(found["json"])
    assert data["bits"] == found["bits"] == bits
    for p in data["properties"]:
        most = 0.0
        for layer in p["layers"]:
            if layer["key"] in ("mean", "std", "lower", "upper"):
                true = tree["posterior_summary"][f"{p['name']}_{layer['key']}"].values.ravel()
                off = np.abs(decoded(layer, bits) - true).max()
                assert off <= 0.5 * layer["step"] * (1 + 1e-6)
                most = max(most, off)
        said, units = p["rounding"].split(" ", 1)
        assert most <= 1.05 * float(said) * (1e-6 if "10⁻⁶" in units else 1)
    assert data["values"] == sum(len(p["layers"]) for p in data["properties"]) * np.prod(SHAPE)


def test_what_is_not_known_stays_so(tree):
    layer = view._packed("mean", "", "", "", np.array([np.nan, 1.0, 3.0]), 8)
    assert np.array_equal(decoded(layer, 8), [np.nan, 1.0, 3.0], equal_nan=True)
    for known in ([2.0, 2.0], [np.nan, 2.0]):
        assert np.array_equal(decoded(view._packed("", "", "", "", np.array(known), 16), 16), known, equal_nan=True)


def test_draws_are_left_out_first_then_separate_inversions_then_intervals(tree, monkeypatch):
    size, full = int(np.prod(SHAPE)), 7 + 9  # density without, susceptibility with stored intervals
    assert view.viewer(tree)["count"] == full * size
    for most, kept, left in ((full - 1, 10, "draw 3"), (9, 6, "mean, gravity only"), (5, 4, "lower end")):
        monkeypatch.setattr(view, "MOST", most * size)
        found = view.viewer(tree)
        assert found["count"] == kept * size and any(left in words for words in found["left"])
    monkeypatch.setattr(view, "MOST", 3 * size)
    assert view.viewer(tree) is None and "too many" in view.too_many(tree)


def test_the_page_says_what_is_coarse_and_missing(tree, monkeypatch, tmp_path):
    monkeypatch.setattr("bayesjoint.reporting._figures.SLICES", 1)
    monkeypatch.setattr(view, "FINE", 0)
    monkeypatch.setattr(view, "MOST", 10 * int(np.prod(SHAPE)))
    text = bj.report(tree, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "8 bits, since there are" in text and "Left out for room: draw 1, draw 2, draw 3." in text
    assert "The CSV has the rounded values.</span>" in text and "posterior.nc" not in text.split("<script")[0]
    monkeypatch.setattr(view, "MOST", 0)
    text = bj.report(tree, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "viewer-data" not in text and "too many for a page" in text


def test_no_name_ends_the_script(tmp_path, monkeypatch):
    monkeypatch.setattr("bayesjoint.reporting._figures.SLICES", 1)
    mesh = Mesh.regular((2, 3, 3), (100.0, 100.0, 100.0))
    block = ParameterBlock(name="m", dims=mesh.dims, coords=mesh.coords(), mean=np.arange(18.0).reshape(mesh.shape),
                           std=np.ones(mesh.shape), long_name="</script><script>alert('&')", units="<b>",
                           edges={d: getattr(mesh, f"{d}_edges") for d in mesh.dims})
    text = bj.report(build_tree([block]), tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in text and "<b>" not in text
    inside = text.split('id="viewer-data">')[1].split("</script>")[0]
    assert json.loads(inside)["properties"][0]["words"] == "</script><script>alert('&')"


def test_a_bounded_or_unstated_marginal_is_not_called_gaussian(tree):
    found = {p["name"]: p for p in json.loads(view.viewer(tree)["json"])["properties"]}
    assert found["density"]["gaussian"] and found["density"]["closed"]
    assert found["density"]["tail"] == pytest.approx(0.05)
    assert not found["susceptibility"]["gaussian"] and found["susceptibility"]["tail"] == pytest.approx(0.1)


def test_topography_gives_every_column_its_ground(monkeypatch):
    active = np.ones((2, 3, 3), bool)
    active[1, 0, 0], active[:, 2, 2] = False, False
    mesh = Mesh.regular((2, 3, 3), (100.0, 100.0, 100.0)).with_active(active)
    mean = np.where(active, 1.0, np.nan)
    block = ParameterBlock(name="m", dims=mesh.dims, coords=mesh.coords(), mean=mean, std=mean, ground=active,
                           edges={d: getattr(mesh, f"{d}_edges") for d in mesh.dims})
    tree = build_tree([block])
    surface = json.loads(view.viewer(tree)["json"])["surface"]
    assert surface == [-100.0, *[0.0] * 7, None] and plot.mesh_of(tree).has_air


def test_scripts_stay_small():
    for path in Path(view.__file__).parent.glob("*.js"):
        lines = path.read_text(encoding="utf-8").split("\n")
        assert len(lines) <= 400 and max(map(len, lines)) <= 120, path.name
