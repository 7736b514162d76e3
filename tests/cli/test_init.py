"""`bayesjoint init`: two files of a contractor to a configuration, and on to a report."""

import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from bayesjoint import GravityOperator, MagneticOperator, Mesh, Survey
from bayesjoint.cli import _igrf, _init, main
from bayesjoint.cli._config import read_config
from bayesjoint.dataset import read_tree

from ..survey.formats.files import EAST, NORTH, oasis

FIELD = {"intensity": 52_000.0, "inclination": -60.0, "declination": 3.0}
NOISE = {"gravity": 0.05, "magnetic": 3.0}
STATED = ("--field", "52000", "-60", "3", "--height", "tmi=30")


def write_pair(folder, shape=(16, 18), stations=150):
    """gravity.csv (scattered) and tmi.grd (Oasis) over a dense, magnetic body."""
    ny, nx = shape
    mesh = Mesh.regular((6, ny, nx), (50.0, 25.0, 50.0), west=EAST[0] - 25.0, south=NORTH[0] - 12.5)
    body = np.zeros(mesh.shape)
    body[0:4, 5:11, 6:13] = 1.0
    rng = np.random.default_rng(4)
    inside = [rng.uniform(axis[0], axis[-1], stations) for axis in (mesh.easting, mesh.northing)]
    gravity = GravityOperator.at_stations(mesh, *inside, np.full(stations, 2.0)) @ (300.0 * body.ravel())
    gravity += NOISE["gravity"] * rng.standard_normal(stations)
    rows = [f"{x:.2f},{y:.2f},2.0,{g:.4f}" for x, y, g in zip(*inside, gravity, strict=True)]
    (folder / "gravity.csv").write_text("\n".join(["easting_m,northing_m,height_m,gravity_mGal", *rows]) + "\n")
    operator = MagneticOperator(mesh, mesh.easting, mesh.northing, 30.0, **FIELD)
    magnetic = operator.predict(0.03 * body) + NOISE["magnetic"] * rng.standard_normal(shape)
    (folder / "tmi.grd").write_bytes(oasis(magnetic))
    return folder / "gravity.csv", folder / "tmi.grd"


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return write_pair(tmp_path_factory.mktemp("pair"))


def made(pair, folder, *options):
    """Exit code of `init` and where it was to write."""
    out = folder / "survey.toml"
    return main(["init", *map(str, pair), "--out", str(out), *options]), out


def test_a_csv_and_an_oasis_grid_become_a_report_in_two_commands(pair, tmp_path, capsys):
    code, config = made(pair, tmp_path, *STATED)
    assert code == 0 and "fill in" not in capsys.readouterr().out
    assert main(["run", str(config), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "gravity.csv" in page and "tmi.grd" in page
    tree = read_tree(tmp_path / "out" / "posterior.nc")
    peak = tree["posterior_summary"]["density_mean"].isel(upward=-1)
    east, north = (float(peak[axis][peak.argmax(...)[axis]]) for axis in ("easting", "northing"))
    assert abs(east - EAST[0] - 450) < 180 and abs(north - NORTH[0] - 187) < 100


def test_what_is_proposed_is_near_what_made_the_data(pair, tmp_path, capsys):
    code, path = made(pair, tmp_path, *STATED)
    assert code == 0, capsys.readouterr().err
    config = read_config(path)
    for name, true in NOISE.items():
        found = float(config.surveys[name].std)
        error = float(re.search(rf"std: {found:g} ± (\S+) ", path.read_text("utf-8"))[1])
        assert abs(found - true) < 3 * error and error < 0.5 * true, name
    assert config.surveys["magnetic"].units == "nT" and config.surveys["gravity"].units is None
    assert config.surveys["magnetic"].height == 30.0 and config.surveys["magnetic"].inclination == -60.0
    assert 20 < config.parameters["density"].std < 300 and 0.002 < config.parameters["susceptibility"].std < 0.03
    assert 100 <= config.mesh.depth <= 300


def test_the_cost_is_said_without_and_with_the_ground_that_is_proposed(pair, tmp_path, capsys):
    code, path = made(pair, tmp_path, *STATED)
    said, text = capsys.readouterr().out, " ".join(path.read_text("utf-8").replace("\n#", "").split())
    assert code == 0 and "a run would take" in said
    for words in (said, text):
        assert "That is without [geology]; with the one proposed it is about " in words
    assert "refits = 99" in text and "then held" in text


def test_every_value_stands_under_a_reason(pair, tmp_path):
    code, path = made(pair, tmp_path, *STATED)
    lines = path.read_text("utf-8").splitlines()
    keys = [k for k, line in enumerate(lines) if re.match(r"\w+ = ", line)]
    assert code == 0 and len(keys) > 20
    for k in keys:
        above = k - 1
        while lines[above].startswith("#   "):
            above -= 1
        assert lines[above].startswith(f"# {lines[k].split(' =')[0]}: "), lines[k]
        assert len(" ".join(lines[above:k])) > len(lines[k].split(" =")[0]) + 12
    assert max(map(len, lines)) <= 120


def test_what_nobody_said_is_to_be_filled_in_and_run_refuses_until_then(pair, tmp_path, capsys):
    code, path = made(pair, tmp_path)
    assert code == 0
    wanted = ["surveys.magnetic.height", *(f"surveys.magnetic.{key}" for key in FIELD)]
    assert f"fill in {', '.join(wanted)}, then" in capsys.readouterr().out
    text = path.read_text("utf-8")
    for key, value in (("height", 30.0), *FIELD.items()):
        assert main(["run", str(path), "--out", str(tmp_path / "out"), "--quiet"]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and "surveys.magnetic" in said and not (tmp_path / "out").exists()
        text = text.replace(f"# {key} =\n", f"{key} = {value}\n")
        path.write_text(text, encoding="utf-8")
    assert main(["run", str(path), "--out", str(tmp_path / "out"), "--dry-run"]) == 0


@pytest.mark.parametrize("fits", [True, False])
def test_a_smooth_grid_does_not_tell_its_noise(tmp_path, capsys, monkeypatch, fits):
    """A fit begins from a start that says it is none of an estimate; without one it is to be filled in."""
    monkeypatch.setattr(_init, "_on_one_lattice", lambda *_: fits)
    monkeypatch.setattr(_init, "FIT_DATA", 10)
    x, y = np.meshgrid(np.linspace(-2, 2, 30), np.linspace(-2, 2, 26))
    data = 9.0 * np.exp(-x**2 - y**2)
    (tmp_path / "bouguer.grd").write_bytes(oasis(data))
    code, path = made([tmp_path / "bouguer.grd"], tmp_path, "--height", "0")
    text, said = path.read_text("utf-8"), capsys.readouterr().out
    table = tomllib.loads(text)["surveys"]["gravity"]
    assert code == 0 and f"fit = {str(fits).lower()}" in text
    if fits:
        assert "fill in surveys.gravity.units, then" in said and "a start and no estimate" in text
        assert 0.009 * data.std() <= table["std"] <= 0.051 * data.std()
    else:
        assert "fill in surveys.gravity.units, surveys.gravity.std, then" in said and "std" not in table
        assert "FILL IN std: the data do not tell it" in text


def test_one_file_with_two_quantities_gives_two_surveys(tmp_path, capsys):
    file = Path(__file__).parents[2] / "case_studies/kalgoorlie_window/data/kalgoorlie_small.nc"
    code, path = made([file], tmp_path, "--std", "0.3")
    assert code == 0, capsys.readouterr().err
    config = read_config(path)
    assert list(config.surveys) == ["gravity", "magnetic"] and config.coupling.kind == "coregionalization"
    assert config.mesh.padding == 5 and config.mesh.growth == 1.15 and 8e3 < config.mesh.depth < 16e3


REFUSED = {
    "no such file": (["nowhere.csv"], [], "FILES"),
    "twice": (["gravity.csv", "gravity.csv"], [], "FILES"),
    "no quantity": (["plain.grd"], [], "--quantity"),
    "unknown quantity": (["plain.grd"], ["--quantity", "sound"], "--quantity"),
    "bad height": (["tmi.grd"], ["--height", "tmi=high"], "--height"),
    "bad std": (["tmi.grd"], ["--std", "0"], "--std"),
    "bad column": (["gravity.csv"], ["--column", "data"], "--column"),
    "another column": (["gravity.csv"], ["--column", "data=g"], "gravity.csv"),
    "bad date": (["tmi.grd"], ["--date", "yesterday"], "--date"),
    "date without magnetics": (["gravity.csv"], ["--date", "2001-01-01"], "--date"),
    "date and field": (["tmi.grd"], ["--date", "2001-01-01", "--field", "1", "2", "3"], "--date"),
    "empty": (["empty.csv"], [], "empty.csv"),
    "no survey": (["words.csv"], [], "words.csv"),
    "a folder": (["."], [], "FILES"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_one_line_and_nothing_is_written(pair, tmp_path, monkeypatch, capsys, case):
    for path in pair:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "plain.grd").write_bytes(oasis())
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "words.csv").write_text("once,upon\na,time\n")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    files, options, named = REFUSED[case]
    assert main(["init", *files, *options]) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and named in said.err and said.out == ""
    assert sorted(tmp_path.iterdir()) == before


def test_what_is_there_is_kept_unless_it_is_said(pair, tmp_path, capsys):
    (tmp_path / "survey.toml").write_text("mine")
    code, path = made(pair, tmp_path)
    assert code == 2 and path.read_text() == "mine" and "--force" in capsys.readouterr().err
    assert made(pair, tmp_path, "--force")[0] == 0 and "[mesh]" in path.read_text("utf-8")


@pytest.mark.parametrize("out", ["folder", "none/survey.toml", "a\0b", "gravity.csv"])
def test_a_target_that_cannot_be_is_refused(pair, tmp_path, monkeypatch, capsys, out):
    (tmp_path / "folder").mkdir()
    (tmp_path / "gravity.csv").write_bytes(pair[0].read_bytes())
    monkeypatch.chdir(tmp_path)
    assert main(["init", "gravity.csv", "--out", out, "--force"]) == 2
    assert "--out" in capsys.readouterr().err and (tmp_path / "gravity.csv").read_bytes() == pair[0].read_bytes()


def test_a_date_and_a_place_give_the_inducing_field(pair, tmp_path):
    pytest.importorskip("ppigrf", reason="ppigrf, the extra 'igrf', is not installed")
    code, path = made(pair, tmp_path, "--height", "30", "--date", "1998-07-01", "--lonlat", "121.5", "-31")
    found = read_config(path).surveys["magnetic"]
    exact = Survey("magnetic", [1.0], [0.0], [0.0], 30.0).igrf("1998-07-01", 121.5, -31.0)
    assert code == 0 and found.intensity == pytest.approx(exact.intensity, abs=0.6)
    assert (found.inclination, found.declination) == pytest.approx((exact.inclination, exact.declination), abs=0.006)
    said = " ".join(path.read_text("utf-8").replace("\n#", "").split())
    assert ("IGRF at 121.5000° E, 31.0000° S, 30 m above the ellipsoid (the stations' mean height stands for it), on "
            "1998-07-01" in said)


@pytest.mark.parametrize(("missing", "options", "named"), [
    ("ppigrf", ("--lonlat", "121.5", "-31"), "pip install 'bayesjoint[igrf]'"), ("", (), "--crs EPSG:NUMBER"),
    ("pyproj", ("--crs", "EPSG:28351"), "pip install 'bayesjoint[igrf]'"),
    ("", ("--crs", "EPSG:4326"), "projected"), ("", ("--lonlat", "500", "0"), "--lonlat")])
def test_a_date_without_what_it_needs_is_refused(pair, tmp_path, monkeypatch, capsys, missing, options, named):
    pytest.importorskip("ppigrf", reason="ppigrf, the extra 'igrf', is not installed")
    if missing:
        monkeypatch.setitem(sys.modules, missing, None)
    code, path = made(pair, tmp_path, "--date", "1998-07-01", *options)
    said = capsys.readouterr().err
    assert code == 2 and not path.exists() and named in said and said.count("\n") == 1


def test_the_igrf_itself_is_that_of_the_place(tmp_path):
    """The data set of this place carries 58,014 nT, -64.7 and 0.9 degrees, of a year that is not stated."""
    pytest.importorskip("ppigrf")
    pytest.importorskip("pyproj")
    survey = Survey("magnetic", [1.0, 1.0], [360e3, 392e3], [6535e3, 6566e3], 0.0, crs="EPSG:28351")
    found, how = _igrf.field_at("1995-06-01", [survey], None)
    assert "at 121.6988° E, 31.1730° S, 0 m above the ellipsoid" in how
    assert "over the surveys it differs by up to 7" in how
    assert abs(found[0] - 58_014) < 700 and abs(found[1] + 64.7) < 1.5 and abs(found[2] - 0.9) < 1.0


def test_stations_at_elevations_have_the_ground_below_them(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 20_000, (2, 300))
    rows = [f"{a:.1f},{b:.1f},{350 + 60 * np.sin(a / 4000):.1f},{rng.normal(0, 1):.3f}"
            for a, b in zip(x, y, strict=True)]
    (tmp_path / "g.csv").write_text("\n".join(["x_m,y_m,elevation_m,bouguer_mgal", *rows]) + "\n")
    code, path = made([tmp_path / "g.csv"], tmp_path)
    config = read_config(path)
    assert code == 0 and 280 <= config.mesh.top <= 295 and 500 < config.mesh.spacing < 2500
    assert main(["run", str(path), "--dry-run"]) == 0


def test_what_a_name_leaves_open_is_said_by_options(pair, tmp_path):
    (tmp_path / "plain.grd").write_bytes(pair[1].read_bytes())
    (tmp_path / "odd.csv").write_text(pair[0].read_text().replace("gravity_mGal", "v1"))
    code, path = made([tmp_path / "plain.grd", tmp_path / "odd.csv"], tmp_path, *STATED[:4],
                      "--quantity", "plain=magnetic", "--quantity", "odd.csv=gravity", "--column", "odd=data=v1",
                      "--units", "odd=um/s2", "--units", "plain=nT", "--height", "plain=40", "--std", "odd=0.5")
    surveys = read_config(path).surveys
    assert code == 0 and surveys["gravity"].columns == {"data": "v1"} and surveys["gravity"].units == "um/s2"
    assert surveys["magnetic"].height == 40.0 and surveys["gravity"].height is None and surveys["gravity"].std == 0.5


def test_the_beginning_of_a_file_s_name_will_do(pair, tmp_path, capsys):
    code, path = made(pair, tmp_path, *STATED[:4], "--height", "grav=25", "--height", "TM=40")
    surveys = read_config(path).surveys
    assert code == 0 and (surveys["gravity"].height, surveys["magnetic"].height) == (25.0, 40.0)
    assert made(pair, tmp_path, "--height", "other=25", "--force")[0] == 2
    assert "gravity, tmi" in capsys.readouterr().err
