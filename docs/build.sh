#!/usr/bin/env bash
# Builds the site into docs/_build/html, with warnings as errors. Needs the extra: pip install -e ".[docs]".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export OPENBLAS_NUM_THREADS="${OPENBLAS_NUM_THREADS:-1}"
"${PYTHON:-python3}" -m sphinx -W --keep-going -q "$@" . _build/html
for page in tutorial notebooks/{first_steps,joint_or_separate,agree,real_ground} understand/diagnostics; do
    grep -q '<img [^>]*src="[^"]*_images/' "_build/html/$page.html" || { echo "$page has no figure" >&2; exit 1; }
done
echo "docs/_build/html/index.html"
