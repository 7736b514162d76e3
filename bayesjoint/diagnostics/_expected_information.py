"""What another survey would add to those at hand, before anybody goes to the field."""

from __future__ import annotations

import numpy as np

from .._checks import checked, fail
from .._typing import JointProblem, Seed, xr
from ..dataset import DatasetBuilder
from ..problem import Modality
from ._estimator import probe_count, root_and_error
from ._identifiability import PROBED
from ._information import DataInformation, bits_between
from ._targets import target_columns


@checked
def expected_information(problem: JointProblem, candidate: Modality | list, target: str | dict | None = None,
                         probes: int = 32, seed: Seed = 0) -> xr.Dataset:
    """Bits that a candidate survey would add to the surveys of a problem, and the std it would leave on a target.

    For linear problems with Gaussian priors neither depends on what the survey would measure:
    I(m; d_c | d) = ½ log₂ det(posterior covariance now) / det(with it) (Lindley 1956; Chaloner & Verdinelli 1995).

    Parameters
    ----------
    problem : JointProblem
        Linear and Gaussian, with proper priors.
    candidate : Modality or list of Modality
        Each is judged by itself; its data play no part (zeros will do), its noise does.
    target : str or dict, optional
        As in `identifiability`: a parameter of at most 4,000 unknown values, or {parameter: weights}.
    probes : int, default 32
        Random vectors, above 6,000 data only.
    seed : int or numpy.random.Generator, default 0

    Returns
    -------
    xarray.Dataset
        ``information`` (bits) over ``candidate``; with a target ``target_std_now`` over ``number``, ``target_std`` over
        (candidate, number), in units of the weighted sum, and ``target_information`` (bits about the target that the
        candidate adds). Each with its ``_error``, 0 where exact.

    Raises
    ------
    ValueError, TypeError
        If the problem is not linear-Gaussian, or a candidate is no Modality, has the name of a survey at hand, or sees
        a parameter that the problem has not.

    Examples
    --------
    >>> import bayesjoint as bj
    >>> slope = bj.Parameter("slope", 1, prior=bj.GaussianPrior(0.0, 1.0))
    >>> line = bj.Modality("line", [[1.0]], [3.0], bj.DiagonalNoise([1.0]), "slope")
    >>> twice = bj.Modality("twice", [[1.0], [1.0]], [0.0, 0.0], bj.DiagonalNoise([1.0, 1.0]), "slope")
    >>> found = expected_information(bj.JointProblem([slope], [line]), twice, target="slope")
    >>> found.information.values, found.target_std_now.values.round(3), found.target_std.values.round(3)
    (array([0.5]), array([0.707]), array([[0.5]]))
    """
    probes, candidates = probe_count(probes), _candidates(problem, candidate)
    at_hand = [m.name for m in problem.modalities]
    columns = None if target is None else target_columns(problem, target)
    bits, stds, about, exact = [], [], [], True
    for extra in candidates:
        signal = DataInformation(problem.replace(modalities=[*problem.modalities, extra]), probes, seed)
        exact &= signal.exact
        bits.append(_gain(signal, at_hand, extra.name))
        if columns is not None:
            now, then = signal.left(columns, at_hand), signal.left(columns, [*at_hand, extra.name])
            stds.append([root_and_error(np.diag(left).clip(0.0), error) for left, error in (now, then)])
            about.append(bits_between(now, then))
    table = DatasetBuilder()
    table.along("candidate", [m.name for m in candidates], "candidate survey")
    values, errors = np.transpose(bits)
    table.add("information", ("candidate",), values, "bit", "information that the candidate would add", errors)
    if columns is not None:
        _write_target(table, stds, about)
    how = "dense algebra over the data" if exact else PROBED.format(probes)
    return table.dataset({"method": how, "seed": str(seed)})


def _gain(signal, at_hand, name):
    """(bits, error) of one candidate."""
    now, then = signal.bits(at_hand), signal.bits([*at_hand, name])
    return then[0] - now[0], float(np.hypot(now[1], then[1]))


def _write_target(table, stds, about):
    (now, now_error), (then, then_error) = np.moveaxis(stds, (1, 2), (0, 1))
    values, errors = np.transpose(about)
    table.along("number", np.arange(now.shape[1]), "number of the target")
    units = "units of the target"
    table.add("target_std_now", ("number",), now[0], units, "posterior std of the target now", now_error[0])
    table.add("target_std", ("candidate", "number"), then, units, "posterior std of the target with the candidate",
              then_error)
    table.add("target_information", ("candidate",), values, "bit",
              "information about the target that the candidate would add", errors)


def _candidates(problem, candidate):
    found = list(candidate) if isinstance(candidate, (list, tuple)) else [candidate]
    held = {m.name for m in problem.modalities}
    if not found:
        fail("candidate", "hold at least one Modality", "none", "Build Modality(name, operator, zeros, noise, ...).")
    for m in found:
        if not isinstance(m, Modality):
            fail("candidate", "be a Modality or a list of them", type(m).__name__,
                 "Build Modality(name, operator, zeros, noise, parameter).", TypeError)
        if m.name in held:
            fail("candidate", f"have another name than {sorted(held)} and the other candidates", repr(m.name),
                 "Rename it.")
        held.add(m.name)
    return found
