"""Every public callable, one argument of a valid call replaced by what it is not: accepted if it is, or refused.

A refusal is a ValueError or TypeError in four parts that names the argument, before anything is computed.
"""

import inspect
import re
import time

import matplotlib.pyplot as plt
import pytest

import bayesjoint as bj
from bayesjoint.engines import ENGINES

from .base_calls import BAD, WITHOUT_EXTRAS, calls, ground

FORM = re.compile(r"(?s)(.+?) must .+; found .+\. .*[.)]")
SECONDS = 2.0  # for a refusal
CHEAP = 0.03  # seconds: costlier calls are not made with values that they take
# What an annotation of that word takes of BAD, of an array in another shape than the valid one's too.
TAKES = {
    "None": {"None"}, "str": {"'x'"}, "bool": {"True"}, "int": {"3"}, "float": {"3"}, "dict": {"{}"}, "Path": {"'x'"},
    "tuple": {"ones", "[1]"}, "list": {"ones", "[1]"}, "Sequence": {"ones", "[1]"}, "Seed": {"3"},
    "Sequence[str]": set(), "ArrayLike": {"3", "ones", "[1]"},
}
# Arguments that may lie below zero.
SIGNED = {
    "west", "south", "north", "east", "top", "bottom", "upward", "easting", "northing", "threshold", "background",
    "reference", "mean", "value", "values", "error", "bias", "inclination", "declination", "model", "data", "low",
    "strike", "dip", "tilt", "depth", "magnitude", "law", "missing", "properties", "correlation", "physical",
    "covariance", "crs", "height", "x", "times", "transition", "longitude", "latitude",
}
# Methods that one room calls of another with what it made itself, many times over.
BETWEEN_ROOMS = {
    "begin_rounds",
    "bind", "add_adjoint", "by_lag", "matvec", "rmatvec", "matmat", "rmatmat", "mean_hat", "std_hat", "correlation",
    "joint_covariance", "pointwise", "matrix", "settle", "settled", "shape", "field", "dot", "rows_of", "box",
    "columns",
    "moves", "add_parts", "add_pull", "hessian_matrix", "hessian_product", "penalty_hessian_product", "linearised",
    "operators_at", "parts", "terms", "data_sensitivity", "draw_blocks", "functional_interval", "groups_beside",
    "joint_draws", "mean_response", "mean_response_adjoint", "prior_state_draws", "prior_state_product",
    "sampling_error", "state_interval", "state_quantiles", "stored_intervals", "state_draws", "state_product",
    "shown_tables",
}
NUMBERS, LAW = {"3", "[1]", "ones"}, {"3", "ones", "-1"}
PLACE, OTHERS = NUMBERS | {"-1", "None"}, {"None", "3", "[1]", "ones", "-1"}
# What is accepted beyond that, and why.
ALLOWED = {
    "Mesh.same_cells.other": set(BAD),  # a comparison: another thing has other cells
    "Parameter.prior": {"None"}, "pairs": {"None"}, "conflict": {"None"}, "functionals": {"None"},  # left out
    "where": {"None"}, "host": {"None", "{}"}, "path": {"None"}, "weights": {"None", "ones"}, "bottom": {"None"},
    "Borehole.values": PLACE, "Borehole.std": NUMBERS, "Borehole.easting": PLACE, "Borehole.northing": PLACE,
    "Borehole.top": PLACE, "Borehole.bottom": PLACE,  # annotated as what it becomes
    "white": NUMBERS, "Matern.std": NUMBERS, "Matern.range": NUMBERS, "model": {"3", "-1"},  # one for all
    "StationaryNoise.at.easting": {"ones"}, "StationaryNoise.at.northing": {"ones"},
    "GravityOperator.rows.index": {"3", "[1]", "-1"}, "MagneticOperator.rows.index": {"3", "[1]", "-1"},  # the last row
    "forward_prisms.intensity": {"-1"},  # of gravity nobody asks
    "find_map.target": {"-1"}, "find_map.alpha_floor": {"-1"},  # of another method than the Gaussian's
    "Estimate.value": {"3", "nan", "-1"}, "Estimate.error": {"3", "nan", "-1"}, "Estimate.bias": {"3", "nan", "-1"},
    "Normal.times.factor": {"-1"}, "plot.data.level": {"-1"}, "plot.residuals.source": {"[1]", "ones"},
    "factor": {"3"}, "GaussianField.range": {"3", "ones"}, "GaussianField.flattening": {"3", "ones"},
    "missing": {"nan"}, "topography": {"None"},
    "ForwardModel.jacobian_error.values": {"nan"},  # where the derivatives make no sense either
    "StateModel.times": {"nan"}, "Estimate.method": {"'x'"}, "units": {"'x'"},  # times are held against the steps
    "plot.data.easting": {"nan"}, "plot.data.northing": {"nan"},  # a survey has its own
        **{f"{kind}.{key}": LAW - ({"-1"} - {"-1" if key in ("strike", "dip", "tilt", "depth") else ""})
       for kind in ("Bodies", "Dykes", "Layers", "Cover", "Plurigaussian")
       for key in inspect.signature(getattr(bj, kind)).parameters if key not in ("contrasts", "units")},
}
# What a refusal names instead of the argument: the other one that no longer suits it, or a name of its own.
NAMED = {
    "Borehole.values": "std", "easting": "northing|data|stations", "northing": "data", "upward": "stations",
    "Modality.data": "forward", "Parameter.mesh": "prior", "high": "low", "east": "window", "north": "window",
    "Survey.kind": "units", "read_survey.height": "upward", "read_survey.kind": r"columns\['data'\]",
    "source": "path", "read_survey.variable": r"columns\['data'\]",
    "read_survey.path": "variable", "conflict.pairs": "pair",
    "find_map.start": "physical", "plot.data.source": "easting", "Parameter.to_hat.physical": "density",
    "tree": "path", "where": "shares", "samples": "path", "residuals": "residual", "to_file.path": "recalibration",
}


def public():
    """Names of all public callables that take an argument."""
    for name in bj.__all__:
        thing = getattr(bj, name)
        if inspect.ismodule(thing):
            yield from (f"{name}.{key}" for key, value in vars(thing).items() if key[0] != "_" and key not in (
                "draw_section", "beyond") and inspect.isfunction(value) and (
                value.__module__ == thing.__name__ or hasattr(value, "__wrapped__")) and key != "checked")
            continue
        if not getattr(thing, "_is_protocol", False):
            yield name
        for key in dir(thing) if inspect.isclass(thing) and not getattr(thing, "_is_protocol", False) else ():
            method = getattr(thing, key)
            if key[0] != "_" and key not in BETWEEN_ROOMS and inspect.isroutine(method) and (
                    getattr(method, "__module__", None) or "").startswith("bayesjoint") and named(method, key, thing):
                yield f"{name}.{key}"


def named(method, key="", thing=None):
    """Arguments with a name of their own, without self."""
    own = inspect.signature(method).parameters.values()
    bound = thing is None or isinstance(inspect.getattr_static(thing, key), (staticmethod, classmethod))
    return [p for p in list(own)[0 if bound else 1:] if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    return calls(ground(), tmp_path_factory.mktemp("wrong"))


def test_every_public_callable_has_a_valid_call(valid):
    assert set(public()) - set(valid) == {name for name in WITHOUT_EXTRAS if "." not in name}


def taken(parameter, label, name):
    """Whether a callable says that it takes a value of BAD."""
    note = parameter.annotation if isinstance(parameter.annotation, str) else inspect.formatannotation(
        parameter.annotation)
    words = [word.strip() for word in note.split("|")]
    known = set().union(*(TAKES.get(word, TAKES.get(word.split("[")[0], set())) for word in words))
    known |= {"-1"} if "3" in known and parameter.name in SIGNED else set()
    allowed = ALLOWED.get(f"{name}.{parameter.name}", ALLOWED.get(parameter.name, set()))
    return label in known or label in allowed


def complaint(call, argument, name):
    """What is wrong with how a call with a wrong argument ends, or None; "accepted" if it ends well."""
    start = time.perf_counter()
    try:
        found = call()
        if inspect.isgenerator(found):
            next(found)
        return "accepted"
    except FileNotFoundError as error:
        text, right = str(error), True
    except Exception as error:
        text, right = f"{error}", type(error) in (ValueError, TypeError)
        if not right:
            return f"{type(error).__name__}: {text[:100]}"
    match = FORM.fullmatch(text)
    if not match:
        return f"no four parts: {text[:100]}"
    other = NAMED.get(f"{name}.{argument}", NAMED.get(argument, argument))
    if not re.search(rf"\b({argument}|{other})(\b|$)", match[1]):
        return f"names another argument: {text[:100]}"
    return f"{time.perf_counter() - start:.1f} s" if time.perf_counter() - start > SECONDS else None


@pytest.mark.filterwarnings("ignore")
def test_wrong_arguments_are_refused(valid, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    engines, wrong, count = dict(ENGINES), [], 0
    for name, (function, arguments) in valid.items():
        start = time.perf_counter()
        function(**arguments)
        costly = time.perf_counter() - start > CHEAP
        for parameter in named(function):
            for label, value in ({} if f"{name}.{parameter.name}" in WITHOUT_EXTRAS else BAD).items():
                fits = taken(parameter, label, name)
                if fits and costly:
                    continue
                count += 1
                changed = arguments | {parameter.name: value}
                found = complaint(lambda f=function, a=changed: f(**a), parameter.name, name)
                if found and not (found == "accepted" and fits):
                    wrong.append(f"{name}({parameter.name}={label}): {found}")
        ENGINES.clear()
        ENGINES.update(engines)
        plt.close("all")
    assert count > 6000
    assert wrong == [], "\n".join(wrong)
