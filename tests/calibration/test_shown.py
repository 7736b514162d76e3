"""What a recalibration leaves in datasets, exceedance and comparisons: against the posterior itself."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.dataset import read_tree, write_tree

from ..refusals import refused
from .pairs import family, problem, recalibrated


@pytest.fixture(scope="module")
def pair():
    return recalibrated()


def test_the_file_keeps_both_intervals_and_what_was_found(pair, tmp_path):
    joint, separate = pair
    tree = joint.to_datatree(draws=3, chains=2, separate=separate)
    read = read_tree(write_tree(tree, tmp_path / "posterior.nc"))
    assert read.identical(tree)
    summary = read["posterior_summary"]
    for name in ("density", "susceptibility"):
        for label, post in (("", joint), ("gaussian_", joint.engine)):
            for side, end in zip(("lower", "upper"), post.interval(0.9)[name], strict=True):
                stored = summary[f"{name}_{label}{side}"]
                np.testing.assert_allclose(stored.values, end)
                assert stored.attrs["probability"] == 0.9
    assert summary["density_lower"].attrs["kind"] == "recalibrated on mixture, equal-tailed"
    assert summary["susceptibility_lower"].attrs["kind"] == "recalibrated on mixture, shortest"
    assert summary["density_gaussian_lower"].attrs["kind"] == "equal-tailed Gaussian, for the stated prior"
    for group, found in joint.record.datasets().items():
        assert read[group].to_dataset().identical(tree[group].to_dataset())
        assert set(found.data_vars) == set(read[group].data_vars)
    assert read.attrs["recalibration_family"] == joint.family
    assert (int(read.attrs["recalibration_worlds"]), int(read.attrs["recalibration_seed"])) == (60, 1)
    assert "recalibration_joint" in read.children


def test_a_plain_posterior_keeps_its_own_interval_and_says_that_it_was_not_checked(pair):
    engine = pair[0].engine
    summary = engine.to_datatree(draws=3, chains=2)["posterior_summary"]
    np.testing.assert_allclose(summary["density_upper"].values, engine.interval(0.9)["density"][1])
    assert "density_gaussian_lower" not in summary
    assert any("Not checked against ground" in a.statement for a in engine.approximations)
    assert not any("Not checked against ground" in a.statement for a in pair[0].approximations)


def test_exceedance_is_the_learned_one_with_the_draws_beside_it(pair):
    joint, _ = pair
    found = bj.exceedance(joint, "density", -100.0, draws=100)
    share, error = joint.tail_probability("density", -100.0)
    np.testing.assert_allclose(found.density_exceedance, share)
    np.testing.assert_allclose(found.density_exceedance_error, error)
    assert found.density_exceedance.attrs["source"] == "recalibrated on mixture"
    plain = bj.exceedance(joint.engine, "density", -100.0, draws=100)
    np.testing.assert_allclose(found.density_exceedance_gaussian, plain.density_exceedance)
    assert "density_exceedance_gaussian" not in plain
    assert joint.engine.tail_probability("density", -100.0) is None


def test_worlds_lived_before_give_what_new_ones_of_their_seed_give(pair):
    joint, separate = pair
    alone = bj.recalibrate(separate["gravity"].engine, family(problem().parameters[0].mesh), worlds=60, seed=1,
                           sensitivity=None)
    again = separate["gravity"]
    np.testing.assert_allclose(again.lived[0].truth["density"], alone.lived[0].truth["density"])
    for one, other in zip(again.interval(0.9)["density"], alone.interval(0.9)["density"], strict=True):
        np.testing.assert_allclose(one, other, atol=20.0)  # of 500: noise is drawn in another order
    np.testing.assert_array_equal(again.lived[0].data, joint.lived[0].data[:, :64])


def test_compare_pairs_worlds_and_says_what_it_rests_on(pair):
    joint, separate = pair
    found = bj.compare(joint, separate, draws=20)
    mine, theirs = (p.record.scores["density"][0, 1, 2] for p in (joint, separate["gravity"]))
    at = {"parameter": "density", "survey": "gravity"}
    assert float(found.score_over_separate.sel(at)) == pytest.approx(mine.mean() / theirs.mean())
    unpaired = np.hypot(mine.std() / mine.mean(), theirs.std() / theirs.mean()) / np.sqrt(60)
    assert 0 < float(found.score_over_separate_error.sel(at)) < 0.5 * unpaired
    assert np.isnan(found.score_over_separate.sel(parameter="density", survey="magnetic"))
    base = joint.record.scores["density"][2, 1, 2]
    assert float(found.score_over_no_data.sel(parameter="density")) == pytest.approx(mine.mean() / base.mean())
    assert "mixture" in found.attrs["interval_scores"]
    engines = {name: post.engine for name, post in separate.items()}
    plain = bj.compare(joint.engine, engines, draws=20)
    np.testing.assert_allclose(found.density_std_ratio__gravity, plain.density_std_ratio__gravity)
    assert plain.attrs["interval_scores"].startswith("Not asked") and "score_over_separate" not in plain


def test_worlds_of_another_family_are_refused(pair):
    joint, separate = pair
    mesh = joint.problem.parameters[0].mesh
    other = bj.geology_default(mesh, {"density": 100.0, "susceptibility": 0.02})
    refused(lambda: bj.recalibrate(separate["gravity"].engine, other, worlds=joint), "worlds")
