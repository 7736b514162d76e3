"""What `run` or `conflict` would do, by reading and building all of it and computing nothing."""

from pathlib import Path

from ._disagreement import OF_REMEDIES, check_testable
from ._disagreement import STAGES as STAGES_OF_CONFLICT
from ._forecast import forecast
from ._look import summary
from ._results import NAMES, check_folder
from .run import STAGES, build_problem, check_geology, inputs_of, read_surveys


def plan(config, verb, out=None, remedies=True, conflict=False):
    """Lines that say what would be done; whatever `run` would refuse before it computes is refused.

    Parameters
    ----------
    config : Config
    verb : {"run", "conflict"}
    out : str or Path, optional
        Folder that the results would go to.
    remedies : bool, default True
        Whether `conflict` would compare remedies.
    conflict : bool, default False
        Whether `run` would test agreement too.

    Returns
    -------
    list of str
    """
    tests = conflict or verb == "conflict"
    if tests:
        check_testable(config)
    if verb == "run":
        check_geology(config)
    if out is not None:
        check_folder(out, inputs_of(config))
    surveys = read_surveys(config)
    problem = build_problem(config, surveys=surveys)
    cost = forecast(problem, config)
    return [
        *(line for name, survey in surveys.items() for line in _survey(config, problem, name, survey)),
        *_model(config, problem),
        f"engine: {cost.engine}, {cost.why}",
        f"cost: {cost.sentence()}" + (" The tests come on top of it." if tests else ""),
        f"stages: {', '.join(_stages(config, verb, remedies, tests))}",
        *_outputs(out),
        "nothing was computed, and nothing written",
    ]


def _survey(config, problem, name, survey):
    table, modality = config.surveys[name], problem.surveys[name]
    low, high = float(modality.noise.std.min()), float(modality.noise.std.max())
    std = f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
    up = [float(f(survey.upward[survey.observed] if survey.upward.ndim else survey.upward)) for f in (min, max)] if (
        getattr(survey.upward, "ndim", 0)) else [float(survey.upward)] * 2
    height = f"{up[0]:g}" if up[0] == up[1] else f"{up[0]:g} to {up[1]:g}"
    yield f"survey {name}: {table.file}, {table.kind}, {summary(survey)}"
    yield (f"  height {height} m, noise std {std} {survey.units}, bias {table.bias}, sees {table.parameter}; "
           f"forward: {modality.metadata['forward']}")
    unknown = [f"{key} (std {value:g} degrees)" for key, value in (
        ("inclination", table.inclination_std), ("declination", table.declination_std)) if value is not None]
    if table.height_std is not None:
        unknown.append(f"height of each {table.height_per} (std {table.height_std:g} m)")
    if table.reduction_density_std is not None:
        unknown.append(f"reduction density (std {table.reduction_density_std:g} kg/m3)")
    if unknown:
        yield f"  unknown: {', '.join(unknown)}"


def _model(config, problem):
    meshed = [p for p in problem.parameters if p.mesh is not None]
    yield f"mesh: {meshed[0].mesh!r}"[:-1] + f", {meshed[0].mesh.size} cells)"
    for p in meshed:
        words = p.settings()
        yield f"parameter {p.name}: {words['prior']}, in {words['units']}; bounds: {words['bounds']}"
    coupling = config.coupling
    if coupling.kind == "petrophysical":
        yield f"coupling: {problem.couplings[0]}"
        return
    number = coupling.correlation if coupling.kind == "coregionalization" else coupling.weight
    words = f" {coupling.rocks}" if coupling.rocks else ""
    yield f"coupling: {coupling.kind}{words}{'' if number is None else f' {number:g}'}"


def _stages(config, verb, remedies, tests):
    """Those that are asked for."""
    left_out = set() if remedies else set(OF_REMEDIES)
    if not tests:
        left_out.add("tests of agreement")
    if not config.posterior.fit:
        left_out.add("fit hyperparameters")
    if config.geology is None:
        left_out.add("recalibrate")
    if not config.posterior.separate or len(config.surveys) < 2:
        left_out.add("separate posteriors")
    return [name for name in (STAGES_OF_CONFLICT if verb == "conflict" else STAGES) if name not in left_out]


def _outputs(out):
    if out is None:
        return [f"would write: {', '.join(NAMES)} into the folder of --out"]
    there = [name for name in NAMES if (Path(out) / name).exists()]
    also = f", in the place of {', '.join(there)} there" if there else ""
    return [f"would write: {', '.join(str(Path(out) / name) for name in NAMES)}{also}"]
