#!/usr/bin/env bash
# Compile the locks anew from pyproject.toml: two environments, what testing adds to each, and what builds the image.
set -euo pipefail
cd "$(dirname "$0")/.."

uv=$(requirements/uv.sh "$(requirements/needs.sh)")
compile() {
    "$uv" pip compile pyproject.toml "$@" --universal --generate-hashes --no-emit-index-url --python-version 3.11 --quiet
    echo "compiled ${*: -1}"
}

for environment in airflow ml; do
    compile --extra "$environment" -o "requirements/$environment.txt"
    # Constrained by the lock above: the additions never change what runs.
    compile --group "$environment-dev" -c "requirements/$environment.txt" --no-annotate -o "requirements/$environment-dev.txt"
done
# Of an optional extra: only what it adds, in the versions that go with the lock of its environment.
compile --extra ml-s3 -c requirements/ml.txt --no-annotate -o requirements/ml-s3.txt
compile --group image --no-annotate -o requirements/image.txt
