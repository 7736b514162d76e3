"""The table of the ground: what it refuses, and a small run with and without it."""

import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.cli import main
from bayesjoint.cli._config import read_config
from bayesjoint.cli._ground import stated_family
from bayesjoint.cli._refuse import ConfigError
from bayesjoint.dataset import read_tree

from .surveys import CONFIG, write_pair

GROUND = """
[geology]
family = "mixture"
worlds = 40
sensitivity = false
"""
STATED = """
[geology]
worlds = 40
log_std = 0.2

[geology.structures.blobs]
kind = "bodies"
number = [1, 3]
size = [80.0, 200.0]
depth = [0.0, 300.0]
contrasts = { density = [-500.0, 500.0], susceptibility = [0.0, 0.1] }

[geology.structures.grain]
kind = "texture"
std = { density = 20.0 }
range = 150.0
"""


def read(folder, text):
    path = folder / "run.toml"
    path.write_text(text)
    return read_config(path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder of one run with a table of the ground."""
    folder = tmp_path_factory.mktemp("ground")
    config = write_pair(folder)
    config.write_text(CONFIG + GROUND + "inside = { susceptibility = 0.01 }\n")
    assert main(["run", str(config), "--out", str(folder / "out"), "--quiet"]) == 0
    return folder / "out"


def test_without_the_table_nothing_is_recalibrated(tmp_path):
    assert read(tmp_path, CONFIG).geology is None


def test_defaults_of_the_table(tmp_path):
    table = read(tmp_path, CONFIG + '[geology]\nfamily = "mixture"\n').geology
    assert (table.worlds, table.std, table.log_std, table.shared, table.learned) == (200, "prior", 0.35, 0.5, False)


@pytest.mark.parametrize(("text", "key", "allowed"), [
    ("[geology]\n", "geology.family", "give either family or tables"),
    (GROUND + "\n[geology.structures.a]\nkind = 'bodies'\n", "geology.family = 'mixture'", "give either"),
    (GROUND.replace("mixture", "blobs"), "geology.family = 'blobs'", "must be one of 'mixture'"),
    (GROUND + "inside = { densty = 3.0 }\n", "geology.inside", "must give a number > 0 for some of density"),
    (GROUND + "inside = { density = 0.0 }\n", "geology.inside", "must give a number > 0"),
    (GROUND + "inside = { density = 9.0 }\nlearned = true\n", "geology.inside", "cannot go with learned"),
    (GROUND.replace("40", "20"), "geology.worlds = 20", "must be >= 40"),
    (GROUND + "std = 'rocks'\n", "geology.std = 'rocks'", 'must be "prior"'),
    (GROUND + "std = { density = 100.0 }\n", "geology.std", "each of density, susceptibility"),
    (GROUND + "std = { density = 100.0, susceptibility = 0 }\n", "geology.std", "a number > 0"),
    (GROUND + "shared = 1.5\n", "geology.shared = 1.5", "must be <= 1"),
    (GROUND + "positive = ['chi']\n", "geology.positive", "density, susceptibility"),
    (GROUND + "world = 40\n", "geology.world = 40", "unknown key; allowed here: family, std"),
    ("[geology.structures.a]\nkind = 'hills'\n", "geology.structures.a.kind = 'hills'", "must be one of 'bodies'"),
])
def test_errors_name_key_value_and_what_is_allowed(tmp_path, text, key, allowed):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, CONFIG + text)
    assert key in str(caught.value) and allowed in str(caught.value)


@pytest.mark.parametrize(("old", "new", "key"), [
    ("std = 200.0", "std = 200.0\nlower = 0.0", "parameters.density"),
    ('kind = "coregionalization"\ncorrelation = 0.5', 'kind = "gramian"\nweight = 2.0', "coupling.kind"),
    ("[posterior]", "[posterior]\nmethod = 'laplace'", "posterior.method"),
])
def test_engines_that_cannot_answer_worlds_are_refused_at_once(tmp_path, old, new, key):
    with pytest.raises(ConfigError, match=rf"{key}: cannot go with \[geology\]"):
        read(tmp_path, CONFIG.replace(old, new, 1) + GROUND)


def test_structures_become_a_family(tmp_path):
    family = stated_family(read(tmp_path, CONFIG + STATED).geology)
    assert [s.kind for s in family.structures] == ["bodies", "gaussianfield"] and family.log_std == 0.2
    world = family.draw(bj.Mesh.regular((3, 6, 7), (100, 100, 100)), seed=0)
    assert world["susceptibility"].min() >= 0 and world["density"].std() > 0


@pytest.mark.parametrize(("old", "new", "said"), [
    ("size = [80.0, 200.0]", "sizes = [80.0, 200.0]", "structures.blobs.sizes = .*unknown key; allowed here: kind, "),
    ("size = [80.0, 200.0]", "size = [80.0, 200.0, 300.0]", "geology.structures.blobs: size must be a number, a pair"),
    ("contrasts = { density = [-500.0, 500.0], susceptibility = [0.0, 0.1] }", "", "geology: contrasts of Bodies must"),
])
def test_errors_of_a_structure_name_its_table(tmp_path, old, new, said):
    with pytest.raises(ConfigError, match=said):
        stated_family(read(tmp_path, CONFIG + STATED.replace(old, new)).geology)


def test_a_run_leads_with_recalibrated_intervals(finished):
    tree = read_tree(finished / "posterior.nc")
    assert tree.attrs["recalibration_name"] == "mixture" and int(tree.attrs["recalibration_seed"]) == 3
    summary = tree["posterior_summary"]
    assert np.all(summary["susceptibility_lower"] >= 0) and np.any(summary["susceptibility_gaussian_lower"] < 0)
    gain = tree["recalibration_joint"]["score_over_separate"].sel(parameter="density", survey="gravity")
    assert 0.7 < float(gain) < 1.4
    page = (finished / "report.html").read_text()
    assert "recalibrated on “mixture”" in page and "the Gaussian says" in page
    assert "Not checked against ground" not in page
    assert list(tree["recalibration_inside"].parameter.values) == ["susceptibility"]
    assert "widened to hold inside bodies too: susceptibility" in page
