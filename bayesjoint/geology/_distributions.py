"""How a number in a family of grounds varies: from world to world, and from body to body within one world.

Any parameter of a distribution may itself be a distribution. It is then drawn once a world (`settle`); what is left
varies within the world (`draw`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from .._checks import as_finite, as_positive, checked, fail
from .._shown import short


@checked
@short
@dataclass(frozen=True)
class Distribution:
    """What all of them can do."""

    UNSCALED = ()  # fields that stay when the number is multiplied
    WORDS = ""  # how it is told, with its fields by name

    def settle(self, rng: np.random.Generator):
        """The distribution of one world: parameters that are distributions are drawn, once."""
        return replace(self, **{f.name: once(getattr(self, f.name), rng) for f in fields(self)})

    def times(self, factor: float):
        """The distribution of `factor` > 0 times the number."""
        as_positive("factor", factor, 0)
        return replace(self, **{f.name: times(getattr(self, f.name), factor) for f in fields(self)
                                if f.name not in self.UNSCALED})

    def draw(self, rng: np.random.Generator, size: int | None = None):
        """Numbers of a settled distribution: one, or an array of `size`."""
        raise NotImplementedError

    def __str__(self):
        return self.WORDS.format(**{f.name: _words(getattr(self, f.name)) for f in fields(self)})


@short
@dataclass(frozen=True)
class Constant(Distribution):
    """One number."""

    value: float

    WORDS = "{value}"

    def draw(self, rng, size=None):
        """The number, or an array of it."""
        return self.value if size is None else np.full(size, float(self.value))


@checked
@short
@dataclass(frozen=True)
class Uniform(Distribution):
    """Any number between two bounds, with equal probability.

    Parameters
    ----------
    low, high : float or Distribution
        Bounds, `low` <= `high`, in the units of what varies.

    Raises
    ------
    ValueError
        If the bounds do not ascend.

    Examples
    --------
    >>> import numpy as np
    >>> Uniform(0.0, 90.0).draw(np.random.default_rng(0), 2).round(1)
    array([57.3, 24.3])
    """

    low: float | Distribution
    high: float | Distribution

    WORDS = "{low} to {high}"

    def __post_init__(self):
        """Refuse bounds that do not ascend."""
        _ascending(self.low, self.high)

    def draw(self, rng: np.random.Generator, size: int | None = None):
        """Numbers between the bounds."""
        return rng.uniform(self.low, self.high, size)


@checked
@short
@dataclass(frozen=True)
class LogUniform(Distribution):
    """A positive number whose logarithm is uniform: every factor of two between the bounds is as likely.

    Parameters
    ----------
    low, high : float or Distribution
        Bounds, 0 < `low` <= `high`.

    Raises
    ------
    ValueError
        If the bounds are not positive or do not ascend.

    Examples
    --------
    >>> str(LogUniform(100, 1000))
    '100 to 1000 (log)'
    """

    low: float | Distribution
    high: float | Distribution

    WORDS = "{low} to {high} (log)"

    def __post_init__(self):
        """Refuse bounds that are not positive or do not ascend."""
        _positive("low", self.low)
        _ascending(self.low, self.high)

    def draw(self, rng: np.random.Generator, size: int | None = None):
        """Numbers between the bounds."""
        return np.exp(rng.uniform(np.log(self.low), np.log(self.high), size))


@checked
@short
@dataclass(frozen=True)
class Normal(Distribution):
    """A number about a mean.

    Parameters
    ----------
    mean : float or Distribution
    std : float or Distribution
        Standard deviation, >= 0.

    Raises
    ------
    ValueError
        If the standard deviation is negative.

    Examples
    --------
    >>> str(Normal(Uniform(0, 360), 20))
    '(0 to 360) ± 20'
    """

    mean: float | Distribution
    std: float | Distribution

    WORDS = "{mean} ± {std}"

    def __post_init__(self):
        """Refuse a negative standard deviation."""
        _not_negative("std", self.std)

    def times(self, factor: float):
        """The distribution of `factor` times the number."""
        return Normal(times(self.mean, factor), times(self.std, abs(factor)))

    def draw(self, rng: np.random.Generator, size: int | None = None):
        """Numbers about the mean."""
        return rng.normal(self.mean, self.std, size)


@checked
@short
@dataclass(frozen=True)
class LogNormal(Distribution):
    """A positive number about a median.

    Parameters
    ----------
    median : float or Distribution
        > 0.
    log_std : float or Distribution, default 0.35
        Standard deviation of the natural logarithm, >= 0.

    Raises
    ------
    ValueError
        If the median is not positive, or the standard deviation negative.

    Examples
    --------
    >>> str(LogNormal(LogUniform(100, 1000), 0.4))
    '(100 to 1000 (log)) × or / exp(0.4)'
    """

    median: float | Distribution
    log_std: float | Distribution = 0.35

    UNSCALED = ("log_std",)
    WORDS = "{median} × or / exp({log_std})"

    def __post_init__(self):
        """Refuse what cannot be."""
        _positive("median", self.median)
        _not_negative("log_std", self.log_std)

    def draw(self, rng: np.random.Generator, size: int | None = None):
        """Positive numbers about the median."""
        return self.median * np.exp(self.log_std * rng.standard_normal(size))


@checked
@short
@dataclass(frozen=True)
class Poisson(Distribution):
    """A count, for things that lie about independently.

    Parameters
    ----------
    mean : float or Distribution
        Expected number, >= 0.

    Raises
    ------
    ValueError
        If the mean is negative.

    Examples
    --------
    >>> import numpy as np
    >>> int(Poisson(4.0).draw(np.random.default_rng(0)))
    2
    """

    mean: float | Distribution

    WORDS = "{mean} on average"

    def __post_init__(self):
        """Refuse a negative mean."""
        _not_negative("mean", self.mean)

    def draw(self, rng: np.random.Generator, size: int | None = None):
        """Counts."""
        return rng.poisson(self.mean, size)


@checked
@short
@dataclass(frozen=True)
class Signed(Distribution):
    """A size with a random sign.

    Parameters
    ----------
    magnitude : float or Distribution
        The size.
    positive : float or Distribution, default 0.5
        Probability of the plus sign, 0 to 1. As a distribution it is drawn once a world.

    Raises
    ------
    ValueError
        If the probability is not one.

    Examples
    --------
    >>> import numpy as np
    >>> Signed(300.0).draw(np.random.default_rng(1), 4)
    array([-300., -300.,  300., -300.])
    """

    magnitude: float | tuple | Distribution
    positive: float | Distribution = 0.5

    UNSCALED = ("positive",)
    WORDS = "{magnitude}, plus with probability {positive}"

    def __post_init__(self):
        """Refuse what is no probability."""
        if not isinstance(self.positive, Distribution) and not 0 <= float(as_finite("positive", self.positive, 0)) <= 1:
            fail("positive", "be a probability", repr(self.positive), "Give a number from 0 to 1.")

    def settle(self, rng: np.random.Generator):
        """The distribution of one world: the magnitude still varies within it."""
        return Signed(as_distribution("magnitude", self.magnitude).settle(rng), once(self.positive, rng))

    def draw(self, rng: np.random.Generator, size: int | None = None):
        """Numbers of either sign."""
        sign = np.where(rng.random(size) < self.positive, 1.0, -1.0)
        return sign * as_distribution("magnitude", self.magnitude).draw(rng, size)


@checked
@short
@dataclass(frozen=True)
class Centred(Distribution):
    """Numbers whose mean over the objects of one world is zero: for structures that fill the ground.

    Without it the whole mesh would differ from what lies beyond, and its edges would be seen in the data.

    Parameters
    ----------
    law : Distribution
        Of the numbers before their mean is taken away; what is left is stretched by √(n/(n−1)), which keeps their
        variance. One object alone has the value 0.

    Examples
    --------
    >>> import numpy as np
    >>> bool(abs(Centred(Normal(50, 100)).draw(np.random.default_rng(0), 4).mean()) < 1e-9)
    True
    """

    law: float | tuple | Distribution

    WORDS = "{law}, centred"

    def settle(self, rng: np.random.Generator):
        """The distribution of one world: the law still varies within it."""
        return Centred(as_distribution("law", self.law).settle(rng))

    def draw(self, rng: np.random.Generator, size: int | None = None):
        """Numbers with mean zero."""
        if size is None or size < 2:
            return 0.0 if size is None else np.zeros(size)
        values = self.law.draw(rng, size)
        return (values - values.mean()) * np.sqrt(size / (size - 1))


def as_distribution(argument, value):
    """A distribution from a distribution, a number or a pair (low, high).

    Raises
    ------
    ValueError, TypeError
        If it is none of them.
    """
    if isinstance(value, Distribution):
        return value
    numbers = as_finite(argument, value)
    if numbers.shape == ():
        return Constant(float(numbers))
    if numbers.shape != (2,):
        fail(argument, "be a number, a pair (low, high) or a distribution", repr(value), "Try bj.Uniform(low, high).")
    return Uniform(float(numbers[0]), float(numbers[1]))


def by_parameter(argument, laws, example):
    """{parameter: distribution} of a dict of what `as_distribution` takes."""
    if not isinstance(laws, dict) or not laws:
        fail(argument, "be a dict {parameter: distribution}", repr(laws), f"Try {example}.", TypeError)
    return {k: as_distribution(f"{argument}[{k!r}]", v) for k, v in laws.items()}


def once(value, rng):
    """One number of a distribution, its own parameters drawn first; a number stays as it is."""
    return value.settle(rng).draw(rng) if isinstance(value, Distribution) else value


def times(value, factor):
    """`factor` times a number or a distribution."""
    return value.times(factor) if isinstance(value, Distribution) else value * factor


def _words(value):
    return f"({value})" if isinstance(value, Distribution) and not isinstance(value, Constant) else f"{value:g}" if (
        not isinstance(value, Distribution)) else str(value)


def _ascending(low, high):
    if isinstance(low, Distribution) or isinstance(high, Distribution):
        return
    if as_finite("low", low, 0) > as_finite("high", high, 0):
        fail("low", "not lie above high", f"{low:g} and {high:g}", "Swap them.")


def _positive(argument, value):
    if not isinstance(value, Distribution):
        as_positive(argument, value, 0)


def _not_negative(argument, value):
    if not isinstance(value, Distribution) and as_finite(argument, value, 0) < 0:
        fail(argument, "be >= 0", f"{value:g}", "Check the sign.")
