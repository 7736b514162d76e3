"""Ranked targets: which cells count, with what chance, how deep, how much; and when nothing may be said."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import norm

import bayesjoint as bj
from bayesjoint import Mesh
from bayesjoint.dataset import Approximation, ParameterBlock, build_tree
from bayesjoint.reporting._chances import chance_of
from bayesjoint.reporting._targets import targets

from ..trees import make_tree
from .viewed import GAUSSIAN

MESH = Mesh.regular((4, 6, 8), (50.0, 100.0, 100.0))
BODY, SMALL = np.s_[1:3, 1:3, 2:4], np.s_[2, 4, 6]


def made(mean, std=10.0, kind=GAUSSIAN, half=None, mesh=MESH, draws=None, **block):
    """A tree of one density with prior 0 ± 40 and the means given."""
    std = np.broadcast_to(std, mesh.shape).astype(float)
    half = 1.6448536 * std if half is None else half
    about = {"probability": 0.9, "kind": kind}
    options = {"mean_error": 0.0, "std_error": 0.0} | block
    approximations = options.pop("approximations", ())
    density = ParameterBlock(name="density", dims=mesh.dims, coords=mesh.coords(), mean=mean, std=std, units="kg/m3",
                             edges={d: getattr(mesh, f"{d}_edges") for d in mesh.dims}, prior_mean=0.0, prior_std=40.0,
                             draws=draws, intervals={"": (mean - half, mean + half, about)}, **options)
    return build_tree([density], approximations=approximations)


def two_bodies(size=100.0, small=-90.0):
    mean = np.zeros(MESH.shape)
    mean[BODY], mean[SMALL] = size, small
    return mean


def words_of(path):
    """A page without what holds its quantities together."""
    return path.read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")


def test_bodies_have_their_place_size_and_chance():
    found = targets(made(two_bodies(small=-53.0)))
    first, second = found["rows"]
    assert (first["side"], first["cells"], first["beyond"]) == ("above", 8, "+40.0 kg/m³")
    assert first["chance"] == "over 99 % (Gaussian, stated prior)" and first["volume"] == pytest.approx(8 * 5e5)
    assert first["top"] == "50.0 m" and first["centre"] == "100 m" and first["place"] == "300, 200 m"
    assert first["amount"].startswith("+0.400 ± at most 0.040 Mt")
    assert first["mean"] == "+100 ± at most 10 kg/m³" and first["reach"] == "50.0 to 150 m" and first["sure"]
    assert (second["side"], second["cells"], second["beyond"]) == ("below", 1, "−40.0 kg/m³")
    assert second["value"] == pytest.approx(norm.cdf(1.3)) and second["chance"] == "90 % (Gaussian, stated prior)"
    assert second["cell"] == "2 4 6"


def test_a_cell_less_sure_than_ninety_percent_is_no_target():
    assert [row["side"] for row in targets(made(two_bodies(small=-52.0)))["rows"]] == ["above"]


def test_the_error_of_mean_and_std_lowers_the_chance():
    mean = two_bodies(small=-54.0)
    assert len(targets(made(mean))["rows"]) == 2
    off = targets(made(mean, mean_error=2.0))["rows"]
    assert len(off) == 1
    chance = chance_of(made(two_bodies(small=-60.0), mean_error=2.0), "density", -1)
    assert chance.error[SMALL] == pytest.approx(norm.pdf(2.0) * 0.2)


def test_an_interval_that_is_not_gaussian_gives_limits_only():
    half = np.full(MESH.shape, 30.0)
    for kind, least in (("recalibrated on bodies, equal-tailed", 0.95), ("recalibrated on bodies, shortest", 0.9)):
        rows = targets(made(two_bodies(), kind=kind, half=half))["rows"]
        assert [row["side"] for row in rows] == ["above", "below"]
        assert rows[0]["value"] == pytest.approx(least) and rows[0]["chance"] == (
            f"{100 * least:.0f} % or more (simulated worlds)")
        assert rows[0]["top"] == "50.0 m"  # above it 0 ± 30 rules 40 out
    wide = targets(made(two_bodies(), kind=kind, half=np.where(two_bodies() == 0, 50.0, 30.0)))["rows"]
    assert wide[0]["top"] == "0 to 50.0 m"  # above it 0 ± 50 does not


def test_the_mass_s_error_is_that_of_the_sum():
    rng = np.random.default_rng(0)
    common = rng.standard_normal((4, 200, 1, 1, 1))
    draws = two_bodies() + 6.0 * common + 8.0 * rng.standard_normal((4, 200, *MESH.shape))
    found = targets(made(two_bodies(), draws=draws))
    total, error = re.match(r"\+([\d.]+) ± ([\d.]+) Mt", found["rows"][0]["amount"]).groups()
    assert float(total) == pytest.approx(8 * 5e5 * 100 / 1e9)
    wanted = 5e5 * np.sqrt(64 * 36 + 8 * 64) / 1e9
    assert float(error) == pytest.approx(wanted, rel=0.1)
    assert any("over 800 posterior draws, itself known to 2.5 %" in note for note in found["notes"])


def test_the_mass_agrees_with_the_functional_of_the_posterior():
    mesh = Mesh.regular((2, 5, 5), (100.0, 100.0, 100.0))
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=40.0, range=300.0))
    data = np.zeros(mesh.shape)
    data[1, 1:3, 1:3] = 200.0
    cells = bj.Modality("cells", np.eye(mesh.size), data.ravel(), bj.DiagonalNoise(np.full(mesh.size, 20.0)), "density")
    post = bj.posterior(bj.JointProblem([density], [cells]))
    tree = post.to_datatree(draws=200, chains=4, seed=0)
    row = targets(tree)["rows"][0]
    mean = post.mean()["density"]
    z = (mean - 40.0) / post.std()["density"]
    inside = norm.cdf(z) >= 0.9
    assert row["cells"] == inside.sum()
    weights = np.where(inside, 1e6, 0.0)
    total, error = (float(v) for v in re.match(r"\+([\d.]+) ± ([\d.]+) Mt", row["amount"]).groups())
    assert total == pytest.approx((weights * mean).sum() / 1e9, rel=6e-3)
    wanted = (weights * post.covariance_product({"density": weights})["density"]).sum()
    assert error == pytest.approx(np.sqrt(wanted) / 1e9, rel=0.1)


def test_bodies_cut_by_the_survey_or_the_mesh_are_said_to_be(tmp_path):
    mean = np.zeros(MESH.shape)
    mean[0, 2, 2], mean[2, 0, 5] = 100.0, 100.0
    notes = {row["cell"]: row["note"] for row in targets(made(mean))["rows"]}
    assert notes == {"0 2 2": "reaches the bottom of the mesh", "2 0 5": "cut at the edge of the stations"}
    text = words_of(bj.report(made(mean), tmp_path / "report.html"))
    assert all(f"above +40.0 kg/m³; {note}</td>" in text for note in notes.values())


def test_larger_bodies_come_first_among_equally_sure_ones_and_all_are_counted(monkeypatch):
    monkeypatch.setattr("bayesjoint.reporting._targets.SHOWN", 1)  # of a property
    found = targets(made(two_bodies()))
    assert found["count"] == 2 and [row["cells"] for row in found["rows"]] == [8]


@pytest.mark.parametrize("step", [(1, 0, 1), (0, 1, 1), (1, 1, 1), (0, 0, 1)])
def test_cells_that_touch_by_an_edge_or_a_corner_are_one_body(step):
    mean = np.zeros(MESH.shape)
    cell = np.array([1, 2, 2])
    mean[tuple(cell)] = mean[tuple(cell + step)] = 100.0
    mean[1, 2, 5] = 100.0  # two cells away
    assert sorted(row["cells"] for row in targets(made(mean))["rows"]) == [1, 2]


def both(*properties):
    """A tree of properties (name, units, mean, half a width of simulated worlds' intervals, prior std)."""
    blocks = []
    for name, units, mean, half, prior in properties:
        std = np.full(MESH.shape, prior / 4)
        about = {"probability": 0.9, "kind": "recalibrated on bodies, shortest"}
        plain = about | {"kind": GAUSSIAN}
        blocks.append(ParameterBlock(
            name=name, dims=MESH.dims, coords=MESH.coords(), mean=mean, std=std, units=units, prior_mean=0.0,
            edges={d: getattr(MESH, f"{d}_edges") for d in MESH.dims}, prior_std=prior, mean_error=0.0, std_error=0.0,
            intervals={"": (mean - half, mean + half, about), "gaussian": (mean - std, mean + std, plain)}))
    return build_tree(blocks)


def test_a_property_without_sure_cells_has_candidates_called_unsure():
    mean = np.zeros(MESH.shape)
    mean[BODY] = 0.045
    tree = both(("density", "kg/m3", two_bodies(), 20.0, 40.0), ("susceptibility", "SI", mean, 0.05, 0.04))
    found = targets(tree)
    assert [(row["property"], row["sure"]) for row in found["rows"]] == [
        ("density", True), ("density", True), ("susceptibility", False)]
    row = found["rows"][-1]
    assert row["cells"] == 8 and row["beyond"] == "+0.0400 SI"
    assert row["chance"] == f"{100 * norm.cdf(0.5):.0f} % (Gaussian, stated prior); 10 to 90 % (simulated worlds)"
    assert found["counts"] == {"density": 2, "susceptibility": 0}
    assert found["largest"]["density"]["cells"] == 8 and found["largest"]["susceptibility"] == row
    assert any("susceptibility: no cell under the stations is sure" in note.lower() for note in found["notes"])


def test_candidates_are_sought_at_half_a_standard_deviation_where_none_is_beyond_one():
    mean = np.zeros(MESH.shape)
    mean[BODY] = 0.025
    row = targets(both(("susceptibility", "SI", mean, 0.05, 0.04)))["rows"][0]
    assert row["beyond"] == "+0.0200 SI" and row["cells"] == 8 and not row["sure"]
    assert not targets(both(("susceptibility", "SI", 0.5 * mean, 0.05, 0.04)))["rows"]


def test_every_property_has_its_place_in_the_list(monkeypatch):
    monkeypatch.setattr("bayesjoint.reporting._targets.SHOWN", 1)
    tree = both(("density", "kg/m3", two_bodies(), 20.0, 40.0),
                ("susceptibility", "SI", 1e-3 * two_bodies(), 0.02, 0.04))
    found = targets(tree)
    assert [row["property"] for row in found["rows"]] == ["density", "susceptibility"] and found["count"] == 4


def test_air_is_no_target_and_depths_count_from_the_ground():
    active = np.ones(MESH.shape, bool)
    active[3, :, 2:4] = False
    mesh = MESH.with_active(active)
    mean = np.where(active, two_bodies(), np.nan)
    std = np.where(active, 10.0, np.nan)
    row = targets(made(mean, std, mesh=mesh, ground=active, mean_error=np.where(active, 0.0, np.nan),
                       std_error=np.where(active, 0.0, np.nan)))["rows"][0]
    assert row["top"] == "0 m" and row["cells"] == 8


def test_nothing_is_said_where_no_chance_is_justified():
    doubtful = Approximation(name="Laplace", status="not validated", statement="")
    found = targets(made(two_bodies(), approximations=[doubtful]))
    assert not found["rows"] and "not validated" in found["why"]
    bounded = made(two_bodies(), bounds={"lower": np.full(MESH.shape, -200.0)})
    assert chance_of(bounded, "density", 1) is None
    tree = make_tree((6, 24, 26))  # holds no intervals
    assert targets(tree) is None


def test_a_fit_that_contradicts_prior_or_noise_is_held_against_the_chances():
    fits = [SimpleNamespace(name="gravity_b", verdict="more loosely than"),
            SimpleNamespace(name="a", verdict="as expected")]
    notes = targets(made(two_bodies()), fits)["notes"]
    assert any("The fit of gravity b says" in note for note in notes)
    assert not any("The fit of" in note for note in targets(made(two_bodies()), fits[1:])["notes"])


def test_the_page_lists_them(tmp_path):
    text = words_of(bj.report(made(two_bodies()), tmp_path / "report.html"))
    section = re.search(r'<section id="targets".*?</section>', text, re.S)[0]
    assert section.count("<tr>") == 3 and "40.0 kg/m³ for density" in section and "real ground was not asked" in section
    text = bj.report(made(np.zeros(MESH.shape)), tmp_path / "report.html").read_text(encoding="utf-8")
    assert "None: no cell under the stations is that sure, or more likely than not." in text


def test_volumes_of_a_table_have_one_unit():
    rows = targets(made(two_bodies()))["rows"]
    assert [row["volume_words"] for row in rows] == ["4,000,000 m³", "500,000 m³"]
    wide = Mesh.regular(MESH.shape, (200.0, 300.0, 300.0))
    rows = targets(made(two_bodies(), mesh=wide))["rows"]
    assert [row["volume_words"] for row in rows] == ["0.144 km³", "0.0180 km³"]
