#!/usr/bin/env bash
# Print a Go that is at least so new. Debian 12 has Go 1.19; the Go module proxy serves the tools of each version as a
# module of its own, which every older Go can fetch and checks against the checksum database.
#   requirements/go.sh 1.25.0
set -euo pipefail

needed=$1
if ! command -v go >/dev/null; then
    echo "There is no Go on this machine: apt-get install golang-go" >&2
    exit 1
fi
has=$(go env GOVERSION | sed 's/^go//')
if [ "$(printf '%s\n' "$needed" "$has" | sort -V | head -1)" = "$needed" ]; then
    command -v go
    exit
fi
echo "Go $has is too old; getting Go $needed ..." >&2
toolchain=golang.org/toolchain@v0.0.1-go$needed.$(go env GOOS)-$(go env GOARCH)
directory=$(GOFLAGS=-modcacherw go mod download -json "$toolchain" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
# Modules have no executable files.
find "$directory/bin" "$directory/pkg/tool" -type f -exec chmod +x {} +
echo "$directory/bin/go"
