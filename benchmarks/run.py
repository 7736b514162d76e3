"""All benchmarks: operators and inversion, one after the other, into results.json and the tables of README.md.

Run: python benchmarks/run.py [--quick]
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import numba
import numpy as np
import scipy

HERE = Path(__file__).parent
MARK = "<!-- measured: all below is written by run.py -->\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="up to 450,000 cells and fewer repeats, nothing written")
    arguments = parser.parse_args()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])}
    options = {"operators": ["--repeat", "5"] if arguments.quick else [],
               "inversion": ["--largest", "450000"] if arguments.quick else []}
    results = {"machine": {
        "cpus": os.cpu_count(), "processor": processor(), "python": platform.python_version(), "numpy": np.__version__,
        "scipy": scipy.__version__, "numba": numba.__version__, "load_average": os.getloadavg()}}
    printed = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, extra in options.items():
            target = Path(folder) / f"{name}.json"
            command = [sys.executable, str(HERE / f"{name}.py"), "--json", str(target), *extra]
            printed[name] = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True,
                                           env=environment).stdout
            print(printed[name], flush=True)
            results |= {k: v for k, v in json.loads(target.read_text()).items() if k != "machine"}
    if not arguments.quick:
        (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n")
        write_readme(results["machine"], printed)


def processor():
    """The processor's name where the system tells it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def write_readme(machine, printed):
    """Replace what stands below the mark."""
    readme = HERE / "README.md"
    head = readme.read_text(encoding="utf-8").partition(MARK)[0]
    about = (f"Measured with {machine['cpus']} CPUs ({machine['processor']}), Python {machine['python']}, NumPy "
             f"{machine['numpy']}, SciPy {machine['scipy']}, Numba {machine['numba']}; load average at the start "
             f"{machine['load_average'][0]:.1f}.\n")
    body = f"\n{about}\n## Products\n\n```\n{printed['operators']}```\n\n## Inversion\n\n{printed['inversion']}"
    readme.write_text(head + MARK + body, encoding="utf-8")


if __name__ == "__main__":
    main()
