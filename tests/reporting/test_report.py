import base64
import io
import re
import struct
import time
from html.parser import HTMLParser

import numpy as np
import pytest
import xarray as xr
from matplotlib.image import imread

import bayesjoint as bj
from bayesjoint import Mesh
from bayesjoint.dataset import Approximation, ModalityBlock, ParameterBlock, build_tree, write_tree

from ..trees import make_tree

SHAPE = (6, 24, 26)


class Page(HTMLParser):
    """Tags with attributes, the text by section, and a check that tags nest."""

    VOID = ("meta", "link", "img", "br", "input")

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.stack, self.section = [], {}, [], ""
        self.feed(text)
        assert not self.stack

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.stack.append(tag)
        if tag == "section":
            self.section = dict(attrs)["id"]

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if self.stack and self.stack[-1] not in ("style", "title", "script"):
            self.text[self.section] = f"{self.text.get(self.section, '')} {data}"

    def images(self):
        return [attrs for tag, attrs in self.tags if tag == "img"]


def page(tree, folder, **options):
    return Page(bj.report(tree, folder / "report.html", **options).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tree():
    return make_tree(SHAPE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def grid(tree, folder):
    return page(tree, folder)


def flat(text):
    return re.sub(r"\s+", " ", text)


def test_the_page_stands_alone(tree, folder, grid):
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert "http" not in re.sub(r"base64,[^\"]*", "", text)
    assert not {"iframe", "object"} & {tag for tag, _ in grid.tags}
    assert all("src" not in a for tag, a in grid.tags if tag == "script")
    assert all(a.get("rel") == "icon" and a["href"] == "data:," for tag, a in grid.tags if tag == "link")
    assert ("html", {"lang": "en"}) in grid.tags
    names = {a.get("name") for tag, a in grid.tags if tag == "meta"}
    assert {"viewport", "color-scheme"} <= names


def test_sections_and_their_links(grid):
    sections = [a["id"] for tag, a in grid.tags if tag == "section"]
    assert sections == ["answer", "viewer", "data", "model", "joint", "relation", "convergence", "approximate",
                        "settings"]
    assert [a["href"] for tag, a in grid.tags if tag == "a"] == [f"#{s}" for s in sections]


def test_every_image_is_an_embedded_png_with_size_and_words(grid):
    images = grid.images()
    assert len(images) > 40
    for image in images:
        assert len(image["alt"]) > 15
        data = base64.b64decode(image["src"].removeprefix("data:image/png;base64,"), validate=True)
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        width, height = struct.unpack(">II", data[16:24])
        assert width / int(image["width"]) == pytest.approx(190 / 96, rel=0.02)
        assert height / int(image["height"]) == pytest.approx(190 / 96, rel=0.02)
        assert len(data) < 120_000


def test_mean_is_next_to_std_at_one_scale(tree, folder):
    from bayesjoint.reporting._figures import ModelPictures

    pictures = ModelPictures(tree, "density")
    for mean, std in pictures.slices() + pictures.sections():
        assert mean.alt.startswith("Posterior mean of") and std.alt.startswith("Posterior standard deviation of")
        assert mean.alt.split(", ")[1].split(":")[0] == std.alt.split(", ")[1].split(":")[0]
        assert (mean.width, mean.height) == (std.width, std.height)
    std = tree["separate_summary"]["density_std__gravity_only"].values
    assert pictures.limits["std"][1] == pytest.approx(std.max())


def test_answer_is_computed_from_the_tree(tree, grid):
    answer = flat(grid.text["answer"])
    mean = tree["posterior_summary"]["density_mean"].values
    std = tree["posterior_summary"]["density_std"].values
    k, j, i = np.unravel_index(np.argmax(np.abs(mean / std)), mean.shape)
    assert f"density contrast that stands out most is +{mean[k, j, i]:.3g} ± {std[k, j, i]:.2g} kg/m³" in answer
    place = tree["posterior_summary"].isel(upward=k, northing=j, easting=i)
    assert f"easting {float(place.easting) / 1000:.1f} km, northing {float(place.northing) / 1000:.1f} km" in answer
    draws = tree["posterior"]["density"].values[:, :, k, j, i]
    low, high = np.quantile(draws, [0.05, 0.95])
    assert "90 % equal-tailed interval" in answer and "quantiles of 50 draws" in answer
    assert f"{abs(low):.3g}" in answer and f"{abs(high):.3g}" in answer
    assert "below 7.2 km" not in answer and "down to the bottom of the mesh" not in answer
    ratio = np.median((std / 120.0).reshape(std.shape[0], -1), axis=1)
    reach = 0.8 * (std.shape[0] - np.flatnonzero(ratio < 0.95)[0])
    assert f"below {reach:.4g} km more than 95 % of the prior's standard deviation" in answer
    share = 100 * np.mean(np.abs(mean / std) > 2)
    assert f"{share:.1f} % of the cells" in answer


def test_fit_table_holds_chi2_and_its_ranges(tree, grid):
    text = flat(grid.text["data"])
    chi2, count = float(tree["predictive_summary"]["gravity_chi2"]), tree["observed_data"]["gravity"].attrs["n_data"]
    assert f" {chi2 / count:.3g} " in text
    half = 3 * np.sqrt(2 / count)
    assert f"{max(1 - half, 0):.2f} to {1 + half:.2f}" in text
    expected = count * (1 - 0.3**2)  # the generator's prediction std is 0.3 noise std
    half = 3 * np.sqrt(2 * expected)
    assert f"{(expected - half) / count:.2f} to {(expected + half) / count:.2f}" in text


@pytest.mark.parametrize(("factor", "words"), [
    (1.0, "as expected"), (3.0, "more loosely than"), (0.2, "more closely than"),
])
def test_verdict_on_the_fit_rests_on_the_draws(factor, words):
    from bayesjoint.reporting._facts import fits

    tree = make_tree(SHAPE)
    fit = fits(tree)[1]
    stats = tree["sample_stats"].to_dataset()
    units = {"units": "1", "long_name": "χ²"}
    stats["chi2_magnetic"] = (("chain", "draw"), np.full((2, 25), factor * fit.count), units)
    tree["sample_stats"] = xr.DataTree(stats)
    fit = fits(tree)[1]
    assert fit.verdict.startswith(words)
    assert fit.judged == (pytest.approx(factor), *fit.plain_range, "posterior draws")


def test_doubt_is_said_when_the_fit_gives_cause():
    from bayesjoint.reporting._facts import fits
    from bayesjoint.reporting._words import trust

    exact = [{"name": "posterior", "status": "exact", "statement": ""}]
    tree = make_tree(SHAPE)
    fit = fits(tree)[0]
    fit.draws = 1.0
    assert "may be off" not in trust(exact, [fit])
    fit.draws = 2.0
    assert "may be off" in trust(exact, [fit])
    assert "exact up to rounding" in trust(exact)


def test_joint_and_separate_numbers(tree, grid):
    ratio = tree["posterior_summary"]["density_std"] / tree["separate_summary"]["density_std__gravity_only"]
    text = flat(grid.text["joint"])
    for q in (0.05, 0.5, 0.95):
        assert f"{float(ratio.quantile(q)):.3f}" in text
    assert "not evidence that it is" in text


def test_prior_correlation_is_stated_beside_the_posterior_one(tree, grid):
    x, y = (tree["posterior_summary"][f"{n}_mean"].values.ravel() for n in ("density", "susceptibility"))
    text = flat(grid.text["relation"])
    assert f"correlate with {np.corrcoef(x, y)[0, 1]:.2f}" in text
    assert "The prior was given a correlation of 0.60" in text


def test_approximations_settings_sources_versions_and_seed(grid):
    text = flat(grid.text["approximate"])
    assert "station sampling measured 0.0031 mGal" in text and "exact none" in text
    assert "90 % equal-tailed intervals" in text
    text = flat(grid.text["settings"])
    for words in ("seed 0", "numpy " + np.__version__, "CC0-1.0", "EPSG:28351", "synthetic",
                  "coupling · correlation 0.6", "15 x 50 x 50 cells of 800 m"):
        assert words in text


def test_scattered_survey_without_separate_inversions(folder, monkeypatch):
    monkeypatch.setattr("bayesjoint.reporting._figures.SLICES", 1)
    got = page(make_tree(SHAPE, "scattered", separate=False), folder, title="Scattered <stations> & co")
    assert "joint" not in got.text and got.images()
    assert "Scattered <stations> & co" in flat(got.text[""])
    assert "Gravity: Bouguer anomaly" in flat(got.text["data"])


def test_text_from_the_tree_is_escaped(folder):
    block = ParameterBlock(name="H0", dims=("H0_id",), units="km/s/Mpc", mean=[70.0], std=[1.5])
    tree = build_tree([block], attributes={"title": "<script>alert(1)</script>", "settings": {"a": "</table>"}})
    page(tree, folder)
    assert "<script>alert" not in (folder / "report.html").read_text(encoding="utf-8")


def test_vector_parameters_and_data_without_positions(folder):
    rng = np.random.default_rng(0)
    draws = 70 + rng.standard_normal((2, 100, 2))
    block = ParameterBlock(name="H0", dims=("H0_id",), coords={"H0_id": ("H0_id", ["early", "late"], {})},
                           units="km/s/Mpc", mean=[70.0, 70.0], std=[1.0, 1.0], draws=draws)
    data = ModalityBlock(name="sn", kind="supernovae", dims=("sn_id",), coords={}, observed=[1.0, 2.0, 3.0], std=0.1,
                         predicted_mean=[1.1, 1.9, 3.0], chi2=2.0, units="mag")
    got = page(build_tree([block], [data]), folder)
    text = flat(got.text["parameters"])
    assert "H0 early" in text and "H0 late" in text and "(200 draws)" in text
    low, high = np.quantile(draws[..., 1], [0.05, 0.95])
    assert f"{low:.2f} to {high:.2f}" in text
    assert len(got.images()) == 4


def test_one_model_without_std_is_called_that(folder, monkeypatch):
    monkeypatch.setattr("bayesjoint.reporting._figures.SLICES", 1)
    whole = make_tree(SHAPE, separate=False)
    keep = {"posterior_summary": [v for v in whole["posterior_summary"].data_vars if v.endswith("_mean")]}
    drop = ("posterior", "prior", "posterior_predictive", "log_likelihood")
    parts = {f"/{g}": (n.to_dataset()[keep[g]] if g in keep else n.to_dataset())
             for g, n in whole.children.items() if g not in drop}
    got = page(xr.DataTree.from_dict({"/": xr.Dataset(attrs=whole.attrs), **parts}), folder)
    assert "one model and no answer to how sure it is" in flat(got.text["answer"])
    assert not [i for i in got.images() if "standard deviation of density" in i["alt"]]
    assert "Misfit χ²/m of the model: " in flat(got.text["answer"])
    assert {"hidden"} <= {key for tag, attrs in got.tags if tag == "label" for key in attrs}  # no outline to draw


@pytest.mark.parametrize("std", [None, 1.0])
@pytest.mark.parametrize(("ratio", "words"), [(0.2, "no more loosely than"), (3.0, "more loosely than")])
def test_what_was_fitted_is_never_too_close_where_nobody_knows_how_close_is_right(std, ratio, words):
    from bayesjoint.reporting._facts import fits

    block = ParameterBlock(name="H0", dims=("H0_id",), mean=[70.0], std=None if std is None else [std])
    data = ModalityBlock(name="g", kind="gravity", dims=("g_id",), coords={}, observed=np.ones(50), std=0.1,
                         predicted_mean=np.ones(50), chi2=50.0 * ratio, units="mGal")
    fit = fits(build_tree([block], [data]))[0]
    assert fit.verdict.startswith(words) and fit.judged[1] == 0.0
    assert fit.judged[3] == ("the model" if std is None else "the posterior mean")


def test_labels_of_large_numbers_are_not_cut_off():
    from bayesjoint.reporting._figures import history_pictures

    block = ParameterBlock(name="H0", dims=("H0_id",), mean=[70.0])
    pictures = history_pictures(build_tree([block], history={"coupling": np.geomspace(1e5, 4e5, 20)}))
    image = imread(io.BytesIO(base64.b64decode(pictures[0].data)))
    assert np.all(image[:, 0] == 1.0)  # no ink at the left edge


def test_unvalidated_posterior_is_called_that(folder):
    block = ParameterBlock(name="H0", dims=("H0_id",), mean=[70.0], std=[1.0])
    laplace = Approximation(name="posterior covariance", status="not validated", statement="Gaussian at the MAP.")
    got = page(build_tree([block], approximations=[laplace]), folder)
    assert "Approximate, not validated: posterior covariance." in flat(got.text["answer"])
    assert "approximate, not validated not known" in flat(got.text["approximate"])
    got = page(build_tree([block]), folder)
    assert "treat its numbers as not validated" in flat(got.text["answer"])


def test_laplace_says_so_and_hides_the_std_of_cells_held_at_bounds(folder, monkeypatch):
    from bayesjoint.reporting._facts import fits
    from bayesjoint.reporting._figures import ModelPictures

    monkeypatch.setattr("bayesjoint.reporting._figures.SLICES", 1)
    mesh = Mesh.regular((2, 4, 5), (100.0, 100.0, 100.0))
    held = np.ones(mesh.shape, dtype=np.int8)
    held[1, 2, 2:4] = 0
    std = np.where(held, 0.0, 5.0)
    mean = np.where(held, 0.0, 20.0)
    block = ParameterBlock(name="density", dims=mesh.dims, coords=mesh.coords(), mean=mean, std=std,
                           edges={d: getattr(mesh, f"{d}_edges") for d in mesh.dims}, units="kg/m3")
    data = ModalityBlock(name="g", kind="gravity", dims=("g_id",), coords={}, observed=np.ones(50), std=0.1,
                         predicted_mean=np.ones(50), chi2=50.0, units="mGal")
    described = {"units": "1", "long_name": "held at a bound"}
    active = xr.Dataset({"density_active": (mesh.dims, held, described)})
    tree = build_tree(
        [block], [data], sample_stats={"chi2_g": np.full((1, 4), 500.0)}, extra={"active_bounds": active},
        approximations=[Approximation(name="Laplace", status="not validated", statement="")],
        attributes={"method": "laplace"},
    )
    got = page(tree, folder)
    assert "the MAP" in flat(got.text["model"]) and "Grey: cells held at a bound" in flat(got.text["model"])
    pictures = ModelPictures(tree, "density")
    assert pictures.limits["std"] == (0.0, 5.0)
    assert pictures.panel("std", depth=150.0).alt.endswith("not known in any cell")
    assert "0.05 km" not in flat(got.text["answer"]) and "50 m deep at easting 250 m" in flat(got.text["answer"])
    assert fits(tree)[0].judged[3] == "the posterior mean"  # draws of an unvalidated Gaussian are no witness


def test_from_a_file_and_nothing_half_written(tmp_path, monkeypatch):
    block = ParameterBlock(name="H0", dims=("H0_id",), mean=[70.0], std=[1.0])
    path = write_tree(build_tree([block]), tmp_path / "posterior.nc")
    target = bj.report(path, tmp_path / "report.html")
    before = target.read_text(encoding="utf-8")

    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("pathlib.Path.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bj.report(path, target, title="another")
    assert target.read_text(encoding="utf-8") == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["posterior.nc", "report.html"]


def test_bad_input_is_refused_in_words(tmp_path):
    tree = build_tree([ParameterBlock(name="H0", mean=70.0)])
    with pytest.raises(TypeError, match="result tree"):
        bj.report({"posterior": 1}, tmp_path / "a.html")
    with pytest.raises(FileNotFoundError, match=r"none\.nc"):
        bj.report(tmp_path / "none.nc", tmp_path / "a.html")
    with pytest.raises(FileNotFoundError, match="existing folder"):
        bj.report(tree, tmp_path / "missing" / "a.html")


def test_whole_report_of_a_field_survey_takes_seconds(tmp_path):
    tree = make_tree((15, 50, 50))
    start = time.process_time()
    bj.report(tree, tmp_path / "report.html")
    assert time.process_time() - start < 25  # about 4 s on a quiet core; processor time doubles on a shared one
    assert (tmp_path / "report.html").stat().st_size < 5e6


def test_the_answer_begins_with_chains_that_did_not_mix(tmp_path):
    slope = bj.Parameter("slope", 2, prior=bj.Focusing(2.0, epsilon=0.5, depth_exponent=0))
    line = bj.Modality("line", np.eye(2), [3.0, 1.0], bj.DiagonalNoise([1.0, 1.0]), "slope")
    post = bj.posterior(bj.JointProblem([slope], [line]), method="gibbs", draws=1000)
    assert post.mixing.passed
    mixed = flat(page(post.to_datatree(draws=50), tmp_path).text["answer"])
    assert "did not mix" not in mixed
    post.chains[0] += 3.0  # a chain stuck elsewhere
    post._keep(post.chains, "a stuck sampler", "Mend it.")
    stuck = flat(page(post.to_datatree(draws=50), tmp_path).text["answer"]).strip()
    assert stuck.startswith("What is down there? Do not use. ") and "How sure is it? Do not use. " in stuck
    assert "Do not use the numbers of this report: the Markov chains behind them did not mix." in stuck
    rhat, slowest, ess, rarest = post.mixing.worst
    assert f"R-hat is {rhat:.3f} ({slowest}; at most 1.01" in stuck
    assert f"({rarest}; at least 400" in stuck and ess < 400


def test_the_histogram_of_residuals_states_what_its_axis_leaves_out(tree, folder):
    wide = tree.copy(deep=True)
    predicted = wide["predictive_summary"]["gravity_mean"].values
    middle = tuple(n // 2 for n in predicted.shape)
    wide["observed_data"]["gravity"].values[middle] = predicted[middle] + 500 * wide["constant_data"][
        "gravity_noise_std"].values[middle]
    alts = [i["alt"] for i in page(wide, folder).images() if i["alt"].startswith("Histogram of residuals")]
    count = int(np.isfinite(wide["observed_data"]["gravity"].values).sum())
    assert re.search(rf"1 of {count} \(0\.\d+ %\) beyond ±[45], against", alts[0])
    assert re.search(r"none beyond ±[45], against", alts[1])
