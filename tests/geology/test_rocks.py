"""Rock tables against the numbers of their samples, closed forms and simulation."""

from types import SimpleNamespace

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.geology._rocks import CUT

from ..refusals import refused

TABLE = bj.RockTable([
    bj.RockUnit("granite", 2650.0, 50.0, 0.001, 1.2, correlation=0.5, share=3, samples=25),
    bj.RockUnit("gabbro", 3000.0, 90.0, 0.02, 0.8, share=1, samples=9),
])


def samples(rng, n=40):
    unit = np.repeat(["granite", "gabbro"], [n, n // 2])
    density = rng.normal(np.where(unit == "granite", 2650, 3000), 60)
    return {"rock": unit, "density": density, "susceptibility": np.exp(rng.normal(-6, 1.5, unit.size))}


def test_a_table_from_samples_has_their_statistics(rng, tmp_path):
    given = samples(rng)
    path = tmp_path / "samples.csv"
    rows = "\n".join(f"{u},{float(d) / 1000!r},{float(k)!r}" for u, d, k in zip(*given.values(), strict=True))
    path.write_text("# measured\nLITHO,DENS,SUS\n" + rows + "\ngabbro,,0.5\ngranite,2.65,0\n")
    columns = {"unit": "LITHO", "density": "DENS", "susceptibility": "SUS"}
    table = bj.RockTable.from_samples(path, density_units="g/cm3", columns=columns)
    for name, density, chi in (("granite", [2650.0], []), ("gabbro", [], [0.5])):  # gaps count for nothing
        here = given["rock"] == name
        density, log = np.append(given["density"][here], density), np.log(np.append(given["susceptibility"][here], chi))
        unit = table[name]
        assert unit.density == pytest.approx(density.mean())
        assert unit.density_std == pytest.approx(density.std(ddof=1))
        assert unit.susceptibility == pytest.approx(np.exp(log.mean()))
        assert unit.susceptibility_log_std == pytest.approx(log.std(ddof=1))
        assert unit.samples == here.sum()
        rho = np.corrcoef(given["density"][here], np.log(given["susceptibility"][here]))[0, 1]
        assert unit.correlation == pytest.approx(rho)
    array = np.rec.fromarrays(list(given.values()), names=list(given))
    assert bj.RockTable.from_samples(array) == bj.RockTable.from_samples(given)


def test_bounds_of_a_table_of_units_are_5_and_95_percent(tmp_path, rng):
    path = tmp_path / "units.csv"
    path.write_text("unit,density_low_kg_m3,density_high_kg_m3,susceptibility_low_SI,susceptibility_high_SI,share\n"
                    "granite,2500,2800,0.0001,0.01,0.8\ngabbro,2800,3200,0.001,0.1,0.2\n")
    table = bj.RockTable.from_units(path)
    assert table.background == pytest.approx(0.8 * 2650 + 0.2 * 3000)
    density, chi = table.sample(np.zeros(40000, int), rng).T
    np.testing.assert_allclose(np.quantile(density + table.background, [0.05, 0.95]), [2500, 2800], rtol=0.005)
    # Cut at 2.5 standard deviations, the quantiles lie a few per cent of the log range inside the bounds.
    np.testing.assert_allclose(np.log(np.quantile(chi, [0.05, 0.95])), np.log([1e-4, 1e-2]), atol=0.12)
    assert np.median(chi) == pytest.approx(1e-3, rel=0.05)
    assert chi.max() <= 1e-3 * np.exp(CUT * table["granite"].susceptibility_log_std) * (1 + 1e-9)


def test_the_textbook_ships_and_makes_sense():
    table = bj.RockTable.textbook()
    assert len(table.names) == 24
    assert 2500 < table.background < 2800
    assert table["magnetite"].susceptibility > 50 * table["granite"].susceptibility
    some = bj.RockTable.textbook({"granite": 3, "gabbro": 1})
    np.testing.assert_allclose(some.shares, [0.75, 0.25])
    refused(lambda: bj.RockTable.textbook({"cheese": 1.0}), "shares")


def test_moments_are_those_of_what_is_drawn(rng):
    for unit in (0, 1):
        drawn = TABLE.sample(np.full(200_000, unit), rng)
        found = TABLE.moments(bj.Mesh.regular((1, 1, 1), (1.0, 1.0, 1.0)), np.full((1, 1, 1), unit))
        for i, p in enumerate(("density", "susceptibility")):
            assert found[p]["mean"].item() == pytest.approx(drawn[:, i].mean(), rel=0.02, abs=0.5)
            assert found[p]["std"].item() == pytest.approx(drawn[:, i].std(), rel=0.03)
    units = rng.choice(2, 200_000, p=TABLE.shares)
    drawn = TABLE.sample(units, rng)
    assert TABLE.std()["density"] == pytest.approx(drawn[:, 0].std(), rel=0.02)
    assert TABLE.std()["susceptibility"] == pytest.approx(drawn[:, 1].std(), rel=0.04)
    assert drawn[:, 0].mean() == pytest.approx(0, abs=1.5)  # contrasts are zero on average
    first = drawn[units == 0]
    assert np.corrcoef(first[:, 0], np.log(first[:, 1]))[0, 1] == pytest.approx(0.5, abs=0.02)


def test_a_drawn_table_moves_by_how_sure_it_is(rng):
    drawn = [TABLE.draw(rng) for _ in range(1500)]
    density = np.array([t["granite"].density for t in drawn])
    assert density.mean() == pytest.approx(2650, abs=1)
    assert density.std() == pytest.approx(50 / 5, rel=0.07)
    assert np.std(np.log([t["gabbro"].susceptibility for t in drawn])) == pytest.approx(0.8 / 3, rel=0.07)
    assert np.std(np.log([t["gabbro"].density_std for t in drawn])) == pytest.approx(1 / 4, rel=0.07)
    sure = bj.RockUnit("a", 2700.0, 50.0, 0.1, 1.0, density_error=0, susceptibility_log_error=0, std_log_error=0)
    assert bj.RockTable([sure]).draw(rng)["a"] == sure


def test_moments_by_depth_region_and_unit():
    mesh = bj.Mesh.regular((4, 2, 3), (100.0, 100.0, 100.0))
    hill = mesh.with_topography(([50.0, 150.0, 250.0] * 2, [50.0] * 3 + [150.0] * 3, [0, 0, -150.0] * 2))
    found = TABLE.moments(hill, [(0, 100, {"gabbro": 1}), (100, np.inf, {"granite": 1})])["density"]
    plain = TABLE.moments(mesh, {"granite": 1})["density"]
    ground = hill.active
    gabbro = np.isclose(found["std"], 90.0)
    np.testing.assert_array_equal((gabbro & ground).sum(axis=0), 1)  # the top 100 m of every column, wherever it is
    np.testing.assert_allclose(found["mean"][0], 2650 - TABLE.background)
    np.testing.assert_allclose(plain["std"], 50.0)
    regions = np.array([[0, 1, 1], [0, 0, 1]])
    by_map = TABLE.moments(mesh, regions)["density"]["mean"]
    np.testing.assert_allclose(by_map, np.broadcast_to(np.where(regions == 1, 3000, 2650), mesh.shape) - 2737.5)
    mixed = TABLE.moments(mesh, (regions, [{"granite": 1}, {"granite": 1, "gabbro": 1}]))["density"]["std"][0]
    np.testing.assert_allclose(mixed[regions == 1], np.sqrt((50**2 + 90**2) / 2 + 175**2))
    bj.Parameter("density", mesh, prior=bj.Matern(**found, range=200.0))
    refused(lambda: TABLE.moments(mesh, [(0, 100, {"gabbro": 1})]), "where")
    refused(lambda: TABLE.moments(mesh, [(100, 0, {"gabbro": 1})]), "where")
    refused(lambda: TABLE.moments(mesh, regions + 1), "where")
    refused(lambda: TABLE.moments(mesh, regions[:1]), "where")
    refused(lambda: TABLE.moments(mesh, {"basalt": 1}), "shares")


def fit(value, low, high, name="density_std"):
    return SimpleNamespace(table={"name": np.array([name]), "value": np.array([value]), "low": np.array([low]),
                                  "high": np.array([high])})


def test_a_disagreement_with_the_evidence_is_warned_of():
    with pytest.warns(UserWarning, match="null space"):
        found = TABLE.check(fit(40.0, 30.0, 55.0))
    assert not found["density"]["agree"]
    assert found["density"]["table"] == pytest.approx(TABLE.std()["density"])
    row = TABLE.check(fit(150.0, 120.0, np.nan))["density"]  # warnings are errors here
    assert row["agree"]
    assert row["table_low"] < row["table"] < row["table_high"]
    refused(lambda: TABLE.check(fit(1.0, 1.0, 1.0, "range")), "fit")


def test_worlds_made_of_rocks_have_their_properties():
    mesh = bj.Mesh.regular((6, 20, 20), (100.0, 100.0, 100.0))
    family = bj.Geology([bj.Bodies(units=("gabbro",), number=3, size=700)], TABLE, log_std=0, shared=1.0)
    inside, outside = [], []
    for seed in range(150):
        world = family.draw(mesh, seed)
        assert set(np.unique(world["unit"])) <= {0, 1}
        if (world["unit"] == 1).any():
            inside.append(np.unique(world["density"][world["unit"] == 1]).mean())
        outside.append(world["density"][world["unit"] == 0][0])
    assert np.mean(outside) == pytest.approx(-87.5, abs=5)  # the host at its mean, which is uncertain
    assert np.mean(inside) == pytest.approx(262.5, abs=25)


def test_bad_rocks_are_refused(rng):
    refused(lambda: bj.RockTable([]), "units", TypeError)
    refused(lambda: bj.RockTable([TABLE["granite"]] * 2), "units")
    refused(lambda: bj.RockTable([TABLE["granite"]], background=-1), "background")
    refused(lambda: bj.RockUnit("a", -1, 1, 1, 1), "density of a")
    refused(lambda: bj.RockUnit("a", 1, 1, 1, 1, correlation=1), "correlation of a")
    refused(lambda: bj.RockUnit("a", 1, 1, 1, 1, samples=1), "samples of a")
    refused(lambda: bj.RockUnit("a", 1, 1, 1, 1, density_error=-1), "density_error of a")
    given = samples(rng, 4)
    refused(lambda: bj.RockTable.from_samples(given, density_units="lb"), "density_units")
    refused(lambda: bj.RockTable.from_samples({"rock": given["rock"]}), "samples")
    refused(lambda: bj.RockTable.from_samples(given | {"density": given["density"][:3]}), "samples")
    refused(lambda: bj.RockTable.from_samples(given | {"density": np.full(6, 2650.0)}), "samples")
    refused(lambda: bj.RockTable.from_samples(given | {"density": ["x"] * 6}), "column density")


def test_components_are_the_moments_of_samples():
    shares, means, covariances = TABLE.components()
    np.testing.assert_array_equal(shares, TABLE.shares)
    for k in range(2):
        drawn = TABLE.sample(np.full(400_000, k), 1)
        size = np.sqrt(np.diag(covariances[k]))
        assert np.abs(drawn.mean(axis=0) - means[k]).max() < 0.01 * size.max()
        np.testing.assert_allclose(np.cov(drawn.T) / np.outer(size, size), covariances[k] / np.outer(size, size),
                                   atol=0.01)
    _, turned, crossed = TABLE.components(("susceptibility", "density"))
    np.testing.assert_array_equal(turned, means[:, ::-1])
    np.testing.assert_array_equal(crossed, covariances[:, ::-1, ::-1])
    assert covariances[0, 0, 1] > 0 and TABLE.components(("density",))[1].shape == (2, 1)
