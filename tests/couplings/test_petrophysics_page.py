"""docs/howto/petrophysics.md: its code runs, one block after the other, and its sums are what it says."""

import re
from pathlib import Path

import numpy as np

import bayesjoint as bj

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "petrophysics.md"


def test_the_code_of_the_page_runs():
    mesh = bj.Mesh.regular((2, 5, 5), (100.0, 100.0, 100.0))
    names = {"bj": bj, "density": bj.Parameter("density", mesh, prior=bj.Matern(std=100.0, range=300.0)),
             "susceptibility": bj.Parameter("susceptibility", mesh, prior=bj.Matern(std=0.2, range=300.0))}
    truth = {"density": np.zeros(mesh.shape), "susceptibility": np.zeros(mesh.shape)}
    truth["density"][0, 2], truth["susceptibility"][0, 2] = 200.0, 0.04
    names["surveys"] = []
    for survey, operator, seen, std in (("gravity", bj.GravityOperator, "density", 0.05),
                                        ("magnetic", bj.MagneticOperator, "susceptibility", 5.0)):
        forward = operator(mesh, mesh.easting, mesh.northing, 10.0)
        names["surveys"].append(bj.Modality(survey, forward, forward.predict(truth[seen]),
                                            bj.DiagonalNoise(np.full(25, std)), seen))
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), flags=re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        exec(block, names)
    assert names["p"] > 0 and np.abs(names["off"]).max() < 0.02
    np.testing.assert_allclose(sum(names["rocks"].values()), 1.0)
