"""The documents: every public name is in the reference, and what pages call exists and takes what they pass."""

import ast
import inspect
import re
from pathlib import Path

import pytest

import bayesjoint as bj

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [p for p in (ROOT / "README.md", *sorted(DOCS.rglob("*.md"))) if not {"_build", "gallery"} & set(p.parts)]
FENCED = re.compile(r"```(?:python|\{code-cell\})\n(.*?)```", re.DOTALL)


def test_the_reference_holds_every_public_name():
    listed = set(re.findall(r"^   (\w+)$", (DOCS / "api.rst").read_text("utf-8"), flags=re.MULTILINE))
    assert set(bj.__all__) - {"plot", "testing"} <= listed


def calls(text):
    """(dotted name, call) of every call of bj.… in a page's blocks of code."""
    for block in FENCED.findall(text):
        code = "\n".join(line for line in block.splitlines() if not re.match(r":\w+:", line))
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Call) and re.fullmatch(r"bj(\.\w+)+", ast.unparse(node.func)):
                yield ast.unparse(node.func), node


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_what_a_page_calls_exists_and_takes_what_is_passed(page):
    for name, node in calls(page.read_text("utf-8")):
        found = bj
        for part in name.split(".")[1:]:
            found = getattr(found, part)
        bind = inspect.signature(found).bind_partial if any(
            isinstance(a, ast.Starred) for a in node.args) else inspect.signature(found).bind
        bind(*(a for a in node.args if not isinstance(a, ast.Starred)), **{k.arg: None for k in node.keywords if k.arg})


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_of_a_page_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not target.startswith(("http", "mailto:")) and "gallery/" not in target:  # the gallery is made by the build
            assert (page.parent / target).exists(), target


def test_files_that_pages_name_as_sources_exist():
    text = "\n".join(p.read_text("utf-8") for p in PAGES)
    named = set(re.findall(r"`((?:benchmarks|case_studies|reports)/[\w./]+\.(?:md|json|py|toml|html))`", text))
    assert named and all((ROOT / name).exists() for name in named), sorted(n for n in named if not (ROOT / n).exists())


def test_version_of_the_citation_is_the_package():
    assert f"version: {bj.__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
