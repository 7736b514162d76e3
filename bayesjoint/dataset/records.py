"""What a caller hands over: frozen records of plain arrays."""

from dataclasses import dataclass, field

from .._checks import fail, one_of

STATUSES = ("exact", "bounded", "measured", "not validated")
LIKELIHOODS = ("pointwise", "conditional", "total")


@dataclass(frozen=True, kw_only=True)
class ParameterBlock:
    """What is known about one parameter, as plain arrays.

    Parameters
    ----------
    name : str
        Name of the variable; letters, digits and underscores, and not the name of a dimension.
    dims : tuple of str, default ()
        ``("upward", "northing", "easting")`` on a mesh, ``("H0_id",)`` for a vector, ``()`` for a scalar functional.
    coords : dict, optional
        {coordinate: (dim, values, attributes)}, as `Mesh.coords` returns it; a dim without one is numbered from 0.
    edges : dict, optional
        {dim: cell edges (n+1,)}, stored in ``constant_data`` as ``upward_edges``.
    ground : array_like of bool, shape `shape`, optional
        False in air, where every array here is NaN; stored in ``constant_data`` as ``<name>_ground`` if some is air.
    units : str, default "1"
        Units of every array here.
    long_name : str, optional
        Words for axis labels; default the name.
    draws, prior_draws : array_like, shape (chain, draw, *shape), optional
        Posterior and prior draws.
    mean, std, mean_error, std_error : array_like, shape `shape`, optional
        Posterior mean and standard deviation per cell and their standard errors (0 where exact, NaN where unknown).
    prior_mean, prior_std : array_like, shape `shape`, optional
        The same of the prior.
    separate : dict, optional
        {label: {"mean": ..., "std": ...}} from the separate inversions, label like ``gravity_only``.
    bounds : dict, optional
        {"lower" or "upper": array_like of shape `shape`}, NaN where open; stored in ``constant_data``.
    intervals : dict, optional
        {label: (lower, upper, attributes)}: ends of intervals and what they are (``probability``, ``kind``). Those
        of label "" are stored as ``<name>_lower``, of label "gaussian" as ``<name>_gaussian_lower``.
    attributes : dict, optional
        Further attributes of the variable (prior in words, scale, ...).

    Examples
    --------
    >>> from bayesjoint.dataset import build_tree
    >>> block = ParameterBlock(name="H0", dims=("H0_id",), units="km/s/Mpc", mean=[70.0], std=[1.5])
    >>> build_tree([block])["posterior_summary"]["H0_mean"].values
    array([70.])
    """

    name: str
    dims: tuple = ()
    coords: dict = field(default_factory=dict)
    edges: dict = field(default_factory=dict)
    ground: object = None
    units: str = "1"
    long_name: str | None = None
    draws: object = None
    prior_draws: object = None
    mean: object = None
    std: object = None
    mean_error: object = None
    std_error: object = None
    prior_mean: object = None
    prior_std: object = None
    separate: dict = field(default_factory=dict)
    bounds: dict = field(default_factory=dict)
    intervals: dict = field(default_factory=dict)
    attributes: dict = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ModalityBlock:
    """One data set: what was observed, how well, and what the posterior predicts, as plain arrays.

    Every array has the data's shape, or is flat over the observed data only (then `mask` places it and gaps become
    NaN). Arrays of draws have ``chain, draw`` in front.

    Parameters
    ----------
    name, kind : str
        Name of the modality; kind such as "gravity" or "magnetic".
    dims : tuple of str
        The modality's own dims: ``("gravity_northing", "gravity_easting")``, with ``gravity_height`` in front where
        data lie at several heights, or ``("gravity_station",)``.
    coords : dict
        {coordinate: (dims, values, attributes)}; stations carry ``gravity_easting`` and ``gravity_northing``.
    mask : array_like of bool, data shape, optional
        True where observed; default: where `observed` is not NaN.
    units : str, default "1"
        Units of the data.
    long_name : str, optional
        Words for axis labels; default the name.
    observed : array_like
        The data.
    std : array_like, optional
        Marginal standard deviation of the noise.
    upward : float or array_like, optional
        Height of the stations, metres, positive up.
    predicted_mean, predicted_std : array_like, optional
        Posterior mean and standard deviation of the noise-free prediction.
    predictive_draws : array_like, optional
        Draws of data (noise included), for ``posterior_predictive``.
    log_likelihood : array_like, optional
        Per draw and datum; for dense noise a total per draw, shape (chain, draw).
    log_likelihood_kind : {"pointwise", "conditional", "total"}, default "pointwise"
        Pointwise for independent noise; conditional on the other data, or one total, for correlated noise.
    chi2 : float, optional
        χ² of the posterior mean's (or MAP's) prediction, whitened by the full noise covariance.
    separate : dict, optional
        {label: χ²} of the separate inversions.
    attributes : dict, optional
        ``source``, ``licence``, ``crs``, noise in words, ...
    """

    name: str
    kind: str
    dims: tuple
    coords: dict
    observed: object
    mask: object = None
    units: str = "1"
    long_name: str | None = None
    std: object = None
    upward: object = None
    predicted_mean: object = None
    predicted_std: object = None
    predictive_draws: object = None
    log_likelihood: object = None
    log_likelihood_kind: str = "pointwise"
    chi2: float | None = None
    separate: dict = field(default_factory=dict)
    attributes: dict = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Approximation:
    """One statement of how wrong something in the tree can be; the report prints them all.

    Parameters
    ----------
    name : str
        What it is about: "posterior covariance", "station sampling", ...
    status : {"exact", "bounded", "measured", "not validated"}
        Exact up to rounding; error bounded by theory; error measured (sampled or compared); or nobody knows.
    statement : str
        One or two sentences.
    error : float, optional
        Size of the error; required for "bounded" and "measured".
    units : str, default "1"
        Units of `error` ("1" is a fraction).
    """

    name: str
    status: str
    statement: str
    error: float | None = None
    units: str = "1"

    def __post_init__(self):
        one_of("status", self.status, STATUSES)
        if self.status in ("bounded", "measured") and self.error is None:
            fail("error", f"be given for status {self.status!r}", "None", "State the error, or say 'not validated'.")
