"""What a posterior says of bias coefficients, against its own covariance matrix; and in the file."""

import re

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.dataset import ParameterBlock, build_tree, read_tree, write_tree
from bayesjoint.reporting._facts import vectors

from ..linear import make
from ..periodic import continued_problem


def test_values_stds_and_correlations():
    problem, reference = make(bias=True, vector=True)
    found = bj.posterior(problem).nuisances()
    where = problem.slices["survey_density_bias"]
    np.testing.assert_allclose(found.survey_density_bias_value, reference.mean[where], rtol=1e-8)
    np.testing.assert_allclose(found.survey_density_bias_std, reference.std[where], rtol=1e-8)
    np.testing.assert_allclose(found.survey_density_bias_prior_std, [2.0, 0.7])
    mesh = problem.parameters[0].mesh
    volume = np.zeros(mesh.shape)
    volume[:] = mesh.thickness[:, None, None]
    weights = {"density, all": ("density", volume), "susceptibility, middle east": ("susceptibility", volume.copy())}
    weights["susceptibility, middle east"][1][:, [0, 2]] = 0
    weights["susceptibility, middle east"][1][:, :, :3] = 0
    for name, (parameter, cells) in weights.items():
        w = np.zeros(problem.size)
        w[problem.slices[parameter]] = cells.ravel()
        cross = reference.covariance[where] @ w
        wanted = cross / (reference.std[where] * np.sqrt(w @ reference.covariance @ w))
        found_here = found.survey_density_bias_correlation.sel(average=name)
        np.testing.assert_allclose(found_here, wanted, rtol=1e-6, atol=1e-9)
    assert {"datum, 0", "datum, 1"} <= set(found.average.values)
    table = np.abs(found.survey_density_bias_correlation.values)
    np.testing.assert_allclose(np.abs(found.survey_density_bias_strongest), table.max(axis=1))
    np.testing.assert_array_equal(found.survey_density_bias_strongest_average, table.argmax(axis=1))


def test_without_a_bias_there_is_nothing_to_say():
    assert bj.posterior(make()[0]).nuisances() is None


@pytest.mark.parametrize("method", ["dense", "iterative"])
def test_beside_continued_fields(method):
    problem = continued_problem(bias=True)
    found = bj.posterior(problem, method=method).nuisances()
    assert found.gravity_bias_id.values.tolist() == ["constant", "north", "east"]
    exact = bj.posterior(problem, method="dense").std()["gravity_bias"]
    np.testing.assert_allclose(found.gravity_bias_std, exact, rtol=1e-5)
    assert np.abs(found.gravity_bias_strongest.values).max() < 1


def test_names_survive_the_file(tmp_path):
    tree = bj.posterior(continued_problem(bias=True)).to_datatree(draws=10, chains=2)
    write_tree(tree, tmp_path / "posterior.nc")
    back = read_tree(tmp_path / "posterior.nc")
    assert back["nuisances"]["gravity_bias_value"].sel(gravity_bias_id="east").size == 1
    assert "density, all" in back["nuisances"]["average"].values
    text = bj.report(back, tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.search(r"<td[^>]*>constant</td>", text) and re.search(r"<td[^>]*>north</td>", text)
    found = back["nuisances"].to_dataset()
    average = str(found["average"].values[int(found["gravity_bias_strongest_average"][0])])
    strongest = f"{float(found['gravity_bias_strongest'][0]):+.2f}".replace("-", "−")
    cost = f"{float(found['gravity_bias_cost'].sel(average=average)):.3g}"
    assert f"{average} (correlation {strongest}, its std {cost} times)" in text


def test_a_long_vector_is_one_row_of_the_report():
    def rows(count):
        block = ParameterBlock(name="discrepancy", dims=("discrepancy_id",), mean=np.full(count, 3.0),
                               std=np.full(count, 0.5))
        return vectors(build_tree([block]))

    assert len(rows(60)) == 60 and rows(60)[0]["confused"] is None
    assert rows(61) == [{"name": "discrepancy", "id": "all 61 values, root mean square", "units": "", "mean": 3.0,
                         "std": 0.5, "source": "", "interval": None, "confused": None}]
