"""Engines of chains, which start anew for every world, as they did for the observed data."""

from inspect import signature

import numpy as np

from .._checks import fail
from ..engines import ENGINES, posterior


class Reruns:
    """What an engine of chains answers to other data: its mean and std, found by the very same procedure.

    Standardised errors are those of the procedure, with what its chains lack: settings are those that the observed
    data were given, lengths of chains among them, and only seeds differ. So the observed data and those of the worlds
    are exchangeable whether chains agree or not.

    Parameters
    ----------
    post : Posterior
        From `posterior`, by an engine of chains.
    rng : numpy.random.Generator
        Gives each run a seed.
    executor : concurrent.futures.Executor, optional
        Runs worlds side by side. Default: one after the other, here.

    Raises
    ------
    TypeError
        If nobody knows with which settings the posterior was made, as of one that was loaded.
    """

    def __init__(self, post, rng, executor=None):
        if post.options is None:
            fail("post", "come from bj.posterior, whose settings every world is answered with",
                 f"method {post.method!r} of unknown settings", "Make it anew by bj.posterior.", TypeError)
        taken = signature(ENGINES[post.method].load()).parameters
        self.problem, self.method, self._rng, self._executor = post.problem, post.method, rng, executor
        self._options = post.options | ({"keep": True} if "keep" in taken else {})

    def moments_given(self, data, tell=None):
        """Means and standard deviations of x given other data.

        Parameters
        ----------
        data : ndarray, shape (k, n_data)
        tell : callable, optional
            Called with the number of data sets answered.

        Returns
        -------
        (ndarray, ndarray), each shape (k, size)
        """
        seeds, out = self._rng.integers(0, 2**31, len(data)), []
        run = _Run(self.problem, self.method, self._options)
        for found in (map if self._executor is None else self._executor.map)(run, data, seeds):
            out.append(found)
            if tell is not None:
                tell(len(out))
        return tuple(np.array(part) for part in zip(*out, strict=True))


class _Run:
    """One run; a class, so that processes can be given it."""

    def __init__(self, problem, method, options):
        self.problem, self.method, self.options = problem, method, options

    def __call__(self, data, seed):
        """(mean, std) of x."""
        post = posterior(self.problem.with_data(data), self.method, **(self.options | {"seed": int(seed)}))
        return post.state_mean(), np.sqrt(post.state_variance())
