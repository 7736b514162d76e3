"""What joint inversion gained in the score of intervals on simulated ground, against separate and against no data."""

import numpy as np

from ..dataset import DatasetBuilder

UNASKED = ("Not asked: whether joint intervals are better on ground is known only where joint and separate posteriors "
           "are recalibrated (bj.recalibrate) on one family with one seed.")
UNPAIRED = ("Not comparable: joint and separate posteriors were recalibrated on other families, or with other seeds or "
            "numbers of worlds.")


def write_scores(result, joint, separate):
    """Add ratios of interval scores to a result with dims (parameter, survey); say in words what they rest on.

    Parameters
    ----------
    result : DatasetBuilder
    joint : Posterior
    separate : dict of {str: Posterior}
        Those with a `record` were recalibrated: it offers ``gain_over(record)`` and ``gain_over_no_data()``.

    Returns
    -------
    str
    """
    records = {name: getattr(post, "record", None) for name, post in separate.items()}
    mine = getattr(joint, "record", None)
    if mine is None or all(record is None for record in records.values()):
        return UNASKED
    gains = {name: None if record is None else mine.gain_over(record) for name, record in records.items()}
    if all(gain is None for gain in gains.values()):
        return UNPAIRED
    names = [p.name for p in joint.problem.parameters]
    alone = {name: record.gain_over_no_data() for name, record in records.items() if record is not None}
    for key, table, words in (
            ("score_over_separate", gains, "mean interval score of the joint intervals over that of the separate ones"),
            ("separate_score_over_no_data", alone,
             "mean interval score of the separate intervals over that of the family's own without data")):
        value, error = (np.array([[(table.get(s) or {}).get(p, (np.nan, np.nan))[k] for s in separate] for p in names])
                        for k in (0, 1))
        result.add(key, ("parameter", "survey"), value, "1", words, error)
    bare = mine.gain_over_no_data()
    value, error = (np.array([bare.get(p, (np.nan, np.nan))[k] for p in names]) for k in (0, 1))
    result.add("score_over_no_data", ("parameter",), value, "1",
              "mean interval score of the joint intervals over that of the family's own without data", error)
    return f"90 % intervals recalibrated on {mine.name}, {mine.worlds} worlds left out in turn, the same for all"


def score_table(joint, separate):
    """The same as a dataset, ``interval_scores`` among its attributes; None where no separate posterior is paired."""
    result = DatasetBuilder()
    result.along("survey", list(separate), "survey inverted alone")
    result.along("parameter", [p.name for p in joint.problem.parameters], "parameter")
    words = write_scores(result, joint, separate)
    return None if words in (UNASKED, UNPAIRED) else result.dataset({"interval_scores": words})
