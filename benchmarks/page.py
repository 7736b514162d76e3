"""The report in a browser: size, time until it can be used, time of a redraw. Needs Chromium.

Run: python benchmarks/page.py [POSTERIOR.nc ...] [--json FILE]

Without datasets it takes three made-up ones: of the Kalgoorlie window's shape; of 1.5 million values, the most that are
kept in 16 bits; and of some 6 million, in 8 bits. Ready: from the start of loading until the viewer is drawn, as the
page's own clock has it. A redraw: all three planes, legend and probe, finished (pixels read back), over moves of every
slider and of all at once in every statistic, at one and at two pixels of the screen a pixel of CSS ("dense"); a
statistic's first redraw decodes its values and is given apart. "95" is what 95 % of the redraws stay below: others use
the machine too.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from bayesjoint import report  # noqa: E402
from bayesjoint.dataset import write_tree  # noqa: E402
from tests.reporting.chromium import Browser  # noqa: E402
from tests.reporting.viewed import make_viewed  # noqa: E402

SHAPES = {"made up, 12 x 50 x 50 cells": (12, 50, 50), "made up, 15 x 50 x 125 cells": (15, 50, 125),
          "made up, 15 x 150 x 160 cells": (15, 150, 160)}
OPENED = 7  # times a page is loaded
MOVES = """(() => {
  const planes = ["plan", "along", "across"].map(n => document.getElementById("viewer-" + n).getContext("2d"));
  const timed = () => { const t = performance.now(); viewer.redraw(); planes.forEach(c => c.getImageData(0, 0, 1, 1));
    return performance.now() - t; };
  const first = [], later = [], count = document.getElementById("viewer-property").options.length;
  for (let p = 0; p < count; p++) {
    viewer.set({ property: p, show: "mean" });
    for (const s of viewer.statistics()) {
      viewer.set({ show: s.key });
      first.push(timed());
      for (const axis of ["k", "j", "i"]) for (let n = 0; n < 6; n++) { viewer.state[axis] = n; later.push(timed()); }
      for (let n = 0; n < 6; n++) { Object.assign(viewer.state, { k: n, j: n, i: n }); later.push(timed()); }
    }
  }
  return [first, later];
})()"""


def measure(page):
    """Figures of one page."""
    ready, known = [], {}
    with Browser(patience=300) as browser:
        for _ in range(OPENED):
            browser.open(page)
            ready.append(browser.run("viewer.ready"))
        known["values"], known["bits"] = browser.run(
            "(() => { const d = JSON.parse(document.getElementById('viewer-data').textContent);"
            "return [d.values, d.bits]; })()")
        first, later = browser.run(MOVES)
        browser.resize(*browser.size, ratio=2)
        browser.open(page)
        _, dense = browser.run(MOVES)
    return known | {"page_mb": page.stat().st_size / 1e6, "ready_ms": statistics.median(ready),
                    "ready_worst_ms": max(ready), "redraw_ms": statistics.median(later), "redraw_95_ms": _most(later),
                    "redraw_dense_ms": statistics.median(dense), "redraw_dense_95_ms": _most(dense),
                    "first_redraw_95_ms": _most(first)}


def _most(times):
    """What 95 % stay below."""
    return statistics.quantiles(times, n=20)[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("posteriors", nargs="*", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        for source in arguments.posteriors or SHAPES:
            tree = source
            if source in SHAPES:
                tree = write_tree(make_viewed(SHAPES[source], draws=2), Path(folder) / "posterior.nc")
            found[str(source)] = row = measure(report(tree, page))
            print(f"{source}: " + ", ".join(f"{key} {value:.4g}" for key, value in row.items()), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
