"""`bayesjoint init` on files as they come: units in comments, decimal commas, grids as tables, noise unsaid."""

import re
import tomllib

import numpy as np
import pytest

from bayesjoint import GravityOperator, MagneticOperator, Mesh
from bayesjoint.cli import _init, main
from bayesjoint.cli._config import read_config
from bayesjoint.cli.run import read_surveys

FIELD = {"intensity": 48_000.0, "inclination": -55.0, "declination": 3.0}
STATED = ("--height", "tmi=60", "--field", "48000", "-55", "3")
MESH = Mesh.regular((4, 16, 18), (100.0, 100.0, 100.0), west=500e3, south=6.5e6)
BODY = np.zeros(MESH.shape)
BODY[1:3, 6:10, 7:12] = 1.0


def comma(*values):
    return ";".join(f"{v:.3f}".replace(".", ",") for v in values)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """gravity.csv in µm/s², cp1252, with decimal commas; tmi.csv, a shuffled grid with three nodes missing."""
    out, rng = tmp_path_factory.mktemp("messy"), np.random.default_rng(8)
    east, north = 500e3 + rng.uniform(100, 1700, 110), 6.5e6 + rng.uniform(100, 1500, 110)
    gravity = GravityOperator.at_stations(MESH, east, north, np.full(110, 1.0)) @ (600.0 * BODY.ravel())
    gravity = 10.0 * (gravity + rng.normal(0, 0.02, 110))
    rows = ["# Schwere, gravity in µm/s²", "Easting;Northing;Elevation;Gravity"]
    rows += [comma(*row) for row in zip(east, north, np.ones(110), gravity, strict=True)]
    (out / "gravity.csv").write_bytes("\r\n".join(rows).encode("cp1252"))
    operator = MagneticOperator(MESH, MESH.easting, MESH.northing, 60.0, **FIELD)
    tmi = operator.predict(0.03 * BODY) + rng.normal(0, 3.0, operator.data_shape)
    n, e = np.meshgrid(MESH.northing, MESH.easting, indexing="ij")
    nodes = np.column_stack([e.ravel(), n.ravel(), tmi.ravel()])[rng.permutation(tmi.size)[3:]]
    np.savetxt(out / "tmi.csv", nodes, fmt="%.2f", delimiter=",", header="x,y,tmi", comments="")
    return out


def made(folder, target, *options, files=("gravity.csv", "tmi.csv")):
    out = target / "survey.toml"
    return main(["init", *(str(folder / name) for name in files), "--out", str(out), *options]), out


def reason(text, key, table):
    """The comment above a key of a table, as one line."""
    part = text[text.index(f"[{table}]"):]
    return " ".join(re.search(rf"((?:# .*\n)+)(?:# )?{key} =", part)[1].replace("#", "").split())


def test_units_of_a_comment_are_written_with_where_they_stood_and_figures(folder, tmp_path, capsys):
    code, path = made(folder, tmp_path, *STATED)
    assert code == 0
    text, said = path.read_text("utf-8"), capsys.readouterr().out
    assert tomllib.loads(text)["surveys"]["gravity"]["units"] == "µm/s²"
    why = reason(text, "units", "surveys.gravity")
    assert "as the file says: line 1, 'Schwere, gravity in µm/s²'" in why
    assert re.search(r"The middle 96 % of the data span 1\.\d+ mGal over 1\.\d+ km, taken for µm/s²", why)
    assert "line 1, 'Schwere, gravity in µm/s²'" in said and "warning" not in said


def test_wrong_units_are_said_by_init(folder, tmp_path, capsys):
    big = tmp_path / "big.csv"
    text = (folder / "gravity.csv").read_bytes().decode("cp1252")
    big.write_text("\n".join(line if k < 2 else re.sub(r"[\d,.-]+$", lambda m: comma(
        float(m[0].replace(",", ".")) * 3), line) for k, line in enumerate(text.splitlines())), encoding="utf-8")
    code, path = made(tmp_path, tmp_path, "--units", "mGal", files=["big.csv"])
    said = capsys.readouterr().out
    assert code == 0 and "warning: gravity data span" in said and "In um/s2 they would span" in said
    assert "in um/s2 they would span" in reason(path.read_text("utf-8"), "units", "surveys.gravity")
    code, path = made(tmp_path, tmp_path, "--units", "gal", "--force", files=["big.csv"])
    said = capsys.readouterr().err
    assert code == 2 and "data must be anomalies below 10000 mGal" in said and "Give --units" in said


def test_a_grid_written_as_a_table_is_placed_by_a_key_that_run_honours(folder, tmp_path, capsys):
    code, path = made(folder, tmp_path, *STATED)
    assert code == 0 and "to_grid = true: the 285 stations are nodes of a 16 x 18" in capsys.readouterr().out
    text = path.read_text("utf-8")
    assert "3 of them without a station: gaps" in reason(text, "to_grid", "surveys.magnetic")
    grid = read_surveys(read_config(path))["magnetic"]
    assert grid.shape == (16, 18) and int(grid.observed.sum()) == 285
    path.write_text(text.replace("to_grid = true", "to_grid = false"), encoding="utf-8")
    plain = read_surveys(read_config(path))["magnetic"]
    assert not plain.is_grid and plain.size == 285
    place = {key: value for *key, value in zip(plain.easting, plain.northing, plain.data, strict=True) for key in [
        tuple(key)]}
    east, north, _ = grid.coordinates()
    seen = grid.observed.ravel()
    assert [place[key] for key in zip(east[seen], north[seen], strict=True)] == list(grid.data.ravel()[seen])


def test_the_forward_operator_of_a_placed_table_is_the_fast_one(folder, tmp_path, capsys):
    _, path = made(folder, tmp_path, *STATED, files=["tmi.csv"])
    assert main(["run", str(path), "--dry-run"]) == 0
    assert "lattice operator (FFT), gaps left out" in capsys.readouterr().out
    path.write_text(path.read_text("utf-8").replace("to_grid = true", "to_grid = false\n").replace(
        "[mesh]", "[mesh]\nspacing = 100.0"), encoding="utf-8")
    assert main(["run", str(path), "--dry-run"]) == 0
    assert "prism sums at the stations" in capsys.readouterr().out


def test_scattered_stations_are_not_placed(folder, tmp_path, capsys):
    code, path = made(folder, tmp_path, files=["gravity.csv"])
    assert code == 0 and "to_grid" not in path.read_text("utf-8")
    path.write_text(path.read_text("utf-8").replace('kind = "gravity"', 'kind = "gravity"\nto_grid = true'),
                    encoding="utf-8")
    assert main(["run", str(path), "--dry-run"]) == 2
    assert "surveys.gravity.to_grid: the stations must lie one to a node" in capsys.readouterr().err


def test_stations_measured_again_give_the_noise(tmp_path):
    rng = np.random.default_rng(9)
    east, north = np.repeat(rng.uniform(0, 2000, (2, 60)), 2, axis=1)
    data = np.sin(east / 300) + 0.05 * rng.standard_normal(120)
    np.savetxt(tmp_path / "g.csv", np.column_stack([east, north, data]), fmt="%.4f", delimiter=",",
               header="x,y,gravity_mGal", comments="")
    code, path = made(tmp_path, tmp_path, "--height", "0", files=["g.csv"])
    text = path.read_text("utf-8")
    assert code == 0 and "by 60 repeats: stations within 1 m of each other" in reason(text, "std", "surveys.gravity")
    assert abs(tomllib.loads(text)["surveys"]["gravity"]["std"] - 0.05) < 0.015


def test_noise_that_no_instrument_has_asks_for_the_units(tmp_path):
    rng = np.random.default_rng(12)
    east, north = np.repeat(rng.uniform(0, 90_000, (2, 60)), 2, axis=1)
    data = 60 * np.sin(east / 20_000) + 4 * rng.standard_normal(120)
    np.savetxt(tmp_path / "g.csv", np.column_stack([east, north, data]), fmt="%.4f", delimiter=",",
               header="x,y,gravity", comments="")
    for units, doubt in (("mGal", True), ("um/s2", False)):
        _, path = made(tmp_path, tmp_path, "--height", "0", "--units", units, "--force", files=["g.csv"])
        why = reason(path.read_text("utf-8"), "std", "surveys.gravity")
        assert ("is mostly 0.001 to 3 mGal: are the units right?" in why) == doubt


@pytest.mark.parametrize("fits", [True, False])
def test_few_stations_have_a_start_for_a_fit_and_else_a_line_to_fill_in(tmp_path, monkeypatch, fits):
    if not fits:
        monkeypatch.setattr(_init, "FIT_DATA", 5)
    rng = np.random.default_rng(10)
    np.savetxt(tmp_path / "g.csv", rng.uniform(0, 2000, (40, 3)) * [1, 1, 0.001], fmt="%.4f", delimiter=",",
               header="x,y,gravity_mGal", comments="")
    _, path = made(tmp_path, tmp_path, "--height", "0", files=["g.csv"])
    text = path.read_text("utf-8")
    table = tomllib.loads(text)["surveys"]["gravity"]
    why = reason(text, "std", "surveys.gravity")
    assert ("std" in table) == fits and ("FILL IN" not in why) == fits
    assert not fits or ("a start and no estimate (5 % of the data's own std)" in why and "fit = true" in why)


def test_every_line_to_be_filled_in_is_named_at_once(folder, tmp_path, capsys):
    _, path = made(folder, tmp_path)
    capsys.readouterr()
    assert main(["run", str(path), "--dry-run"]) == 2
    said, lines = capsys.readouterr().err, path.read_text("utf-8").splitlines()
    for key in ("height", *FIELD):
        number = lines.index(f"# {key} =") + 1
        assert f"surveys.magnetic.{key} (line {number})" in said
    assert said.count("\n") == 1 and "FILL IN" in said


def test_a_value_behind_its_mark_is_said_and_what_another_key_gives_is_not_asked_for(folder, tmp_path, capsys):
    _, path = made(folder, tmp_path, *STATED[2:])
    text = path.read_text("utf-8")
    path.write_text(text.replace("# height =", "# height = 60"), encoding="utf-8")
    assert main(["run", str(path), "--dry-run"]) == 2
    assert re.search(r"surveys\.magnetic\.height \(line \d+, still behind its #\): FILL IN", capsys.readouterr().err)
    std = re.search(r"\[surveys.magnetic\][^\[]*?(# std: (?:.*\n)+?std = .*\n)", text)[1]
    for given, code in (("", 2), ("relative_std = 0.02\nfloor_std = 0.02\n", 0)):
        path.write_text(text.replace("# height =", "height = 60.0").replace(
            std, f"{given}# FILL IN std: not known\n# std =\n"), encoding="utf-8")
        assert main(["run", str(path), "--dry-run"]) == code
        assert ("surveys.magnetic.std (line" in capsys.readouterr().err) == (code == 2)
