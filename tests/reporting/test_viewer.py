"""The viewer in a browser: sliders, switches, probe, keys, sorting, CSV; on paper and without scripts; no error."""

import csv
import json
import re

import numpy as np
import pytest
from scipy.stats import norm

import bayesjoint as bj
from bayesjoint import Mesh, plot
from bayesjoint.dataset import ParameterBlock, build_tree, write_tree

from .chromium import PATH, Browser
from .viewed import SHAPE, make_viewed

pytestmark = pytest.mark.skipif(PATH is None, reason="needs chromium")
SHOWN = "getComputedStyle(document.querySelector('{}')).display !== 'none'"


@pytest.fixture(scope="module")
def tree():
    return make_viewed()


@pytest.fixture(scope="module")
def report(tree, tmp_path_factory):
    folder = tmp_path_factory.mktemp("viewer")
    return bj.report(write_tree(tree, folder / "posterior.nc"), folder / "report.html")


@pytest.fixture(scope="module")
def browser():
    with Browser() as browser:
        yield browser


@pytest.fixture
def page(browser, report):
    """The page freshly opened; no test may leave an error behind."""
    browser.errors.clear()
    browser.open(report)
    yield browser
    assert browser.errors == []


@pytest.fixture
def state(page):
    return lambda: page.run("JSON.parse(JSON.stringify(viewer.state))")


def choose(page, name, value):
    """Set a control as a user does."""
    page.run(f"(() => {{ const e = document.getElementById('viewer-{name}'); e.value = {json.dumps(value)};"
             "e.dispatchEvent(new Event('input')); e.dispatchEvent(new Event('change')); })()")
    page.settle()


def text(page, selector):
    return page.run(f"document.querySelector({json.dumps(selector)}).textContent")


def rounding(tree, name):
    layers = [tree["posterior_summary"][f"{name}_{key}"].values for key in ("mean", "lower", "upper")]
    return max(float(np.ptp(v)) for v in (*layers, tree["posterior"][name].values)) / (2 * 65534) * 1.01


def test_it_starts_where_something_stands_out(page, state, tree):
    best, mesh, now = plot.best_sections(tree), plot.mesh_of(tree), state()
    assert (mesh.depth[now["k"]], mesh.northing[now["j"]], mesh.easting[now["i"]]) == tuple(
        pytest.approx(best[key]) for key in ("depth", "northing", "easting"))
    assert page.run(SHOWN.format("#viewer")) and not page.run(SHOWN.format("#model .static"))


@pytest.mark.parametrize(("slider", "axis", "step"), [("depth", "k", -1), ("northing", "j", 1), ("easting", "i", 1)])
def test_arrow_keys_move_the_sliders(page, state, slider, axis, step):
    before = state()[axis]
    page.run(f"document.getElementById('viewer-{slider}').focus()")
    said = text(page, f"#viewer-{slider}-says")
    page.press("ArrowRight")
    assert state()[axis] == before + step and text(page, f"#viewer-{slider}-says") != said
    page.press("ArrowLeft")
    assert state()[axis] == before and text(page, f"#viewer-{slider}-says") == said


@pytest.mark.parametrize(("plane", "keys"), [("plan", ("i", "j")), ("along", ("i", "k")), ("across", ("j", "k"))])
def test_arrow_keys_on_a_plane_move_the_other_two(page, state, plane, keys):
    page.run(f"document.getElementById('viewer-{plane}').focus()")
    before = state()
    page.press("ArrowRight")
    page.press("ArrowDown")
    after = state()
    assert (after[keys[0]], after[keys[1]]) == (before[keys[0]] + 1, before[keys[1]] - 1)
    assert "Arrow keys" in page.run(f"document.getElementById('viewer-{plane}').getAttribute('aria-label')")


def test_every_statistic_of_every_property_shows_the_tree_s_values(page, tree):
    at = (3, 10, 7)
    for number, name in enumerate(("density", "susceptibility")):
        choose(page, "property", str(number))
        found, summary = {}, tree["posterior_summary"]
        for key in page.run("viewer.statistics().map(s => s.key)"):
            choose(page, "show", key)
            found[key] = page.run("viewer.value({}, {}, {})".format(*at))
            page.run("viewer.redraw()")
        mean, std, lower, upper = (float(summary[f"{name}_{key}"].values[at])
                                   for key in ("mean", "std", "lower", "upper"))
        label = {"density": "gravity_only", "susceptibility": "magnetic_only"}[name]
        words = label.replace("_", " ")
        alone, alone_std = (float(tree["separate_summary"][f"{name}_{key}__{label}"].values[at])
                            for key in ("mean", "std"))
        off, draws = rounding(tree, name), tree["posterior"][name].values.reshape(-1, *SHAPE)
        threshold = page.run(f"viewer.state.limits.{name}.value")
        wanted = {"mean": mean, "std": std, "lower": lower, "upper": upper, f"separate {label}": alone,
                  f"separate std {label}": alone_std, f"difference {words}": mean - alone,
                  "draw 1": draws[0][at], "draw 2": draws[24][at], "draw 3": draws[49][at]}
        for key, value in wanted.items():
            assert found.pop(key) == pytest.approx(value, abs=3 * off), key
        assert found.pop(f"ratio {words}") == pytest.approx(std / alone_std, rel=1e-3)
        if name == "density":
            assert found.pop("chance") == pytest.approx(norm.sf((threshold - mean) / std), abs=1e-3)
        else:
            assert found.pop("told") == int(lower > threshold) - int(upper < threshold)
        assert not found


def test_the_threshold_moves_and_turns(page, tree):
    choose(page, "show", "chance")
    mean, std = (float(tree["posterior_summary"][f"density_{key}"].values[3, 10, 7]) for key in ("mean", "std"))
    for value, side in ((10, "above"), (-20, "below")):
        choose(page, "threshold-number", str(value))
        choose(page, "side", side)
        wanted = norm.cdf((1 if side == "above" else -1) * (mean - value) / std)
        assert page.run("viewer.value(3, 10, 7)") == pytest.approx(wanted, abs=1e-3)
        assert f"{side} {abs(value)}" in text(page, "#viewer-legend-words").replace(".0", "").replace("−", "")
    assert "standard deviation (Gaussian, stated prior)" in text(page, "#viewer-legend-words")
    choose(page, "property", "1")
    choose(page, "show", "told")
    assert "on average over cells" in text(page, "#viewer-legend-words")


def test_hover_probes_and_a_click_moves_the_planes(page, state, tree):
    mesh, now = plot.mesh_of(tree), state()
    page.run("document.getElementById('viewer-plan').scrollIntoView()")
    box = page.run("(() => { const r = document.getElementById('viewer-plan').getBoundingClientRect();"
                   "return [r.left, r.top, r.width, r.height]; })()")
    x, y = box[0] + 70 + (box[2] - 82) * 5.5 / SHAPE[2], box[1] + 8 + (box[3] - 48) * 3.5 / SHAPE[1]
    page.mouse(x, y)
    j = SHAPE[1] - 4
    place = f"Easting {mesh.easting[5] / 1000:g} km, northing {mesh.northing[j] / 1000:g} km"
    assert place in text(page, "#viewer-place")
    row = text(page, "#viewer-values tr")
    mean, std = (float(tree["posterior_summary"][f"density_{key}"].values[now["k"], j, 5]) for key in ("mean", "std"))
    assert f"{mean:.3g} ± {std:.2g} kg/m³".replace("-", "−") in " ".join(row.split())
    assert row.count("(Gaussian, stated prior)") == 1 and "(90\N{NO-BREAK SPACE}%, Gaussian, stated prior)" in row
    assert state() == now
    page.mouse(x, y, click=True)
    assert state() == now | {"i": 5, "j": j}


def test_switches_and_exaggeration_change_the_picture(page):
    def seen(plane):
        return page.run(f"document.getElementById('viewer-{plane}').toDataURL()")

    plan, height = seen("plan"), page.run("document.getElementById('viewer-along').height")
    for name in ("stations", "outline"):
        page.run(f"document.getElementById('viewer-{name}').click()")
        page.settle()
        assert seen("plan") != plan
        plan = seen("plan")
    page.run("document.getElementById('viewer-exaggeration').focus()")
    page.press("ArrowRight")
    assert page.run("document.getElementById('viewer-along').height") > height
    page.media(scheme="dark")
    page.settle()
    assert seen("plan") != plan
    page.media()


def test_colours_are_limited_by_what_lies_under_the_stations(page, tree):
    mesh = plot.mesh_of(tree)
    under = plot.under_stations(tree, mesh)
    summary, alone = tree["posterior_summary"], tree["separate_summary"]
    values = [a[:, under] for a in (summary.density_mean.values, alone.density_mean__gravity_only.values)]
    most = max(np.abs(v).max() for v in values)
    assert page.run("viewer.statistics()[0].limits") == pytest.approx([-most, most])


def test_tables_sort_by_click_and_by_key(page):
    page.run("document.querySelector('#joint th button').focus()")
    column = "[...document.querySelectorAll('#joint tbody tr')].map(r => r.cells[{}].textContent)"
    first = page.run(column.format(0))
    page.press("Enter")
    assert page.run("document.querySelector('#joint th').getAttribute('aria-sort')") == "ascending"
    assert page.run(column.format(0)) == sorted(first)
    page.press("Enter")
    assert page.run("document.querySelector('#joint th').getAttribute('aria-sort')") == "descending"
    assert page.run(column.format(0)) == sorted(first, reverse=True)
    page.run("document.querySelectorAll('#joint th button')[3].click()")
    values = [float(v) for v in page.run(column.format(3))]
    assert values == sorted(values)
    assert page.run("document.querySelectorAll('#joint [aria-sort]').length") == 1


def test_a_target_is_shown_where_it_lies(page, state):
    button = "document.querySelector('#targets button[data-cell]')"
    cell = [int(n) for n in page.run(f"{button}.dataset.cell").split()]
    page.run(f"{button}.click()")
    page.settle()
    now = state()
    assert [now["k"], now["j"], now["i"]] == cell
    assert page.run("document.activeElement.id") == "viewer-plan"


def test_cells_as_csv(page, tree):
    lines = page.run("viewer.csv().join('')").splitlines()
    notes = [line for line in lines if line.startswith("#")]
    rows = list(csv.reader(line for line in lines if not line.startswith("#")))
    assert any(re.search(r"density: values rounded by at most [\d.]+ kg/m³; interval: 0.9", line) for line in notes)
    assert rows[0][:6] == ["easting_m", "northing_m", "upward_m", "depth_m", "density_mean (kg/m³)",
                           "density_std (kg/m³)"]
    values = np.array(rows[1:], dtype=float)
    mesh, summary = plot.mesh_of(tree), tree["posterior_summary"]
    assert values.shape == (mesh.size, 12)
    at = {tuple(row[:3]): row[4:] for row in values}
    found = at[mesh.easting[4], mesh.northing[9], mesh.upward[2]]
    keys = [f"{p}_{k}" for p in ("density", "susceptibility") for k in ("mean", "std", "lower", "upper")]
    for n, key in enumerate(keys):
        name = key.split("_")[0]
        assert found[n] == pytest.approx(float(summary[key].values[2, 9, 4]), abs=3 * rounding(tree, name)), key
    assert page.run("document.querySelector('.saving a').getAttribute('href')") == "posterior.nc"


def test_on_paper_the_static_figures_stand(page):
    page.media("print")
    assert not page.run(SHOWN.format("#viewer")) and page.run(SHOWN.format("#model .static"))
    page.media()


def test_without_scripts_the_static_figures_stand(browser, report):
    browser.scripts(False)
    try:
        browser.open(report)
        assert not browser.run(SHOWN.format("#viewer")) and browser.run(SHOWN.format("#model .static"))
        assert browser.run(SHOWN.format("#targets")) and not browser.run(SHOWN.format("#targets button"))
    finally:
        browser.scripts(True)


def test_air_is_grey_and_left_out_of_the_cells(browser, tmp_path):
    active = np.ones((2, 3, 4), bool)
    active[1, 0, 0] = False
    mesh = Mesh.regular((2, 3, 4), (100.0, 100.0, 100.0)).with_active(active)
    mean = np.where(active, np.arange(24.0).reshape(mesh.shape), np.nan)
    block = ParameterBlock(name="m", dims=mesh.dims, coords=mesh.coords(), mean=mean, ground=active, units="<b>",
                           std=np.where(active, 1.0, np.nan), edges={d: getattr(mesh, f"{d}_edges") for d in mesh.dims})
    browser.errors.clear()
    browser.open(bj.report(build_tree([block]), tmp_path / "report.html"))
    browser.run("viewer.set({ k: 1, j: 0, i: 0 })")
    browser.settle()
    assert "above the ground" in text(browser, "#viewer-place") and "not known" in text(browser, "#viewer-values")
    rows = [line for line in browser.run("viewer.csv().join('')").splitlines() if not line.startswith("#")]
    assert len(rows) == 1 + 23 and "50,50,-150,50,0,1" in rows
    assert browser.errors == []


@pytest.mark.parametrize("width", [400, 720, 1280])
def test_nothing_is_wider_than_the_window(page, width):
    page.resize(width, 900)
    page.settle()
    page.settle()
    try:
        assert page.run("document.documentElement.scrollWidth <= innerWidth")
        assert page.run("[...document.querySelectorAll('#viewer canvas')].every("
                        "c => c.getBoundingClientRect().right <= innerWidth)")
    finally:
        page.resize(1280, 900)


EDGES = {"easting": [0, 100, 200, 300, 500, 900, 1000], "northing": [0, 300, 400, 500, 600, 1100],
         "upward": [-900, -400, -200, -100, 0]}


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """A page whose cells differ in size along every axis; every cell's value is its number."""
    mesh = Mesh(*(np.array(EDGES[d], float) for d in ("easting", "northing", "upward")))
    mean = np.arange(float(mesh.size)).reshape(mesh.shape)
    block = ParameterBlock(name="m", dims=mesh.dims, coords=mesh.coords(), mean=mean, units="1",
                           edges={d: getattr(mesh, f"{d}_edges") for d in mesh.dims})
    return bj.report(build_tree([block]), tmp_path_factory.mktemp("uneven") / "report.html")


PIXELS = """(() => {
  const canvas = document.getElementById("viewer-%s"), c = canvas.getContext("2d"), ratio = devicePixelRatio;
  const [left, top] = [70 * ratio, 8 * ratio], [w, h] = [canvas.width - 82 * ratio, canvas.height - 48 * ratio];
  const all = c.getImageData(left, top, w, h).data, out = [];
  for (let y = 4; y < h - 4; y += 1) {
    for (let x = 4; x < w - 4; x += 1) {
      const at = 4 * (y * Math.round(w) + x);
      out.push([x / w, y / h, all[at] * 65536 + all[at + 1] * 256 + all[at + 2]]);
    }
  }
  return out.filter((_, n) => n %% 7 === 0);
})()"""


@pytest.mark.parametrize("ratio", [1, 2])
@pytest.mark.parametrize(("plane", "across", "up"), [("plan", "easting", "northing"), ("along", "easting", "upward"),
                                                     ("across", "northing", "upward")])
def test_every_pixel_has_the_colour_of_its_cell_and_no_other(browser, uneven, plane, across, up, ratio):
    browser.resize(1280, 900, ratio)
    try:
        browser.open(uneven)
        browser.run("viewer.set({ k: 0, j: 0, i: 0, stations: false, outline: false })")
        browser.settle()
        seen = np.array(browser.run(PIXELS % plane))
        colours = browser.run("JSON.parse(document.getElementById('viewer-data').textContent).colours.diverging")
        low, high = browser.run("viewer.statistics()[0].limits")
    finally:
        browser.resize(1280, 900)
    palette = np.array([int(colours[6 * n:6 * n + 6], 16) for n in range(256)])
    x, y = (np.array(EDGES[d], float) for d in (across, up))
    east, north = x[0] + seen[:, 0] * np.ptp(x), y[-1] - seen[:, 1] * np.ptp(y)
    a, b = np.searchsorted(x, east) - 1, np.searchsorted(y, north) - 1
    near = np.minimum(np.abs(east[:, None] - x).min(1) / np.ptp(x), np.abs(north[:, None] - y).min(1) / np.ptp(y))
    middle = [0.5 * (e[0] + e[1]) for e in (x, y)]  # the cross lies there
    cross = np.minimum(np.abs(east - middle[0]) / np.ptp(x), np.abs(north - middle[1]) / np.ptp(y))
    strides = {"easting": 1, "northing": 6, "upward": 30}
    value = a * strides[across] + b * strides[up]
    wanted = palette[np.clip(np.floor(256 * (value - low) / (high - low)), 0, 255).astype(int)]
    inside = (near > 0.012) & (cross > 0.02)
    assert inside.sum() > 1000
    np.testing.assert_array_equal(seen[inside, 2], wanted[inside])
    assert set(seen[cross > 0.02, 2]) <= set(wanted)  # an edge is sharp: no colour between those of its cells


def test_only_what_changed_is_drawn_anew(page):
    page.run("""(() => { window.painted = []; const old = CanvasRenderingContext2D.prototype.putImageData;
        CanvasRenderingContext2D.prototype.putImageData = function (...a) {
          window.painted.push(this.canvas.width + " " + this.canvas.height); return old.apply(this, a); }; })()""")
    choose(page, "northing", str(int(page.run("viewer.state.j")) - 1))
    assert page.run("window.painted") == [f"{SHAPE[2]} {SHAPE[0]}"]
    choose(page, "show", "std")
    assert len(page.run("window.painted")) == 4
