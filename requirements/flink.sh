#!/usr/bin/env bash
# Fetch Flink and Beam's runner for it, as requirements/flink.pom.xml names them, into .flink. What comes is held against
# the hashes of requirements/flink.sha256; `requirements/flink.sh --lock` writes these anew.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n '/beam-runners-flink/{n;s/.*<version>\(.*\)<.*/\1/p}' requirements/flink.pom.xml)
jars=$PWD/.flink/beam-$version
if [ -d "$jars" ] && [ "${1:-}" != --lock ]; then
    exit
fi
for tool in java mvn; do
    if ! command -v "$tool" >/dev/null; then
        echo "$tool is missing. Flink runs on Java, and Maven fetches it: apt-get install -y maven default-jre-headless" >&2
        exit 1
    fi
done
echo "Fetching Flink and Beam's runner $version (115 MB) ..."
mkdir -p .flink
scratch=$(mktemp -d "$PWD/.flink/fetch.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mvn -q -B -f requirements/flink.pom.xml org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies \
    -DoutputDirectory="$scratch/jars"
if [ "${1:-}" = --lock ]; then
    (cd "$scratch/jars" && sha256sum -- *.jar) >requirements/flink.sha256
fi
project=$PWD
(cd "$scratch/jars" && sha256sum --check --strict --quiet "$project/requirements/flink.sha256")
if [ "$(wc -l <requirements/flink.sha256)" != "$(find "$scratch/jars" -name '*.jar' | wc -l)" ]; then
    echo "Maven brought jars that requirements/flink.sha256 does not have. requirements/flink.sh --lock writes it anew." >&2
    exit 1
fi
rm -rf "$jars"
mv "$scratch/jars" "$jars"
