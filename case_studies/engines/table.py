"""Tables of README.md from results.json: python table.py."""

import json
from pathlib import Path

HERE = Path(__file__).parent
NAMES = {"magnetic": "magnetics alone", "gravity": "gravity alone", "gravity magnetic": "both, correlation 0.7"}

PROBLEMS = {"smooth": "focusing, smooth (α ε = 4.2)", "sharp": "focusing, sharp (α ε = 0.03)",
            "weak": "Gramian, weak (λ = 100)", "strong": "Gramian, strong (λ = 3,000)"}

BEGIN, END = "<!-- measured -->", "<!-- end of what was measured -->"


def comparison(results):
    rows = ["| problem | data × unknowns | seconds dense / spectral / iterative "
            "| spectral std, 8 columns inside: worst (rms) | spectral: within 2 stated errors "
            "| iterative mean, relative | iterative std: within 2 standard errors "
            "| variances of 400 contrasts of 2,000 draws: z | log evidence, Lanczos − dense |", "|" + "---|" * 9]
    for key, name in NAMES.items():
        r, e = (results[f"{stage} {key}"] for stage in ("against", "evidence"))
        s, i, d = (r[k] for k in ("spectral", "iterative", "draws"))
        rows.append(
            f"| {name} | {r['data']:,} × {r['unknowns']:,} | " + " / ".join(f"{v:.1f}" for v in r["seconds"].values())
            + f" | {s['inside_worst']:.2%} ({s['inside_rms']:.2%}) | {s['within_two_stated']:.1%} "
            f"| {i['mean_relative']:.0e} | {i['within_two_stated']:.1%} "
            f"| {d['z_mean']:+.2f} ± {d['z_std']:.2f}, worst {d['z_worst']:.1f} "
            f"| {e['difference']:+.2f} (stated {e['stated_error']:.2f}) |")
    return rows


def calibration(results):
    rows = ["| engine | verdict | coverage of 50 % intervals | of 90 % | in the 99 % band | least p of uniform ranks |",
            "|---|---|---|---|---|---|"]
    for method, r in results["calibration"].items():
        fifty, ninety = zip(*r["coverage"], strict=True)
        spans = (f"{min(each):.2f}–{max(each):.2f}" for each in (fifty, ninety))
        rows.append(f"| {method} | {r['verdict']} | {' | '.join(spans)} | {r['inside']} of {r['of']} "
                    f"| {min(r['p_value']):.3f} |")
    return rows


def lowrank(results):
    low = results["lowrank"]
    rows = ["| survey, extent | range (cells) | noise | tolerance | rank | trace left out: true | reported | ratio |",
            "|---|---|---|---|---|---|---|---|"]
    rows += [f"| {t['survey']}, {t['extent']} | {t['range'] / 100:g} | {t['noise']:.0%} | {t['tolerance']:.0%} "
             f"| {t['rank']:,} | {t['true']:.3g} | {t['reported']:.3g} | {t['ratio']:.2f} |" for t in low["trials"]]
    words = (f"Low rank, {len(low['trials'])} trials of {low['trials'][0]['data']:,} data and "
             f"{low['trials'][0]['unknowns']:,} cells: the reported bound on the trace left out covers the true one in "
             f"{low['covered']}, at {low['least_ratio']:.2f} to {low['largest_ratio']:.2f} times it.")
    return [words, "", *rows]


def nongaussian():
    rows = ["| problem | engine | truths | what the engine said of itself | coverage of 50 % intervals | of 90 % "
            "| in the 99 % band | least p of uniform ranks | not calibrated |", "|" + "---|" * 9]
    held = json.loads((HERE / "nongaussian.json").read_text())["summary"]
    for key in sorted(held, key=lambda key: ([*PROBLEMS].index(key.split()[0]), key)):
        r, (case, engine) = held[key], key.split()
        fifty, ninety = zip(*r["coverage"], strict=True)
        spans = (f"{min(each):.2f}–{max(each):.2f}" for each in (fifty, ninety))
        said = ", ".join(f"{words} {count}" for words, count in sorted(r["said"].items(), key=lambda item: -item[1]))
        wrong = r["verdict"].removeprefix("not calibrated: ").replace("calibrated", "–")
        if len(wrong.split(", ")) == len(r["functionals"]):
            wrong = f"all {len(r['functionals'])}"
        rows.append(f"| {PROBLEMS[case]} | {engine} | {r['truths']} | {said} | {' | '.join(spans)} "
                    f"| {r['inside']} of {r['of']} | {min(r['p_value']):.2g} | {wrong} |")
    return rows


def main():
    results = json.loads((HERE / "results.json").read_text())
    text = [*comparison(results), "", *lowrank(results), "", *calibration(results), "", *nongaussian()]
    readme = HERE / "README.md"
    head, rest = readme.read_text().split(BEGIN)
    readme.write_text(head + BEGIN + "\n\n" + "\n".join(text) + "\n\n" + END + rest.split(END)[1])


if __name__ == "__main__":
    main()
