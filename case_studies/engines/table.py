"""Tables of README.md from results.json: python table.py."""

import json
from pathlib import Path

HERE = Path(__file__).parent
NAMES = {"against magnetic": "magnetics alone", "against gravity": "gravity alone",
         "against gravity magnetic": "both, correlation 0.7"}


def comparison(results):
    rows = ["| problem | data × unknowns | seconds dense / spectral / iterative "
            "| spectral std, 8 columns inside: worst (rms) | spectral: within 2 stated errors "
            "| iterative mean, relative | iterative std: within 2 standard errors "
            "| variances of 400 contrasts of 2,000 draws: z | log evidence, Lanczos − dense |", "|" + "---|" * 9]
    for key, name in NAMES.items():
        r = results[key]
        s, i, d, e = (r[k] for k in ("spectral", "iterative", "draws", "evidence"))
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


def main():
    results = json.loads((HERE / "results.json").read_text())
    low = results["lowrank"]
    ratios = [t["ratio"] for t in low["trials"]]
    words = (f"Low rank, {len(ratios)} trials: the reported bound on the trace left out covers the true one in "
             f"{low['covered']}, at {min(ratios):.2f} to {max(ratios):.2f} times it.")
    text = [*comparison(results), "", words, "", *calibration(results)]
    readme = HERE / "README.md"
    head = readme.read_text().split("<!-- measured -->")[0]
    readme.write_text(head + "<!-- measured -->\n\n" + "\n".join(text) + "\n")


if __name__ == "__main__":
    main()
