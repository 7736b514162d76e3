"""From records to a tree: names, dims, shapes and units are checked here, once."""

from datetime import UTC, datetime

import numpy as np

from .._checks import fail, one_of
from ._groups import GroupBuilder, check_name
from ._records import LIKELIHOODS

SCHEMA_VERSION = 1
_MEANING = {
    "mean": "posterior mean",
    "std": "posterior standard deviation",
    "mean_error": "standard error of the posterior mean",
    "std_error": "standard error of the posterior standard deviation",
}


def build_tree(
    parameters, modalities=(), *, sample_stats=None, history=None, correlations=None, approximations=(),
    attributes=None, extra=None, draw_dtype="float32", keep_bits=None,
):
    """Lay results out as an `xarray.DataTree` with flat groups that ArviZ reads.

    Parameters
    ----------
    parameters : list of ParameterBlock
        At least one.
    modalities : list of ModalityBlock
        Data sets.
    sample_stats : dict, optional
        {name: array (chain, draw)} or {name: (array, {"units": ..., "long_name": ...})}; ArviZ calls the log
        posterior ``lp``.
    history : dict, optional
        {name: array (iteration,)} or (array, attributes), all of one length.
    correlations : dict, optional
        {(parameter, parameter): prior correlation}.
    approximations : list of Approximation
        Every approximation made, and the statement that there is none where there is none.
    attributes : dict, optional
        Root attributes. Mappings and sequences are kept as JSON under ``<name>_json`` (see `read_attributes`),
        booleans as "true"/"false", None is dropped: netCDF holds numbers and strings only.
    extra : dict of xarray.Dataset, optional
        Further flat groups.
    draw_dtype : {"float32", "float64"}, default "float32"
        Storage of draws; single precision rounds by at most 6e-8 of each value, far below any Monte Carlo error.
    keep_bits : int, optional
        Round draws to that many mantissa bits (10: error at most 5e-4 of each value, file half the size).

    Returns
    -------
    xarray.DataTree

    Raises
    ------
    ValueError
        Shapes that disagree, reserved or repeated names, one dim with two coordinates, NaN in a parameter's ground.

    Examples
    --------
    >>> from bayesjoint.dataset import ParameterBlock
    >>> tree = build_tree([ParameterBlock(name="mass", draws=[[1.0, 2.0, 4.0]], units="kg")], attributes={"seed": 0})
    >>> float(tree["posterior"]["mass"].mean())
    2.3333332538604736
    """
    builder = GroupBuilder(draw_dtype, keep_bits)
    parameters, modalities = list(parameters), list(modalities)
    if not parameters:
        fail("parameters", "hold at least one ParameterBlock", "none", "Pass the parameters of the problem.")
    for block in parameters:
        _add_parameter(builder, block)
    for block in modalities:
        _add_modality(builder, block)
    for pair, value in (correlations or {}).items():
        long_name = f"prior correlation of {pair[0]} and {pair[1]}"
        builder.add("prior_summary", f"correlation__{pair[0]}__{pair[1]}", (), value, "1", long_name)
    for group, dims, entries, nan in (("sample_stats", ("chain", "draw"), sample_stats, False),
                                      ("history", ("iteration",), history, True)):
        for name, entry in (entries or {}).items():
            values, attrs = entry if isinstance(entry, tuple) else (entry, {})
            builder.add(group, name, dims, values, nan=nan, **_described(name, attrs))
    root = dict(attributes or {})
    root.setdefault("created_at", datetime.now(UTC).isoformat(timespec="seconds"))
    root |= {"schema": "bayesjoint", "schema_version": SCHEMA_VERSION, "inference_library": "bayesjoint",
             "parameters": [p.name for p in parameters], "modalities": [m.name for m in modalities],
             "draw_storage": builder.storage, "keep_bits": keep_bits,
             "approximations": [vars(a) for a in approximations]}
    return builder.tree(root, extra or {})


def _described(name, attrs):
    attrs = dict(attrs)
    return {"units": attrs.pop("units", "1"), "long_name": attrs.pop("long_name", name), "attributes": attrs}


def _add_parameter(builder, block):
    where, long_name = f"parameter {block.name!r}", block.long_name or block.name
    check_name("the name of a parameter", block.name)
    builder.coordinates(where, block.dims, block.coords, _shape_of(block))
    air = None if block.ground is None or np.all(block.ground) else ~np.asarray(block.ground)
    if air is not None:
        builder.add("constant_data", f"{block.name}_ground", block.dims, (~air).astype("i1"), "1",
                    f"1 where {long_name} is of ground, 0 in air", where=where)

    def add(group, name, values, words, attributes=None, **options):
        if values is not None:
            builder.add(group, name, block.dims, values, block.units, words, attributes, where=where, gaps=air,
                        **options)

    add("posterior", block.name, block.draws, long_name, block.attributes, draws=True)
    add("prior", block.name, block.prior_draws, f"{long_name}, prior", block.attributes, draws=True)
    for key in _MEANING:
        words, nan = f"{_MEANING[key]} of {long_name}", key.endswith("error")
        add("posterior_summary", f"{block.name}_{key}", getattr(block, key), words, block.attributes, nan=nan,
            spread=True)
    for label, (lower, upper, described) in block.intervals.items():
        for side, values in (("lower", lower), ("upper", upper)):
            name = "_".join(filter(None, (block.name, label, side)))
            words = f"{side} end of the interval of {long_name}, {described['kind']}"
            add("posterior_summary", name, values, words, described, nan=True, spread=True)
    for key in ("mean", "std"):
        words = f"{_MEANING[key].replace('posterior', 'prior')} of {long_name}"
        add("prior_summary", f"{block.name}_{key}", getattr(block, f"prior_{key}"), words, spread=True)
    for label, summary in block.separate.items():
        for key, values in summary.items():
            one_of(f"keys of separate[{label!r}] of {where}", key, tuple(_MEANING))
            words = f"{_MEANING[key]} of {long_name}, {label.replace('_', ' ')}"
            add("separate_summary", f"{block.name}_{key}__{label}", values, words, {"label": label},
                nan=key.endswith("error"), spread=True)
    for side, values in block.bounds.items():
        add("constant_data", f"{block.name}_bound_{side}", values, f"{side} bound of {long_name}", nan=True)
    for dim, edges in block.edges.items():
        words = f"cell edges along {dim}"
        builder.add("constant_data", f"{dim}_edges", (f"{dim}_edge",), edges, "m", words, where=where, shared=True)


def _shape_of(block):
    """Shape of the parameter from the first array at hand; scalars are spread over it."""
    for values in (block.mean, block.std, block.prior_mean, block.prior_std):
        if np.ndim(values):
            return np.shape(values)
    for values in (block.draws, block.prior_draws):
        if values is not None:
            return np.shape(values)[2:]
    return None


def _add_modality(builder, block):
    where, name = f"modality {block.name!r}", block.name
    words = block.long_name or name
    one_of(f"log_likelihood_kind of {where}", block.log_likelihood_kind, LIKELIHOODS)
    check_name("the name of a modality", name)
    observed = np.asarray(block.observed)
    lay = observed if block.mask is None else block.mask
    shape = builder.coordinates(where, block.dims, block.coords, np.shape(lay))
    if block.mask is None:
        mask = np.isfinite(_on_shape(f"observed of {where}", observed, shape, None))
    else:
        mask = _on_shape(f"mask of {where}", np.asarray(block.mask, dtype=bool), shape, None)
    count = int(mask.sum())

    def add(group, variable, values, long_name, attributes=None, units=block.units, draws=False):
        if values is not None:
            values = _on_shape(f"{variable} ({group}) of {where}", values, shape, mask, draws)
            builder.add(group, variable, block.dims, values, units, long_name, attributes, where=where, nan=True,
                        draws=draws)

    def add_scalar(group, variable, value, long_name, **attributes):
        builder.add(group, variable, (), value, "1", long_name, {"n_data": count, **attributes}, where=where)

    described = {"kind": block.kind, "n_data": count, **block.attributes}
    add("observed_data", name, observed, f"{words}, observed", described)
    add("constant_data", f"{name}_noise_std", block.std, f"{words}, standard deviation of the noise")
    add("constant_data", f"{name}_upward", block.upward, f"height of the {name} stations, positive up", units="m")
    add("predictive_summary", f"{name}_mean", block.predicted_mean, f"{words}, predicted by the posterior mean")
    add("predictive_summary", f"{name}_std", block.predicted_std,
        f"{words}, posterior standard deviation of the noise-free prediction")
    add("posterior_predictive", name, block.predictive_draws, f"{words}, predicted, noise included", draws=True)
    if block.log_likelihood is not None:
        kind = {"kind": block.log_likelihood_kind}
        if block.log_likelihood_kind == "total":
            builder.add("log_likelihood", name, ("chain", "draw"), block.log_likelihood, "1",
                        f"log likelihood of {words}", kind, where=where)
        else:
            add("log_likelihood", name, block.log_likelihood, f"log likelihood of {words}", kind, "1", draws=True)
    if block.chi2 is not None:
        add_scalar("predictive_summary", f"{name}_chi2", block.chi2, f"χ² of {words}")
    for label, chi2 in block.separate.items():
        text = f"χ² of {words}, {label.replace('_', ' ')}"
        add_scalar("separate_summary", f"{name}_chi2__{label}", chi2, text, label=label)


def _on_shape(where, values, shape, mask, draws=False):
    """Bring `values` to `shape` (behind chain, draw); flat input over observed data is scattered and gaps are NaN."""
    values = np.asarray(values)
    lead = values.shape[:2] if draws else ()
    if values.ndim == 0:
        values = np.broadcast_to(values, shape)
    rest = values.shape[len(lead):]
    if mask is None and rest in (tuple(shape), (int(np.prod(shape)),)):
        return values.reshape((*lead, *shape))
    if mask is not None and rest == tuple(shape):
        return values if mask.all() else np.where(mask, values, np.nan)
    if mask is not None and rest == (int(mask.sum()),):
        full = np.full((*lead, *shape), np.nan, dtype=np.result_type(values.dtype, np.float32))
        full[..., mask] = values
        return full
    count = "" if mask is None else f" or be flat over the {int(mask.sum())} observed data"
    return fail(where, f"have the data's shape {tuple(shape)}{count}", f"shape {values.shape}", "Reorder it.")
