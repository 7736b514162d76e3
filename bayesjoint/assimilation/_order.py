"""The order in which surveys are taken up."""

from .._checks import fail


def read_order(problem, order):
    """`order` as a tuple of tuples of modality names, each modality once; default one by one as in the problem.

    Parameters
    ----------
    problem : JointProblem
        Whose modalities.
    order : list of (str or tuple of str), optional
        Names in a tuple are taken up together.

    Returns
    -------
    tuple of tuple of str
    """
    names = [m.name for m in problem.modalities]
    if order is None:
        return tuple((name,) for name in names)
    if not isinstance(order, (list, tuple)):
        fail("order", "be a list of modality names", type(order).__name__, 'Give order=["gravity", "magnetic"].',
             TypeError)
    steps = tuple(tuple(step) if isinstance(step, (list, tuple)) else (step,) for step in order)
    listed = [name for step in steps for name in step]
    if sorted(map(str, listed)) != sorted(names) or not all(steps):
        fail("order", f"hold each of {names} once", f"{listed}", "Name every survey, those to be taken up together in "
             "a tuple; leave a survey out of the problem, not out of the order.")
    return steps


def in_order(problem, steps):
    """The same problem with the modalities of the steps alone, in their order."""
    return problem.replace(modalities=[problem.surveys[name] for step in steps for name in step])


def step_slices(problem, steps):
    """Place of every step among the stacked data, a list of slices."""
    return [slice(problem.data_slices[step[0]].start, problem.data_slices[step[-1]].stop) for step in steps]
