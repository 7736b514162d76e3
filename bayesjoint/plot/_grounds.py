"""A dozen worlds of a family of grounds beside the data they would give: to say "not like here"."""

import numpy as np

from .._checks import as_count, fail, one_of
from ..geology import draw_world, name_of
from ..mesh import Mesh
from ..quantities import property_of
from ._fields import cut, data_field
from ._maps import exaggeration_of, map_of
from ._style import colour_bar, painted, with_units

COLUMNS = 4
REACH = 99.0  # percentile of all values shown at which colours end: one strong world must not bleach the others


def geology(family, source, count=12, seed=0, parameter=None, *, modality=None, depth=None, northing=None,
            easting=None, figure=None):
    """Draw worlds of a family, one section or slice each, and beside each the data that it would give.

    A geologist can say of such a figure "not like here" before anything is computed with the family.

    Parameters
    ----------
    family : Geology, Mixture or callable
        A callable f(mesh, seed) returns {parameter: array}.
    source : JointProblem or Mesh
        With a problem, data come from its operators, without noise and with every other parameter at its reference.
    count : int, default 12
        Number of worlds, seeds `seed`, `seed` + 1, ...
    seed : int, default 0
    parameter : str, optional
        What to show; default the first that both know.
    modality : str, optional
        Which survey of the problem; default the first that sees the parameter.
    depth, northing, easting : float, optional
        Plane to cut, as in `model`; default the section along easting through the middle of the mesh.
    figure : matplotlib.figure.Figure, optional
        Where to draw; default a new one.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError, TypeError
        If the family cannot be drawn from, the parameter is unknown, or `count` no positive integer.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> from matplotlib.figure import Figure
    >>> mesh = bj.Mesh.regular((4, 6, 8), (100.0, 100.0, 100.0))
    >>> family = bj.Geology([bj.Bodies(contrasts={"density": 300})])
    >>> len(geology(family, mesh, count=3, figure=Figure()).axes)  # the last is the colour bar
    4
    """
    count = as_count("count", count, 1, "A dozen is enough to judge.")
    problem, mesh = (None, source) if isinstance(source, Mesh) else _meshed(source)
    parameter = _parameter(family, problem, parameter)
    mesh = mesh if problem is None else problem.by_name[parameter].mesh
    survey = None if problem is None else _survey(problem, modality, parameter)
    if depth is None and northing is None and easting is None:
        northing = 0.5 * (mesh.northing_edges[0] + mesh.northing_edges[-1])
    plane = {"depth": depth, "northing": northing, "easting": easting}
    wanted = (parameter,) if survey is None else tuple(
        p for p in survey.parameters if problem.by_name[p].mesh is not None)
    worlds = [draw_world(family, mesh, seed + k, wanted) for k in range(count)]
    sections = [cut(w[parameter], parameter, mesh=mesh, units=property_of(parameter).units, **plane) for w in worlds]
    drawn = [None if survey is None else _predicted(problem, survey, w) for w in worlds]
    figure, axes, bars = _layout(figure, sections[0], count, survey is not None)
    _sections(axes[:, 0], bars[0], sections, seed)
    if survey is not None:
        _maps(axes[:, 1], bars[1], survey, drawn)
    data = "" if survey is None else f", and the {survey.name} data it would give, without noise"
    figure.suptitle(f"{name_of(family)}: {parameter}, {sections[0].place}{data}")
    return figure


def _meshed(source):
    if not hasattr(source, "by_name"):
        fail("source", "be a JointProblem or a Mesh", type(source).__name__, "Pass bj.Mesh(...).", TypeError)
    return source, None


def _parameter(family, problem, parameter):
    known = tuple(getattr(family, "parameters", ()))
    here = known if problem is None else tuple(p.name for p in problem.parameters if p.mesh is not None)
    both = tuple(p for p in here if not known or p in known) or here
    if parameter is None and not both:
        fail("parameter", "be named for a family that states none", "None", 'Try parameter="density".')
    return both[0] if parameter is None else one_of("parameter", parameter, both) if both else parameter


def _survey(problem, modality, parameter):
    seeing = {m.name: m for m in problem.modalities if parameter in m.parameters}
    if not seeing:
        fail("parameter", "be seen by a survey of the problem", repr(parameter), "Pass its mesh instead.")
    return seeing[one_of("modality", modality if modality is not None else next(iter(seeing)), tuple(seeing))]


def _predicted(problem, survey, world):
    values = problem.unpack(problem.start())
    for name in world.keys() & values.keys():
        values[name] = np.nan_to_num(np.asarray(world[name], dtype=float))  # air acts on no datum
    return problem.predict(survey.name, problem.pack(values))


def _layout(figure, section, count, beside):
    """Axes of the worlds, (count, 1 or 2), a section with a map under it where there are data; axes of the bars."""
    columns = min(COLUMNS, count)
    rows, kinds = -(-count // columns), 2 if beside else 1
    flat = np.ptp(section.vertical) * exaggeration_of(section) / np.ptp(section.horizontal)
    heights = [float(np.clip(flat, 0.3, 1.2)), 1.0][:kinds]
    if figure is None:
        import matplotlib.pyplot as plt

        figure = plt.figure(figsize=(2.7 * columns + 1.2, rows * (2.4 * sum(heights) + 0.6) + 0.8),
                            layout="constrained")
    grid = figure.add_gridspec(rows * kinds, columns + 1, height_ratios=heights * rows,
                               width_ratios=[1.0] * columns + [0.06])
    axes = [[figure.add_subplot(grid[kinds * (n // columns) + kind, n % columns]) for kind in range(kinds)]
            for n in range(count)]
    tall = [slice(kind * kinds, (kind + 1) * kinds) if rows > 1 else kind for kind in range(kinds)]
    return figure, np.array(axes), [figure.add_subplot(grid[place, columns]) for place in tall]


def _limits(values):
    signed = np.concatenate([np.ravel(v) for v in values])
    signed = signed[np.isfinite(signed) & (signed != 0)]
    values = np.abs(signed)
    reach = float(np.percentile(values, REACH)) if values.size else 1.0
    return (0.0 if (signed >= 0).all() else -reach), reach


def _sections(axes, bar, sections, seed):
    divisor, unit = sections[0].scale
    every = [s.values for s in sections]
    limits = _limits(every)
    kind = "diverging" if limits[0] < 0 else "sequential"
    for n, (ax, s) in enumerate(zip(axes, sections, strict=True)):
        drawn = painted(ax, s.horizontal / divisor, s.vertical / divisor, s.values, kind, limits)
        ax.set_aspect(exaggeration_of(s))
        ax.set_title(f"seed {seed + n}", fontsize="small")
        _labels(ax, n, f"{s.axes[0]} ({unit})", f"{s.axes[1]} ({unit})")
    colour_bar(axes[0], drawn, with_units(sections[0].long_name, sections[0].units), np.concatenate(
        [v.ravel() for v in every]), bar)


def _maps(axes, bar, survey, predictions):
    limits = _limits(predictions)
    for n, (ax, values) in enumerate(zip(axes, predictions, strict=True)):
        field = _field(survey, values)
        if field is None:
            ax.plot(values, ".", ms=3)
            _labels(ax, n, "number of the datum", with_units(survey.name, survey.units))
            continue
        drawn, _ = map_of(ax, field.easting, field.northing, field.values, "diverging", limits, (6.0, 6.0), "face")
        _labels(ax, n, ax.get_xlabel(), ax.get_ylabel())
    if field is None:
        bar.remove()
        return
    colour_bar(axes[0], drawn, with_units(survey.name, survey.units), np.concatenate(predictions), bar)


def _field(survey, values):
    """Values with their stations; None where the survey knows none."""
    if not hasattr(survey.forward, "coordinates"):
        return None
    easting, northing, _ = survey.forward.coordinates()
    if survey.data_dims[-2:] == ("northing", "easting"):
        shape = survey.data_shape[-2:]  # the lowest lattice, where there are several
        easting, northing, values = (a[: shape[0] * shape[1]].reshape(shape) for a in (easting, northing, values))
        easting, northing = easting[0], northing[:, 0]
    return data_field(values, survey.name, "predicted", easting, northing, survey.units)


def _labels(ax, number, horizontal, vertical):
    """Axis labels where they are read first, so that the worlds have the room."""
    ax.set_ylabel(vertical if number % COLUMNS == 0 else "")
    ax.set_xlabel(horizontal)
    ax.tick_params(labelsize="small")
    if number % COLUMNS:
        ax.set_yticklabels([])
