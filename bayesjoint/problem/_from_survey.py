"""From a survey to a modality in one step: the operator that suits its stations, its noise and its gaps."""


import numpy as np

from .._checks import fail, one_of, warn
from .._geometry import check_over
from .._places import blocks
from ..forward import (
    ALIGNMENT_TOLERANCE,
    StationOperator,
    StationSampling,
    StationSelection,
    lattice_operator,
    top_of_ground,
)
from ..mesh import SPACING_TOLERANCE
from ..noise import DiagonalNoise, guessed_noise
from ..quantities import FIELD, component_of, known_names, quantity
from ._asked import check_field
from ._modality import Modality

DIRECT_PAIRS = 20e6  # station-cell pairs: 70 ns each measured on one core, so about 1.4 s a product
SAMPLING_SHARE = 0.25  # of the noise std: an error that adds 3 % to the noise's std when independent of it
MARGIN = 3  # lattice points beyond the outermost station: a polynomial of degree 5 is centred everywhere
HEIGHTS = (4, 12)  # fewest and most lattices between the lowest and the highest station
STATIONS, ROW_BLOCK = 64, 16  # stations measured, and how many at once: 16 dense rows in memory
CHOICES = ("auto", "fft", "direct", "sampling")


def modality_from_survey(survey, parameter, std=None, forward="auto", name=None):
    """Tie a survey to a parameter on a mesh; `Survey.modality` is the same as a method.

    Parameters
    ----------
    survey : Survey
        Of gravity, magnetics or one of their components; other kinds need an operator in `forward`.
    parameter : Parameter
        On a mesh: density contrast in kg/m³ for gravity, susceptibility in SI for magnetic.
    std : float, array_like of data's shape, or "unknown", optional
        Standard deviation of independent noise, units of the data. Default: the survey's. "unknown": 5 % of the data's
        own std, a guess and marked as one, for `fit_hyperparameters` to start from.
    forward : str or LinearOperator, default "auto"
        - ``"fft"``: lattice operator. The survey must be a grid at one height whose stations are centres of the mesh's
          equal columns (or of columns beyond it), and over topography none of these columns may rise above them.
        - ``"direct"``: exact prism sums at each station; any mesh, any heights.
        - ``"sampling"``: lattice operators at several heights, interpolated to the stations; equal columns.
        - ``"auto"``: ``"fft"`` where it applies. Else ``"direct"`` up to 20 million pairs of station and cell (about a
          second and a half a product on one core). Beyond that ``"sampling"``, if its error is below a quarter of the
          noise std at all of 64 random stations, which says with 95 % confidence that it is at 95 % of them; else
          ``"direct"``. That error is the standard deviation of sampled less exact data under the parameter's Gaussian
          prior (without one: under independent cells), relative to the prior's data and scaled to the survey's.
        - an operator with one row for each observed station, or one for each station of the grid.
    name : str, optional
        Default: the survey's name.

    Returns
    -------
    Modality
        Gaps left out; `metadata` has source, licence, crs, history and which operator was taken, with its error.

    Raises
    ------
    ValueError, TypeError
        If no std is known, the inducing field is missing, the kind has no operator, or the operator does not suit.

    Examples
    --------
    >>> from bayesjoint import Mesh, Parameter, Survey
    >>> survey = Survey("gravity", [[1.0, 2.0], [np.nan, 3.0]], [0.0, 100.0], [0.0, 100.0], upward=0.0, std=0.1)
    >>> density = Parameter("density", Mesh.from_surveys([survey], depth=500.0, layers=2))
    >>> modality = modality_from_survey(survey, density)
    >>> modality, modality.metadata["forward"]
    (Modality('gravity', 3 data, parameter=('density',)), 'lattice operator (FFT), gaps left out')
    """
    check_field(parameter, 'Use Parameter("density", mesh, prior=...).')
    check_over(survey, parameter.mesh)
    noise = _noise(survey, std)
    std = noise.std
    if isinstance(forward, str):
        one_of("forward", forward, CHOICES)
        operator, how = _built(survey, parameter, std, forward)
    else:
        operator, how = _given(survey, parameter, forward), "given by the caller"
    metadata = {
        "source": survey.source, "licence": survey.licence, "crs": survey.crs, "forward": how,
        "history": "; ".join(survey.history) or None, **{key: getattr(survey, key) for key in FIELD},
    }  # fmt: skip
    return Modality(
        survey.name if name is None else name, operator, survey.data[survey.observed], noise,
        parameter.name, units=survey.units, metadata={k: v for k, v in metadata.items() if v is not None},
        lines=None if survey.lines is None else survey.lines[survey.observed],
    )  # fmt: skip


def _noise(survey, std):
    """Independent noise of the observed data, checked by the survey itself."""
    if isinstance(std, str):
        one_of("std", std, ("unknown",))
        return guessed_noise(survey.data[survey.observed])
    survey = survey if std is None else survey.replace(std=std)
    if survey.std is None:
        fail("std", f"be known for {survey.name!r}", "none, neither here nor in the survey",
             "Pass std= in the data's units, std=bj.noise_std(survey.data, relative=0.02, floor=0.01), or "
             'std="unknown" to have fit_hyperparameters find it.')
    return DiagonalNoise(survey.std[survey.observed])


def _given(survey, parameter, forward):
    """The caller's operator, checked, and cut to the observed stations if it predicts the gaps too."""
    shape = forward.shape if hasattr(forward, "shape") else np.shape(forward)
    count = int(survey.observed.sum())
    if len(shape) != 2 or shape[0] not in (count, survey.size) or shape[1] != parameter.size:
        fail("forward", f"be one of {', '.join(CHOICES)} or an operator of shape ({count}, {parameter.size})",
             f"shape {tuple(shape)}", "Give it one row for each observed station and one column for each cell.")
    component = component_of(survey.kind)
    expected = {"kind": survey.kind} if component is None else {
        "kind": component.kind.name, "units": component.unit.symbol}
    for key, mine in (*expected.items(), ("mesh", parameter.mesh)):
        theirs = getattr(forward, key, mine)
        if not (mine.same_cells(theirs) if key == "mesh" else theirs == mine):
            fail("forward", f"have the {key} of the {'parameter' if key == 'mesh' else 'survey'}, {mine!r}",
                 repr(theirs), "Build it for this survey and this mesh.")
    if shape[0] == count:
        return forward
    if getattr(forward, "data_shape", None) == survey.shape:
        return StationSelection(forward, survey.observed) @ forward
    if isinstance(forward, np.ndarray):
        return forward[survey.observed.ravel()]
    return fail("forward", f"predict the {count} observed stations", f"{shape[0]} rows",
                "Leave the gaps out of it: bj.StationSelection(operator, survey.observed) @ operator.")


def _built(survey, parameter, std, forward):
    """Operator for the observed stations, and a sentence on what it is."""
    mesh, field = parameter.mesh, _field(survey)
    lattice = _lattice_misfit(survey, mesh)
    if forward == "fft" or (forward == "auto" and lattice is None):
        if lattice is not None:
            fail("forward", "be 'direct' or 'sampling' for these stations", f"'fft', but {lattice}",
                 "Leave it at 'auto', or lay the mesh with Mesh.from_surveys.")
        operator = lattice_operator(mesh, survey.easting, survey.northing, float(np.nanmin(survey.upward)), survey.kind,
                                    **field)
        if survey.observed.all():
            return operator, "lattice operator (FFT)"
        return StationSelection(operator, survey.observed) @ operator, "lattice operator (FFT), gaps left out"
    pairs = int(survey.observed.sum()) * int(mesh.active.sum())
    if forward == "direct" or (forward == "auto" and (pairs <= DIRECT_PAIRS or not _may_sample(survey, mesh))):
        return _direct(survey, mesh, field), "prism sums at the stations (exact)"
    operator, exact = _sampled(survey, mesh, field), _direct(survey, mesh, field)
    error = sampling_share(operator, exact, parameter) * float(np.std(survey.data[survey.observed]))
    size = f"error std up to {error:.2g} {survey.units} at {min(STATIONS, exact.shape[0])} random stations"
    if forward == "sampling" or error <= SAMPLING_SHARE * float(np.median(std)):
        return operator, f"lattice operators sampled at the stations, {size}"
    return exact, f"prism sums at the stations (exact); sampling had an {size}"


def sampling_share(sampled, exact, parameter):
    """Largest standard deviation, under the prior, of sampled less exact data at random stations, over the data's own.

    With E the rows' errors and Γ the prior covariance (identity if the prior is not Gaussian): the largest
    (E Γ Eᵀ)_ii^½ over the rms of (A Γ Aᵀ)_ii^½. Of 64 stations drawn, the largest bounds 95 % of all with 95 %
    confidence (0.954⁶⁴ = 0.05), whatever the distribution.

    Parameters
    ----------
    sampled, exact : ForwardOperator
        The same stations, interpolated and by prism sums.
    parameter : Parameter
        Gives Γ.
        Draws the stations.

    Returns
    -------
    float
    """
    total = exact.shape[0]
    index = np.random.default_rng(0).choice(total, min(STATIONS, total), replace=False)
    bound = parameter.bound_prior
    covariance = bound.covariance if getattr(bound, "gaussian", False) else None
    variances = np.empty((2, index.size))
    for part in blocks(index.size, ROW_BLOCK):
        rows = exact.rows(index[part])
        for k, block in enumerate((rows - sampled.rows(index[part]), rows)):
            smooth = block if covariance is None else covariance.matmat(block.T).T
            variances[k, part] = np.einsum("ij,ij->i", block, smooth)
    return float(np.sqrt(variances[0].max() / variances[1].mean()))


def _field(survey):
    """Keyword arguments of the inducing field, empty for kinds that need none."""
    component = component_of(survey.kind)
    if component is None:
        fail("forward", f"be given for kind {survey.kind!r}", "none",
             f"Kinds with an operator here: {', '.join(known_names())}.")
    if not component.kind.needs_field:
        return {}
    field = {key: getattr(survey, key) for key in FIELD}
    missing = [key for key, value in field.items() if value is None]
    if missing:
        fail(", ".join(missing), f"be known for {component.kind.name} survey {survey.name!r}", "None",
             "survey.replace(intensity=..., inclination=..., declination=...): the inducing field, nT and degrees.")
    return field


def _may_sample(survey, mesh):
    """Whether lattices at the stations' heights may stand over the mesh: equal columns, no ground above a station."""
    return _equal_columns(mesh) and not (mesh.has_air and np.nanmax(mesh.surface) > np.nanmin(survey.upward))


def _equal_columns(mesh):
    steps = (np.diff(mesh.northing_edges), np.diff(mesh.easting_edges))
    return all(np.ptp(step) <= SPACING_TOLERANCE * step.mean() for step in steps)


def _lattice_misfit(survey, mesh):
    """Why the stations are no lattice over the mesh's columns, or None if they are."""
    if not survey.is_grid:
        return "they are scattered"
    if np.nanmax(survey.upward) > np.nanmin(survey.upward):
        return f"their heights run from {np.nanmin(survey.upward):g} to {np.nanmax(survey.upward):g} m"
    if not _equal_columns(mesh):
        return "the mesh's columns are unequal"
    for axis, step in zip(("northing", "easting"), mesh.horizontal_spacing(), strict=True):
        position = (getattr(survey, axis) - getattr(mesh, axis)[0]) / step
        off = np.abs(position - np.round(position)).max()
        uneven = np.abs(np.diff(position) - 1).max(initial=0.0)
        if max(off, uneven) > ALIGNMENT_TOLERANCE:
            return f"their {axis} is not that of the mesh's columns ({max(off, uneven):.2g} cells off)"
    corner = [round(float((values[0] - centres[0]) / step)) for values, centres, step in zip(
        (survey.northing, survey.easting), (mesh.northing, mesh.easting), mesh.horizontal_spacing(), strict=True)]
    top = top_of_ground(mesh, corner, survey.shape)
    if mesh.has_air and np.nanmin(survey.upward) < top - SPACING_TOLERANCE * mesh.thickness.min():
        return f"the ground below them rises to {top:g} m, above their {np.nanmin(survey.upward):g} m"
    return None


def _stations(survey):
    return [coordinate[survey.observed.ravel()] for coordinate in survey.coordinates()]


def _direct(survey, mesh, field):
    operator = StationOperator(mesh, *_stations(survey), quantity(survey.kind, **field))
    buried = 0 if operator.quantity.singular else int(operator.buried.sum())  # a singular field refuses them
    if buried:
        warn(f"{buried} of {operator.shape[0]} {survey.kind} stations lie inside the ground of the mesh: "
                      "right in boreholes and mines; on the surface the mesh's top, the topography or the heights are "
                      "off")
    return operator


def _sampled(survey, mesh, field):
    """Lattice operators over all stations, wide and dense enough in height to interpolate between."""
    easting, northing, upward = _stations(survey)
    spacing = mesh.horizontal_spacing()
    axes = [
        _covering(values, centres[0], step)
        for values, centres, step in ((northing, mesh.northing, spacing[0]), (easting, mesh.easting, spacing[1]))
    ]
    low, high = upward.min(), upward.max()
    height = float(low)
    if high > low:
        few, many = HEIGHTS
        height = np.linspace(low, high, int(np.clip(np.ceil((high - low) / (0.5 * min(spacing))) + 1, few, many)))
    operator = lattice_operator(mesh, axes[1], axes[0], height, survey.kind, **field)
    return StationSampling(operator, easting, northing, upward) @ operator


def _covering(values, origin, step):
    first = np.floor((values.min() - origin) / step) - MARGIN
    last = np.ceil((values.max() - origin) / step) + MARGIN
    return origin + step * np.arange(first, last + 1)
