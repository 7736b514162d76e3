"""What cannot be run is refused before anything is computed, with 2 and one line."""

import pytest

from bayesjoint.cli import main, run

from .surveys import CONFIG, write_pair

GEOLOGY = '\n[geology]\nfamily = "mixture"\n'
CASES = {
    "name é": ("[surveys.gravity]", '[surveys."é"]'), "name a b": ("[surveys.gravity]", '[surveys."a b"]'),
    "name _a": ("[surveys.gravity]", "[surveys._a]"), "name empty": ("[surveys.gravity]", '[surveys.""]'),
    "name station": ("[surveys.gravity]", "[surveys.station]"), "name draw": ("[surveys.gravity]", "[surveys.draw]"),
    "name of a parameter": ("[surveys.gravity]", "[surveys.density]"),
    "parameter chain": ("density", "chain"), "parameter upward": ("density", "upward"),
    "seed of 128 bits": ("seed = 3", f"seed = {2**100}"), "seed of 64 bits": ("seed = 3", f"seed = {2**63}"),
    "seed true": ("seed = 3", "seed = true"), "draws": ("draws = 3", "draws = 1000000000"),
    "chains": ("chains = 2", "chains = 1000000000"), "layers": ("layers = 3", "layers = 100001"),
    "padding": ("padding = 1", "padding = 100000"), "spacing": ("padding = 1", "padding = 1\nspacing = 1e-3"),
    "depth inf": ("depth = 400.0", "depth = inf"), "depth nan": ("depth = 400.0", "depth = nan"),
    "huge integer": ("depth = 400.0", f"depth = 1{'0' * 400}"), "std inf": ("std = 0.05", "std = inf"),
    "units": ("std = 0.05", 'std = 0.05\nunits = "furlong"'), "crs": ("std = 0.05", 'std = 0.05\ncrs = "EPSG:4326"'),
    "missing": ("std = 0.05", 'std = 0.05\nmissing = "-9999"'), "field": ("std = 0.05", "std = 0.05\nintensity = 5e4"),
    "format": ("std = 0.05", 'std = 0.05\nformat = "segy"'), "other format": (
        "std = 0.05", 'std = 0.05\nformat = "oasis"'),
    "missing list": ("std = 0.05", "std = 0.05\nmissing = [1.0, nan]"),
    "columns": ("std = 0.05", "std = 0.05\ncolumns = { data = 1.5 }"),
    "roles": ("std = 0.05", 'std = 0.05\ncolumns = { gravity = "g" }'),
    "variable": ("std = 0.05", 'std = 0.05\nvariable = "nothing"'), "file": ('"gravity.nc"', '"nothing.nc"'),
    "file with NUL": ('"gravity.nc"', '"a\\u0000b"'), "file a folder": ('"gravity.nc"', '"."'),
    "file too long": ('"gravity.nc"', f'"{"x" * 300}"'), "forward": ("std = 0.05", 'std = 0.05\nforward = "magic"'),
    "range": ("range = 200.0", "range = 90000.0"), "range list": ("range = 200.0", "range = [1.0, nan, 2.0]"),
    "spectral": ("[posterior]", '[posterior]\nmethod = "spectral"'),
    "gibbs": ("[posterior]", '[posterior]\nmethod = "gibbs"'),
    "bounds": ("range = 200.0\n\n[parameters.s", "range = 200.0\nlower = 0.0\n\n[parameters.s"),
    "coupling": ("correlation = 0.5", "correlation = nan"),
    "positive": ("chains = 2", "chains = 2" + GEOLOGY + "positive = [[1]]\n"),
    "geology std": ("chains = 2", "chains = 2" + GEOLOGY + "std = { density = inf, susceptibility = 1.0 }\n"),
    "shared": ("chains = 2", "chains = 2" + GEOLOGY + "shared = 1.5\n"), "control": ("seed = 3", "seed = 3\x00"),
}


@pytest.mark.parametrize(("old", "new"), CASES.values(), ids=CASES)
def test_it_is_refused_before_any_posterior(tmp_path, monkeypatch, capsys, old, new):
    config = write_pair(tmp_path)
    assert old in CONFIG
    text = CONFIG.replace(old, new) if old == "density" else CONFIG.replace(old, new, 1)
    if "lower" in new:
        text = text.replace("[posterior]", '[posterior]\nmethod = "dense"')
    config.write_text(text)
    monkeypatch.setattr(run, "solve", lambda *_: pytest.fail("a posterior was asked for"))
    monkeypatch.setattr(run, "fit_hyperparameters", lambda *_, **__: pytest.fail("a fit was asked for"))
    assert main(["run", str(config), "--out", str(tmp_path / "out"), "--quiet"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("bayesjoint: ") and said.count("\n") == 1, said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a = " + b"[" * 5000, b"a = 1\na = 2\n", b"seed = 3\x01", b""])
def test_what_is_no_toml_is_refused_on_one_line(tmp_path, capsys, content):
    (tmp_path / "run.toml").write_bytes(content)
    assert main(["run", str(tmp_path / "run.toml"), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_byte_order_mark_is_no_fault(tmp_path, monkeypatch):
    config = write_pair(tmp_path)
    config.write_text("\ufeff" + CONFIG, encoding="utf-8")
    monkeypatch.setattr(run, "report", lambda tree, path, title=None: path.write_text(title))
    assert main(["run", str(config), "--out", str(tmp_path / "out"), "--quiet"]) == 0
