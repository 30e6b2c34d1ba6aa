#!/usr/bin/env bash
# What stack/compose/backup.sh and stack/compose/restore.sh ask of `docker`, done by the programs of this machine: the database is the
# server at PGHOST, the volume is the directory RETRAIN_ROOT. All calls become lines of the file CALLS.
set -euo pipefail
printf '%s\n' "${*//$'\n'/ }" >>"$CALLS"
[ "$1" = compose ] || exit 0
shift 3 # compose --project-directory DIRECTORY
case "$*" in
"exec -T postgres "*) shift 3 ;;
"run --rm --no-deps -T airflow-init "*) shift 5 ;;
*) exit 0 ;;
esac
exec "$@"
