#!/usr/bin/env bash
# Builds the site into docs/_build/html, with warnings as errors. Needs the extra: pip install -e ".[docs]".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export OPENBLAS_NUM_THREADS="${OPENBLAS_NUM_THREADS:-1}"
"${PYTHON:-python3}" -m sphinx -W --keep-going -q "$@" . _build/html
echo "docs/_build/html/index.html"
