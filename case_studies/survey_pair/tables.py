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
             "**Model error** (root mean square over cells and data sets, in prior standard deviations; ± over the 100 "
             "data sets, which are the same in every row and column)", "", *grid(results, "rms_error", "{:.3f}"), "",
             "**Coverage of nominal 90 % intervals of single cells** (± over data sets)", "",
             *grid(results, "coverage_cells", "{:.3f}"), "",
             "**Coverage of nominal 90 % intervals of the total excess mass** (± over data sets; where it is 0 of 100, "
             "it is under 0.03 at 95 %)", "",
             *grid(results, "coverage_mass", "{:.2f}"), "",
             "**Error of the total excess mass** (root mean square, 10⁹ kg; ± over data sets)", "",
             *grid(results, "rms_error_mass", "{:.2f}"), "",
             "**What a remedy costs where nothing is wrong** (against the joint inversion as it stands, on the same "
             "data sets: ± is that of the difference)", "", *cost(results), "",
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
                  [[n, *(_known(results[c]["remedies"][n], key, form) for c in results)] for n in names])


def _known(row, key, form):
    return f"{form.format(row[key])} ± {form.format(row[f'{key}_error'])}"


def cost(results):
    rows = []
    for name, row in results["none"]["remedies"].items():
        cells = [_share(*row["cost"][key]) for key in ("rms_error", "mean_std", "rms_error_mass", "mean_std_mass")]
        rows.append([name, *cells])
    return _table(["", "model error", "stated std of cells", "error of the mass", "stated std of the mass"], rows)


def _share(value, error):
    if abs(value) < 5e-7:
        return "0"
    return f"{value:+.1%}" + (f" ± {100 * error:.1f}%" if error > 5e-7 else "")


def shared(common):
    rows = []
    for name, row in common["scalar"].items():
        cells = [f"{a:.3f}" if abs(a - b) < 1e-4 * a else f"{a:.3f} ({b:.3f})"
                 for a, b in zip(row["closed_form"], row["package"], strict=True)]
        rows.append([f"m, {name}", *cells])
    rows.append(["total mass", *(f"{v:.2f}" for v in common["mass_std"])])
    return _table(["correlation of the errors", *(f"{r:g}" for r in common["rho"])], rows)
