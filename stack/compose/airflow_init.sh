#!/usr/bin/env bash
# Before anything else starts, each time the stack comes up: the directories that others mount, Airflow's tables, its
# administrator. All of it may be repeated.
set -euo pipefail

# The model server mounts models/ alone, so it must be there first.
mkdir -p "$RETRAIN_ROOT/inbox" "$RETRAIN_ROOT/models/customer-model"

airflow db migrate

# Over standard input, because arguments can be seen by others. A user that is there keeps his password.
password=$(</run/secrets/admin_password)
printf '%s\n%s\n' "$password" "$password" | airflow users create \
    --username admin --role Admin --firstname Admin --lastname Admin --email admin@localhost.localdomain
