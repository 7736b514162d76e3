"""Results are fields: nothing in the package's agreement room parses a name or a sentence, or is keyed by `id()`."""

import ast
from pathlib import Path

import pytest

import bayesjoint as bj
from bayesjoint.agreement import AgreementTest

from .overlapping import overlapping

ROOM = Path(bj.__file__).parent / "agreement"
PARSERS = ("partition", "rpartition", "startswith", "endswith", "removeprefix", "removesuffix", "split", "rsplit")


def calls(source):
    """(line, what) of calls that parse text, and of `id`."""
    for node in ast.walk(ast.parse(source)):
        parses = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in PARSERS
        if parses and getattr(node.func.value, "id", "") != "np":  # np.split parts data
            yield node.lineno, node.func.attr
        if isinstance(node, ast.Name) and node.id == "id":
            yield node.lineno, "id"


def test_nothing_parses_text_or_is_keyed_by_id():
    found = {path.name: list(calls(path.read_text(encoding="utf-8"))) for path in ROOM.glob("*.py")}
    assert {name: each for name, each in found.items() if each} == {}


def test_the_edges_parse_no_sentence_of_agreement():
    package = ROOM.parent
    for path in ("reporting/_agreement.py", "plot/_agreement.py", "cli/_disagreement.py"):
        said = [what for _, what in calls((package / path).read_text(encoding="utf-8"))]
        assert not {"partition", "rpartition", "id"} & set(said), path


@pytest.mark.parametrize("source", ["x.name.partition(' of ')", "a.startswith('prior')", "n.split()[0]", "{id(t): 1}"])
def test_the_counter_sees_what_it_counts(source):
    assert len(list(calls(source))) == 1


def test_every_test_of_a_suite_says_what_it_is_by_fields():
    found = bj.conflict(overlapping(shape=(3, 10, 11), disturb=lambda m: 1.0))
    assert len({(t.form, t.target) for t in found.tests}) == len(found.tests)
    surveys, forms = {"ground", "air"}, set()
    for test, p in zip(found.tests, found.p_adjusted, strict=True):
        forms.add(test.form)
        assert test.p_adjusted == p and (test.target in surveys) == (test.form != "likelihood ratio")
        assert test.log_p <= 0 and (test.size == test.size) == bool(test.effect)
    assert forms == {"likelihood ratio", "node split", "offset", "tilt", "gain", "row levels", "column levels",
                     "places", "wavelengths", "prior", "noise"}
    offset = next(t for t in found.tests if (t.form, t.target) == ("offset", "air"))
    assert offset.size == pytest.approx(1.0, abs=0.3) and offset.size == offset.effect["value"][0]
    prior = next(t for t in found.tests if t.form == "prior")
    assert (prior.direction == "too small") == (prior.size > 0)
    assert (prior.direction if prior.p_value <= 0.05 else "no misfit seen") in prior.effect["what"]
    table = found.table
    for name in ("form", "target", "direction"):
        assert [str(v) for v in table[name].values] == [getattr(t, name) or "" for t in found.tests]
    for name in ("size", "log_p", "p_adjusted"):
        assert table[name].values.tolist() == pytest.approx([getattr(t, name) for t in found.tests], nan_ok=True)


def test_names_come_from_fields():
    def named(form, target=None):
        return AgreementTest(form=form, target=target, surveys=("a", "b"), statistic=1.0, p_value=0.5,
                             p_value_error=0.0, null="").name

    assert named("likelihood ratio") == "likelihood ratio" and named("offset", "a") == "offset of a"
    assert named("prior", "a") == "prior std behind a" and named("noise", "a") == "noise std of a"
