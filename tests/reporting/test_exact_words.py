"""Figures as a reader wants them: digits that cells have, one exponent, no line that ends within a quantity."""

import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

import bayesjoint as bj
from bayesjoint import plot
from bayesjoint._shown import ordinal
from bayesjoint.engines.iterative import _share
from bayesjoint.reporting import _agreement as accord
from bayesjoint.reporting._targets import cell_of
from bayesjoint.reporting._tied import tied_page
from bayesjoint.reporting._words import place, place_digits, within

NOW = "\N{NO-BREAK SPACE}"
TABLES = Path(accord.__file__).with_name("tables.js")


def test_value_and_error_have_one_exponent():
    assert within(4.22e11, 3.5e10, "A m2", sign=True) == "(+4.22 ± 0.35) × 10¹¹ A m²"
    assert within(-5.55e9, 1.2e9, "A m2", sign=True, before="at most ") == "(−5.55 ± at most 1.2) × 10⁹ A m²"
    assert within(2e-5, 3e-3) == "(0.0200 ± 3.0) × 10⁻³"
    assert within(203.4, 25.2, "kg/m3", sign=True) == "+203 ± 25 kg/m³" and within(1.0, np.nan) == "1.00"


def test_tables_sort_by_values_that_share_an_exponent(tmp_path):
    script = tmp_path / "leading.js"
    told = ["(+4.22 ± 0.35) × 10¹¹ A m²", "(−5.55 ± at most 1.2) × 10⁹ A m²", "−5,070 ± 470 Mt", "1.5 × 10⁻⁷",
            "5 (a 3)"]
    head = TABLES.read_text(encoding="utf-8").split("function groupsOf")[0]
    script.write_text(f"{head}\nconsole.log(JSON.stringify({told!r}.map(leading)))", encoding="utf-8")
    try:
        ran = subprocess.run(["node", str(script)], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.skip("there is no node")
    np.testing.assert_allclose(np.array(eval(ran.stdout)), [4.22e11, -5.55e9, -5070.0, 1.5e-7, 5.0])


def test_places_have_the_digits_that_cells_have():
    assert [place_digits(cell, 1000.0) for cell in (2000.0, 1000.0, 250.0, 100.0, 10.0)] == [0, 1, 1, 2, 3]
    p = SimpleNamespace(scale=(1000.0, "km"), beneath=True, cell=1000.0,
                        place={"depth": 690.0, "easting": 450e3, "northing": 7749.5e3})
    assert place(p) == "0.69 km deep at easting 450.0 km, northing 7749.5 km"
    assert cell_of(bj.Mesh.regular((2, 3, 4), (100.0, 300.0, 200.0))) == 200.0


def test_no_line_ends_within_a_quantity():
    page = '<script>a = "5 %"</script><p title="5 %">90 % of 3 km, 5\n± 2 Mt</p><pre>5 %</pre>'
    wanted = page.replace(">90 % of 3 km", f">90{NOW}% of 3{NOW}km").replace("± 2 Mt", f"±{NOW}2{NOW}Mt")
    assert tied_page(page) == wanted


def test_shares_and_ordinals():
    assert [_share(e) for e in (0.0, 5e-5, 0.00022, 0.0123)] == ["0 %", "below 0.01 %", "0.022 %", "1.2 %"]
    assert [ordinal(k) for k in (2, 3, 4, 11, 12, 13, 21, 22, 103)] == [
        "second", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "103rd"]


def test_data_on_one_side_of_zero_use_the_whole_scale():
    assert plot.kind_of_data([-3.0, 48.0]) == "level" == plot.kind_of_data([-48.0, np.nan, 3.0])
    assert plot.kind_of_data([-1075.0, 5036.0]) == "diverging" == plot.kind_of_data([0.0, 0.0])
    values = np.linspace(-3.0, 48.0, 12).reshape(3, 4)
    axes = {"easting": np.arange(4) * 1e3, "northing": np.arange(3) * 1e3}
    drawn = plot.data(values, "gravity", ax=Figure().add_subplot(), **axes).images[0]
    assert drawn.get_clim() == (-3.0, 48.0) and drawn.get_cmap().name == "viridis"
    shared = plot.data(values, "gravity", ax=Figure().add_subplot(), limits=(-60.0, 60.0), **axes).images[0]
    assert shared.get_clim() == (-60.0, 60.0) and shared.get_cmap().name == "RdBu_r"
    values[0, 0] = 1e5  # one odd value does not bleach a map
    wide = np.append(np.linspace(10.0, 48.0, 5000), 1e5)
    assert plot.norm_for("level", wide).vmax < 50.0


@pytest.mark.parametrize(("kind", "p", "said"), [
    ("cannot say", 1e-3, "S finds a and b in conflict all the same"), ("agree", 0.4, ""),
    ("disagree", 0.4, "S finds nothing unusual all the same"), ("disagree", 1e-3, "S says the same as the verdict")])
def test_how_suspiciousness_stands_to_the_verdict(kind, p, said):
    level = bj.Parameter("level", 1, prior=bj.GaussianPrior(0.0, 1e4))
    rows = {"a": 0.0, "b": 9.0}
    surveys = [bj.Modality(k, [[1.0]], [d], bj.DiagonalNoise([1.0]), "level") for k, d in rows.items()]
    found = bj.conflict_matrix(bj.JointProblem([level], surveys))
    found["suspiciousness_p_value"][:] = p
    suite = xr.Dataset(attrs={"kind": kind, "level": 0.05})
    told = accord.matrix(xr.DataTree.from_dict({"/agreement_matrix": found, "/agreement": suite}))["sentences"]
    assert told[0].endswith("R and S decide nothing in it.") and len(told) == 1 + bool(said)
    assert not said or told[1].startswith(said)
