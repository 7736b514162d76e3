"""Models under couplings that no single minimum answers: a hard law, a mixture whose means are learned."""

import time
from dataclasses import replace

import numpy as np

from .._checks import fail

MOST = 40  # rounds; hard laws take five to fifteen
FASTER = 0.5  # share of what was left that a round must get rid of, or the next is minimised more closely
CLOSER, CLOSEST = 0.1, 1e-6  # by which, and the closest, as shares of the tolerance


def in_rounds(problem):
    """Whether any coupling wants more than one minimum.

    Parameters
    ----------
    problem : JointProblem

    Returns
    -------
    bool
    """
    return any(_rounds_of(problem))


def map_in_rounds(problem, start, solve):
    """Minimise again and again, between which couplings move, until each has what it asks for.

    Parameters
    ----------
    problem : JointProblem
        With couplings whose ``begin_rounds(parameters)`` gives a state: ``coupling`` (the density of the next round),
        ``update(parts)`` (moves, and says how much is left), ``tolerance``, ``kept`` (what the result holds), ``name``,
        ``said(left)``.
    start : ndarray, shape (problem.size,)
    solve : callable
        (problem, x, share) to the `MapResult` of a density, at that share of the tolerance asked for.

    Returns
    -------
    MapResult
        That of the last round, over all of them. `converged` asks that couplings have what they want, too.
    """
    began, states, x = time.perf_counter(), _rounds_of(problem), start
    rows, iterations, parameters, share = [], 0, problem.parameters, 1.0
    for _ in range(MOST):
        asked = problem.replace(parameters=parameters, couplings=[
            c if s is None else s.coupling for c, s in zip(problem.couplings, states, strict=True)])
        answer = solve(asked, x, share)
        x, parameters, iterations = answer.x, answer.problem.parameters, iterations + answer.iterations
        parts = asked.parts(x)
        rows.append([None if s is None else s.update(parts) for s in states])
        met = all(s is None or left <= s.tolerance for s, left in zip(states, rows[-1], strict=True))
        if met and answer.converged:
            break
        if len(rows) > 1 and any(s is not None and left > max(s.tolerance, FASTER * before) for s, left, before in zip(
                states, rows[-1], rows[-2], strict=True)):  # a loose minimum stays where the last one was
            share = max(CLOSER * share, CLOSEST)
    kept = problem.replace(parameters=parameters, couplings=[
        c if s is None else s.kept for c, s in zip(problem.couplings, states, strict=True)])
    said = [s.said(left) for s, left in zip(states, rows[-1], strict=True) if s is not None]
    found = {f"coupling {k}, {s.name}": np.array([row[k] for row in rows])
             for k, s in enumerate(states) if s is not None}
    return replace(answer, problem=kept, converged=answer.converged and met, iterations=iterations, rounds=found,
                   seconds=time.perf_counter() - began,
                   message="; ".join([*said, f"{len(rows)} round(s)", answer.message]))


def refuse_rounds(problem, method):
    """Refuse such couplings where a method takes none."""
    if in_rounds(problem):
        fail("couplings", f"hold no hard law and nothing to learn for method={method!r}",
             ", ".join(map(str, problem.couplings)), 'Use method="map", which meets them in rounds.')


def _rounds_of(problem):
    return [c.begin_rounds([problem.by_name[name] for name in c.parameters]) if hasattr(c, "begin_rounds") else None
            for c in problem.couplings]
