"""From the table of the ground to intervals that hold on it."""

import dataclasses

import numpy as np

from ..calibration import recalibrate
from ..geology import Bodies, Cover, Dykes, GaussianField, Geology, Layers, Plurigaussian, geology_default
from ._refuse import keyed, refuse
from ._tables import STRUCTURES

KINDS = dict(zip(STRUCTURES, (Bodies, Layers, Dykes, Cover, Plurigaussian, GaussianField), strict=True))


def recalibrated(config, post, separate, count):
    """Recalibrate the joint posterior and, on the same worlds, the separate ones.

    Parameters
    ----------
    config : Config
        With its table of the ground.
    post : Posterior
    separate : dict of {str: Posterior} or None
    count : callable
        Called with (what, worlds done, worlds in all).

    Returns
    -------
    (RecalibratedPosterior, dict of {str: RecalibratedPosterior} or None)
        Other families are tried on the joint one alone.
    """
    table = config.geology
    family = stated_family(table) if table.structures else _offered(table, post)
    joint = keyed("geology", lambda: recalibrate(
        post, family, table.worlds, config.seed, learned=table.learned, contrast_factor=table.contrast_factor,
        inside=table.inside,
        sensitivity="standard" if table.sensitivity else None, sensitivity_worlds=table.sensitivity_worlds,
        progress=count))
    if separate is None:
        return joint, None
    return joint, {name: recalibrate(
        each, family, joint, learned=table.learned, sensitivity=None, contrast_factor=table.contrast_factor,
        inside={n: v for n, v in (table.inside or {}).items() if n in each.problem.by_name},
        progress=lambda what, *worlds, name=name: count(f"{name} alone, {what}", *worlds))
        for name, each in separate.items()}


def stated_family(table):
    """The `Geology` of the tables of structures."""
    structures = [keyed(f"geology.structures.{name}", _structure, f"geology.structures.{name}", values)
                  for name, values in table.structures.items()]
    common = {"log_std": table.log_std, "shared": table.shared, "positive": _positive(table)}
    return keyed("geology", lambda: Geology(structures, name="ground of the configuration", **common))


def _structure(where, values):
    cls = KINDS[values["kind"]]
    known = [f.name for f in dataclasses.fields(cls) if f.name != "units"]
    given = {k: v for k, v in values.items() if k != "kind"}
    for name in given:
        if name not in known:
            refuse(f"{where}.{name}", given[name], f"unknown key; allowed here: kind, {', '.join(known)}")
    return cls(**given)


def _offered(table, post):
    """The family offered by name, of the stated size of contrasts or of the prior's."""
    meshed = [p for p in post.problem.parameters if p.mesh is not None]
    std = table.std
    if std == "prior":
        prior = post.prior_std()
        std = {p.name: float(np.sqrt(np.nanmean(prior[p.name] ** 2))) for p in meshed}
    return keyed("geology", lambda: geology_default(meshed[0].mesh, std, table.length, _positive(table), table.log_std,
                                                    table.shared))


def _positive(table):
    return ("susceptibility",) if table.positive is None else tuple(table.positive)
