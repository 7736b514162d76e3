"""Tables of one unknown each: neutron lifetime, Hubble constant, eight schools.

python run.py   # results.json, tensions.png and the tables of README.md, in seconds
"""

import csv
import json
import re
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy.stats import chi2

import bayesjoint as bj

HERE = Path(__file__).parent
UNITS = {"lifetime": "s", "H0": "km/s/Mpc", "effect": "1"}


def rows(file):
    with (HERE / "data" / file).open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def slug(label):
    """An identifier made of a row's label."""
    return re.sub(r"\W+", "_", label).strip("_").lower()


def scalar_problem(unknown, groups):
    """One scalar with a flat prior; {survey: (values, stds)}, each row of a survey one measurement of it."""
    parameter = bj.Parameter(unknown, 1, units=UNITS[unknown])
    surveys = [bj.Modality(name, np.ones((len(values), 1)), values, bj.DiagonalNoise(stds), unknown,
                           units=UNITS[unknown]) for name, (values, stds) in groups.items()]
    return bj.JointProblem([parameter], surveys)


def combine(problem):
    """Weighted mean, its std, χ², degrees of freedom, and Birge's scale factor with the std it leads to."""
    unknown = problem.parameters[0].name
    post = bj.posterior(problem)
    mean, std = float(post.mean()[unknown][0]), float(post.std()[unknown][0])
    total = sum(problem.chi2(problem.pack({unknown: [mean]})).values())
    dof = sum(m.size for m in problem.modalities) - 1
    scale = np.sqrt(total / dof) if dof else np.nan
    return {"mean": mean, "std": std, "chi2": total, "dof": dof, "p_value": float(chi2.sf(total, dof)),
            "scale": float(scale), "scaled_std": float(max(1.0, scale) * std)}


def test(problem, pair):
    found = bj.likelihood_ratio_test(problem, pair)
    return {"pair": list(pair), "statistic": found.statistic, "dof": found.dof, "p_value": found.p_value,
            "p_value_error": found.p_value_error, "sigma": found.sigma, "null": found.null}


def neutron():
    """The seven rows of the average of 2016, and beam against bottle over all eight."""
    table = rows("neutron_lifetime.csv")
    value, std = ({r["label"]: float(r[key]) for r in table} for key in ("lifetime_s", "sigma_s"))
    listed = [r["label"] for r in table if r["in_pdg2016_average"] == "1"]
    rows_alone = scalar_problem("lifetime", {slug(k): ([value[k]], [std[k]]) for k in listed})
    tempered = bj.temper(rows_alone, common=True, curve=False)  # one noise scale for all, by evidence
    out = {"pdg": combine(rows_alone), "tempered": {
        "scale": float(next(iter(tempered.scale_factors.values()))),
        "std": float(bj.posterior(tempered.problem).std()["lifetime"][0])}}
    for name, chosen in (("all", list(value)), ("listed", listed)):
        groups = {m: [r["label"] for r in table if r["method"] == m and r["label"] in chosen]
                  for m in ("beam", "bottle")}
        problem = scalar_problem("lifetime", {m: ([value[k] for k in g], [std[k] for k in g])
                                              for m, g in groups.items()})
        separate = {m: combine(p) for m, p in problem.separate().items()}
        out[f"beam_bottle_{name}"] = test(problem, ("beam", "bottle")) | separate
    return out


def hubble():
    """Planck against SH0ES, and every early row against every late one (rows share data: see the README)."""
    table = rows("h0.csv")
    groups = {slug(r["label"]): ([float(r["h0_km_s_mpc"])], [float(r["sigma_symmetric"])]) for r in table}
    kind = {slug(r["label"]): r["class"] for r in table}
    problem = scalar_problem("H0", groups)
    planck, shoes = (next(k for k in groups if k.startswith(start)) for start in ("planck", "sh0es"))
    pairs = [test(problem, p) for p in combinations(groups, 2) if {kind[k] for k in p} == {"early", "late"}]
    return {"planck_shoes": test(problem, (planck, shoes)), "early_late": pairs, "all": combine(problem)}


def schools():
    """All eight at once, and every pair; Holm's correction over the pairs."""
    groups = {f"school_{r['school'].lower()}": ([float(r["effect"])], [float(r["sigma"])])
              for r in rows("eight_schools.csv")}
    problem = scalar_problem("effect", groups)
    pairs = [test(problem, pair) for pair in combinations(groups, 2)]
    least = min(p["p_value"] for p in pairs)
    return {"all": combine(problem), "pairs": len(pairs), "least_p": least,
            "least_p_holm": min(1.0, least * len(pairs))}


def words(results):
    """{what: one row of the README's table}."""
    n, h, s = results["neutron"], results["hubble"]["planck_shoes"], results["schools"]
    pdg, both, listed, birge = n["pdg"], n["beam_bottle_all"], n["beam_bottle_listed"], n["tempered"]
    return [
        ("neutron lifetime, seven rows (s)", "880.2 ± 1.0, scale factor 1.9 (PDG 2016)",
         f"{pdg['mean']:.2f} ± {pdg['std']:.2f}; χ² {pdg['chi2']:.1f}/{pdg['dof']}, scale factor {birge['scale']:.2f}: "
         f"± {birge['std']:.2f}"),
        ("beam against bottle", "nearly 4 σ (news of 2013)",
         f"{listed['sigma']:.2f} σ (seven rows), {both['sigma']:.2f} σ with UCNtau 2021"),
        ("Planck against SH0ES", "5 σ; 4.85 from the two rows",
         f"Λ = {h['statistic']:.3f}, {h['dof']:g} degree of freedom, {h['sigma']:.2f} σ"),
        ("eight schools", "no conflict (Rubin 1981)",
         f"χ² {s['all']['chi2']:.1f}/{s['all']['dof']}, p = {s['all']['p_value']:.2f}; least of {s['pairs']} pairs "
         f"p = {s['least_p']:.2f}, {s['least_p_holm']:.2f} after Holm"),
    ]


def write_table(lines):
    """Put rows between the marks of README.md."""
    file = HERE / "README.md"
    text = file.read_text(encoding="utf-8")
    table = "\n".join(["| what | published | here |", "|---|---|---|", *(f"| {' | '.join(r)} |" for r in lines)])
    file.write_text(re.sub(r"(?s)(<!-- table -->\n).*?(\n<!-- end -->)", lambda m: m[1] + table + m[2], text),
                    encoding="utf-8")


def draw():
    """Every measurement with its mean."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    tables = (("neutron_lifetime.csv", "label", "lifetime_s", "sigma_s", "neutron lifetime (s)"),
              ("h0.csv", "label", "h0_km_s_mpc", "sigma_symmetric", "H0 (km/s/Mpc)"),
              ("eight_schools.csv", "school", "effect", "sigma", "effect of coaching (points)"))
    figure, axes = plt.subplots(1, 3, figsize=(15, 4.2), constrained_layout=True)
    for ax, (file, label, value, std, title) in zip(axes, tables, strict=True):
        table = rows(file)
        x, s = (np.array([float(r[key]) for r in table]) for key in (value, std))
        mean, spread = np.sum(x / s**2) / np.sum(s**-2.0), np.sum(s**-2.0) ** -0.5
        ax.axvspan(mean - spread, mean + spread, color="0.85")
        ax.errorbar(x, [r[label] for r in table], xerr=s, fmt="o", color="C0")
        ax.set_xlabel(title)
        ax.invert_yaxis()
    figure.suptitle("bars and grey bands (weighted means): ± 1 standard deviation", fontsize=10)
    figure.savefig(HERE / "tensions.png", dpi=80)


def main():
    results = {"neutron": neutron(), "hubble": hubble(), "schools": schools()}
    (HERE / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    lines = words(results)
    print("\n".join(": ".join((r[0], r[2])) for r in lines))
    write_table(lines)
    draw()


if __name__ == "__main__":
    main()
