"""Worlds of a family: what they are made of, what they share, and that they are functions of space."""

import pickle

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.geology import describe, draw_world, name_of

from ..refusals import refused

MESH = bj.Mesh.regular((8, 20, 24), (100.0, 150.0, 150.0))
BOTH = {"density": bj.Signed(bj.LogNormal(300, 0.5)), "susceptibility": bj.LogNormal(0.02, 0.7)}
BODIES = bj.Bodies(contrasts=BOTH, number=(3, 12), size=(400, 1200))
COVER = bj.Cover(contrasts={"density": -500.0}, thickness=(60, 200))
ROCKS = bj.RockTable.textbook({"granite": 0.7, "gabbro": 0.2, "overburden": 0.1})


def hilly(mesh=MESH):
    north, east = (a.ravel() for a in np.meshgrid(mesh.northing, mesh.easting, indexing="ij"))
    return mesh.with_topography((east, north, -150 + 150 * np.sin(north / 500)))


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k], equal_nan=True) for k in a)


FAMILIES = {
    "bodies": bj.Geology([BODIES, COVER]),
    "dykes": bj.Geology([bj.Dykes(contrasts=BOTH, number=5, thickness=500)]),
    "layers": bj.Geology([bj.Layers(contrasts=BOTH)]),
    "units": bj.Geology([bj.Plurigaussian(contrasts=BOTH, range=1500)]),
    "gaussian": bj.Geology([bj.GaussianField(std={"density": 100, "susceptibility": 0.01}, range=1500)]),
    "rocks": bj.Geology([bj.Bodies(units=("gabbro",), size=900),
                         bj.Cover(units="overburden", thickness=(150, 300))], ROCKS),
    "default": bj.geology_default(MESH, {"density": 100.0, "susceptibility": 0.01}),
}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_the_same_seed_gives_the_same_world_here_and_in_another_process(family):
    first = family.draw(MESH, seed=4)
    assert same(first, pickle.loads(pickle.dumps(family))(MESH, np.random.default_rng(4)))
    assert not same(first, family.draw(MESH, seed=5))
    assert {k: v.shape for k, v in first.items()} == dict.fromkeys(("density", "susceptibility", "unit"), MESH.shape)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_one_seed_is_one_world_on_coarse_and_fine_cells(family):
    e = [np.linspace(a[0], a[-1], 3 * (a.size - 1) + 1) for a in (
        MESH.easting_edges, MESH.northing_edges, MESH.upward_edges)]
    fine = bj.Mesh(*e)
    for seed in range(4):
        coarse, finer = family.draw(MESH, seed), family.draw(fine, seed)
        for p in ("density", "susceptibility"):
            # The centre of every third cell is a centre of the coarse mesh: there the two worlds are one.
            middle = finer[p][1::3, 1::3, 1::3]
            agree = np.isclose(middle, coarse[p], rtol=1e-3, atol=1e-3 * coarse[p].std())
            assert agree.mean() > 0.999
            blocks = finer[p].reshape(8, 3, 20, 3, 24, 3).mean(axis=(1, 3, 5))
            assert np.sqrt(np.mean((blocks - coarse[p]) ** 2)) < 0.6 * finer[p].std()
            assert abs(blocks.mean() - coarse[p].mean()) < 0.15 * finer[p].std()


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_air_has_no_property_and_no_unit(family):
    mesh = hilly()
    world = family.draw(mesh, 2)
    for p in ("density", "susceptibility"):
        np.testing.assert_array_equal(np.isfinite(world[p]), mesh.active)
    np.testing.assert_array_equal(world["unit"] >= 0, mesh.active)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_a_parameter_is_the_same_whatever_is_drawn_beside_it(family):
    both = family.draw(MESH, 11)
    for p in ("density", "susceptibility"):
        np.testing.assert_array_equal(family.draw(MESH, 11, (p,))[p], both[p])


def test_later_structures_overprint_earlier_ones():
    low, high = (bj.Cover(contrasts={"density": v}, thickness=t, variation=0.0)
                 for v, t in ((1.0, 450.0), (2.0, 250.0)))
    column = bj.Geology([low, high], log_std=0).draw(MESH)["density"][:, 0, 0]
    assert column.tolist() == [0, 0, 0, 0, 1, 1, 2, 2]  # centres 50, 150 m deep lie above 250; 250 does not
    assert bj.Geology([high, low], log_std=0).draw(MESH)["density"][:, 0, 0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    magnetic = bj.Cover(contrasts={"susceptibility": 0.1}, thickness=250.0, variation=0.0)
    world = bj.Geology([low, magnetic], log_std=0, shared=1).draw(MESH)
    assert world["density"][:, 0, 0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]  # what a structure does not name, it leaves


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_geometry_is_shared_in_that_share_of_the_worlds(share):
    family = bj.Geology([bj.Bodies(contrasts={"density": 300.0, "susceptibility": 0.02}, number=5, size=900)],
                        shared=share)
    worlds = [family.draw(MESH, s) for s in range(200)]
    found = np.mean([np.array_equal(w["density"] != 0, w["susceptibility"] != 0) for w in worlds])
    assert found == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 200) + 1e-9)


def test_contrasts_are_as_uncertain_as_stated():
    family = bj.Geology([bj.Cover(contrasts={"density": 100.0, "susceptibility": 0.01}, thickness=1e6)], log_std=0.35)
    worlds = [family.draw(MESH, s) for s in range(600)]
    gains = np.log([[w["density"][0, 0, 0] / 100, w["susceptibility"][0, 0, 0] / 0.01] for w in worlds])
    np.testing.assert_allclose(gains.std(axis=0), 0.35, rtol=0.12)
    assert abs(np.corrcoef(gains.T)[0, 1]) < 0.15


def test_hyperparameters_are_drawn_anew_in_each_world():
    law = bj.LogNormal(bj.LogUniform(10, 1000), 0.1)
    settled = [law.settle(np.random.default_rng(s)) for s in range(300)]
    medians = np.log([s.median for s in settled])
    assert medians.std() == pytest.approx(np.log(100) / np.sqrt(12), rel=0.1)
    within = np.log(settled[0].draw(np.random.default_rng(1), 2000))
    assert within.std() == pytest.approx(0.1, rel=0.1)
    assert np.ptp(law.times(3.0).settle(np.random.default_rng(0)).median - 3 * settled[0].median) < 1e-9


def test_distributions_have_the_moments_they_state(rng):
    assert bj.Normal(3, 2).draw(rng, 20000).std() == pytest.approx(2, rel=0.03)
    assert np.median(bj.LogNormal(5, 0.4).draw(rng, 20000)) == pytest.approx(5, rel=0.03)
    assert bj.Poisson(7).draw(rng, 20000).mean() == pytest.approx(7, rel=0.03)
    assert np.median(bj.LogUniform(1, 100).draw(rng, 20000)) == pytest.approx(10, rel=0.1)
    signed = bj.Signed(bj.Normal(2, 0.1), 0.3).settle(rng).draw(rng, 20000)
    assert np.mean(signed > 0) == pytest.approx(0.3, abs=0.02)
    centred = np.array([bj.Centred(bj.Normal(9, 2)).settle(rng).draw(rng, 4) for _ in range(5000)])
    np.testing.assert_allclose(centred.mean(axis=1), 0, atol=1e-9)
    assert centred.std() == pytest.approx(2, rel=0.03)


def test_scaled_multiplies_contrasts_and_nothing_else():
    for family in (FAMILIES["bodies"], FAMILIES["default"]):
        plain, scaled = family.draw(MESH, 3), family.scaled(density=1.4).scaled(density=0.5).draw(MESH, 3)
        np.testing.assert_allclose(scaled["density"], 0.7 * plain["density"], rtol=1e-6)
        np.testing.assert_array_equal(scaled["susceptibility"], plain["susceptibility"])
        np.testing.assert_array_equal(scaled["unit"], plain["unit"])
    assert "density times 0.7" in FAMILIES["bodies"].scaled(density=0.7).describe()


def test_without_and_resized_change_what_they_name():
    bare = FAMILIES["bodies"].without("cover")
    assert [s.kind for s in bare.structures] == ["bodies"]
    default = FAMILIES["default"].without("cover")
    assert "cover" not in {s.kind for s in default.structures}
    assert len(default.families) == 4
    cube = bj.Mesh.regular((60, 60, 60), (50.0, 50.0, 50.0))
    one = bj.Geology([bj.Bodies(contrasts={"density": 1.0}, number=1, size=600.0, depth=1500.0)], log_std=0)
    volumes = [np.array([f.draw(cube, s)["density"].sum() for s in range(30)]) for f in (one, one.resized(1.3))]
    inside = volumes[0] > np.quantile(volumes[0], 0.5)  # the others leave the mesh
    assert np.median(volumes[1][inside] / volumes[0][inside]) == pytest.approx(1.3**3, rel=0.1)
    refused(lambda: bare.without("cover"), "kinds")
    refused(lambda: bare.without("bodies"), "kinds")
    refused(lambda: bare.resized(0), "factor")
    refused(lambda: bare.scaled(porosity=2), "factors")


def test_a_mixture_draws_its_families_by_weight():
    light, heavy = (bj.Geology([bj.Cover(contrasts={"density": v}, thickness=1e6)], log_std=0, name=str(v))
                    for v in (1.0, 2.0))
    mixture = bj.Mixture([light, heavy, lambda mesh, seed: {"density": np.full(mesh.shape, 3.0)}], [2, 1, 1])
    seen = np.array([mixture.draw(MESH, s)["density"][0, 0, 0] for s in range(400)])
    np.testing.assert_allclose([(seen == v).mean() for v in (1, 2, 3)], [0.5, 0.25, 0.25], atol=0.08)
    assert "50 % 1.0: Cover" in mixture.describe()
    refused(lambda: bj.Mixture([]), "families", TypeError)
    refused(lambda: bj.Mixture([light], [1, 2]), "weights")
    refused(lambda: bj.Mixture([light], [-1.0]), "weights")
    refused(lambda: bj.Mixture([light, heavy]).without("dykes"), "kinds")


def test_the_default_family_has_the_std_it_was_asked_for_and_uncertain_contrasts():
    mesh = bj.Mesh.regular((12, 30, 30), (100.0, 200.0, 200.0))
    family = bj.geology_default(mesh, {"density": 50.0, "susceptibility": 0.003})
    worlds = [family.draw(mesh, s) for s in range(120)]
    for p, std in (("density", 50.0), ("susceptibility", 0.003)):
        rms = np.sqrt(np.mean([w[p].var() for w in worlds]))
        assert 0.6 * std < rms < 1.6 * std
    signs = [np.sign(w["density"][np.unravel_index(np.abs(w["density"]).argmax(), mesh.shape)]) for w in worlds]
    assert 0.2 < np.mean(np.array(signs) > 0) < 0.8
    assert all((w["susceptibility"] >= 0).all() for w in worlds)
    assert all(f.log_std >= 0.35 and 0 < f.shared < 1 for f in family.families)
    refused(lambda: bj.geology_default(mesh, {}), "std", TypeError)
    refused(lambda: bj.geology_default(mesh, {"density": 0.0}), "std")


def test_any_callable_stands_for_a_family():
    def mine(mesh, seed):
        return {"density": np.ones(mesh.shape), "unit": np.zeros(mesh.shape, int)}

    world = draw_world(mine, hilly())
    np.testing.assert_array_equal(np.isnan(world["density"]), ~hilly().active)
    assert (name_of(mine), name_of(FAMILIES["default"])) == ("mine", "mixture")
    assert "mine" in describe(mine)
    refused(lambda: draw_world(mine, MESH, 0, ("susceptibility",)), "parameters of mine")
    refused(lambda: draw_world(3, MESH), "geology", TypeError)
    refused(lambda: draw_world(lambda m, s: 3, MESH), "what", TypeError)
    refused(lambda: draw_world(lambda m, s: {"density": np.ones(3)}, MESH), "density of")
    refused(lambda: draw_world(lambda m, s: {"density": np.full(m.shape, np.nan)}, MESH), "density of")


def test_bad_families_are_refused():
    refused(lambda: bj.Geology([]), "structures", TypeError)
    refused(lambda: bj.Geology([3]), "structures", TypeError)
    refused(lambda: bj.Geology([bj.Bodies()]), "contrasts of Bodies")
    refused(lambda: bj.Geology([BODIES], shared=2), "shared")
    refused(lambda: bj.Geology([BODIES], log_std=-1), "log_std")
    refused(lambda: bj.Geology([BODIES], host="granite"), "host", TypeError)
    refused(lambda: bj.Geology([BODIES], rocks="granite"), "rocks", TypeError)
    refused(lambda: bj.Geology([BODIES], rocks=ROCKS, host="basalt"), "host")
    refused(lambda: bj.Geology([bj.Bodies(units=("basalt",))], rocks=ROCKS), "units of Bodies")
    refused(lambda: FAMILIES["bodies"].draw("mesh"), "mesh", TypeError)
    refused(lambda: FAMILIES["bodies"].draw(MESH, 0, ("porosity",)), "parameters")
