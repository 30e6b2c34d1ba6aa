#!/usr/bin/env bash
# Build Prism, Apache Beam's own engine, in the version that goes with the Beam of .venv-ml, into .go/bin. Go checks what
# it fetches against its checksum database.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(PYTHONPATH=. .venv-ml/bin/python -m stack.prism.prism_version)
program=.go/bin/prism-$version
if [ -x "$program" ]; then
    exit
fi
go=$(requirements/go.sh 1.26.0) # which its go.mod asks for
echo "Building Prism $version (about two minutes) ..."
mkdir -p .go/bin
scratch=$(mktemp -d "$PWD/.go/build.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export GOTOOLCHAIN=local CGO_ENABLED=0
# `go install PATH@VERSION` would do, but the proxy refuses to look for modules of the longer names in the path.
(
    cd "$scratch"
    "$go" mod init prism
    "$go" get "github.com/apache/beam/sdks/v2/go/cmd/prism@v$version"
    "$go" build -trimpath -o prism github.com/apache/beam/sdks/v2/go/cmd/prism
) 2>&1 | { grep -v '^go: \(downloading\|added\|creating\)' || true; }
mv "$scratch/prism" "$program"
