"""Long ranges and far stations are refused before anything large is made; the dense engine answers them."""

import tracemalloc

import numpy as np
import pytest

import bayesjoint as bj

MESH = bj.Mesh.regular((2, 7, 8), (100.0, 100.0, 100.0))


def problem(reach=300.0, height=10.0, extent="mesh"):
    density = bj.Parameter("density", MESH, prior=bj.Matern(100.0, reach, extent=extent))
    data = np.random.default_rng(0).standard_normal((7, 8))
    survey = bj.Survey("gravity", data, MESH.easting, MESH.northing, height, std=0.1)
    return bj.JointProblem([density], [survey.modality(density)])


@pytest.mark.parametrize("case", [{"reach": 1e5}, {"reach": 1e9}, {"height": 1e6},
                                  {"reach": 1e9, "extent": "continued"}])
def test_a_lattice_far_too_large_is_refused_before_it_is_made(case):
    tracemalloc.start()
    with pytest.raises(ValueError, match=r'GB.*method="dense" with extent="mesh"'):
        bj.posterior(problem(**case), method="iterative").mean()
    assert tracemalloc.get_traced_memory()[1] < 5e7
    tracemalloc.stop()


@pytest.mark.parametrize("case", [{"reach": 1e5}, {"height": 1e6}])
def test_auto_takes_the_dense_engine_there(case):
    post = bj.posterior(problem(**case))
    assert post.method == "dense"
    assert np.isfinite(post.mean()["density"]).all()


def test_ranges_of_some_meshes_are_answered():
    found, exact = (bj.posterior(problem(reach=5e3), method=m).mean()["density"] for m in ("iterative", "dense"))
    np.testing.assert_allclose(found, exact, atol=1e-4 * np.abs(exact).max())
