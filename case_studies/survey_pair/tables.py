"""The measured tables of the README, below its mark."""

import ground

MARK = "<!-- measured -->"
WORDS = {"none": "no conflict", "shift": f"datum shift, {ground.SHIFT:g} mGal",
         "tilt": f"tilt, ±{ground.TILT:g} mGal across", "gain": f"gain, {100 * ground.GAIN:.0f} %",
         "levelling": f"levelling, lines ±{ground.LEVEL:g} mGal"}


def write(results, readme):
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    head, common = text.split(MARK)[0], results["shared"]
    results = {c: results[c] for c in ground.CONFLICTS}
    parts = [MARK, "", "**Share of 100 data sets in which a test at 5 % speaks** (sampling error ± (p (1 − p) / "
             "100)^½: ± 0.02 at 0.05, ± 0.05 at 0.5)", "", *tests(results), "",
             "**Model error** (root mean square over cells and data sets, in prior standard deviations)", "",
             *grid(results, "rms_error", "{:.3f}"), "",
             "**Coverage of nominal 90 % intervals of single cells**", "",
             *grid(results, "coverage_cells", "{:.2f}"), "",
             "**Coverage of nominal 90 % intervals of the total excess mass** (100 data sets: ± 0.03)", "",
             *grid(results, "coverage_mass", "{:.2f}"), "",
             "**Error of the total excess mass** (root mean square, 10⁹ kg)", "",
             *grid(results, "rms_error_mass", "{:.1f}"), "",
             "**What a remedy costs where nothing is wrong**", "", *cost(results), "",
             "**Errors that two data share**: standard deviation of m, closed form (and by the package where it "
             "differs in the fourth digit), and of the total mass where both gravity surveys share them (10⁹ kg)", "",
             *shared(common), ""]
    readme.write_text(head + "\n".join(parts), encoding="utf-8")


def _table(head, rows):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(r) + " |" for r in rows)]


def tests(results):
    names = list(results["none"]["rejected"])
    return _table(["", *names], [[WORDS[c], *(f"{results[c]['rejected'][n]:.2f}" for n in names)] for c in results])


def grid(results, key, form):
    names = list(results["none"]["remedies"])
    return _table(["", *(WORDS[c] for c in results)],
                  [[n, *(form.format(results[c]["remedies"][n][key]) for c in results)] for n in names])


def cost(results):
    quiet = results["none"]["remedies"]
    plain = quiet["joint, as it stands"]
    rows = [[n, f"{r['rms_error'] / plain['rms_error'] - 1:+.1%}", f"{r['mean_std'] / plain['mean_std'] - 1:+.1%}",
             f"{r['rms_error_mass'] / plain['rms_error_mass'] - 1:+.0%}",
             f"{r['mean_std_mass'] / plain['mean_std_mass'] - 1:+.0%}"] for n, r in quiet.items()]
    return _table(["", "model error", "stated std of cells", "error of the mass", "stated std of the mass"], rows)


def shared(common):
    rows = []
    for name, row in common["scalar"].items():
        cells = [f"{a:.3f}" if abs(a - b) < 1e-4 * a else f"{a:.3f} ({b:.3f})"
                 for a, b in zip(row["closed_form"], row["package"], strict=True)]
        rows.append([f"m, {name}", *cells])
    rows.append(["total mass", *(f"{v:.2f}" for v in common["mass_std"])])
    return _table(["correlation of the errors", *(f"{r:g}" for r in common["rho"])], rows)
