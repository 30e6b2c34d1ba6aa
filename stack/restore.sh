#!/usr/bin/env bash
# Put a backup back in place of what is there. Everything but the database is stopped meanwhile, and started at the end.
#   stack/restore.sh DIRECTORY
# Needs the secrets of the stack that was backed up, or at least its fernet_key.
set -euo pipefail
project=$(cd "$(dirname "$0")/.." && pwd)
if [ ! -f "${1:-}/SHA256SUMS" ]; then
    echo "${1:-No directory given}: not a backup. Name one that make backup made: make restore FROM=backups/..." >&2
    exit 2
fi
directory=$(cd "$1" && pwd)
(cd "$directory" && sha256sum --check --quiet SHA256SUMS) # nothing is touched for a damaged one
compose() { docker compose --project-directory "$project" "$@"; }
database() { compose exec -T postgres "$@"; }

echo "Stopping ..."
compose stop --timeout 60
compose up --detach --no-deps --wait postgres

echo "Restoring the database ..."
database psql --quiet --username=airflow --dbname=postgres --set=ON_ERROR_STOP=1 \
    --command='DROP DATABASE IF EXISTS airflow WITH (FORCE)' --command='CREATE DATABASE airflow' </dev/null
database pg_restore --username=airflow --dbname=airflow --no-owner --exit-on-error --single-transaction \
    <"$directory/database.dump"

# Unpacked beside first, so that a full disk costs nothing. models/ itself stays: the model server has it mounted.
echo "Restoring models, releases, runs and the ledger ..."
compose run --rm --no-deps -T airflow-scheduler bash -ec '
    shopt -s nullglob dotglob
    cd "$RETRAIN_ROOT"
    rm -rf .restored
    mkdir -p .restored models
    tar --extract --file=- --gzip --directory=.restored
    for old in * models/*; do
        case $old in .restored | models) ;; *) rm -rf "$old" ;; esac
    done
    mv .restored/models/* models/
    rmdir .restored/models
    mv .restored/* .
    rmdir .restored
' <"$directory/retraining.tar.gz"

echo "Starting ..."
compose up --detach
echo "Restored from $directory."
