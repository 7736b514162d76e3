"""results.json as the tables of the README, which keeps what stands above them."""

import json
from pathlib import Path

from run import LEVELS, PARTS

HERE = Path(__file__).parent
MARK = "<!-- measured -->\n"
SAID = {"power": "one property: ground and airborne gravity", "power_tied": "tied: gravity and magnetics"}


def nulls(results, verdict):
    yield "| null | pairs | KS p | after Holm | p ≤ 5 % | p ≤ 1 % |\n|---|---|---|---|---|---|"
    for part in PARTS:
        for name, row in results.get(part, {}).get("nulls", {}).items():
            counts = " | ".join(str(row[f"at or below {level:g}"]) for level in LEVELS)
            ks = f"{row['ks']:.2g}{' (one-sided)' if 'one-sided' in row else ''}"
            yield f"| {name} | {row['count']:,} | {ks} | {verdict['Holm-adjusted'][name]:.2g} | {counts} |"


def wrong(results):
    yield "| wrong on purpose | KS p | p ≤ 5 % | p ≤ 1 % |\n|---|---|---|---|"
    rows = [row for part in PARTS for row in results.get(part, {}).get("wrong", {}).items()]
    rows += [(f"refitted, as stated: {name}", row) for name, row in results["refitted"]["nominal"].items()]
    for name, row in rows:
        counts = " | ".join(str(row[f"at or below {level:g}"]) for level in LEVELS)
        yield f"| {name} | {row['ks']:.2g} | {counts} |"


def powers(table):
    tests = [t for t in table["nothing"] if t != "size"]
    yield f"| disturbance | its size | {' | '.join(tests)} |\n|{'---|' * (len(tests) + 2)}"
    for name, row in table.items():
        if name != "seconds":
            yield f"| {name} | {row['size']} | {' | '.join(f'{row[t]:.1%}' for t in tests)} |"


def facts(found):
    rows = []
    for name, value in found.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {each:g}" for key, each in value.items())
        elif isinstance(value, list):
            value = ", ".join(f"{each:g}" for each in value)
        rows.append(f"- {name}: {value:.4g}" if isinstance(value, float) else f"- {name}: {value}")
    return "\n".join(rows)


def main():
    results = json.loads((HERE / "results.json").read_text())
    verdict = results["verdict"]
    bands = "; ".join(f"at {float(level):.0%}: {b['95 %'][0]} to {b['95 %'][1]} (all at once {b['all at once'][0]} to "
                      f"{b['all at once'][1]})" for level, b in verdict["bands of false alarms"].items())
    parts = ["\n".join(nulls(results, verdict)), f"Binomial bands of 1,000, {bands}.", "\n".join(wrong(results))]
    for key, said in SAID.items():
        parts += [f"Share of 1,000 pairs called in conflict at 5 %, {said}:", "\n".join(powers(results[key]))]
    for key, said in (("torus", "On all of the torus"), ("windows", "Windows of 201 × 338 stations"),
                      ("refitted", "Refitted"), ("family", "All of `bj.conflict`, one property: does any test alarm"),
                      ("family_tied", "The same, tied")):
        if key in results:
            parts += [f"{said}:", facts(results[key]["facts"])]
    readme = HERE / "README.md"
    kept = readme.read_text().split(MARK)[0]
    readme.write_text(kept + MARK + "\n" + "\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
