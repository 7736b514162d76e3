import re
from importlib.util import find_spec
from types import SimpleNamespace

import pytest

import bayesjoint as bj
from bayesjoint.cli import run
from bayesjoint.cli._config import describe, read_config
from bayesjoint.cli._disagreement import check_testable
from bayesjoint.cli._refuse import ConfigError
from bayesjoint.cli._tables import SurveyTable

from .surveys import CONFIG


def written(tmp_path, text):
    path = tmp_path / "run.toml"
    path.write_text(text)
    return path


def test_a_full_configuration_is_read_with_its_defaults(tmp_path):
    config = read_config(written(tmp_path, CONFIG))
    assert (config.title, config.seed) == ("Two bodies", 3)
    assert config.surveys["gravity"].std == 0.05
    assert config.surveys["gravity"].forward == "auto"
    assert config.mesh.growth == 1.0
    assert config.parameters["density"].smoothness == 1.5
    assert config.posterior.method == "auto"
    assert config.text == CONFIG


TIED = 'kind = "coregionalization"\ncorrelation = 0.5'


@pytest.mark.parametrize(
    ("old", "new", "key", "allowed"),
    [
        ("depth = 400.0", "depth = -1.0", "mesh.depth = -1.0", "must be > 0"),
        ("depth = 400.0", 'depth = "deep"', "mesh.depth = 'deep'", "must be a number"),
        ("depth = 400.0", "", "mesh.depth", "is required"),
        ("layers = 3", "layers = 3.5", "mesh.layers = 3.5", "must be an integer"),
        ("layers = 3", "layers = true", "mesh.layers = True", "must be an integer"),
        ("padding = 1", "paddding = 1", "mesh.paddding = 1", "unknown key; allowed here: depth, layers, padding"),
        ('kind = "gravity"', 'kind = "seismic"', "surveys.gravity.kind = 'seismic'", "'gravity', 'magnetic'"),
        ('parameter = "density"', 'parameter = "rho"', "surveys.gravity.parameter = 'rho'", "density, susceptibility"),
        ("correlation = 0.5", "correlation = 1.0", "coupling.correlation = 1.0", "must be < 1"),
        ("correlation = 0.5", "", "coupling.correlation", "is required"),
        ("bias_std = 50.0", "", "surveys.magnetic.bias_std", "must go with bias"),
        ("floor_std = 0.02", "", "surveys.magnetic.relative_std = 0.02", "needs floor_std"),
        ("std = 0.05\n\n[surveys.m", "std = 0.05\nrelative_std = 0.1\nfloor_std = 0.1\n\n[surveys.m",
         "surveys.gravity.std = 0.05", "give either std"),
        ("seed = 3", "seed = -3", "seed = -3", "must be an integer >= 0"),
        ("seed = 3", "sed = 3", "sed = 3", "unknown key; allowed here: title, seed"),
        ("std = 200.0", "", "parameters.density.std", "is required for prior = 'matern'"),
        ("range = 200.0", "range = [1, 2, 3]\nprior = 'focusing'", "parameters.density.alpha", "is required for"),
        ("range = 200.0", "range = -200.0", "parameters.density.range = -200.0", "must be > 0 metres"),
        ("range = 200.0", "range = [1, 2]", "parameters.density.range = [1, 2]", "one number or three"),
        ("range = 200.0", "range = 200.0\nalpha = 3.0", "parameters.density.alpha = 3.0", "means nothing for prior"),
        ("range = 200.0", "range = 200.0\nlower = 2.0\nupper = 1.0", "parameters.density.lower = 2.0", "<= upper = 1"),
        ("range = 200.0", "range = 200.0\ndip = 40.0", "parameters.density.range = 200.0", "across the layering"),
        ("range = 200.0", "range = [50, 90, 90]\nstrike = 40.0", "parameters.density.strike = 40.0", "needs dip"),
        ("range = 200.0", "range = [50, 90, 90]\ndip = 140.0", "parameters.density.dip = 140.0", "from 0 to 90"),
        ("range = 200.0", "range = 200.0\nplus = [{ std = 1.0, range = 9.0, dip = 3 }]",
         "parameters.density.plus[0].range = 9.0", "across the layering"),
        ("range = 200.0", "range = 200.0\nplus = [3]", "parameters.density.plus[0] = 3", "must be a table such as"),
        ("range = 200.0", "range = 200.0\nplus = [{ std = 1.0 }]", "parameters.density.plus[0].range", "must be > 0"),
        ("range = 200.0", "range = 200.0\nplus = [{ std = 1.0, range = 9.0, extent = 'mesh' }]",
         "parameters.density.plus[0] = ", "std, range, smoothness, dip and strike alone, not extent"),
        ("range = 200.0", "range = 200.0\nplus = [{ std = 1.0, range = 9.0, smoothness = 2 }]",
         "parameters.density.plus[0].smoothness = 2", "must be one of 0.5"),
        ("correlation = 0.5", "correlation = 0.5\nweight = 2.0", "coupling.weight = 2.0", "means nothing for kind"),
        ("correlation = 0.5", "correlation = 0.5\nspread = { density = 2.0 }", "coupling.spread", "means nothing for"),
        (TIED, 'kind = "cross_gradient"', "coupling.weight", "is required for kind = 'cross_gradient'"),
        (TIED, 'kind = "cross_gradient"\nweight = 1.0\nspread = { rho = 2.0 }', "coupling.spread", "must give"),
        ("[mesh]", "noise = 'cauchy'\n[mesh]", "surveys.magnetic.noise = 'cauchy'", "'gaussian', 'student'"),
        ("[mesh]", "dof = 4\n[mesh]", "surveys.magnetic.dof = 4.0", "means nothing for noise = 'gaussian'"),
        ("[mesh]", "noise = 'student'\ndof = 2\n[mesh]", "surveys.magnetic.dof = 2.0", "must be > 2"),
        ("[mesh]", "noise = 'student'\nexponent = 0.5\n[mesh]", "surveys.magnetic.exponent = 0.5", "must be 1"),
        ("[posterior]", "[posterior]\nmethod = 'mcmc'", "posterior.method = 'mcmc'", "'auto', 'dense', 'iterative'"),
    ],
)
def test_errors_name_key_value_and_what_is_allowed(tmp_path, old, new, key, allowed):
    assert old in CONFIG
    with pytest.raises(ConfigError) as caught:
        read_config(written(tmp_path, CONFIG.replace(old, new, 1)))
    assert key in str(caught.value)
    assert allowed in str(caught.value)


def test_fields_of_several_ranges_are_added(tmp_path):
    plus = "range = 200.0\nplus = [{ std = 40.0, range = [50, 100, 100], smoothness = 0.5 }]"
    table = read_config(written(tmp_path, CONFIG.replace("range = 200.0", plus, 1))).parameters["density"]
    assert run._prior(table) == (bj.Matern(std=200.0, range=200.0)
                                 + bj.Matern(std=40.0, range=(50, 100, 100), smoothness=0.5))


@pytest.mark.parametrize(("kind", "made"), [
    ("cross_gradient", bj.CrossGradient(1.5, spread={"density": 90.0})),
    ("joint_total_variation", bj.JointTotalVariation(1.5, spread={"density": 90.0}))])
def test_couplings_by_structure(tmp_path, kind, made):
    config = read_config(written(tmp_path, CONFIG.replace(
        TIED, f'kind = "{kind}"\nweight = 1.5\nspread = {{ density = 90.0 }}')))
    assert run._couplings(config.coupling, config.folder) == [made]
    with pytest.raises(ConfigError, match="whose priors have no std"):
        read_config(written(tmp_path, CONFIG.replace(TIED, f'kind = "{kind}"\nweight = 1.5').replace(
            "std = 200.0\nrange = 200.0", 'prior = "focusing"\nalpha = 3.0')))
    with pytest.raises(ConfigError, match=r"cannot take coupling\.kind"):
        read_config(written(tmp_path, CONFIG.replace(TIED, f'kind = "{kind}"\nweight = 1.5').replace(
            "[posterior]", "[posterior]\nmethod = 'dense'")))


def test_fields_that_dip(tmp_path):
    turned = "range = [50, 900, 400]\nstrike = 30\ndip = 70.0"
    table = read_config(written(tmp_path, CONFIG.replace("range = 200.0", turned, 1))).parameters["density"]
    assert run._prior(table) == bj.Matern(std=200.0, range=(50, 900, 400), strike=30, dip=70.0)


def test_student_noise_is_refused_where_nothing_takes_it(tmp_path):
    tailed = CONFIG.replace("[mesh]", "noise = 'student'\n[mesh]")
    for more, key in (("method = 'dense'", "posterior.method = 'dense'"), ("fit = true", "posterior.fit = True")):
        with pytest.raises(ConfigError, match=re.escape(key)):
            read_config(written(tmp_path, tailed.replace("[posterior]", f"[posterior]\n{more}")))
    with pytest.raises(ConfigError, match=r"surveys.magnetic.noise: cannot go with \[geology\]"):
        read_config(written(tmp_path, tailed + "\n[geology]\nfamily = 'mixture'\n"))
    config = read_config(written(tmp_path, tailed.replace("[posterior]", "[posterior]\nmethod = 'gibbs'")))
    with pytest.raises(ConfigError, match=r"surveys\.magnetic\.noise = 'student'"):
        check_testable(config)


def test_toml_errors_and_missing_files_are_configuration_errors(tmp_path):
    with pytest.raises(ConfigError, match="not valid TOML"):
        read_config(written(tmp_path, "depth = = 3"))
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(tmp_path / "absent.toml")


def test_help_names_every_key_that_the_reader_accepts():
    text = describe()
    for key in ("surveys.NAME", "bias_std", "growth", "smoothness", "correlation", "separate"):
        assert re.search(rf"\b{re.escape(key)}\b", text)


def test_the_format_of_a_file_may_be_named(tmp_path):
    (tmp_path / "g.dat").write_text("2\n0 0 -5 1e-5\n100 0 -6 2e-5\n")
    table = SurveyTable(file="g.dat", kind="gravity", parameter="density", format="tomofast", units="m/s2", std=0.1)
    survey = run._survey("gravity", table, tmp_path)
    assert survey.upward.tolist() == [5, 6] and survey.data.tolist() == [1, 2]


def test_longitude_and_latitude_are_projected_by_the_configuration(tmp_path, monkeypatch):
    text = """[surveys.g]
file = "g.csv"
kind = "gravity"
parameter = "density"
std = 0.1
to_crs = "EPSG:32751"
[mesh]
depth = 400.0
[parameters.density]
std = 100.0
range = 500.0
"""
    (tmp_path / "g.csv").write_text("lon,lat,height_m,gravity_mGal\n123,-30,5,1\n123.001,-30,5,2\n")
    config = read_config(written(tmp_path, text))
    monkeypatch.setattr(run, "Mesh", SimpleNamespace(from_surveys=lambda surveys, **_: pytest.fail(repr(surveys[0]))))
    if find_spec("pyproj") is None:
        with pytest.raises(ConfigError, match=r"surveys.g: pyproj must .* pip install 'bayesjoint\[crs\]'"):
            run.build_problem(config)
    else:
        with pytest.raises(pytest.fail.Exception, match=r"Survey\('g': 2 stations"):
            run.build_problem(config)
