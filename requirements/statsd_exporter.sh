#!/usr/bin/env bash
# Build Prometheus' statsd_exporter for the tests, in the version that docker-compose.yml runs, into .go/bin. Go checks
# what it fetches against its checksum database.
set -euo pipefail
cd "$(dirname "$0")/.."

module=github.com/prometheus/statsd_exporter
version=$(sed -n 's/.*image: prom\/statsd-exporter:\(v[0-9.]*\)$/\1/p' docker-compose.yml)
# What the module asks for, and more than Debian 12 has (1.19). The Go module proxy serves the tools of each version as a
# module of its own, which every older Go can fetch.
needed=1.25.0
toolchain=golang.org/toolchain@v0.0.1-go$needed.$(go env GOOS)-$(go env GOARCH)

program=.go/bin/statsd_exporter-$version
if [ -x "$program" ]; then
    exit
fi
go=go
has=$(go env GOVERSION | sed 's/^go//')
if [ "$(printf '%s\n' "$needed" "$has" | sort -V | head -1)" != "$needed" ]; then
    echo "Go $has is too old for statsd_exporter $version; getting Go $needed ..."
    directory=$(GOFLAGS=-modcacherw go mod download -json "$toolchain" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
    # Modules have no executable files.
    find "$directory/bin" "$directory/pkg/tool" -type f -exec chmod +x {} +
    go=$directory/bin/go
fi
echo "Building statsd_exporter $version ..."
mkdir -p .go/bin
scratch=$(mktemp -d .go/build.XXXXXX)
trap 'rm -rf "$scratch"' EXIT
GOTOOLCHAIN=local GOBIN=$PWD/$scratch CGO_ENABLED=0 "$go" install "$module@$version"
mv "$scratch/statsd_exporter" "$program"
