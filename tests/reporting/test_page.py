"""The page at any width: no table is cut off, numbers are written for readers, and a run can be done again from it."""

import hashlib
import re
import shutil
import subprocess
from html import escape
from types import SimpleNamespace

import pytest

import bayesjoint as bj
from bayesjoint.cli import main
from bayesjoint.dataset import read_attributes, read_tree
from bayesjoint.reporting import _agreement as accord
from bayesjoint.reporting._words import readable

from ..cli import surveys
from .test_report import Page, flat

CHROMIUM = shutil.which("chromium")
PROBE = """<script>addEventListener("load", () => {{ const page = frames[0].document, all = page.documentElement;
const cut = [...page.querySelectorAll("main *")].filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0);
document.title = `page ${{all.scrollWidth}} of ${{all.clientWidth}} cut ` + cut.map(e => e.className).join(" "); }})
</script><iframe width="{width}" height="900" frameborder="0" srcdoc="{page}"></iframe>"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Folder of a conflict between two surveys of two properties: everything a report may hold of it."""
    folder = tmp_path_factory.mktemp("page")
    assert main(["conflict", str(surveys.write_pair(folder)), "--out", str(folder / "out"), "--quiet"]) == 0
    return folder


@pytest.fixture(scope="module")
def html(folder):
    return (folder / "out" / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tree(folder):
    return read_tree(folder / "out" / "posterior.nc")


def test_every_cell_names_its_column(html):
    tables = [t for t in re.findall(r"<table.*?</table>", html, re.S) if "<thead>" in t]
    assert len(tables) > 4
    for table in tables:
        names = [flat(name).strip() for name in re.findall(r"<th>(.*?)</th>", table, re.S)]
        assert ("wide" in table.split(">", 1)[0]) == (len(names) > 7)
        for row in re.findall(r"<tr[^>]*>(.*?)</tr>", table.split("</thead>")[1], re.S):
            found = re.findall(r'data-label="(.*?)"', row)
            assert found == names or (not found and "colspan" in row)


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
@pytest.mark.parametrize(("width", "scrolling"), [(400, set()), (1280, {"scroll"})])
def test_nothing_is_cut_off(html, folder, width, scrolling):
    path = folder / f"probe_{width}.html"
    path.write_text(f"<title></title>{PROBE.format(width=width, page=escape(html))}", encoding="utf-8")
    found = subprocess.run([CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "--hide-scrollbars",
                            "--window-size=1400,1000", path.as_uri()], capture_output=True, text=True, check=True)
    page, cut = re.search(r"<title>page (.*?) cut (.*?)</title>", found.stdout).groups()
    assert page == f"{width} of {width}" and set(cut.split()) <= scrolling  # on a screen a wide table may scroll


def test_numbers_are_written_for_readers(html):
    text = " ".join(words for section, words in Page(html).text.items() if section != "settings")  # quotes the file
    assert not re.findall(r"\d[eE][+-]?\d+", text) and "∞" not in text
    assert readable("4.41e+04 nT ± 2.2e+02") == "44,100 nT ± 220" and readable("p = 1e-08") == "p = 10⁻⁸"


def test_the_run_can_be_done_again_from_dataset_and_report(folder, html, tree):
    root, text = read_attributes(tree), flat(" ".join(Page(html).text.values()))
    assert root["configuration"] == (folder / "run.toml").read_text()
    assert root["command"] == f"bayesjoint conflict {folder / 'run.toml'} --out {folder / 'out'}"
    assert root["command"] in text and flat(root["configuration"]).strip() in text and f"seed {root['seed']}" in text
    for name in ("gravity", "magnetic"):
        digest = hashlib.sha256((folder / f"{name}.nc").read_bytes()).hexdigest()
        assert digest in tree["observed_data"][name].attrs["history"] and digest in text
    for key, value in surveys.FIELD.items():
        assert tree["observed_data"]["magnetic"].attrs[key] == value and f"{key} {value:g}" in text
    for said in (root["settings"]["mesh"], root["settings"]["density: prior"], "independent, std 0.05", "units", "nT"):
        assert said in text
    assert all(f"{name} {version}" in text for name, version in root["versions"].items())


def test_the_dataset_beside_the_page_is_linked(html):
    assert '<a href="posterior.nc" download>' in html


def test_gaps_and_scattered_stations_keep_the_inducing_field(folder):
    survey = bj.read_survey(folder / "magnetic.nc", "magnetic", std=5.0)
    data = survey.data.copy()
    data[0, 0] = float("nan")
    mesh = bj.Mesh.from_surveys([survey], depth=400.0, layers=2)
    chi = bj.Parameter("susceptibility", mesh, prior=bj.Matern(std=0.05, range=200.0))
    for each in (survey.replace(data=data), survey.replace(upward=5.0)):
        modality = each.modality(chi, forward="direct")
        assert {key: modality.metadata[key] for key in surveys.FIELD} == surveys.FIELD


def test_the_headline_names_its_kind_and_does_not_contradict_itself(html, tree):
    found, answer = accord.agreement(tree), flat(Page(html).text["answer"])
    objected = [name for name in ("gravity", "magnetic") if name in found["objected"]]
    assert objected and f"Verdict: {tree['agreement'].attrs['kind']}. " in answer
    assert tree.attrs["verdict_kind"] == tree["agreement"].attrs["kind"]
    for name in objected:
        assert not re.search(rf"{name}[\w ]* fits? as prior and noise would have it", answer, re.I)
    assert "may be off" in answer


def test_the_fit_is_praised_where_no_test_objects():
    from bayesjoint.reporting._facts import fits
    from bayesjoint.reporting._words import answer

    from ..trees import make_tree

    found = fits(make_tree((6, 24, 26)))
    for fit in found:
        fit.draws = 1.0
    assert "Gravity and magnetic fit as prior and noise would have it." in answer(found, [], [], [], None)[0]
    lead = answer(found, [], [], [], None, objected={"magnetic"})[0]
    assert "Gravity fits as prior and noise would have it." in lead and "Magnetic fits as expected by χ² alone;" in lead


def test_fitted_values_stand_beside_the_remedy_with_what_is_not_identified(html, tree):
    found = tree["remedies"].to_dataset()
    label = next(str(r) for r in found.remedy.values if "by evidence" in str(r))
    words = str(found.words.sel(remedy=label).values)
    assert re.search(r"density_std [\d.]+ kg/m3 \(stated 200\)", words)
    assert flat(readable(words)) in flat(Page(html).text["remedies"])


def test_what_a_fit_does_not_identify_is_said_so():
    table = {"name": ["a_std", "range"], "value": [2.0, 9e3], "units": ["1", "m"], "stated": [1.0, 4e3],
             "identified": [True, False]}
    level = bj.Parameter("level", 1, prior=bj.GaussianPrior(0.0, 1.0))
    post = bj.posterior(bj.JointProblem([level], [bj.Modality(k, [[1.0]], [0.0], bj.DiagonalNoise([1.0]), "level")
                                                  for k in "ab"]))
    found = bj.compare_remedies({"as stated": post, "fitted": post}, fits={"fitted": SimpleNamespace(table=table)})
    assert found.words.values.tolist() == ["", "a_std 2 (stated 1); range 9e+03 m (stated 4e+03; not identified)"]


@pytest.mark.parametrize(("chi2", "told"), [
    ((1.0, 2e-5), "is 2.0 × 10⁻⁵ (as stated 1.0): the stated noise hardly shows"),
    ((1e-3, 9e-4), "As stated χ²/m of gravity is 0.0010: the stated noise hardly shows"),
    ((0.09, 0.08), None), ((1.0, 0.9), None),
    ((1.0, 3.0), "it is no longer fitted"), ((3.0, 3.1), None),
])
def test_a_remedy_that_fits_too_closely_or_too_loosely_is_said_to(chi2, told):
    rows = [{"name": name, "chi2": [value]} for name, value in zip(("as stated", "fitted"), chi2, strict=True)]
    said = accord._warned(rows, ["gravity"], [400])
    assert len(said) == (told is not None) and (told is None or told in said[0])


def test_flags_of_bands_count_all_tests_of_the_suite(tree):
    group = next(g for g in tree.children if g.startswith(accord.BANDS))
    changed = tree.copy(deep=True)
    about, suite = changed[group].attrs, changed["agreement"].to_dataset()
    mine = (suite.form.values == "wavelengths") & (suite.surveys.values == f"{about['survey']} and {about['given']}")
    assert mine.sum() == 1
    changed[group]["p_holm"].values[:] = [0.017, *[1.0] * (changed[group].sizes["band"] - 1)]
    changed[group]["flagged"].values[:] = changed[group]["p_holm"].values <= 0.05
    for adjusted, flagged in ((0.27, 0), (0.03, 1)):
        changed["agreement"]["p_adjusted"].values[mine] = adjusted
        found = accord._within_suite(changed, group, "wavelengths")
        assert found.flagged.values[0] == flagged and found.p_holm.values[0] == pytest.approx(adjusted)


def test_intervals_of_an_exact_engine_are_in_closed_form(html, tree):
    z, text = 1.6448536, flat(Page(html).text["parameters"])
    summary = tree["posterior_summary"]
    mean, std = (float(summary[f"magnetic_bias_{key}"].values[0]) for key in ("mean", "std"))
    ends = [f"{mean + sign * z * std:.4g}".replace("-", "−") for sign in (-1, 1)]
    assert f"{ends[0]} to {ends[1]} (Gaussian)" in text
    answer = flat(Page(html).text["answer"])
    assert "quantiles of" not in answer and "equal-tailed Gaussian, for the stated prior" in answer
    k = abs((summary.density_mean / summary.density_std).values).argmax()
    low = (summary.density_mean - z * summary.density_std).values.ravel()[k]
    assert f"interval {low:.3g}".replace("-", "−") in answer


@pytest.mark.parametrize(("score", "error", "better"), [(8.4, 0.05, False), (12.0, 0.05, True), (9.0, 0.07, False)])
def test_averages_are_called_better_known_only_where_they_are(score, error, better):
    from bayesjoint.reporting._words import _averaged

    box = {"cells": 8, "mean": 118.0, "std": 118.0 / score, "score": score, "draws": 100, "error": error}
    said = _averaged(SimpleNamespace(box=box, long_name="density contrast", units="kg/m3", peak_std=17.0, score=8.7))
    assert said.startswith("Averages are better known than cells") == better and "+118 ± " in said
