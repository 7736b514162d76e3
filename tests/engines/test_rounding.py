"""The errors that a dense posterior states, held against rational arithmetic where rounding bites."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import bayesjoint as bj

from .. import exact
from ..linear import small_mesh
from ..refusals import refused


def hard(kind, snr, offset, dense, seed):
    """Prior covariance, matrix, noise and data of 8 cells and 5 data on which rounding shows."""
    rng, n, m = np.random.default_rng(seed), 8, 5
    root = rng.standard_normal((n, n))
    prior, matrix = root @ root.T / n + 0.1 * np.eye(n), rng.standard_normal((m, n))
    if kind == "rows that cancel over a smooth prior":
        prior = np.exp(-0.5 * ((np.arange(n)[:, None] - np.arange(n)) / 4.0) ** 2) + 1e-9 * np.eye(n)
        matrix = np.diff(matrix - matrix.mean(axis=1, keepdims=True), axis=1, append=0)
    elif kind == "rows nearly parallel":
        matrix = matrix[0] + 1e-5 * matrix
    elif kind == "cells of unlike size":
        size = 10.0 ** rng.uniform(-4, 4, n)
        prior, matrix = prior * np.outer(size, size), matrix / size
    prior = 0.5 * (prior + prior.T)
    signal = np.sqrt(np.diag(matrix @ prior @ matrix.T))
    noise = np.diag(4.0 ** np.round(np.log2(signal / snr)))  # powers of 4, so that their roots are exact
    if dense:
        tie = rng.standard_normal((m, m))
        noise = np.sqrt(noise) @ (tie @ tie.T / m + 1e-6 * np.eye(m)) @ np.sqrt(noise)
        noise = 0.5 * (noise + noise.T)
    data = matrix @ np.linalg.cholesky(prior) @ rng.standard_normal(n) + (offset + 1 / snr) * signal
    return prior, matrix, noise, data


KINDS = ("a mild problem", "rows that cancel over a smooth prior", "rows nearly parallel", "cells of unlike size")
HARD = [(kind, snr, offset, dense) for kind in KINDS for snr, offset, dense in
        ((10, 0, False), (1e4, 0, True), (1e4, 1e3, False), (1e6, 0, False), (1e6, 1, True))]  # fmt: skip


def assert_errors_hold(post, name, mean, variance, evidence):
    """Every stated error is at least the true one."""
    flat = {key: getattr(post, key)()[name].ravel() for key in ("mean", "std", "mean_error", "std_error")}
    true = [float(abs(Fraction(a) - b)) for a, b in zip(flat["mean"].tolist(), mean, strict=True)]
    assert np.all(true <= flat["mean_error"])
    true = [float(abs(Decimal(a) - exact.root(b))) for a, b in zip(flat["std"].tolist(), variance, strict=True)]
    assert np.all(true <= flat["std_error"])
    assert abs(Decimal(float(post.log_evidence())) - evidence) <= post.log_evidence().error


@pytest.mark.parametrize(("kind", "snr", "offset", "dense"), HARD)
def test_stated_errors_hold_against_rational_arithmetic(kind, snr, offset, dense):
    for seed in range(3):
        prior, matrix, noise, data = hard(kind, snr, offset, dense, seed)
        parameter = bj.Parameter("m", 8, prior=bj.GaussianPrior(0.0, prior))
        spread = bj.DenseNoise(noise) if dense else bj.DiagonalNoise(np.sqrt(np.diag(noise)))
        post = bj.posterior(bj.JointProblem([parameter], [bj.Modality("d", matrix, data, spread, "m")]))
        assert_errors_hold(post, "m", *exact.posterior(np.zeros(8), prior, matrix, noise, data))
        # and they say something: the least of them is no more than what double precision must lose here
        worst = {"a mild problem": 1e-11, "cells of unlike size": 1e-11}.get(kind, 0.1) * max(1, offset)
        share = np.sqrt(np.diag(prior))
        assert np.all(post.mean_error()["m"] <= worst * share)
        assert np.all(post.std_error()["m"] <= min(worst, 0.1) * share)


@pytest.mark.parametrize("reach", [200.0, 20_000.0])
def test_stated_errors_hold_for_a_field(reach):
    """The Matérn kernel in 60 digits, against products by FFT in 16."""
    mesh = small_mesh((2, 2, 3))
    centres = [exact.rational(c.ravel()) for c in np.meshgrid(mesh.upward, mesh.northing, mesh.easting, indexing="ij")]
    squares = sum((c[:, None] - c) ** 2 for c in centres) / Fraction(reach) ** 2
    kernel = np.vectorize(exact.three_halves, otypes=[object])(squares)
    rng = np.random.default_rng(0)
    matrix, std = rng.standard_normal((4, 12)), np.array([0.5, 0.25, 2.0, 0.125]) / 1024
    data = rng.standard_normal(4)
    parameter = bj.Parameter("m", mesh, prior=bj.Matern(std=1.0, range=reach))
    post = bj.posterior(bj.JointProblem([parameter], [bj.Modality("d", matrix, data, bj.DiagonalNoise(std), "m")]))
    assert_errors_hold(post, "m", *exact.posterior(np.zeros(12), kernel, matrix, np.diag(std**2), data))
    assert post.mean_error()["m"].max() < 1e-6


def test_single_precision_shows_in_the_stated_errors():
    mesh, posts = bj.Mesh.regular((3, 6, 7), (100, 100, 100)), []
    for dtype in ("float64", "float32"):
        operator = bj.GravityOperator(mesh, mesh.easting, mesh.northing, height=10.0, dtype=dtype)
        density = bj.Parameter("density", mesh, prior=bj.Matern(std=300.0, range=400.0))
        data = np.random.default_rng(1).standard_normal(42)
        survey = bj.Modality("gravity", operator, data, bj.DiagonalNoise(np.full(42, 0.5)), "density")
        posts.append(bj.posterior(bj.JointProblem([density], [survey])))
    double, single = posts
    for key in ("mean", "std"):
        true = np.abs(getattr(single, key)()["density"] - getattr(double, key)()["density"])
        stated = getattr(single, f"{key}_error")()["density"]
        assert np.all(true <= stated) and stated.max() < 30.0
        assert stated.max() > 1e3 * getattr(double, f"{key}_error")()["density"].max()
    assert abs(single.log_evidence() - double.log_evidence()) <= single.log_evidence().error


def test_rounding_beyond_repair_is_refused():
    prior, matrix, _, data = hard("a mild problem", 1e4, 0, False, 0)
    parameter = bj.Parameter("m", 8, prior=bj.GaussianPrior(0.0, prior))
    parallel = np.outer(np.arange(1.0, 6.0), matrix[0])  # five times the same datum, said to be known to ten digits
    survey = bj.Modality("d", parallel, data, bj.DiagonalNoise(np.full(5, 1e-9)), "m")
    assert "noise" in refused(lambda: bj.posterior(bj.JointProblem([parameter], [survey])), "the data's covariance")
