"""Small nonlinear problems: NIST's reference fits, and linear ones dressed as nonlinear."""

import numpy as np

import bayesjoint as bj

# NIST Statistical Reference Datasets, nonlinear regression (itl.nist.gov/div898/strd): data, far start, certified
# estimates, standard deviations, residual sum of squares
MISRA = {
    "x": [77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0],
    "y": [10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78],
    "start": [500.0, 1e-4], "value": [2.3894212918e02, 5.5015643181e-04],
    "std": [2.7070075241e00, 7.2668688436e-06], "squares": 1.2455138894e-01,
}  # fmt: skip
RAT42 = {
    "x": [9.0, 14.0, 21.0, 28.0, 42.0, 57.0, 63.0, 70.0, 79.0],
    "y": [8.930, 10.800, 18.590, 22.330, 39.350, 56.110, 61.730, 64.620, 67.080],
    "start": [100.0, 1.0, 0.1], "value": [7.2462237576e01, 2.6180768402e00, 6.7359200066e-02],
    "std": [1.7340283401e00, 8.8295217536e-02, 3.4465663377e-03], "squares": 8.0565229338e00,
}  # fmt: skip


def misra(m, x=np.array(MISRA["x"])):  # noqa: B008
    return m[0] * (1 - np.exp(-m[1] * x))


def misra_jacobian(m, x=np.array(MISRA["x"])):  # noqa: B008
    return np.stack([1 - np.exp(-m[1] * x), m[0] * x * np.exp(-m[1] * x)], axis=1)


def rat42(m, x=np.array(RAT42["x"])):  # noqa: B008
    return m[0] / (1 + np.exp(m[1] - m[2] * x))


def fit_problem(table, predict, jacobian=None, scale=None):
    """A NIST fit with a flat prior and the noise std that NIST estimates."""
    n, p = len(table["y"]), len(table["value"])
    std = np.sqrt(table["squares"] / (n - p))
    unknowns = bj.Parameter("b", p, reference=table["start"], scale=scale)
    return bj.JointProblem([unknowns], [bj.Modality(
        "fit", bj.ForwardModel(predict, (n, p), jacobian), table["y"], bj.DiagonalNoise(np.full(n, std)), "b")])


class Line:
    """A matrix dressed as a nonlinear function; a class, so that processes can be given it."""

    def __init__(self, matrix):
        self.matrix = np.asarray(matrix)

    def __call__(self, m):
        return self.matrix @ m

    def slope(self, m):
        return self.matrix


def dressed(problem, jacobian=True):
    """The same problem, its operators as ForwardModels."""
    surveys = []
    for m in problem.modalities:
        line = Line(m.forward.matmat(np.eye(m.forward.shape[1])))
        surveys.append(m.replace(forward=bj.ForwardModel(line, m.forward.shape, line.slope if jacobian else None)))
    return problem.replace(modalities=surveys)
