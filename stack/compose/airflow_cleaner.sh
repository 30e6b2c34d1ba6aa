#!/usr/bin/env bash
# Once a day, as long as the stack is up: remove those rows and log files of Airflow that are older than RETENTION_DAYS.
# Everything else that grows has a limit of its own: runs and versions ([keep] in ml/config/settings.toml), Prometheus'
# history and the containers' logs (docker-compose.yml).
#
# A service of its own, and no DAG, because Airflow keeps its tasks away from its database; not a part of init.sh,
# because a stack that nobody stops starts once; not a command for people, because they forget. Whatever kills it, the
# next round does the rest; at worst a table _airflow_deleted__... stays, with rows that were to go (`airflow db
# drop-archived`).
set -euo pipefail
days=${RETENTION_DAYS:-400} # so that a year ago can still be looked at
if ! [[ $days =~ ^[1-9][0-9]{0,4}$ ]]; then
    echo "RETENTION_DAYS is '$days', not a number of days. Put one into .env, such as RETENTION_DAYS=400." >&2
    exit 2
fi
logs=$AIRFLOW__LOGGING__BASE_LOG_FOLDER
# The dag-processor writes a line for every look at a DAG file, a megabyte a day; nobody asks for last year's.
looks=$AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY
looks_days=$((days < 30 ? days : 30))

clean() {
    airflow db clean --clean-before-timestamp "$(date --utc --date="-$days days" +%FT%TZ)" --skip-archive \
        --error-on-cleanup-failure --yes &&
        find "$logs" -type f \( -mtime "+$days" -o -path "$looks/*" -mtime "+$looks_days" \) -print -delete &&
        # A directory of today may be empty because somebody is about to write into it.
        find "$logs" -mindepth 1 -type d -empty -mtime +1 -delete
}

while true; do
    pause=86400
    if clean; then
        touch "${TMPDIR:-/tmp}/cleaned" # what the health check looks at
    else
        echo "Not all could be removed. The reason is above; once more in an hour." >&2
        pause=3600
    fi
    sleep "$pause"
done
