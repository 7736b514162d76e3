"""The universe's forward models against plain quadrature, and the published Ω_m and tensions."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

import bayesjoint as bj

FOLDER = Path(__file__).parents[2] / "case_studies" / "cosmology"


@pytest.fixture(scope="module")
def parts():
    """Its modules `universe` and `run`, imported as its script does."""
    sys.path.insert(0, str(FOLDER))
    try:
        yield importlib.import_module("universe"), importlib.import_module("run")
    finally:
        sys.path.remove(str(FOLDER))
        for name in ("universe", "run", "nulls"):
            sys.modules.pop(name, None)


def test_late_distances(parts):
    universe, _ = parts
    omega, ruler = 0.31, 101.0
    bao = universe.Bao(universe.table("desi_dr2_bao.csv"), free=True)
    found = bao([omega, ruler])
    for z, row, value in zip(bao.z, universe.table("desi_dr2_bao.csv"), found, strict=True):
        across = quad(lambda q: (omega * (1 + q) ** 3 + 1 - omega) ** -0.5, 0, z, epsabs=1e-13)[0] * 2997.92458 / ruler
        along = 2997.92458 / ruler * (omega * (1 + z) ** 3 + 1 - omega) ** -0.5
        wanted = {"DM": across, "DH": along, "DV": (z * across**2 * along) ** (1 / 3)}[row["quantity"][:2]]
        assert value == pytest.approx(wanted, rel=1e-10)
    early = universe.Bao(universe.table("desi_dr2_bao.csv"))
    np.testing.assert_allclose(early([omega, 0.68, 0.0224]),
                               bao([omega, 0.68 * universe.drag_scale(omega, 0.68, 0.0224)]), rtol=1e-12)
    sn = universe.Supernovae(universe.table("union3_binned.csv"))
    across = quad(lambda q: (omega * (1 + q) ** 3 + 1 - omega) ** -0.5, 0, sn.z[-1])[0]
    assert sn([omega, 43.0])[-1] == pytest.approx(43.0 + 5 * np.log10((1 + sn.z[-1]) * across), rel=1e-10)


def test_the_acoustic_scale(parts):
    universe, _ = parts
    omega, h, wb = 0.3166, 0.6727, 0.02236
    radiation = omega / (1 + 2.5e4 * omega * h**2 * (2.7255 / 2.7) ** -4)
    g1 = 0.0783 * wb**-0.238 / (1 + 39.5 * wb**0.763)
    g2 = 0.560 / (1 + 21.1 * wb**1.81)
    last = 1 / (1 + 1048 * (1 + 0.00124 * wb**-0.738) * (1 + g1 * (omega * h**2) ** g2))
    assert 1089 < 1 / last - 1 < 1093

    def pace(a):
        return np.sqrt(radiation + omega * a + (1 - omega - radiation) * a**4)

    across = quad(lambda a: 1 / pace(a), last, 1, epsabs=1e-12, limit=200)[0]
    sound = quad(lambda a: 1 / (np.sqrt(3 + 3 * 31500 * wb * (2.7255 / 2.7) ** -4 * a) * pace(a)), 0, last)[0]
    found = universe.planck([omega, h, wb])
    np.testing.assert_allclose(found, [np.sqrt(omega) * across, np.pi * across / sound, wb], rtol=1e-8)
    # Planck's own best fit is close to its own compression, 1.7502 and 301.471, as far as fitting formulas go
    assert abs(found[0] - 1.7502) < 0.0046 and abs(found[1] - 301.471) < 0.5


def test_omega_matter_of_each_probe(parts):
    universe, run = parts
    for name, mean, std in (("bao", 0.2975, 0.0086), ("sn", 0.356, 0.027), ("planck", 0.3166, 0.0084)):
        problem = universe.problem((name,), free=True)
        result = bj.find_map(problem, tolerance=1e-6)
        assert result.converged and result.undetermined == 0
        assert result.model["omega_m"][0] == pytest.approx(mean, abs=0.0006)
        tangent = bj.posterior(problem.linearised(result.x))
        assert tangent.std()["omega_m"][0] == pytest.approx(std, rel=0.04)
        if name == "sn":
            summed = run.quadrature(problem, tangent)
            assert (round(summed["mean"], 3), round(summed["std"], 3)) == (0.358, 0.027)


def test_tension_counts_what_is_shared(parts):
    universe, _ = parts
    problem = universe.problem()
    found = {pair: bj.likelihood_ratio_test(problem, pair, null="wilks")
             for pair in (("bao", "sn"), ("bao", "planck"), ("sn", ("bao", "planck")))}
    assert [f.dof for f in found.values()] == [1, 2, 1]  # BAO alone leave h and ω_b to each other
    assert 2.0 < found["bao", "sn"].sigma < 2.3
    assert found["bao", "planck"].p_value_error < 3e-4  # nearly straight: Λ of the tangent is 0.0016 less
    free = bj.likelihood_ratio_test(universe.problem(("bao", "sn"), free=True), ("bao", "sn"), null="wilks")
    assert free.statistic == pytest.approx(found["bao", "sn"].statistic, abs=1e-5)


def test_committed_nulls_are_uniform_and_the_wrong_ones_are_not(parts):
    nulls = importlib.import_module("nulls")
    results = json.loads((FOLDER / "nulls.json").read_text(encoding="utf-8"))
    after = nulls.adjusted(results)
    assert len(after) == 7 and list(results["nulls"]) == list(nulls.NOISE)
    for noise, found in results["nulls"].items():
        for key, row in found.items():
            assert row["pairs"] == 1000 and row["refused"] == 0  # none is left out
            assert after[noise, key] > 0.05
            assert all(low <= row["alarms"][k] <= high for k, (low, high) in row["band"].items())
        assert all(after[noise, key] < 1e-4 for key in results["wrong"][noise])
    assert results["without a minimum"]["15 % noise"] > 100  # so the row is about them too
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(cell in text for row in nulls.rows(results) for cell in row)


def test_holm_over_the_nulls_and_no_less_for_the_wrong_ones(parts):
    nulls = importlib.import_module("nulls")
    made = {"nulls": {"n": {"simulated": {"uniform_p": 0.3}, "wilks": {"uniform_p": 0.02}}},
            "wrong": {"n": {"degrees": {"uniform_p": 1e-3}}}}
    assert nulls.adjusted(made) == pytest.approx({("n", "simulated"): 0.3, ("n", "wilks"): 0.04,
                                                  ("n", "degrees"): 3e-3})


def test_one_pair_of_the_study(parts):
    nulls = importlib.import_module("nulls")
    p, open_, statistic, wilks = nulls.one((0.15, 0, 1.0))  # a tenth of whose refits has no minimum
    assert open_ == 1 and 0 <= p <= 1 and statistic > 0 and abs(p - wilks) < 0.3
    assert nulls.one((0.02, 0, 1.0))[1] == 0


def test_committed_results_say_what_the_readme_says(parts):
    _, run = parts
    results = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(cell in text for rows in run.tables(results).values() for row in rows for cell in row)
    summed = {name: results["alone"][name]["quadrature"] for name in ("bao", "sn")}
    assert [(round(q["mean"], 3), round(q["std"], 3)) for q in summed.values()] == [(0.298, 0.009), (0.358, 0.027)]
    for r in results["tension"].values():
        assert abs(r["wilks"]["p_value"] - r["bootstrap"]["p_value"]) < 4 * r["bootstrap"]["p_value_error"] + 0.01
