#!/usr/bin/env bash
# Print a uv that works; without one on this machine it is installed into .venv-uv, from the package index as
# pip is configured to find it.
#   requirements/uv.sh PYTHON
set -euo pipefail
cd "$(dirname "$0")/.."

if uv --version >/dev/null 2>&1; then
    command -v uv
    exit
fi
if ! .venv-uv/bin/uv --version >/dev/null 2>&1; then
    echo "Installing uv into .venv-uv ..." >&2
    rm -rf .venv-uv
    "$1" -m venv .venv-uv >&2
    .venv-uv/bin/python -m pip install --quiet --disable-pip-version-check uv >&2
fi
echo .venv-uv/bin/uv
