"""A grid that was written as a table: told from scattered stations, and placed without a datum changed."""

import numpy as np
import pytest

from bayesjoint import Survey, read_survey
from bayesjoint.survey import on_lattice

RNG = np.random.default_rng(7)
NORTHING, EASTING = np.meshgrid(6.5e6 + 50.0 * np.arange(9), 4e5 + 50.0 * np.arange(12), indexing="ij")
DATA = RNG.normal(size=NORTHING.shape)


def stations(keep=None, easting=EASTING, upward=30.0):
    keep = RNG.permutation(DATA.size) if keep is None else keep
    up = upward if np.ndim(upward) == 0 else upward.ravel()[keep]
    return Survey("gravity", DATA.ravel()[keep], easting.ravel()[keep], NORTHING.ravel()[keep], up)


@pytest.mark.parametrize("missing", [0, 5])
def test_shuffled_nodes_are_placed_each_with_its_own_datum(missing):
    keep = RNG.permutation(DATA.size)[missing:]
    survey = stations(keep)
    grid = on_lattice(survey)
    assert grid.shape == DATA.shape and int(grid.observed.sum()) == DATA.size - missing
    np.testing.assert_array_equal(grid.data.ravel()[keep], DATA.ravel()[keep])
    assert "on a 9 x 12 lattice, see to_grid()" in repr(survey) and "9 x 12 grid" in repr(grid)
    assert "lattice" in survey._repr_html_() and "lattice" not in repr(grid)


NOT = {
    "scattered": lambda: stations(easting=EASTING + RNG.uniform(-9, 9, EASTING.shape)),
    "one node off": lambda: stations(easting=EASTING + np.where(np.arange(DATA.size).reshape(DATA.shape) == 40, 9, 0)),
    "uneven steps": lambda: stations(easting=EASTING + np.where(EASTING > 4.003e5, 20.0, 0.0)),
    "few of many": lambda: stations(RNG.permutation(DATA.size)[:20]),
    "two rows": lambda: stations(np.arange(24)),
    "twice": lambda: stations(np.r_[np.arange(DATA.size), 3]),
    "relief with holes": lambda: stations(np.arange(DATA.size - 4), upward=30.0 + DATA),
}


@pytest.mark.parametrize("case", NOT)
def test_what_is_no_lattice_stays_scattered(case):
    survey = NOT[case]()
    assert on_lattice(survey) is None and "lattice" not in repr(survey)


def test_what_is_read_stays_as_it_was_written(tmp_path):
    survey = stations()
    np.savetxt(tmp_path / "g.csv", np.column_stack([survey.easting, survey.northing, survey.data]), delimiter=",",
               header="x,y,gravity_mGal", comments="")
    read = read_survey(tmp_path / "g.csv", "gravity", height=30.0)
    assert not read.is_grid and on_lattice(read).is_grid
