#!/usr/bin/env bash
# Replace what the stack holds with a backup.
#   stack/compose/restore.sh DIRECTORY
# The backup is checked, and unpacked beside the present state, while the stack still runs; only then is everything
# stopped, exchanged and started. A failure before that changes nothing. After an interruption later, run it again.
# It needs secrets/fernet_key of the stack that was backed up. Users get back their passwords of that time.
set -euo pipefail
project=$(cd "$(dirname "$0")/../.." && pwd)
if [ ! -f "${1:-}/SHA256SUMS" ]; then
    echo "${1:-No directory given}: not a backup. Name one that \`make backup\` made: make restore FROM=backups/..." >&2
    exit 2
fi
directory=$(cd "$1" && pwd)
refuse() { # REASON
    echo "$directory: $1. Nothing was changed. Name a directory that \`make backup\` made." >&2
    exit 2
}
compose() { docker compose --project-directory "$project" "$@"; }
if ! compose version >/dev/null 2>&1; then
    echo "docker compose does not work. Install Docker Compose 2.26 or newer." >&2
    exit 1
fi
database() { compose exec -T postgres "$@"; }
sql() { # STATEMENT ..., each in a transaction of its own
    database psql --quiet --username=airflow --dbname=postgres --set=ON_ERROR_STOP=1 "${@/#/--command=}" </dev/null
}
files() { # SCRIPT: in a container that may write them all; those of the steps mount a part read-only
    compose run --rm --no-deps -T airflow-init bash -ec "shopt -s nullglob dotglob; cd \"\$RETRAIN_ROOT\"; $1"
}

echo "Checking ..."
names=$(awk '{ print $2 }' "$directory/SHA256SUMS" | LC_ALL=C sort | tr '\n' ' ')
[ "$names" = "database.dump retraining.tar.gz " ] || refuse "SHA256SUMS does not name the files of a backup"
(cd "$directory" && sha256sum --check --quiet SHA256SUMS) || refuse "it is damaged: a checksum does not match"
content=$(tar --list --gzip --file="$directory/retraining.tar.gz") || refuse "retraining.tar.gz cannot be read"
grep -qxF ./models/ <<<"$content" || refuse "there is no ./models/ in retraining.tar.gz"
if ! docker image inspect customer-retraining:0.1.0 >/dev/null 2>&1; then # a new machine
    compose build airflow-init
fi
compose up --detach --no-deps --wait postgres
listed=$(database pg_restore --list <"$directory/database.dump") || refuse "database.dump is not a dump of PostgreSQL"
grep -q ' TABLE public dag_run ' <<<"$listed" || refuse "database.dump is not the database of an Airflow"

echo "Unpacking ..."
files 'rm -rf .restored .replaced
    mkdir .restored
    tar --extract --file=- --gzip --directory=.restored' <"$directory/retraining.tar.gz"
sql 'DROP DATABASE IF EXISTS airflow_restored WITH (FORCE)' 'CREATE DATABASE airflow_restored'
database pg_restore --username=airflow --dbname=airflow_restored --no-owner --exit-on-error --single-transaction \
    <"$directory/database.dump"

# What Airflow stored encrypted can be decrypted only with the key of that time. One value is enough to find out.
stored=$(database psql -qAt --username=airflow --dbname=airflow_restored --set=ON_ERROR_STOP=1 --command="
    SELECT password FROM connection WHERE is_encrypted AND password <> ''
    UNION ALL SELECT extra FROM connection WHERE is_extra_encrypted AND extra <> ''
    UNION ALL SELECT val FROM variable WHERE is_encrypted AND val <> '' LIMIT 1" </dev/null)
if [ -n "$stored" ]; then
    status=0
    compose run --rm --no-deps -T airflow-init python -c '
import sys
from airflow.models.crypto import get_fernet
from cryptography.fernet import InvalidToken
try:
    get_fernet().decrypt(sys.stdin.read().strip().encode())
except InvalidToken:
    sys.exit(3)
' <<<"$stored" >/dev/null || status=$?
    [ $status != 3 ] || refuse "its Connections need another key than secrets/fernet_key. Put the key of that time there"
    [ $status = 0 ] || exit $status
fi

echo "Stopping ..."
compose stop --timeout 60
compose up --detach --no-deps --wait postgres

# models/ itself stays: the model server has it mounted.
echo "Exchanging ..."
sql 'DROP DATABASE IF EXISTS airflow_replaced WITH (FORCE)'
sql 'BEGIN; ALTER DATABASE airflow RENAME TO airflow_replaced; ALTER DATABASE airflow_restored RENAME TO airflow; COMMIT'
files 'mkdir -p .replaced/models models
    for old in *; do
        case $old in .restored | .replaced | models) ;; *) mv "$old" .replaced/ ;; esac
    done
    for old in models/*; do mv "$old" .replaced/models/; done
    for new in .restored/models/*; do mv "$new" models/; done
    rmdir .restored/models
    for new in .restored/*; do mv "$new" .; done
    rm -rf .restored .replaced' </dev/null
sql 'DROP DATABASE airflow_replaced WITH (FORCE)'

echo "Starting ..."
compose up --detach
echo "Restored from $directory."
