#!/usr/bin/env bash
# Build Prometheus' statsd_exporter for the tests, in the version that docker-compose.yml runs, into .go/bin. Go checks
# what it fetches against its checksum database.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n 's/.*image: prom\/statsd-exporter:\(v[0-9.]*\)$/\1/p' docker-compose.yml)
program=.go/bin/statsd_exporter-$version
if [ -x "$program" ]; then
    exit
fi
go=$(requirements/go.sh 1.25.0) # which its go.mod asks for
echo "Building statsd_exporter $version ..."
mkdir -p .go/bin
scratch=$(mktemp -d .go/build.XXXXXX)
trap 'rm -rf "$scratch"' EXIT
GOTOOLCHAIN=local GOBIN=$PWD/$scratch CGO_ENABLED=0 "$go" install "github.com/prometheus/statsd_exporter@$version"
mv "$scratch/statsd_exporter" "$program"
