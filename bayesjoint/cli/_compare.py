"""`bayesjoint compare`: folders of results to one page and one table."""

import os
from pathlib import Path

from ..dataset import beside, read_tree
from ..reporting import compare_runs
from ._refuse import keyed, refuse
from ._results import mend

PAGE, TABLE = "comparison.html", "comparison.csv"
POSTERIOR = "posterior.nc"


def compare(folders, out):
    """Set the results in some folders side by side.

    Parameters
    ----------
    folders : list of str
        Each with a posterior.nc; the first is what the others are compared with.
    out : str
        Folder for comparison.html and comparison.csv, made if needed.

    Returns
    -------
    list of Path
        Both files.
    """
    paths = [Path(folder) for folder in folders]
    if len(paths) < 2:
        refuse("DIR", str(paths[0]), "must be two folders or more")
    for path in paths:
        try:
            mend(path)
            there = (path / POSTERIOR).is_file()
        except (OSError, ValueError):
            there = False
        if not there:
            refuse("DIR", str(path), f"must be a folder with a {POSTERIOR} of bayesjoint run or conflict")
    if len({path.resolve() for path in paths}) < len(paths):
        refuse("DIR", [str(path) for path in paths], "must be different folders")
    trees = {name: keyed(str(path), read_tree, path / POSTERIOR) for name, path in _named(paths).items()}
    out, made = _folder(out), False
    page, table = keyed("DIR", compare_runs, trees)
    try:
        made = not out.exists()
        out.mkdir(parents=True, exist_ok=True)
        for name, text in ((TABLE, table), (PAGE, page)):
            with beside(out / name) as part:
                part.write_text(text, encoding="utf-8")
    except OSError as error:
        if made and out.is_dir() and not any(out.iterdir()):
            out.rmdir()
        refuse("--out", str(out), f"must be a folder that can be written to ({error.strerror or error})")
    return [out / PAGE, out / TABLE]


def _named(paths):
    """{name: path}: the last parts of paths, as many as tell them apart."""
    parts = [path.resolve().parts for path in paths]
    for count in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-count:]) for part in parts]
        if len(set(names)) == len(names):
            break
    return dict(zip(names, paths, strict=True))


def _folder(text):
    out = Path(text)
    try:
        wrong = "\0" in text or not text.strip() or (out.exists() and not out.is_dir())
    except (OSError, ValueError):
        wrong = True
    if wrong:
        refuse("--out", text, "must be a folder or a name free for one")
    for name in (PAGE, TABLE):
        if (out / name).is_dir():
            refuse("--out", text, f"must leave the name {name} free; it is a folder there")
    nearest = next(parent for parent in (out.absolute(), *out.absolute().parents) if parent.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        refuse("--out", text, f"must lie in a folder that may be written to; {str(nearest)!r} is none")
    return out
