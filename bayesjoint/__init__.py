"""Joint Bayesian inversion of several surveys of the same ground.

Public names are resolved on first use, so that ``import bayesjoint`` stays light: xarray, ArviZ and Matplotlib are
imported only by what needs them.
"""

from importlib import import_module

__version__ = "0.1.0"

_ROOMS = {
    "mesh": ("Mesh",),
    "survey": ("Survey", "read_survey"),
    "forward": ("GravityOperator", "MagneticOperator", "StationSampling", "StationSelection", "UpwardContinuation",
                "forward_prisms", "ForwardModel"),
    "noise": ("DiagonalNoise", "DenseNoise", "StationaryNoise", "MaternKernel", "StudentNoise", "noise_std"),
    "priors": ("Matern", "SumOfMaterns", "GaussianPrior", "MinimumLength", "Focusing"),
    "couplings": ("Gramian", "Coregionalization", "CrossGradient", "JointTotalVariation",
                   "Petrophysical", "RockMixture"),
    "problem": ("Parameter", "Modality", "JointProblem"),
    "augment": ("add_bias", "add_discrepancy", "add_direction_error", "add_height_error", "relinearised", "Borehole",
                "read_boreholes", "add_boreholes", "outcrops", "law_as_data"),
    "preparation": ("equivalent_sources", "regional_split", "terrain_effect", "noise_estimate"),
    "map_estimate": ("find_map", "couple"),
    "hyperparameters": ("fit_hyperparameters",),
    "engines": ("posterior", "load", "loo", "Estimate", "Posterior", "PosteriorEngine", "register_engine",
                "BodyFamily"),
    "functionals": ("exceedance", "excess_mass", "depth_to_top", "Window", "magnetic_moment"),
    "diagnostics": ("ResolutionOperator", "resolution", "leakage", "identifiability", "expected_information",
                    "compare", "subset", "leave_one_hole_out"),
    "geology": ("RockTable", "RockUnit", "Geology", "Mixture", "geology_default", "Bodies", "Dykes", "Layers",
                "Cover", "Plurigaussian", "GaussianField", "Uniform", "LogUniform", "Normal", "LogNormal",
                "Poisson", "Signed", "Centred"),
    "calibration": ("calibrate", "recalibrate", "discretisation_noise"),
    "tempering": ("temper",),
    "assimilation": ("assimilate", "StateModel"),
    "agreement": ("likelihood_ratio_test", "node_split", "nuisance_test", "local_conflict", "spectral_conflict",
                  "detectability", "conflict_matrix", "compare_remedies", "conflict"),
    "io": ("save_ubc", "save_vtk", "save_geotiff", "save_csv", "save_netcdf"),
    "reporting": ("report",),
}
_PUBLIC = {name: room for room, names in _ROOMS.items() for name in names}
_MODULES = ("plot", "testing")

__all__ = [*_PUBLIC, *_MODULES]


def __getattr__(name):
    if name in _PUBLIC:
        value = getattr(import_module(f".{_PUBLIC[name]}", __name__), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__():
    return sorted([*__all__, "__doc__", "__version__"])
