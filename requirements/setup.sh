#!/usr/bin/env bash
# Make or complete an environment from hashed locks.
#   requirements/setup.sh DIRECTORY LOCK...      for example: requirements/setup.sh .venv-ml requirements/ml.txt
# Stamps inside the environment say which locks are in it, so the next call only compares hashes. A stamp is written
# last: an interrupted installation is taken up again.
set -euo pipefail
cd "$(dirname "$0")/.."

environment=$1
shift

is_complete() {
    [ -z "${PYTHON:-}" ] && "$environment/bin/python" -c '' 2>/dev/null || return 1
    for lock in "$@"; do
        [ "$(cat "$environment/.installed/$(basename "$lock")" 2>/dev/null)" = "$(sha256sum <"$lock")" ] || return 1
    done
}
if is_complete "$@"; then
    exit
fi

python=$(requirements/needs.sh)
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')

if ! "$environment/bin/python" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$version')" 2>/dev/null; then
    uv=$(requirements/uv.sh "$python")
    echo "Making $environment with Python $version ..."
    rm -rf "$environment"
    "$uv" venv --quiet --python "$python" "$environment"
fi
mkdir -p "$environment/.installed"
for lock in "$@"; do
    stamp=$environment/.installed/$(basename "$lock")
    sum=$(sha256sum <"$lock")
    if [ ! -e "$stamp" ] || [ "$(cat "$stamp")" != "$sum" ]; then
        uv=$(requirements/uv.sh "$python")
        echo "Installing $lock into $environment (the first time takes some minutes) ..."
        # Without its list of all that was installed: the lock has that.
        "$uv" pip install --compile-bytecode --python "$environment/bin/python" --require-hashes -r "$lock" 2>&1 |
            grep --line-buffered -v '^ [+~-] '
        echo "$sum" >"$stamp"
    fi
done
