"""The tables of README.md from results.json and flin_flon.json. Run: python table.py. Writes between its marks."""

import json
from pathlib import Path

from figures import WORDS

HERE = Path(__file__).parent
PROPERTIES = ("density", "susceptibility")


def rows_of(found):
    """Methods in order, each joint where there is one."""
    rows = next(iter(found["grounds"].values()))["rows"]
    return [next(k for k in (f"{method}, joint", f"{method}, separate") if k in rows) for method in WORDS
            if f"{method}, joint" in rows or f"{method}, separate" in rows]


def words(key):
    """Name of a method."""
    return WORDS[key.rsplit(", ", 1)[0]]


def number(pair, digits=2):
    """Value ± standard error."""
    if pair[0] is None:
        return "–"
    if abs(pair[0]) >= 100:
        digits = 0
    return f"{pair[0]:.{digits}f} ± {pair[1]:.{digits}f}" if pair[1] is not None else f"{pair[0]:.{digits}f}"


def markdown(head, body):
    """A table."""
    return "\n".join(["| " + " | ".join(r) + " |" for r in (head, ["---"] * len(head), *body)]) + "\n"


def over_grounds(found, key):
    """One score of both properties on all grounds."""
    grounds = found["grounds"]
    head = ["", *(f"{g}: {p}" for g in grounds for p in PROPERTIES)]
    return markdown(head, [[words(k), *(number(grounds[g]["rows"][k][p][key]) for g in grounds for p in PROPERTIES)]
                           for k in rows_of(found)])


def functionals(found):
    """Coverage and width of mass and depth to the top."""
    grounds = found["grounds"]
    keys = {"mass": "mass coverage", "mass, width": "mass width over no data", "depth": "top coverage"}
    head = ["", *(f"{g}: {k}" for g in grounds for k in keys)]
    return markdown(head, [[words(k), *(number(grounds[g]["rows"][k]["functionals"][v]) for g in grounds
                                        for v in keys.values())] for k in rows_of(found)])


def one_ground(found, ground):
    """Every score on one ground, joint and separate."""
    keys = {"50 %": "coverage 50% all", "90 %": "coverage 90% all", "seen": "coverage 90% seen",
            "inside": "coverage 90% inside", "width": "width 90% all", "score": "score 90% all", "CRPS": "crps all",
            "error of mean": "error of the mean", "of median": "error of the median"}
    out = []
    for p in PROPERTIES:
        scale = 1.0 if p == "density" else 1000.0
        scaled = {"width", "score", "CRPS"}
        body = []
        for key, row in found["grounds"][ground]["rows"].items():
            cells = [[None if v is None else v * (scale if k in scaled else 1) for v in row[p][name]]
                     for k, name in keys.items()]
            body.append([words(key) + key[key.rindex(","):], *(number(c) for c in cells), f"{row['seconds']:.0f}"])
        units = "kg/m³" if p == "density" else "10⁻³ SI"
        out.append(f"**{ground}, {p}** ({units})\n\n" + markdown(["", *keys, "s"], body))
    return "\n".join(out)


def flin_flon(found):
    """Flin Flon, cells that the data see."""
    body = []
    for label, kind in (("Gaussian by evidence", "plain"), ("recalibrated: own family", "recalibrated"),
                        ("learned: own family", "learned"), ("own family, no data", "no_data")):
        cells = []
        for p in PROPERTIES:
            ninety, fifty = found[p]["90%"], found[p]["50%"]
            cells += [f"{fifty['seen'][kind]['coverage']:.2f}", f"{ninety['seen'][kind]['coverage']:.2f}",
                      f"{ninety['all'][kind]['coverage']:.2f}",
                      f"{ninety['seen'][kind]['score'] / ninety['seen']['no_data']['score']:.2f}"]
        body.append([label, *cells])
    head = ["", *(f"{p}: {k}" for p in PROPERTIES for k in ("50 %", "90 %", "90 %, all cells", "score / no data"))]
    units = found["density"]["units"]
    shown = ("plain", "recalibrated", "learned")
    by_unit = markdown(["90 %, " + " / ".join(shown), *units], [
        [p, *(" / ".join(f"{u[k]:.2f}" for k in shown) for u in found[p]["units"].values())] for p in PROPERTIES])
    return markdown(head, body) + "\n" + by_unit


def written(text, name, tables):
    """The text with what stands between the marks of a name replaced."""
    start, end = (f"<!-- {name} {word} -->" for word in ("begins", "ends"))
    before, rest = text.split(start)
    return f"{before}{start}\n\n{tables.strip()}\n\n{end}{rest.split(end)[1]}"


def main():
    found = json.loads((HERE / "results.json").read_text())
    path = HERE / "README.md"
    text = path.read_text()
    tables = {
        "coverage": over_grounds(found, "coverage 90% all"),
        "inside": over_grounds(found, "coverage 90% inside"),
        "score": over_grounds(found, "score 90% all over no data"),
        "functionals": functionals(found),
        "flin flon": flin_flon(json.loads((HERE / "flin_flon.json").read_text())),
        "every score": "\n".join(one_ground(found, ground) for ground in found["grounds"]),
    }
    for name, table in tables.items():
        text = written(text, name, table)
    path.write_text(text)


if __name__ == "__main__":
    main()
