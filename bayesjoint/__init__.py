"""Joint Bayesian inversion of several surveys of the same ground.

Public names are resolved on first use, so that ``import bayesjoint`` stays light: xarray, ArviZ and Matplotlib are
imported only by what needs them.
"""

from importlib import import_module

__version__ = "0.1.0"

_PUBLIC = {
    "Mesh": "mesh",
    "Survey": "survey",
    "read_survey": "survey",
    "GravityOperator": "forward",
    "MagneticOperator": "forward",
    "StationSampling": "forward",
    "StationSelection": "forward",
    "UpwardContinuation": "forward",
    "forward_prisms": "forward",
    "ForwardModel": "forward",
    "DiagonalNoise": "noise",
    "DenseNoise": "noise",
    "StationaryNoise": "noise",
    "MaternKernel": "noise",
    "noise_std": "noise",
    "Matern": "priors",
    "GaussianPrior": "priors",
    "MinimumLength": "priors",
    "Focusing": "priors",
    "Gramian": "couplings",
    "Coregionalization": "couplings",
    "Parameter": "problem",
    "Modality": "problem",
    "JointProblem": "problem",
    "add_bias": "augment",
    "add_discrepancy": "augment",
    "Borehole": "augment",
    "read_boreholes": "augment",
    "add_boreholes": "augment",
    "outcrops": "augment",
    "find_map": "map_estimate",
    "couple": "map_estimate",
    "fit_hyperparameters": "hyperparameters",
    "posterior": "engines",
    "load": "engines",
    "Estimate": "engines",
    "Posterior": "engines",
    "PosteriorEngine": "engines",
    "register_engine": "engines",
    "exceedance": "functionals",
    "excess_mass": "functionals",
    "depth_to_top": "functionals",
    "Window": "functionals",
    "magnetic_moment": "functionals",
    "ResolutionOperator": "diagnostics",
    "resolution": "diagnostics",
    "leakage": "diagnostics",
    "identifiability": "diagnostics",
    "expected_information": "diagnostics",
    "compare": "diagnostics",
    "subset": "diagnostics",
    "RockTable": "geology",
    "RockUnit": "geology",
    "Geology": "geology",
    "Mixture": "geology",
    "geology_default": "geology",
    "Bodies": "geology",
    "Dykes": "geology",
    "Layers": "geology",
    "Cover": "geology",
    "Plurigaussian": "geology",
    "GaussianField": "geology",
    "Uniform": "geology",
    "LogUniform": "geology",
    "Normal": "geology",
    "LogNormal": "geology",
    "Poisson": "geology",
    "Signed": "geology",
    "leave_one_hole_out": "diagnostics",
    "Centred": "geology",
    "calibrate": "calibration",
    "recalibrate": "calibration",
    "discretisation_noise": "calibration",
    "temper": "tempering",
    "assimilate": "assimilation",
    "StateModel": "assimilation",
    "likelihood_ratio_test": "agreement",
    "node_split": "agreement",
    "nuisance_test": "agreement",
    "local_conflict": "agreement",
    "spectral_conflict": "agreement",
    "detectability": "agreement",
    "conflict_matrix": "agreement",
    "compare_remedies": "agreement",
    "conflict": "agreement",
    "report": "reporting",
}
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
