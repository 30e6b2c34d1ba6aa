#!/usr/bin/env bash
# Check what must be on the machine before anything can be installed. Prints the Python to use; what is missing
# becomes one apt-get line on stderr.
set -euo pipefail

python=
for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3}; do
    # Tried and not only looked up: version managers leave names that lead nowhere.
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
        python=$candidate
        break
    fi
done

missing=()
if [ -z "$python" ]; then
    missing+=(python3 python3-venv python3-dev)
else
    name=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
    "$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=("$name-venv")
    headers=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
    [ -e "$headers/Python.h" ] || missing+=("$name-dev")
fi
command -v g++ >/dev/null || missing+=(g++)
command -v make >/dev/null || missing+=(make)

if [ ${#missing[@]} -gt 0 ]; then
    [ -n "$python" ] || echo "Python 3.11, 3.12 or 3.13 is needed." >&2
    echo "Some things are missing on this machine. Install them with:" >&2
    echo "  apt-get install -y ${missing[*]}" >&2
    exit 1
fi
"$python" -c 'import sys; print(sys.executable)'
