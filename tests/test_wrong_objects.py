"""Public functions refuse what is no posterior, no problem, no file, in four parts; words are never formulas."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

import bayesjoint as bj

from .refusals import refused

WRONG = (None, 3, "x", [1], object(), {}, np.ones(2), xr.Dataset())
OF_POSTERIOR = {
    "exceedance": ("density", 1.0), "excess_mass": ("density", 1.0), "depth_to_top": (1.0,), "magnetic_moment": (1.0,),
    "resolution": (), "ResolutionOperator": (), "leakage": (), "recalibrate": (None,),
}
OF_PROBLEM = {
    "find_map": (), "couple": (), "fit_hyperparameters": (), "posterior": (), "identifiability": (), "calibrate": (),
    "expected_information": (None,), "discretisation_noise": (None,), "local_conflict": (("a", "b"),),
    "spectral_conflict": (("a", "b"),), "detectability": (("a", "b"),), "leave_one_hole_out": (),
    "add_discrepancy": ("a", None), "add_bias": ("a", "constant"), "conflict": (), "temper": (), "assimilate": (),
    "likelihood_ratio_test": (("a", "b"),), "node_split": (("a", "b"),), "conflict_matrix": (),
}


@pytest.mark.parametrize("name", [*OF_POSTERIOR, *OF_PROBLEM])
def test_wrong_objects_are_refused(name):
    arguments = (OF_POSTERIOR | OF_PROBLEM)[name]
    for wrong in WRONG:
        refused(lambda wrong=wrong: getattr(bj, name)(wrong, *arguments), "post|problem", TypeError)


@pytest.mark.parametrize("name", ["read_survey", "load", "read_boreholes", "report"])
def test_what_names_no_file_is_refused(name):
    for wrong in (None, 3, [1], object()):
        refused(lambda wrong=wrong: getattr(bj, name)(*([wrong, "gravity"] if name == "read_survey" else [wrong])),
                "path|tree|source", TypeError)


@pytest.mark.parametrize("tolerance", [np.inf, np.nan, 0.0, -1.0])
@pytest.mark.parametrize("method", ["rrcg", "map"])
def test_a_tolerance_that_anything_meets_is_refused(method, tolerance):
    mesh = bj.Mesh.regular((1, 3, 3), (100,) * 3)
    density = bj.Parameter("density", mesh, prior=bj.Focusing(1e-2, p=1))
    survey = bj.Survey("gravity", np.ones((3, 3)), mesh.easting, mesh.northing, 5.0, std=1e-6)
    problem = bj.JointProblem([density], [survey.modality(density)])
    refused(lambda: bj.find_map(problem, method=method, tolerance=tolerance), "tolerance")


def test_a_range_beyond_any_memory_is_refused():
    mesh = bj.Mesh.regular((2, 7, 8), (100,) * 3)
    density = bj.Parameter("density", mesh, prior=bj.Matern(100.0, 1e9))
    survey = bj.Survey("gravity", np.ones((7, 8)), mesh.easting, mesh.northing, 10.0, std=0.1)
    refused(lambda: bj.posterior(bj.JointProblem([density], [survey.modality(density)]), method="iterative"), "range")


@pytest.mark.parametrize("words", ["$\\frac$", "$x$", "a $ b", "$", "\\$x$", "_{$^"])
def test_signs_in_units_begin_no_formula(tmp_path, words):
    mesh = bj.Mesh.regular((2, 2, 2), (100,) * 3)
    density = bj.Parameter("density", mesh, prior=bj.Matern(100.0, 300.0), units=words)
    survey = bj.Survey("gravity", np.ones((2, 2)), mesh.easting, mesh.northing, 5.0, std=0.1, source=words)
    tree = bj.posterior(bj.JointProblem([density], [survey.modality(density)])).to_datatree(draws=2, chains=2)
    figure = Figure()
    bj.plot.model(tree, "density", ax=figure.add_subplot())
    bj.plot.data(np.eye(3), words, ax=figure.add_subplot(), easting=[0, 1e4, 2e4], northing=[0, 1e4, 2e4])
    figure.canvas.draw()
    if words == "$\\frac$":
        page = bj.report(tree, tmp_path / "r.html", title=words).read_text("utf-8")
        assert words in page
