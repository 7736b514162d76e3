"""From a text file to names of columns and rows of cells, whatever its dialect (encoding, comments, decimals)."""

import csv
import re
from dataclasses import dataclass, field

import numpy as np

from ._checks import fail

MISSING = ("", "nan", "na", "n/a", "null", "none", "*", "-")
COMMENTS = ("#", "/", "!", "%")
LETTERS = {  # that Geosoft puts before the numbers of lines of a type
    "line": "L", "tie": "T", "base": "B", "test": "S", "trend": "R", "special": "P", "random": "D"}
BREAK = re.compile(rf"({'|'.join(LETTERS)})\s+([\w.:+-]+)", re.IGNORECASE)  # rows between the lines of a survey
CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x19\x1b-\x1f]")
FORTRAN = re.compile(r"(?<=[\d.])[dD](?=[+-]?\d+$)")
COMMA = re.compile(r"[+-]?\d*,\d+(?:[eEdD][+-]?\d+)?")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")


@dataclass(frozen=True, kw_only=True)
class TextTable:
    """A table as text.

    Parameters
    ----------
    file : str
        Its name.
    names : list of str
        Of the columns; "0", "1", ... where there is no header.
    delimiter : str or None
        None: white space.
    rows : list of str
        Lines with data, commas of decimals made points.
    lines : list of str or None
        Name of the survey line of each row ("L100", "T20"), where the file has rows that part them.
    comments : list of (int, str)
        Comments before the data: the number of the line, and the line.
    """

    file: str
    names: list
    delimiter: object
    rows: list
    lines: object = None
    comments: list = field(default_factory=list)

    def texts(self, name):
        """Cells of a column, list of str."""
        at = self.names.index(name)
        return [split(row, self.delimiter)[at] for row in self.rows]

    def floats(self, names):
        """Columns as floats, shape (rows, columns); only a table with gaps or faults takes the slower way."""
        places = [self.names.index(name) for name in names]
        try:
            return np.loadtxt(self.rows, delimiter=self.delimiter, usecols=places, quotechar='"', ndmin=2,
                              comments=None)
        except ValueError:
            pass
        out = np.empty((len(self.rows), len(places)))
        for k, row in enumerate(self.rows):
            cells = split(row, self.delimiter)
            for j, place in enumerate(places):
                try:
                    out[k, j] = number(cells[place])
                except ValueError:
                    fail(f"column {names[j]!r}", "hold numbers",
                         f"{cells[place][:60]!r} in data row {k + 1} of {self.file!r}",
                         "Correct it, or leave the cell empty to mark a gap.")
        return out


def read_text_table(path, comments=COMMENTS):
    """The `TextTable` of a file; four-part errors name it.

    Parameters
    ----------
    path : Path
    comments : tuple of str
        Beginnings of lines that are passed over.
    """
    lines, passed, breaks = _content(path, comments)
    if not lines:
        fail("path", "hold data", f"no lines in {path.name!r}", "Check the file.")
    lines = _without_count(path, lines)
    delimiter = next((d for d in ",;\t" if d in lines[0][1]), None)
    lines = _with_points(path, lines, delimiter)
    names = split(lines[0][1], delimiter)
    while len(names) > 1 and not names[-1]:
        names.pop()
    if all(is_number(cell) for cell in names) and any(cell.lower() not in MISSING for cell in names):
        names = _header_among(passed, delimiter, len(names)) or [str(k) for k in range(len(names))]
    else:
        lines = lines[1:]
        if not lines:
            fail("path", "hold data", f"a header and no line after it in {path.name!r}", "Check the file.")
    spoken = [name for name in names if name]
    if len(set(spoken)) < len(spoken):
        fail("path", "name each column once", f"header {', '.join(names)[:200]} in {path.name!r}",
             "Rename the repeated columns.")
    numbers, rows = map(list, zip(*lines, strict=True))
    table = TextTable(file=path.name, names=names, delimiter=delimiter, rows=rows, lines=_lines_of(numbers, breaks),
                      comments=passed)
    check_width(table, numbers)
    return table


def split(line, delimiter):
    """Cells of a line, without quotes and white space round them."""
    if '"' in line and delimiter is not None:
        cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    else:
        cells = line.split(delimiter)
    return [cell.strip().strip('"').strip() for cell in cells]


def number(text):
    """A float, NaN for a mark of missing values; ValueError for what is neither."""
    if text.lower() in MISSING:
        return float("nan")
    if "_" in text:
        raise ValueError(text)
    return float(FORTRAN.sub("e", text))


def is_number(text):
    """Whether a cell holds a number or a mark of a missing one."""
    try:
        number(text)
    except ValueError:
        return False
    return True


def _content(path, marks):
    """[(number, line)] of the file, likewise its comments before the first, and {number: name} of survey lines."""
    text = decoded(path, path.read_bytes())
    lines, comments, breaks = [], [], {}
    for count, line in enumerate(re.split(r"\r\n|\n|\r", text.rstrip("\x1a")), start=1):
        plain = line.strip()
        parting = BREAK.fullmatch(plain)
        if parting:
            letter = LETTERS[parting[1].lower()]
            breaks[count] = letter + parting[2].removeprefix(letter)
        if not plain or parting:
            continue
        if plain.startswith(marks):
            comments += [(count, plain)] if not lines else []
        else:
            lines.append((count, line))
    return lines, comments, breaks


def _lines_of(numbers, breaks):
    """Name of the survey line of each row, empty before the first; None without any."""
    if not breaks:
        return None
    names = ["", *breaks.values()]
    return [names[k] for k in np.searchsorted(list(breaks), numbers)]


def decoded(path, content):
    """The text that bytes of a file are, in whichever encoding; what is no text is refused."""
    for encoding in ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not CONTROL.search(text):
            return text
    return fail("path", "hold text", f"something else in {path.name!r}",
                "Convert the file first.")


def _without_count(path, lines):
    """Lines without a first one that only counts the others, as in UBC's and Tomofast's files."""
    first = lines[0][1].strip()
    if not re.fullmatch(r"\d+", first) or len(lines) < 2 or len(lines[1][1].split()) < 2:
        return lines
    if int(first) != len(lines) - 1:
        fail("path", "hold as many rows as its first line says", f"{first} announced and {len(lines) - 1} there in "
             f"{path.name!r}", "Take the whole file, or delete that line if it says something else.")
    return lines[1:]


def _with_points(path, lines, delimiter):
    """Lines with decimal points for decimal commas, where the comma separates nothing."""
    if delimiter == "," or not any("," in row for _, row in lines):
        return lines
    cells = [cell for _, row in lines for cell in split(row, delimiter) if COMMA.fullmatch(cell)]
    if not cells:
        return lines
    if all(THOUSANDS.fullmatch(cell) for cell in cells):
        fail("path", "tell decimal commas from thousands", f"{cells[0]!r} and its like in {path.name!r}",
             "Write numbers with a decimal point and without separators.")
    return [(n, (delimiter or " ").join(cell.replace(",", ".") if COMMA.fullmatch(cell) else cell
                                        for cell in split(row, delimiter))) for n, row in lines]


def _header_among(comments, delimiter, count):
    """Names from the last comment before the data that has as many words as there are columns, or None."""
    for _, comment in reversed(comments):
        text = comment.lstrip("".join(COMMENTS)).strip()
        for names in (split(text, delimiter), split(text, ","), text.split()):
            if len(names) == len(set(names)) == count and all(map(_is_word, names)):
                return names
    return None


def _is_word(text):
    return re.search(r"[^\W\d_]", text) is not None and not is_number(text)


def check_width(table, numbers):
    """Every row has a cell for each column, and nothing beyond them."""
    wide = len(table.names)
    for count, row in zip(numbers, table.rows, strict=True):
        if '"' not in row and table.delimiter is not None and row.count(table.delimiter) == wide - 1:
            continue
        cells = split(row, table.delimiter)
        if len(cells) < wide or any(cells[wide:]):
            fail("path", "have the same columns in every row",
                 f"{len(cells)} cell(s) in line {count} of {table.file!r} for {wide} column(s)",
                 "Mend the row; a decimal comma needs another separator than the comma.")
