"""An engine whose mean and draws are three posterior std off is not called calibrated."""

import numpy as np

import bayesjoint as bj

from ..calibration.test_calibrate import Biased


class Off(Biased):
    """Three posterior std too high, whatever the data are."""

    share = 3.0


def test_calibration_sees_a_wrong_mean():
    s = bj.Parameter("s", 3, prior=bj.GaussianPrior(np.zeros(3), np.eye(3)))
    line = bj.Modality("l", np.eye(3), [1.0, 2, 3], bj.DiagonalNoise(np.ones(3)), "s")
    assert not bj.calibrate(bj.JointProblem([s], [line]), method=Off).verdict.startswith("calibrated")
