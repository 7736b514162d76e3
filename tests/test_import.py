"""The front door: light to import, and every name behind it resolves."""

import subprocess
import sys

import pytest

import bayesjoint

HEAVY = ("xarray", "arviz", "arviz_base", "arviz_stats", "matplotlib", "pandas", "h5netcdf", "jinja2")


def fresh(code):
    """Standard output of `code` in a new interpreter that knows no more of the package than a user's."""
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


def test_importing_the_package_defers_what_it_does_not_need():
    loaded = fresh("import sys, bayesjoint; print(*sys.modules)")
    assert "bayesjoint" in loaded
    assert not set(HEAVY) & set(loaded)


def test_surveys_and_meshes_need_no_xarray_until_a_dataset_is_asked_for():
    code = "import sys; from bayesjoint import Mesh, Survey; Survey('gravity', [1.0], [0], [0], 0); print(*sys.modules)"
    assert not {"xarray", "numba", "scipy", "matplotlib", "pandas"} & set(fresh(code))


@pytest.mark.parametrize("name", bayesjoint.__all__)
def test_every_public_name_resolves(name):
    value = getattr(bayesjoint, name)
    assert value.__doc__
    assert getattr(value, "__name__", name).split(".")[-1] == name


def test_the_list_of_names_is_what_dir_shows():
    assert {name for name in dir(bayesjoint) if not name.startswith("_")} == set(bayesjoint.__all__)
    assert len(set(bayesjoint.__all__)) == len(bayesjoint.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = bayesjoint.nonsense
