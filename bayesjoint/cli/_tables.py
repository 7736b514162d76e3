"""The tables of a configuration: every key with its type, its default and what is allowed."""

import operator
from dataclasses import MISSING, dataclass, field
from pathlib import Path

from .._correlation import CORRELATIONS
from ..engines import methods
from ..quantities import known_names
from ..survey import FORMATS

SMOOTHNESS = tuple(CORRELATIONS)


def key(help_text, default=MISSING, choices=None, minimum=None, above=None, below=None, maximum=None):
    """Declare one key of a table: a dataclass field with its help and its limits."""
    limits = {"help": help_text, "choices": choices, "minimum": minimum, "above": above, "below": below,
              "maximum": maximum}
    return field(default=default, metadata=limits)


def choices_of(meta):
    """What a key may be, looked up when it is asked for: engines and kinds may be added."""
    return meta["choices"]() if callable(meta["choices"]) else meta["choices"]


@dataclass(frozen=True, kw_only=True)
class SurveyTable:
    """One survey: where its data are and how well they are known."""

    file: str = key("file with the data, relative to the configuration")
    format: str | None = key("what kind of file it is, where it does not say", None, choices=tuple(FORMATS))
    kind: str = key("what was measured", choices=known_names)
    parameter: str = key("name of the parameter it sees")
    variable: str | None = key("variable or column that holds the data", None)
    columns: dict | None = key('columns of a table, e.g. { easting = "x", data = "g" }', None)
    height: float | None = key("station height in metres, positive up, if the file does not say", None)
    units: str | None = key("units of the file's data, if the file does not say", None)
    missing: float | list | None = key("number that marks missing values, or a list of them, e.g. [-9999, 1e32]", None)
    crs: str | None = key('coordinate reference system, e.g. "EPSG:28351"; must be that of the other surveys', None)
    to_crs: str | None = key('system in metres to project the stations to, e.g. "EPSG:32751" (extra crs)', None)
    to_grid: bool = key("place the stations of a table on the lattice whose nodes they are; holes become gaps", False)
    intensity: float | None = key("inducing field, nT, if the file does not say", None, above=0.0)
    inclination: float | None = key("inclination, degrees, positive down, if the file does not say", None)
    declination: float | None = key("declination, degrees, clockwise from north, if the file does not say", None)
    std: float | None = key("noise standard deviation, units of the data", None, above=0.0)
    relative_std: float | None = key("noise as a share of each datum (with floor_std)", None, minimum=0.0)
    floor_std: float | None = key("noise as a share of the largest datum (with relative_std)", None, minimum=0.0)
    noise: str = key("law of independent noise; student: with outliers, which lose their weight; std is then its scale",
                     "gaussian", choices=("gaussian", "student"))
    dof: float | None = key("student: degrees of freedom, small for many outliers; default: found from the data", None,
                            above=2.0)
    bias: str = key("regional field, datum shift or levels of a lattice's lines, inferred with the model", "none",
                    choices=("none", "constant", "linear", "quadratic", "rows", "columns", "lines"))
    bias_std: float | None = key("prior std of each bias coefficient, units of the data", None, above=0.0)
    inclination_std: float | None = key("prior std of what the stated inclination is wrong by, degrees, inferred with "
                                        "the model", None, above=0.0)
    declination_std: float | None = key("the same of the declination", None, above=0.0)
    height_std: float | None = key("prior std of what stated heights are wrong by, metres, inferred with the model",
                                   None, above=0.0)
    height_per: str = key("what has one error of its height", "survey", choices=("survey", "line", "station"))
    height_reduction: float | None = key("what the reduction has added for each metre of height, mGal: 0.3086 for "
                                         "free-air anomalies, 0.1967 for Bouguer anomalies; needed for gravity", None,
                                         minimum=0.0)
    reduction_density_std: float | None = key("prior std of what the density of the terrain reduction is wrong by, "
                                              "kg/m3, inferred with the model (with topography)", None, above=0.0)
    topography: str | None = key("file with the heights of the ground, metres, for reduction_density_std", None)
    topography_cell: float | None = key("width of the prisms of the terrain, metres", None, above=0.0)
    forward: str = key("forward operator", "auto", choices=("auto", "fft", "direct", "sampling"))
    exponent: float = key("likelihood exponent (tempering)", 1.0, above=0.0)


@dataclass(frozen=True, kw_only=True)
class MeshTable:
    """The mesh laid under the surveys."""

    depth: float = key("depth of its bottom, metres", above=0.0)
    layers: int = key("number of layers", 15, minimum=1, maximum=100_000)
    padding: int = key("extra columns on each side", 5, minimum=0, maximum=100_000)
    growth: float = key("ratio of a layer's thickness to that of the layer above", 1.0, above=0.0)
    top: float | None = key("upward coordinate of its top, metres; default 0, with a warning where all stations lie "
                            "well above", None)
    spacing: float | None = key("horizontal cell size, metres; needed when no survey is gridded", None, above=0.0)


@dataclass(frozen=True, kw_only=True)
class ParameterTable:
    """One property and its prior."""

    prior: str = key("kind of prior", "matern", choices=("matern", "minimum_length", "focusing"))
    std: float | None = key("matern: prior standard deviation, physical units", None, above=0.0)
    range: float | list | None = key("matern: range in metres, or [upward, northing, easting]; with a dip [across the "
                                     "layering, along strike, down dip]", None)
    dip: float | None = key("matern: degrees from the horizontal at which layering dips", None, minimum=0.0)
    strike: float | None = key("matern: degrees clockwise from north, layering dips to its right; default 0 with a dip",
                               None)
    smoothness: float = key("matern: smoothness", 1.5, choices=SMOOTHNESS)
    plus: list | None = key("matern: independent fields of other ranges that are added to the first, e.g. "
                            "[{ std = 40.0, range = 300.0 }]; smoothness is 1.5 unless it is given", None)
    extent: str = key("matern: whether the field ends with the mesh or goes on beyond it", "mesh",
                      choices=("mesh", "continued"))
    alpha: float | None = key("minimum_length, focusing: starting weight of the prior", None, above=0.0)
    depth_exponent: float | None = key("minimum_length, focusing: exponent of the depth weights", None, minimum=0.0)
    p: int = key("focusing: norm", 1, choices=(0, 1, 2))
    mean: float = key("prior mean or reference, physical units", 0.0)
    lower: float | None = key("lower bound, physical units", None)
    upper: float | None = key("upper bound, physical units", None)


STRUCTURAL, PETROPHYSICAL = ("cross_gradient", "joint_total_variation"), ("petrophysical", "rock_mixture")
PENALTIES = ("gramian", *STRUCTURAL, *PETROPHYSICAL)  # couplings beside the priors, which linear engines refuse


@dataclass(frozen=True, kw_only=True)
class CouplingTable:
    """What ties the parameters."""

    kind: str = key("kind of coupling", "none", choices=("none", "coregionalization", *PENALTIES))
    correlation: float | None = key("coregionalization: cross-correlation", None, above=-1.0, below=1.0)
    weight: float | None = key("gramian, cross_gradient, joint_total_variation: weight λ; rock_mixture: exponent of "
                               "the mixture, 1 takes each cell for an independent sample of rock", None, above=0.0)
    space: str = key("gramian: space", "model", choices=("model", "weighted", "gradient"))
    spread: dict | None = key("cross_gradient, joint_total_variation: how much a parameter varies, physical units, "
                              "e.g. { density = 100.0 }; default: the std of a matern prior", None)
    intercept: float | None = key("petrophysical: a of susceptibility = a + b density, SI", None)
    slope: float | None = key("petrophysical: b of it, SI per kg/m3", None)
    std: float | None = key("petrophysical: scatter of cells about the law, SI", None, above=0.0)
    rocks: str | None = key("rock_mixture: CSV file of units (bj.RockTable.from_units), relative to the configuration",
                            None)
    background: float | None = key("rock_mixture: density of zero contrast, kg/m3; default the mean of the rocks by "
                                   "share", None, above=0.0)


@dataclass(frozen=True, kw_only=True)
class PosteriorTable:
    """How the posterior is computed and how much of it is kept."""

    method: str = key("engine", "auto", choices=methods)
    fit: bool = key("first fit prior std, ranges, correlation and noise by the evidence", False)
    draws: int = key("draws kept per chain", 25, minimum=1)
    chains: int = key("chains", 4, minimum=1)
    separate: bool = key("also invert every survey alone, to stand beside the joint result", True)


@dataclass(frozen=True, kw_only=True)
class ConflictTable:
    """How `bayesjoint conflict` tests."""

    level: float = key("family-wise level", 0.05, above=0.0, below=1.0)
    margins: dict | None = key('sizes that matter, by form, units of the data (a gain: %), e.g. { offset = 0.5, gain = '
                               '5.0 }; default the noise std', None)
    places: bool = key("make maps and bands of wavelength: the costly part of large surveys", True)
    refits: int = key("with posterior.fit: simulated surveys fitted anew behind the p-values (99 is usual); 0 takes "
                      "what was fitted for known", 0, minimum=0)


@dataclass(frozen=True, kw_only=True)
class GeologyTable:
    """A kind of ground on which intervals are recalibrated; without this table none are."""

    family: str | None = key("a family offered by name; or leave it out and state [geology.structures.NAME]", None,
                             choices=("mixture",))
    std: dict | str = key('mixture: std over the cells that the ground should have, by parameter, physical units, e.g. '
                          '{ density = 150.0, susceptibility = 0.02 }; "prior" takes the prior\'s', "prior")
    length: float | None = key("mixture: size of a body, metres; default half the mesh's depth", None, above=0.0)
    structures: dict | None = key(
        'tables [geology.structures.NAME], painted in their order: kind ("bodies", "layers", "dykes", "cover", '
        '"units", "texture"), contrasts = { density = [-300.0, 300.0] } (texture: std) and arguments of bj.Bodies, '
        'bj.Layers, bj.Dykes, bj.Cover, bj.Plurigaussian, bj.GaussianField, each a number or [low, high]', None)
    log_std: float = key("std of the logarithm of a factor on all contrasts of a property in one world", 0.35,
                         minimum=0.0)
    shared: float = key("share of worlds in which properties have one geometry", 0.5, minimum=0.0)
    positive: list | None = key("parameters of one sign; default susceptibility, if there is one", None)
    worlds: int = key("simulated worlds", 200, minimum=40)
    sensitivity: bool = key("also try the intervals on other families", True)
    sensitivity_worlds: int = key("worlds of each other family", 40, minimum=2)
    contrast_factor: float = key("widen intervals for contrasts so many times stronger or weaker, 1 to 2; 1.4 where "
                                 "one chosen body's contrast is a guess", 1.0, minimum=1.0, maximum=2.0)
    inside: dict | None = key("{ PARAMETER = deviation from the prior mean, physical units }: widen its intervals "
                              "until they hold cells that far out, those inside bodies, as often as they say", None)
    learned: bool = key("learn quantiles from neighbours (needs bayesjoint[learn], takes minutes)", False)


@dataclass(frozen=True, kw_only=True)
class Config:
    """A whole run."""

    title: str
    seed: int
    surveys: dict
    mesh: MeshTable
    parameters: dict
    coupling: CouplingTable
    posterior: PosteriorTable
    conflict: ConflictTable
    geology: GeologyTable | None
    folder: Path
    path: Path
    text: str


TABLES = {"surveys": SurveyTable, "mesh": MeshTable, "parameters": ParameterTable, "coupling": CouplingTable,
          "posterior": PosteriorTable, "conflict": ConflictTable, "geology": GeologyTable}
NAMED = ("surveys", "parameters")
ASKED = ("geology",)  # tables that mean something by being there
STRUCTURES = ("bodies", "layers", "dykes", "cover", "units", "texture")
FORMS = ("offset", "tilt", "patch", "gain", "levels")  # of a disturbance
LIMITS = (("minimum", operator.ge, ">="), ("above", operator.gt, ">"), ("below", operator.lt, "<"),
          ("maximum", operator.le, "<="))
SEED = 20260101
