"""What cells of 60 m do to the data of Flin Flon: simulated, inferred, and true. Run: python discretisation.py.

Writes discretisation.json. The family is that of flin_flon.py; the true error is that of ../flin_flon/results.json:
data of the third party's ground, averaged over the cells, less those supplied.
"""

import json
from pathlib import Path

from families import DISTRICT
from flin_flon import HERE, SEED, ground, problem

import bayesjoint as bj


def main():
    chosen = json.loads((HERE.parent / "flin_flon" / "results.json").read_text())
    surveys = ground.surveys()
    asked = problem(surveys, ground.lay_mesh(ground.Octree(), surveys), chosen["chosen"])
    noise = bj.discretisation_noise(asked, DISTRICT, worlds=40, seed=SEED)
    (_, gravity_extra), (_, magnetic_extra, _) = chosen["chosen"]["settings"]
    out = {name: {"simulated_rms": noise.std[name], "simulated_rms_error": noise.std_error[name],
                  "directions": noise.factors[name].shape[1], "inferred_by_evidence": inferred,
                  "true_rms_after_a_plane": chosen["discretisation"][name]["rms_after_plane"]}
           for name, inferred in (("gravity", gravity_extra), ("magnetic", magnetic_extra))}
    (Path(__file__).parent / "discretisation.json").write_text(json.dumps(out, indent=1) + "\n")
    print(json.dumps(out, indent=1))


if __name__ == "__main__":
    main()
