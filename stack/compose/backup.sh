#!/usr/bin/env bash
# Copy what matters out of the running stack: Airflow's database, and models, releases, runs and the ledger as they
# were at one moment; with them what the gateway wrote of customers (record/, outcomes/, lists/) and what was measured.
#   stack/compose/backup.sh [DIRECTORY]         DIRECTORY: backups/<date and time> unless given; must not exist yet
# The secrets are not part of a backup. Keep secrets/ and .env elsewhere: without fernet_key the connections stored in the
# database cannot be read.
set -euo pipefail
umask 077
project=$(cd "$(dirname "$0")/../.." && pwd)
directory=${1:-$project/backups/$(date +%Y%m%d-%H%M%S)}
if [ -e "$directory" ]; then
    echo "$directory exists already. Name another directory, or remove it." >&2
    exit 1
fi
compose() { docker compose --project-directory "$project" "$@"; }
if ! compose version >/dev/null 2>&1; then
    echo "docker compose does not work. Install Docker Compose 2.26 or newer." >&2
    exit 1
fi
mkdir -p "$(dirname "$directory")"
unfinished=$(mktemp -d "$(dirname "$directory")/.unfinished-XXXXXX")
trap 'rm -rf "$unfinished"' EXIT

echo "Copying the database ..."
compose exec -T postgres pg_dump --username=airflow --format=custom airflow </dev/null >"$unfinished/database.dump"

# The promotion lock is held, so that no version is added or removed between the copy of the ledger and that of the
# models. Runs go on. What a step has finished does not change; what it is still making is left out, and a directory
# that changes while tar reads it (status 1) does no harm. A file that vanishes does (status 2): then it is tried again.
# The gateway writes on meanwhile: it would drop rows if it had to wait. Its files appear whole, or grow at their end; a
# last line that was cut is left out by whoever reads them, and one of its files that became another vanishes. The
# container is that of airflow-init, since it mounts the volume as a whole.
copy_files() {
    compose run --rm --no-deps -T airflow-init bash -ec '
        cd "$RETRAIN_ROOT"
        flock --wait 600 --conflict-exit-code 75 promotion.lock tar --create --file=- --gzip --exclude=./trash \
            --exclude=./staging --exclude="./*.lock" --exclude="*/.*.making" --exclude="*/.*.part" \
            --exclude="*/.*.tmp" --exclude=./.restored --exclude=./.replaced . || { status=$?; [ $status = 1 ] || exit $status; }
    ' </dev/null >"$unfinished/retraining.tar.gz"
}
echo "Copying models, releases, runs and the ledger ..."
for attempt in 1 2 3; do
    status=0
    copy_files || status=$?
    if [ $status != 2 ]; then break; fi
    echo "A file vanished while it was copied (attempt $attempt of 3)." >&2
    sleep 2
done
[ $status = 0 ] || exit $status

gzip --test "$unfinished/retraining.tar.gz"
(cd "$unfinished" && sha256sum database.dump retraining.tar.gz >SHA256SUMS)
mv "$unfinished" "$directory"
trap - EXIT
echo "Done: $directory"
du -h "$directory"/*
