"""A valid call of every public callable, on problems so small that each takes milliseconds."""

from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import bayesjoint as bj

EXTRAS = {"save_geotiff": "rasterio", "read_survey.to_crs": "pyproj"}
WITHOUT_EXTRAS = {name for name, module in EXTRAS.items() if find_spec(module) is None}  # what cannot be tried here


def ground():
    """What the calls are about: {name: object}, built once."""
    mesh = bj.Mesh.regular((2, 4, 5), (100.0, 100.0, 100.0))
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=300.0))
    susceptibility = bj.Parameter("susceptibility", mesh, prior=bj.Matern(std=0.01, range=300.0))
    survey = bj.Survey("gravity", np.arange(20.0).reshape(4, 5) / 20, mesh.easting, mesh.northing, 10.0, std=0.1)
    air = survey.replace(name="air", upward=50.0)
    modalities = [survey.replace(name="ground").modality(density), air.modality(density)]
    problem = bj.JointProblem([density], modalities)
    magnetic = bj.Survey("magnetic", np.ones((4, 5)), mesh.easting, mesh.northing, 10.0, std=1.0, intensity=5e4,
                         inclination=60.0, declination=5.0)
    both = bj.JointProblem([density, susceptibility], [modalities[0], magnetic.modality(susceptibility)])
    post, seen = bj.posterior(problem), bj.posterior(both)
    family = bj.Geology([bj.Bodies(contrasts={"density": bj.Signed(200.0)}, number=2, size=200.0)])
    recalibrated = bj.recalibrate(post, family, worlds=60, sensitivity=None)
    separate = {k: bj.posterior(p) for k, p in problem.separate().items()}
    simulated = bj.calibrate(problem, n=20, draws=19)
    local, bands = bj.local_conflict(problem, "air"), bj.spectral_conflict(problem, "air")
    table = bj.RockTable([bj.RockUnit("granite", 2640, 60, 0.001, 1.0), bj.RockUnit("gabbro", 3000, 120, 0.01, 1.0)])
    apart = {k: bj.posterior(p) for k, p in both.separate().items()}
    tree = seen.to_datatree(draws=4, chains=2, result=bj.find_map(both), separate=apart,
                            diagnostics={"resolution": bj.resolution(seen)})
    gravity = bj.GravityOperator(mesh, mesh.easting, mesh.northing, 10.0)
    places = [axis.ravel() for axis in np.meshgrid(mesh.easting, mesh.northing)]
    focusing = bj.JointProblem([p.replace(prior=bj.Focusing(1.0)) for p in both.parameters], both.modalities)
    noisy = survey.replace(data=np.random.default_rng(0).standard_normal((12, 12)), std=0.1,
                           easting=np.arange(12) * 50.0, northing=np.arange(12) * 50.0)
    stack = bj.GravityOperator(mesh, mesh.easting, mesh.northing, [10.0, 30.0, 50.0])
    hole = bj.Borehole("b1", [10.0, 20.0], [5.0, 5.0], 250.0, 250.0, [0.0, -100.0], [-100.0, -200.0])
    return SimpleNamespace(**locals())


def calls(g, folder):
    """{name: (callable, {argument: value})}."""
    return {**_problems(g), **_physics(g, folder), **_posteriors(g, folder), **_agreement(g), **_geology(g, folder),
            **_plots(g), **_exports(g, folder)}


def _problems(g):
    m, d, s = g.mesh, g.density, g.survey
    edges = np.arange(3) * 100.0
    return {
        "Mesh": (bj.Mesh, {"easting_edges": edges, "northing_edges": edges, "upward_edges": edges}),
        "Mesh.from_surveys": (bj.Mesh.from_surveys, {"surveys": [s], "depth": 400.0, "layers": 3, "padding": 1}),
        "Mesh.regular": (bj.Mesh.regular, {"shape": (1, 2, 2), "spacing": (10.0,) * 3}),
        "Mesh.same_cells": (m.same_cells, {"other": m}),
        "Mesh.with_active": (m.with_active, {"active": np.ones(m.shape, bool)}),
        "Mesh.with_topography": (m.with_topography, {"topography": (g.places[0], g.places[1], np.zeros(20))}),
        "Survey": (bj.Survey, {"kind": "gravity", "data": np.ones((4, 5)), "easting": m.easting,
                               "northing": m.northing, "upward": 10.0, "std": 0.1}),
        "Survey.detrended": (s.detrended, {}), "Survey.plot": (s.plot, {"ax": Figure().add_subplot()}),
        "Survey.modality": (s.modality, {"parameter": d}),
        "Survey.replace": (s.replace, {}), "Survey.window": (s.window, {}),
        "Survey.igrf": (g.magnetic.igrf, {"date": "2009-06-30", "longitude": 121.5, "latitude": -31.2}),
        "Survey.decimate": (s.decimate, {"spacing": 200.0}),
        "Survey.upward_continued": (s.upward_continued, {"distance": 50.0}),
        "Survey.reduced_to_pole": (g.magnetic.reduced_to_pole, {}),
        "equivalent_sources": (bj.equivalent_sources, {"survey": s, "spacing": 200.0, "upward": 20.0}),
        "noise_estimate": (bj.noise_estimate, {"survey": g.noisy, "apart": 1.0}),
        "regional_split": (bj.regional_split, {"survey": s, "depth": 500.0}),
        "terrain_effect": (bj.terrain_effect, {"survey": s, "topography": (g.places[0], g.places[1], np.ones(20)),
                                               "cell": 100.0, "layers": 2}),
        "Parameter": (bj.Parameter, {"name": "density", "mesh": m, "prior": bj.Matern(100.0, 300.0)}),
        "Parameter.replace": (d.replace, {}),
        "Parameter.blank": (d.blank, {"values": np.ones(m.shape)}),
        "Parameter.from_hat": (d.from_hat, {"flat": np.ones(m.size)}),
        "Parameter.to_hat": (d.to_hat, {"physical": np.ones(m.shape)}),
        "Modality": (bj.Modality, {"name": "a", "forward": g.gravity, "data": np.ones((4, 5)),
                                   "noise": bj.DiagonalNoise(np.full((4, 5), 0.1)), "parameter": "density"}),
        "Modality.replace": (g.modalities[0].replace, {}),
        "Modality.term": (g.modalities[0].term, {"parameter": "density"}),
        "Modality.with_term": (g.modalities[0].with_term, {"parameter": "bias", "columns": np.ones((20, 1))}),
        "Modality.without_term": (bj.add_bias(g.problem, "air", std=1.0).modalities[1].without_term,
                                  {"parameter": "air_bias"}),
        "JointProblem": (bj.JointProblem, {"parameters": [d], "modalities": g.modalities}),
        "JointProblem.replace": (g.problem.replace, {}),
        "JointProblem.pack": (g.problem.pack, {"physical": {"density": np.ones(m.shape)}}),
        "JointProblem.unpack": (g.problem.unpack, {"x": g.problem.start()}),
        "JointProblem.with_data": (g.problem.with_data, {"data": np.ones(40)}),
        "JointProblem.chi2": (g.problem.chi2, {"x": g.problem.start()}),
        "JointProblem.value": (g.problem.value, {"x": g.problem.start()}),
        "JointProblem.gradient": (g.problem.gradient, {"x": g.problem.start()}),
        "JointProblem.residuals": (g.problem.residuals, {"x": g.problem.start()}),
        "JointProblem.predict": (g.problem.predict, {"k": 0, "x": g.problem.start()}),
        "JointProblem.physical": (g.problem.physical, {"k": 0, "x": g.problem.start()}),
        "JointProblem.operator": (g.problem.operator, {"k": 0}),
        "add_bias": (bj.add_bias, {"problem": g.problem, "survey": "air", "std": 1.0}),
        "add_direction_error": (bj.add_direction_error, {"problem": g.both, "survey": "magnetic", "inclination": 1.0}),
        "add_height_error": (bj.add_height_error, {"problem": g.problem, "survey": "air", "std": 0.1,
                                                   "reduction": 0.3086}),
        "relinearised": (bj.relinearised, {"problem": bj.add_height_error(g.problem, "air", 0.1, reduction=0.0)}),
        "add_discrepancy": (bj.add_discrepancy, {"problem": g.problem, "kernel": bj.Matern(0.1, 200.0),
                                                 "surveys": "air"}),
        "Borehole": (bj.Borehole, {"name": "b1", "values": [10.0], "std": [5.0], "easting": 250.0, "northing": 250.0,
                                   "top": [0.0], "bottom": [-100.0]}),
        "Borehole.modality": (g.hole.modality, {"parameter": d}),
        "add_boreholes": (bj.add_boreholes, {"problem": g.problem, "holes": [g.hole]}),
        "outcrops": (bj.outcrops, {"parameter": d, "unit_map": np.ones((4, 5), int),
                                   "values": {1: (10.0, 5.0)}}),
    }


def _physics(g, folder):
    m = g.mesh
    east, north, up = np.array([150.0, 310.0]), np.array([110.0, 250.0]), np.array([20.0, 30.0])
    (folder / "g.csv").write_text("easting_m,northing_m,height_m,gravity_mGal,sigma_mGal\n" + "".join(
        f"{100 * k},{50 * k},5,{0.37 * k:.3f},0.1\n" for k in range(12)))
    (folder / "h.csv").write_text("hole,easting,northing,top,bottom,value\nb1,250,250,0,-50,2700\n")
    noise, dense = bj.DiagonalNoise([1.0] * 3), bj.DenseNoise(np.eye(3))
    student = bj.StudentNoise([1.0] * 3)
    curve = bj.ForwardModel(lambda x: x**2, (2, 2), lambda x: np.diag(2 * x))
    grid = {"mesh": m, "easting": m.easting, "northing": m.northing, "height": 10.0}
    at = {"mesh": m, "easting": east, "northing": north, "upward": up}
    rng = np.random.default_rng(0)
    found = {
        "read_survey": (bj.read_survey, {"path": folder / "g.csv", "kind": "gravity"}),
        "read_boreholes": (bj.read_boreholes, {"path": folder / "h.csv", "std": 10.0}),
        "StationSampling": (bj.StationSampling, {"operator": g.stack, "easting": east, "northing": north,
                                                 "upward": up}),
        "StationSelection": (bj.StationSelection, {"operator": g.gravity, "mask": np.ones((4, 5), bool)}),
        "UpwardContinuation": (bj.UpwardContinuation, {"operator": g.gravity, "distance": 30.0}),
        "forward_prisms": (bj.forward_prisms, {"prisms": m.prisms()[:2], "properties": [100.0, 50.0],
                                               "stations": (east, north, up), "kind": "gravity"}),
        "ForwardModel": (bj.ForwardModel, {"predict": lambda x: x**2, "shape": (2, 2),
                                           "jacobian": lambda x: np.diag(2 * x)}),
        "ForwardModel.predict": (curve.predict, {"values": np.ones(2)}),
        "ForwardModel.linearise": (curve.linearise, {"values": np.ones(2)}),
        "ForwardModel.jacobian_error": (curve.jacobian_error, {"values": np.ones(2)}),
        "DiagonalNoise": (bj.DiagonalNoise, {"std": [1.0, 2.0]}),
        "StudentNoise": (bj.StudentNoise, {"std": [1.0, 2.0], "dof": 4.0}),
        "StudentNoise.sample": (student.sample, {"rng": rng, "count": 2}),
        "StudentNoise.draw_weights": (student.draw_weights, {"rng": rng, "residual": np.ones(3)}),
        "StudentNoise.sample_given": (student.sample_given, {"rng": rng, "residual": np.ones(3), "count": 2}),
        **{f"StudentNoise.{name}": (getattr(student, name), {"residual": np.ones(3)}) for name in (
            "log_density", "penalty", "expected_weights", "dof_probability")},
        "DenseNoise": (bj.DenseNoise, {"covariance": np.eye(2)}),
        "StationaryNoise": (bj.StationaryNoise, {"kernel": bj.MaternKernel(1.0, 100.0)}),
        "StationaryNoise.at": (bj.StationaryNoise(bj.MaternKernel(1.0, 100.0), 0.1).at,
                               {"easting": east, "northing": north}),
        "MaternKernel": (bj.MaternKernel, {"std": 1.0, "range": 100.0}),
        "noise_std": (bj.noise_std, {"data": [1.0, 2.0], "relative": 0.1, "floor": 0.01}),
        "Matern": (bj.Matern, {"std": 100.0, "range": 300.0}),
        "GaussianPrior": (bj.GaussianPrior, {"mean": 0.0, "covariance": 1.0}),
        "MinimumLength": (bj.MinimumLength, {"alpha": 1.0}), "Focusing": (bj.Focusing, {"alpha": 1.0}),
        "Gramian": (bj.Gramian, {"weight": 1.0}),
        "CrossGradient": (bj.CrossGradient, {"weight": 1.0}),
        "JointTotalVariation": (bj.JointTotalVariation, {"weight": 1.0}),
        "Petrophysical": (bj.Petrophysical, {"relation": "linear", "theta": (0.0, 2e-4), "std": 0.005}),
        "law_as_data": (bj.law_as_data, {"problem": g.both.replace(couplings=[
            bj.Petrophysical("linear", (0.0, 2e-4), std=0.005)])}),
        "Petrophysical.misfit": (bj.Petrophysical("linear", (0.0, 2e-4), std=0.005).misfit, {
            "model": {"density": np.ones(3), "susceptibility": np.ones(3)}}),
        "RockMixture": (bj.RockMixture, {"table": g.table}),
        "RockMixture.responsibilities": (bj.RockMixture(g.table).responsibilities, {
            "model": {"density": np.ones(3), "susceptibility": np.ones(3)}}),
        "SumOfMaterns": (bj.SumOfMaterns, {"parts": (bj.Matern(100.0, 300.0), bj.Matern(50.0, 100.0))}),
        "Coregionalization": (bj.Coregionalization, {"correlation": 0.5}),
        "testing.assert_adjoint": (bj.testing.assert_adjoint, {"operator": np.eye(2)}),
        "testing.check_gradient": (bj.testing.check_gradient, {
            "value": lambda x: float(x @ x), "gradient": lambda x: 2 * x, "x": np.arange(3.0)}),
    }
    for name, operator in (("GravityOperator", bj.GravityOperator), ("MagneticOperator", bj.MagneticOperator)):
        one = operator(**grid)
        found |= {name: (operator, grid), f"{name}.at_stations": (operator.at_stations, at),
                  f"{name}.predict": (one.predict, {"model": np.ones(m.shape)}),
                  f"{name}.rows": (one.rows, {"index": [0]})}
    for name, one in (("DiagonalNoise", noise), ("DenseNoise", dense)):
        found |= {f"{name}.apply": (one.apply, {"vector": np.ones(3)}),
                  f"{name}.colour": (one.colour, {"white": np.ones(3)}),
                  f"{name}.scaled": (one.scaled, {"factor": 2.0}),
                  f"{name}.solve": (one.solve, {"residual": np.ones(3)}),
                  f"{name}.whiten": (one.whiten, {"residual": np.ones(3)}),
                  f"{name}.whiten_adjoint": (one.whiten_adjoint, {
                      "residual" if name == "DiagonalNoise" else "vector": np.ones(3)}),
                  f"{name}.sample": (one.sample, {"rng": rng, "count": 2})}
    return found


def _posteriors(g, folder):
    p, post = {"problem": g.problem}, {"post": g.post}
    found = {
        "find_map": (bj.find_map, p), "couple": (bj.couple, {"problem": g.focusing}),
        "fit_hyperparameters": (bj.fit_hyperparameters, {**p, "free": ["density_std"], "curve": False}),
        "posterior": (bj.posterior, p), "loo": (bj.loo, {**post, "surveys": ["air"]}),
        "load": (bj.load, {"source": g.tree}),
        "Estimate": (bj.Estimate, {"value": 1.0, "error": 0.1}), "Posterior": (bj.Posterior, p),
        "register_engine": (bj.register_engine, {"name": "mine", "make": lambda problem: None, "purpose": "a test"}),
        "exceedance": (bj.exceedance, {**post, "parameter": "density", "threshold": 10.0}),
        "excess_mass": (bj.excess_mass, {**post, "draws": 20}),
        "depth_to_top": (bj.depth_to_top, {**post, "threshold": 10.0, "draws": 20}),
        "magnetic_moment": (bj.magnetic_moment, {"post": g.seen, "intensity": 5e4, "draws": 20}),
        "BodyFamily": (bj.BodyFamily, {"most": 3, "size": 100.0}),
        "Window": (bj.Window, {"northing": 200.0, "easting": 200.0}),
        "ResolutionOperator": (bj.ResolutionOperator, post),
        "ResolutionOperator.averaging_kernel": (bj.ResolutionOperator(g.post).averaging_kernel,
                                                {"parameter": "density", "cell": (0, 1, 1)}),
        "ResolutionOperator.point_spread": (bj.ResolutionOperator(g.post).point_spread,
                                            {"parameter": "density", "cell": (0, 1, 1)}),
        "resolution": (bj.resolution, post), "leakage": (bj.leakage, {"post": g.seen}),
        "identifiability": (bj.identifiability, p),
        "expected_information": (bj.expected_information, {**p, "candidate": g.modalities[1].replace(name="new")}),
        "compare": (bj.compare, {"joint": g.post, "separate": g.separate, "draws": 8}),
        "subset": (bj.subset, {"tree": g.tree}),
        "leave_one_hole_out": (bj.leave_one_hole_out, {"problem": bj.add_boreholes(g.problem, [g.hole])}),
        "calibrate": (bj.calibrate, {**p, "n": 20, "draws": 19}),
        "recalibrate": (bj.recalibrate, {**post, "geology": g.family, "worlds": 60, "sensitivity": None}),
        "discretisation_noise": (bj.discretisation_noise, {**p, "geology": g.family, "worlds": 20}),
        "temper": (bj.temper, {**p, "curve": False}),
        "assimilate": (bj.assimilate, p),
        "StateModel": (bj.StateModel, {}),
        "report": (bj.report, {"tree": g.tree, "path": folder / "report.html"}),
    }
    for name, one in (("Posterior", g.post), ("recalibrated", g.recalibrated)):
        found |= {
            f"{name}.interval": (one.interval, {}),
            f"{name}.covariance_product": (one.covariance_product, {"v": {"density": np.ones(g.mesh.shape)}}),
            f"{name}.sample": (one.sample, {"draws": 4, "chains": 2}),
            f"{name}.stream": (one.stream, {"draws": 4}),
            f"{name}.mean_given": (one.mean_given, {"data": np.ones((1, 40))}),
            f"{name}.loo": (one.loo, {}), f"{name}.plot": (one.plot, {"axes": Figure().subplots(1, 2)}),
            f"{name}.interval_words": (one.interval_words, {"parameter": "density"}),
            f"{name}.tail_probability": (one.tail_probability, {"parameter": "density", "threshold": 1.0}),
            f"{name}.to_datatree": (one.to_datatree, {"draws": 4, "chains": 2}),
            f"{name}.to_file": (one.to_file, {"path": folder / f"{name}.nc", "draws": 4, "chains": 2}),
        }
    return found


def _exports(g, folder):
    """They come last: what they write by the name of a wrong argument is no longer read then."""
    given = {"source": g.post, "overwrite": True}
    found = {f"save_{kind}": (getattr(bj, f"save_{kind}"), given | {"path": folder / f"out.{kind}"})
             for kind in ("vtk", "csv", "netcdf")}
    found["save_ubc"] = bj.save_ubc, given | {"folder": folder / "ubc"}
    if "save_geotiff" not in WITHOUT_EXTRAS:
        found["save_geotiff"] = bj.save_geotiff, given | {"folder": folder / "tif", "crs": "EPSG:32751"}
    return found


def _agreement(g):
    p, pair = {"problem": g.problem}, ("ground", "air")
    return {
        "likelihood_ratio_test": (bj.likelihood_ratio_test, {**p, "pair": pair}),
        "node_split": (bj.node_split, {**p, "pair": pair}),
        "nuisance_test": (bj.nuisance_test, {**p, "survey": "air"}),
        "local_conflict": (bj.local_conflict, {**p, "survey": "air"}),
        "spectral_conflict": (bj.spectral_conflict, {**p, "survey": "air", "bands": 3}),
        "detectability": (bj.detectability, {**p, "pair": pair}),
        "conflict_matrix": (bj.conflict_matrix, p),
        "compare_remedies": (bj.compare_remedies, {"posteriors": {"as stated": g.post, "air": g.post}}),
        "conflict": (bj.conflict, {**p, "places": False}),
    }


def _geology(g, folder):
    rng, t = np.random.default_rng(0), g.table
    (folder / "units.csv").write_text("unit,density,density_std,susceptibility,susceptibility_log_std\n"
                                      "granite,2640,60,0.001,1\ngabbro,3000,120,0.01,1\n")
    samples = {"unit": ["a", "a", "b", "b"], "density": [2.6, 2.7, 2.9, 3.0],
               "susceptibility": [1e-3, 1e-2, 1e-2, 2e-2]}
    mixture = bj.Mixture([g.family, g.family.scaled(density=2.0)])
    contrasts = {"contrasts": {"density": 100.0}}
    found = {
        "RockTable": (bj.RockTable, {"units": t.units}),
        "RockTable.from_samples": (bj.RockTable.from_samples, {"samples": samples, "density_units": "g/cm3"}),
        "RockTable.from_units": (bj.RockTable.from_units, {"path": folder / "units.csv"}),
        "RockTable.textbook": (bj.RockTable.textbook, {}), "RockTable.select": (t.select, {"shares": {"granite": 1}}),
        "RockTable.draw": (t.draw, {"rng": 0}), "RockTable.sample": (t.sample, {"units": [0, 1], "rng": 0}),
        "RockTable.std": (t.std, {}), "RockTable.weights": (t.weights, {"shares": {"granite": 1}}),
        "RockTable.components": (t.components, {"parameters": ("density",)}),
        "RockTable.moments": (t.moments, {"mesh": g.mesh}),
        "RockTable.check": (t.check, {"fit": bj.fit_hyperparameters(g.problem, free=["density_std"], curve=False)}),
        "RockUnit": (bj.RockUnit, {"name": "granite", "density": 2640, "density_std": 60, "susceptibility": 0.001,
                                   "susceptibility_log_std": 1.0}),
        "Geology": (bj.Geology, {"structures": [bj.Bodies(**contrasts)]}),
        "Mixture": (bj.Mixture, {"families": [g.family, g.family]}),
        "geology_default": (bj.geology_default, {"mesh": g.mesh, "std": {"density": 100.0}}),
        "GaussianField": (bj.GaussianField, {"std": {"density": 100.0}}),
        "Uniform": (bj.Uniform, {"low": 1.0, "high": 2.0}), "LogUniform": (bj.LogUniform, {"low": 1.0, "high": 2.0}),
        "Normal": (bj.Normal, {"mean": 1.0, "std": 2.0}), "LogNormal": (bj.LogNormal, {"median": 1.0}),
        "Poisson": (bj.Poisson, {"mean": 2.0}), "Signed": (bj.Signed, {"magnitude": 2.0}),
        "Centred": (bj.Centred, {"law": bj.Uniform(1.0, 2.0)}),
    }
    for name, one in (("Geology", g.family), ("Mixture", mixture)):
        found |= {f"{name}.draw": (one.draw, {"mesh": g.mesh}), f"{name}.resized": (one.resized, {"factor": 2.0}),
                  f"{name}.scaled": (one.scaled, {}), f"{name}.without": (one.without, {})}
    for name in ("Bodies", "Dykes", "Layers", "Cover", "Plurigaussian"):
        found[name] = getattr(bj, name), contrasts
    for name in ("Bodies", "Dykes", "Layers", "Cover", "Plurigaussian", "GaussianField"):
        found[f"{name}.resized"] = getattr(bj, name)(**(
            contrasts if name != "GaussianField" else {"std": {"density": 1.0}})).resized, {"factor": 2.0}
    for name in ("Uniform", "LogUniform", "Normal", "LogNormal", "Poisson", "Signed", "Centred"):
        made, arguments = found[name]
        law = made(**arguments)
        found |= {f"{name}.draw": (law.draw, {"rng": rng}), f"{name}.times": (law.times, {"factor": 2.0})}
    return found


def _plots(g):
    axes = {"ax": Figure().add_subplot()}
    return {f"plot.{name}": (getattr(bj.plot, name), arguments | ({} if name in ("geology", "compare") else axes))
            for name, arguments in {
                "bands": {"source": g.bands}, "places": {"source": g.local},
                "matrix": {"source": bj.conflict_matrix(g.problem)},
                "verdict": {"source": bj.conflict(g.problem, places=False)},
                "cells": {"source": g.tree, "variable": "density_diagonal", "group": "resolution"},
                "columns": {"source": bj.depth_to_top(g.post, 10.0, draws=20), "variable": "column_presence"},
                "layers": {"source": g.tree, "variables": "density_diagonal_profile", "group": "resolution"},
                "ecdf": {"source": g.simulated}, "ranks": {"source": g.simulated},
                "convergence": {"source": g.tree}, "crossplot": {"source": g.tree}, "profile": {"source": g.tree},
                "residuals": {"source": g.tree}, "geology": {"family": g.family, "source": g.mesh, "count": 2,
                                                             "figure": Figure()},
                "coverage": {"source": g.recalibrated.to_datatree(draws=2, chains=2)},
                "interval": {"source": g.tree}, "compare": {"source": g.tree},
                "data": {"source": g.survey}, "model": {"source": g.tree},
            }.items()}


BAD = {"None": None, "3": 3, "'x'": "x", "[1]": [1], "object": object(), "{}": {}, "ones": np.ones(2),
       "Dataset": xr.Dataset(), "nan": float("nan"), "-1": -1, "1j": 1j, "True": True}
