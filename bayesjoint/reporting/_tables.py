"""Tables that fit any width: every cell carries its column's heading, so that rows can stand as lists."""

import re

MANY = 7  # columns above which a table is too wide for a sheet of paper
TABLE, HEAD = re.compile(r"<table>.*?</table>", re.S), re.compile(r"<thead>.*?</thead>", re.S)
HEADING, ROW = re.compile(r"<th>(.*?)</th>", re.S), re.compile(r"<tr[^>]*>.*?</tr>", re.S)
CELL, TAG = re.compile(r"<td\b(?![^>]*colspan)"), re.compile(r"<[^>]+>")


def labelled(page):
    """A page whose table cells carry ``data-label``, the heading of their column; wide tables get the class "wide".

    Examples
    --------
    >>> labelled("<table><thead><tr><th>p</th></tr></thead><tr><td>0.1</td></tr></table>")
    '<table><thead><tr><th>p</th></tr></thead><tr><td data-label="p">0.1</td></tr></table>'
    """
    return TABLE.sub(_labelled, page)


def _labelled(found):
    table, head = found[0], HEAD.search(found[0])
    if head is None:
        return table
    names = [re.sub(r"\s+", " ", TAG.sub("", name)).replace('"', "&quot;").strip() for name in HEADING.findall(head[0])]
    body = ROW.sub(lambda row: _row(row[0], names), table[head.end():])
    opened = table[: head.end()].replace("<table>", '<table class="wide">', 1) if len(names) > MANY else (
        table[: head.end()])
    return opened + body


def _row(row, names):
    left = iter(names)
    return CELL.sub(lambda cell: f'{cell[0]} data-label="{next(left, "")}"', row)
