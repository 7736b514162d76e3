"""Quantities in which no line ends."""

import re

TIED = re.compile(r"(?<=[\d⁰¹²³⁴⁵⁶⁷⁸⁹]) (?=(?:[×±%]|k?m[²³]?|Mt|SI|mGal|nT|kg/m³|A m²)(?!\w))"
                  r"|(?<=[×±]) (?=\d)|(?<= A) (?=m²)")  # blanks within a quantity
UNTIED = re.compile(r"(<script\b.*?</script>|<style\b.*?</style>|<pre\b.*?</pre>|<[^>]*>)", re.DOTALL)


def tied(text):
    """A text in which no line ends between a number and its units or its error.

    Examples
    --------
    >>> tied("+3 ± 1 Mt, 2.5 km³ deep").count("\N{NO-BREAK SPACE}")
    4
    """
    return TIED.sub("\N{NO-BREAK SPACE}", text)


def tied_page(page):
    """A web page whose words are `tied`; tags, scripts and what is quoted stay as they are.

    Examples
    --------
    >>> tied_page('<p title="5 %">5 %</p><pre>5 %</pre>').replace("\N{NO-BREAK SPACE}", "_")
    '<p title="5 %">5_%</p><pre>5 %</pre>'
    """
    return "".join(part if k % 2 else tied(part) for k, part in enumerate(UNTIED.split(page)))
