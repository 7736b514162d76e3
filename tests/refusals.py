"""The form every refusal has: argument, requirement, what was found, remedy."""

import re

import pytest


def refused(call, argument, error=ValueError):
    """Call, expecting an error of exactly this class that names the argument and keeps to the form; its text."""
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    text = str(caught.value)
    assert type(caught.value) is error, text
    assert re.fullmatch(r"(?s).+? must .+; found .+\. .*[.)]", text), text
    assert re.match(argument, text), text
    return text
