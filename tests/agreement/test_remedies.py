import numpy as np
import pytest

import bayesjoint as bj
from bayesjoint.agreement._compare_remedies import compare_remedies
from bayesjoint.agreement._likelihood_ratio import likelihood_ratio_test


def scalar(shift=4.0, count=4):
    level = bj.Parameter("level", 1, prior=bj.GaussianPrior(0.0, 100.0), units="mGal")
    ones = np.ones((count, 1))
    surveys = [bj.Modality(k, ones, np.full(count, d), bj.DiagonalNoise(np.ones(count)), "level", units="mGal")
               for k, d in (("ground", 0.0), ("air", shift))]
    return bj.JointProblem([level], surveys)


def fields(shift):
    mesh = bj.Mesh.regular((2, 5, 6), (400.0, 500.0, 500.0))
    density = bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=1500.0))
    rng = np.random.default_rng(3)
    surveys = []
    truth = 80.0 * rng.standard_normal(mesh.shape)
    for k, height in (("ground", 0.0), ("air", 200.0)):
        op = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=height)
        data = op.predict(truth) + 0.05 * rng.standard_normal((5, 6)) + (shift if k == "air" else 0.0)
        surveys.append(bj.Modality(k, op, data, bj.DiagonalNoise(np.full((5, 6), 0.05)), "density"))
    return bj.JointProblem([density], surveys)


def under(stated, **others):
    return {"as stated": bj.posterior(stated), **{name: bj.posterior(p) for name, p in others.items()}}


def test_one_number_by_hand():
    stated = scalar()
    biased = bj.add_bias(stated, "air", basis=np.ones((4, 1)), std=10.0)
    tempered = stated.replace(weights={"ground": 1.0, "air": 0.25})
    found = compare_remedies(under(stated, bias=biased, tempered=tempered))
    precision = np.array([8.01, 0.01 + 4 + 1 / 100.25, 5.01])
    mean = np.array([16.0, 4.0 * 4 / (4 * 100 + 1) * 1.0, 4.0]) / precision  # the bias takes 1 + 4·100 of the variance
    np.testing.assert_allclose(found.std_ratio[:, 0], np.sqrt(precision[0] / precision), rtol=1e-9)
    np.testing.assert_allclose(found["shift"][:, 0], np.abs(mean - mean[0]) * np.sqrt(precision[0]), rtol=1e-9)
    np.testing.assert_allclose(found.chi2.sel(survey="ground"), 4 * mean**2, rtol=1e-8, atol=1e-12)
    assert found.exponent.sel(remedy="tempered").values.tolist() == [1.0, 0.25]
    assert np.isfinite(found.log_evidence).all() and (found.log_evidence[1:] > found.log_evidence[0]).all()


def test_the_tests_are_those_of_each_problem():
    stated = scalar()
    biased = bj.add_bias(stated, "air", basis=np.ones((4, 1)), std=10.0)
    found = compare_remedies(under(stated, bias=biased))
    for label, problem in (("as stated", stated), ("bias", biased)):
        wanted = likelihood_ratio_test(problem, ("ground", "air"))
        assert found.p_value.sel(remedy=label, test="likelihood ratio") == wanted.p_value
    assert found.p_value[0].max() < 1e-3 < 0.05 < found.p_value[1].min()
    assert found.attrs["pair"] == "ground against air"


def test_of_a_bias_of_many_values_the_largest_is_told():
    stated = scalar(shift=0.0)
    shifted = stated.modalities[1].replace(data=[0.0, 0.0, 9.0, 0.0])
    stated = stated.replace(modalities=[stated.modalities[0], shifted])
    found = compare_remedies(under(stated, each=bj.add_bias(stated, "air", np.eye(4), std=10.0)))
    said = str(found.words.sel(remedy="each").values)
    assert said.startswith("air_bias: 4 values, rms 4.") and "largest column 2 8." in said and said.count("±") == 1


def test_models_lie_on_their_mesh_and_a_bias_of_the_right_kind_mends_the_fit():
    stated = fields(shift=1.0)
    found = compare_remedies(under(stated, bias=bj.add_bias(stated, "air", std=2.0)))
    assert found.density_mean.dims == ("remedy", "upward", "northing", "easting")
    assert found.chi2.sel(remedy="bias").sum() < 0.5 * found.chi2.sel(remedy="as stated").sum()
    assert found["shift"].sel(remedy="bias").item() > 1.0
    np.testing.assert_array_equal(found.std_ratio.sel(remedy="as stated"), 1.0)


@pytest.mark.parametrize(("make", "match"), [
    (dict, "at least the one as stated"),
    (lambda: [1], "dict of posteriors"),
    (lambda: {"a": bj.posterior(scalar()), "b": bj.posterior(scalar().separate()["air"])}, "of the first"),
])
def test_what_is_no_remedy_is_refused(make, match):
    with pytest.raises((ValueError, TypeError), match=match):
        compare_remedies(make())


def test_each_remedy_is_named_as_it_is_begun():
    """While they are built, looked at and tested; an iterable does not say how many it holds."""
    found, said = bj.conflict(scalar(9.0)), []
    problems = found.remedied(lambda *what: said.append(what))
    tried = [*list(problems)[1:], *problems.untried]
    assert sorted(name for name, *_ in said) == sorted(tried) and len(tried) > 1
    assert [rest for _, *rest in said] == [[k, len(tried)] for k in range(len(tried))]
    assert found.problems is problems and found.remedied(pytest.fail) is problems
    posteriors = {name: bj.posterior(problem) for name, problem in problems.items()}
    for given, total in ((posteriors, len(posteriors)), (iter(posteriors.items()), None)):
        said = []
        bj.compare_remedies(given, progress=lambda *what, said=said: said.append(what))
        assert said == [(f"{name}: mean and std", k, total) for k, name in enumerate(posteriors)] + [
            (f"{name}: tests", k, len(posteriors)) for k, name in enumerate(posteriors)]
