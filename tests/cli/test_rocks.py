"""Petrophysical couplings of the command."""

import pytest

import bayesjoint as bj
from bayesjoint.cli._config import read_config
from bayesjoint.cli._disagreement import check_testable
from bayesjoint.cli._refuse import ConfigError
from bayesjoint.cli.main import main
from bayesjoint.cli.run import build_problem
from bayesjoint.dataset import read_tree

from .surveys import write_pair

LAW = 'kind = "petrophysical"\nintercept = 0.0\nslope = 2e-4\nstd = 0.01'
ROCKS = 'kind = "rock_mixture"\nrocks = "rocks.csv"\nweight = 0.5\nbackground = 2670.0'
TABLE = ("unit,density,density_std,susceptibility,susceptibility_log_std,share\n"
         "host,2670,80,0.002,0.5,0.9\ngabbro,3000,80,0.03,0.5,0.1\n")


def config(tmp_path, coupling, more=("", "")):
    path = write_pair(tmp_path)
    (tmp_path / "rocks.csv").write_text(TABLE)
    text = path.read_text()
    assert 'kind = "coregionalization"\ncorrelation = 0.5' in text and more[0] in text
    path.write_text(text.replace('kind = "coregionalization"\ncorrelation = 0.5', coupling).replace(*more, 1))
    return path


def test_a_configuration_states_a_law_or_rocks(tmp_path):
    problem = build_problem(read_config(config(tmp_path, LAW)))
    assert problem.couplings == (bj.Petrophysical("linear", (0.0, 2e-4), std=0.01),)
    problem = build_problem(read_config(config(tmp_path, ROCKS)))
    assert problem.couplings == (bj.RockMixture(bj.RockTable.from_units(tmp_path / "rocks.csv", 2670.0), 0.5),)


def test_a_run_under_a_law_says_so_and_is_exact(tmp_path):
    path = config(tmp_path, LAW)
    assert main(["run", str(path), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    tree = read_tree(tmp_path / "out" / "posterior.nc")
    assert "susceptibility = a + b density" in str(tree.attrs) + str(tree["posterior"].attrs)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "susceptibility = a + b density, theta 0, 0.0002, with a std of 0.01" in page
    assert "every coupling is a quadratic form" in page


def test_a_plan_names_the_coupling(tmp_path, capsys):
    for coupling, words in ((LAW, "coupling: Petrophysical, susceptibility = a + b density"),
                            (ROCKS, "coupling: rock_mixture rocks.csv 0.5")):
        assert main(["run", str(config(tmp_path, coupling)), "--dry-run"]) == 0
        assert words in capsys.readouterr().out


@pytest.mark.parametrize(("coupling", "more", "message"), [
    (LAW.replace("std = 0.01", ""), ("", ""), r"coupling\.std.*is required"),
    (LAW + "\nweight = 2.0", ("", ""), r"coupling\.weight.*means nothing"),
    (LAW + '\nrocks = "rocks.csv"', ("", ""), r"coupling\.rocks.*means nothing"),
    (ROCKS.replace('rocks = "rocks.csv"', ""), ("", ""), r"coupling\.rocks.*is required"),
    (ROCKS.replace("weight = 0.5", "slope = 0.5"), ("", ""), r"coupling\.slope.*means nothing"),
    (LAW, ("[posterior]", "[posterior]\nmethod = 'dense'"), r"cannot take coupling\.kind = 'petrophysical'"),
    (ROCKS, ("[posterior]", "[posterior]\nmethod = 'gibbs'"), r"cannot take coupling\.kind = 'rock_mixture'"),
])
def test_what_does_not_go_together_is_refused(tmp_path, coupling, more, message):
    with pytest.raises(ConfigError, match=message):
        read_config(config(tmp_path, coupling, more))


def test_a_missing_table_and_tests_of_agreement_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="must be an existing file"):
        build_problem(read_config(config(tmp_path, ROCKS.replace("rocks.csv", "gone.csv"))))
    with pytest.raises(ConfigError, match="law_as_data"):
        check_testable(read_config(config(tmp_path, LAW)))
