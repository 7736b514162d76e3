"""A number with a statement of how wrong it can be."""

from .._checks import KINDS, check_kind, fail


class Estimate(float):
    """A number with a statement of how wrong it can be.

    Parameters
    ----------
    value : float
        The number.
    error : float
        One standard error, or a bound where `method` says so.
    bias : float, default 0
        Estimated systematic error, same units.
    method : str, default ""
        How value and error were obtained.

    Examples
    --------
    >>> z = Estimate(-12.5, error=0.25, method="16 probes")
    >>> z + 1, z.error
    (-11.5, 0.25)
    """

    def __new__(cls, value, error, bias=0.0, method=""):
        """Build the float; the statement rides along."""
        for name, number in (("value", value), ("error", error), ("bias", bias)):
            if not KINDS["float"][0](number):
                fail(name, "be a number", type(number).__name__, "Pass floats.", TypeError)
        check_kind("method", method, [KINDS["str"]])
        self = super().__new__(cls, value)
        self.error, self.bias, self.method = float(error), float(bias), str(method)
        return self

    def __getnewargs__(self):
        """Arguments that let a copy or a pickle keep its statement."""
        return float(self), self.error, self.bias, self.method

    def __repr__(self):
        bias = f", bias={self.bias:.3g}" if self.bias else ""
        return f"Estimate({float(self):.6g}, error={self.error:.3g}{bias}, method={self.method!r})"
