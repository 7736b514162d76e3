"""Rules of a configuration that involve more than one key, all of them checked before anything is computed."""

from importlib.util import find_spec

from ..engines import answers_other_data
from ..quantities import component_of
from ._refuse import refuse
from ._tables import FORMS, PENALTIES, PETROPHYSICAL, SMOOTHNESS, STRUCTURAL, STRUCTURES, ParameterTable, SurveyTable

LINEAR = ("dense", "iterative", "lowrank", "spectral", "bodies")  # engines of linear-Gaussian problems
RANGES = "must be > 0 metres, one number or three"
REFITS = 39  # the fewest that tests of agreement take
OTHERS = {  # keys that a kind of prior does not read
    "matern": {"alpha", "depth_exponent", "p"},
    "minimum_length": {"std", "range", "dip", "strike", "smoothness", "plus", "extent", "p"},
    "focusing": {"std", "range", "dip", "strike", "smoothness", "plus", "extent"},
}
COUPLED = {  # keys of the coupling, and the kinds that read them
    "correlation": ("coregionalization",), "weight": (*PENALTIES[:3], "rock_mixture"), "intercept": ("petrophysical",),
    "slope": ("petrophysical",), "std": ("petrophysical",), "rocks": ("rock_mixture",), "background": ("rock_mixture",),
}
OPTIONAL = {("rock_mixture", "weight"), ("rock_mixture", "background")}
ROCKS = {"density", "susceptibility"}


def check_together(config):
    """Rules that involve more than one key."""
    for broken, where, value, words in _rules(config):
        if broken:
            refuse(where, value, words)


def _is_positive(value):
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _is_range(value):
    numbers = value if isinstance(value, list) else [value]
    return len(numbers) in (1, 3) and all(map(_is_positive, numbers))


def _rules(config):
    """Yield (whether it is broken, key, its value, what is allowed), one rule after the other."""
    for name, survey in config.surveys.items():
        where = f"surveys.{name}"
        yield (name in config.parameters, where, None, "must not have the name of a parameter")
        yield (not all(isinstance(v, str) or (isinstance(v, int) and not isinstance(v, bool))
                       for v in (survey.columns or {}).values()), f"{where}.columns", survey.columns,
               "must give names or positions of columns")
        yield (survey.parameter not in config.parameters, f"{where}.parameter", survey.parameter,
               f"must be one of {', '.join(config.parameters)}")
        yield ((survey.relative_std is None) != (survey.floor_std is None), f"{where}.relative_std",
               survey.relative_std, "needs floor_std, and the other way round")
        yield (survey.std is not None and survey.relative_std is not None, f"{where}.std", survey.std,
               "give either std, or relative_std with floor_std")
        yield from _rules_of_noise(where, survey)
        yield ((survey.bias == "none") != (survey.bias_std is None), f"{where}.bias_std", survey.bias_std,
               f"must go with bias (now {survey.bias!r})")
        yield from _rules_of_unknowns(config, where, survey)
    for name, table in config.parameters.items():
        where = f"parameters.{name}"
        for each in ("std", "range") if table.prior == "matern" else ("alpha",):
            yield getattr(table, each) is None, f"{where}.{each}", None, f"is required for prior = {table.prior!r}"
        for each in sorted(OTHERS[table.prior]):
            value = getattr(table, each)
            yield (value != ParameterTable.__dataclass_fields__[each].default, f"{where}.{each}", value,
                   f"means nothing for prior = {table.prior!r}")
        yield (None not in (table.lower, table.upper) and table.lower > table.upper, f"{where}.lower", table.lower,
               f"must be <= upper = {table.upper}")
        yield (table.range is not None and not _is_range(table.range), f"{where}.range", table.range, RANGES)
        yield from _rules_of_angles(where, vars(table))
        for place, part in enumerate(table.plus or ()):
            yield from _rules_of_part(f"{where}.plus[{place}]", part)
    yield (config.conflict.refits and not config.posterior.fit, "conflict.refits", config.conflict.refits,
           "means nothing without posterior.fit = true")
    yield (0 < config.conflict.refits < REFITS, "conflict.refits", config.conflict.refits,
           f"must be 0 or at least {REFITS}, with which tests together reach 5 %; 99 is usual")
    for form, size in (config.conflict.margins or {}).items():
        yield (form not in FORMS or not _is_positive(size), f"conflict.margins.{form}", size,
               f"must be a number > 0 under one of {', '.join(FORMS)}")
    yield from _rules_of_engines(config)
    if config.geology is not None:
        yield from _rules_of_geology(config, config.geology)
    yield from _rules_of_coupling(config, config.coupling)


def _rules_of_coupling(config, coupling):
    """What a kind of coupling needs, and does not read."""
    for each, kinds in COUPLED.items():
        value = getattr(coupling, each)
        needed = coupling.kind in kinds and (coupling.kind, each) not in OPTIONAL
        yield (needed and value is None, f"coupling.{each}", None, f"is required for kind = {coupling.kind!r}")
        yield (coupling.kind not in kinds and value is not None, f"coupling.{each}", value,
               f"means nothing for kind = {coupling.kind!r}")
    named = coupling.kind in PETROPHYSICAL and not set(config.parameters) >= ROCKS
    yield named, "coupling.kind", coupling.kind, f"needs the parameters {' and '.join(sorted(ROCKS))}"
    spread, needed = coupling.spread or {}, [n for n, p in config.parameters.items() if p.prior != "matern"]
    yield (bool(spread) and coupling.kind not in STRUCTURAL, "coupling.spread", spread,
           f"means nothing for kind = {coupling.kind!r}")
    yield (not (set(spread) <= set(config.parameters) and all(map(_is_positive, spread.values()))), "coupling.spread",
           spread, f"must give a number > 0 for some of {', '.join(config.parameters)}")
    yield (coupling.kind in STRUCTURAL and not set(needed) <= set(spread), "coupling.spread", coupling.spread,
           f"must give a number for {', '.join(needed)}, whose priors have no std")


def _rules_of_noise(where, survey):
    """What goes with the law of a survey's noise."""
    student = survey.noise == "student"
    yield (not student and survey.dof is not None, f"{where}.dof", survey.dof, "means nothing for noise = 'gaussian'")
    yield (student and survey.exponent != 1, f"{where}.exponent", survey.exponent, "must be 1 for noise = 'student'")


def _rules_of_part(where, part):
    """A field that is added to the first."""
    if not isinstance(part, dict):
        yield True, where, part, "must be a table such as { std = 40.0, range = 300.0 }"
        return
    others = sorted(set(part) - {"std", "range", "smoothness", "dip", "strike"})
    yield (bool(others), where, part,
           f"must give std, range, smoothness, dip and strike alone, not {', '.join(others)}")
    yield not _is_positive(part.get("std")), f"{where}.std", part.get("std"), "must be a number > 0, physical units"
    yield not _is_range(part.get("range")), f"{where}.range", part.get("range"), RANGES
    yield (part.get("smoothness", 1.5) not in SMOOTHNESS, f"{where}.smoothness", part.get("smoothness"),
           f"must be one of {', '.join(map(repr, SMOOTHNESS))}")
    yield from _rules_of_angles(where, part)


def _rules_of_angles(where, part):
    """What strike and dip of a field need."""
    dip, strike, reach = (part.get(name) for name in ("dip", "strike", "range"))
    for name, value, least, most in (("dip", dip, 0, 90), ("strike", strike, -360, 360)):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        yield (value is not None and not (number and least <= value <= most), f"{where}.{name}", value,
               f"must be a number from {least} to {most}, degrees")
    yield strike is not None and dip is None, f"{where}.strike", strike, "needs dip; 90 is upright"
    yield (dip is not None and not (isinstance(reach, list) and len(reach) == 3), f"{where}.range", reach,
           "must be three numbers where there is a dip: across the layering, along strike, down dip")


def _rules_of_unknowns(config, where, survey):
    """What an error of the field's direction, or of heights, needs and goes with."""
    component = component_of(survey.kind)
    angles = {key: getattr(survey, key) for key in ("inclination_std", "declination_std")}
    given = next(((key, value) for key, value in angles.items() if value is not None), None)
    if given is not None:
        yield (component is None or not component.kind.needs_field, f"{where}.{given[0]}", given[1],
               "needs a kind with an inducing field")
        yield (survey.height_std is not None, f"{where}.height_std", survey.height_std,
               f"cannot go with {given[0]}: one survey takes one such unknown")
    terrain = [getattr(survey, key) for key in ("reduction_density_std", "topography", "topography_cell")]
    yield (0 < sum(value is None for value in terrain) < len(terrain), f"{where}.reduction_density_std", terrain[0],
           "needs topography and topography_cell, and they need it")
    yield (terrain[0] is not None and (component is None or component.unit.symbol != "mGal"),
           f"{where}.reduction_density_std", terrain[0], "is of gravity alone")
    for key in ("height_per", "height_reduction"):
        value = getattr(survey, key)
        yield (survey.height_std is None and value != SurveyTable.__dataclass_fields__[key].default, f"{where}.{key}",
               value, "means nothing without height_std")
    yield (survey.height_std is not None and survey.height_reduction is None and component is not None
           and component.unit.symbol == "mGal", f"{where}.height_reduction", None,
           "is required for height_std of gravity: 0.3086, 0.1967, or 0 for data as measured")
    given = given or (survey.height_std is not None and ("height_std", survey.height_std)) or None
    if given is None:
        return
    key, value = f"{where}.{given[0]}", given[1]
    yield (any(p.prior == "focusing" or p.lower is not None or p.upper is not None for p in config.parameters.values())
           or config.coupling.kind in PENALTIES, key, value, "needs Gaussian priors without bounds or penalties")
    yield (any(p.prior == "matern" and p.extent == "continued" for p in config.parameters.values()), key, value,
           "needs extent = 'mesh'")
    yield config.geology is not None, key, value, "cannot go with [geology], whose worlds have data of their own"


def _rules_of_engines(config):
    """What the engine that was asked for can take, and whether what it needs is installed."""
    method, gramian = config.posterior.method, config.coupling.kind == "gramian"
    penalty = config.coupling.kind if config.coupling.kind in PENALTIES else None
    priors = {table.prior for table in config.parameters.values()}
    bounded = [name for name, table in config.parameters.items() if table.lower is not None or table.upper is not None]
    where = "posterior.method"
    tailed = [name for name, table in config.surveys.items() if table.noise == "student"]
    yield (bool(tailed) and method in (*LINEAR, "truncated", "laplace"), where, method,
           f"cannot take noise = 'student' ({', '.join(tailed)}); leave it at 'auto'")
    yield (bool(tailed) and config.posterior.fit, "posterior.fit", True,
           f"cannot go with noise = 'student' ({', '.join(tailed)}): evidence needs Gaussian noise. Fit with "
           "'gaussian', and state here what was found")
    if method in LINEAR:
        yield "focusing" in priors, where, method, "needs Gaussian priors, not 'focusing'; leave it at 'auto'"
        yield bool(bounded), where, method, f"cannot take bounds ({', '.join(bounded)}); leave it at 'auto'"
        yield penalty is not None, where, method, f"cannot take coupling.kind = {penalty!r}; leave it at 'auto'"
    if method == "spectral":
        yield (any(table.prior != "matern" or table.extent != "continued" for table in config.parameters.values()),
               where, method, "needs prior = 'matern' with extent = 'continued' for each parameter")
        yield (any(table.plus for table in config.parameters.values()), where, method,
               "cannot take fields that are added (plus); leave it at 'auto'")
    if method == "gibbs":
        sharp = all(table.prior == "focusing" and table.p == 1 for table in config.parameters.values())
        yield (penalty in STRUCTURAL + PETROPHYSICAL, where, method,
               f"cannot take coupling.kind = {penalty!r}; leave it at 'auto'")
        yield (not (gramian or tailed or sharp),
               where, method, "needs focusing priors with p = 1, a Gramian or noise = 'student'; leave it at 'auto'")
    if method == "truncated":
        yield not bounded, where, method, "needs bounds; leave it at 'auto'"
        yield "focusing" in priors, where, method, "needs Gaussian priors, not 'focusing'; leave it at 'auto'"
        yield penalty is not None, where, method, f"cannot take coupling.kind = {penalty!r}; leave it at 'auto'"
    yield method == "nuts" and not find_spec("nutpie"), where, method, "needs `pip install 'bayesjoint[nuts]'`"
    yield (config.geology is not None and config.geology.learned and not find_spec("sklearn"), "geology.learned", True,
           "needs `pip install 'bayesjoint[learn]'`")


def _rules_of_geology(config, table):
    """Rules of the table of the ground, and what an engine must be to answer its worlds."""
    yield ((table.family is None) == (not table.structures), "geology.family", table.family,
           "give either family or tables [geology.structures.NAME]")
    for name, values in (table.structures or {}).items():
        kind = values.get("kind") if isinstance(values, dict) else None
        yield (kind not in STRUCTURES, f"geology.structures.{name}.kind", kind,
               f"must be one of {', '.join(map(repr, STRUCTURES))}")
    named = isinstance(table.std, str)
    yield (named and table.std != "prior", "geology.std", table.std,
           'must be "prior" or a table { parameter = number }')
    yield (not named and not (set(table.std) == set(config.parameters) and all(map(_is_positive, table.std.values()))),
           "geology.std", table.std, f"must give a number > 0 for each of {', '.join(config.parameters)}")
    yield table.shared > 1, "geology.shared", table.shared, "must be <= 1"
    yield (not all(isinstance(p, str) and p in config.parameters for p in table.positive or ()),
           "geology.positive", table.positive, f"must name parameters among {', '.join(config.parameters)}")
    inside = table.inside or {}
    yield (not (set(inside) <= set(config.parameters) and all(map(_is_positive, inside.values()))), "geology.inside",
           table.inside, f"must give a number > 0 for some of {', '.join(config.parameters)}")
    yield bool(inside) and table.learned, "geology.inside", table.inside, "cannot go with learned = true"
    where = next((f"parameters.{name}" for name, p in config.parameters.items()
                  if p.prior == "focusing" or p.lower is not None or p.upper is not None), None)
    where = "coupling.kind" if config.coupling.kind in PENALTIES else where
    where = next((f"surveys.{name}.noise" for name, s in config.surveys.items() if s.noise == "student"), where)
    where = "posterior.method" if not answers_other_data(config.posterior.method) else where
    yield (where is not None, where, None, "cannot go with [geology]: simulated worlds need an engine that answers "
           "other data by one solve, so Gaussian priors and noise, without bounds or penalties")
