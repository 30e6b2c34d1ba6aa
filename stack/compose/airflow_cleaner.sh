#!/usr/bin/env bash
# Once a day, while the stack is up: remove the rows and log files of Airflow that are older than RETENTION_DAYS.
# Everything else that grows has its own limit: runs and versions ([keep] in ml/config/settings.toml), Prometheus'
# history and the containers' logs (docker-compose.yml).
#
# It is a service and not a DAG, because Airflow keeps tasks away from its database; not a part of airflow_init.sh,
# because a stack that is never stopped starts only once; not a command for people, because people forget. Whatever
# kills it, the next round does the rest; at worst a table _airflow_deleted__... is left, with rows that were to be
# removed (`airflow db drop-archived`).
set -euo pipefail
days=${RETENTION_DAYS:-400} # so that the runs of a year ago can still be looked at
if ! [[ $days =~ ^[1-9][0-9]{0,4}$ ]]; then
    echo "RETENTION_DAYS is '$days', not a number of days. Write one into .env, such as RETENTION_DAYS=400." >&2
    exit 2
fi
logs=$AIRFLOW__LOGGING__BASE_LOG_FOLDER
# The dag-processor writes a line each time it parses a DAG file, a megabyte a day; nobody needs last year's.
looks=$AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY
looks_days=$((days < 30 ? days : 30))

clean() {
    airflow db clean --clean-before-timestamp "$(date --utc --date="-$days days" +%FT%TZ)" --skip-archive \
        --error-on-cleanup-failure --yes &&
        find "$logs" -type f \( -mtime "+$days" -o -path "$looks/*" -mtime "+$looks_days" \) -print -delete &&
        # An empty directory of today may be one into which a task is about to write.
        find "$logs" -mindepth 1 -type d -empty -mtime +1 -delete
}

while true; do
    pause=86400
    if clean; then
        touch "${TMPDIR:-/tmp}/cleaned" # what the health check looks at
    else
        echo "Not everything could be removed, for the reason above; trying again in an hour." >&2
        pause=3600
    fi
    sleep "$pause"
done
