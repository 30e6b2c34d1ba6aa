#!/usr/bin/env bash
# Runs before anything else each time the stack comes up: makes the directories that others mount, Airflow's tables and
# its administrator. All of it may be repeated.
set -euo pipefail

# The model server mounts models/ alone, the gateway releases/ and what it writes, so they must be there first.
mkdir -p "$RETRAIN_ROOT/inbox" "$RETRAIN_ROOT/models/customer-model" "$RETRAIN_ROOT/releases"
mkdir -p "$RETRAIN_ROOT/lists" "$RETRAIN_ROOT/record" "$RETRAIN_ROOT/outcomes"
# The gateway keeps no customers where others could read them.
chmod 700 "$RETRAIN_ROOT/lists" "$RETRAIN_ROOT/record" "$RETRAIN_ROOT/outcomes"
# Rows of customers on their way, for the profile flink.
mkdir -p "$RETRAIN_ROOT/beam" "$RETRAIN_ROOT/flink"
chmod 700 "$RETRAIN_ROOT/beam" "$RETRAIN_ROOT/flink"

airflow db migrate

# The password goes over standard input, because others can see arguments. An existing user keeps his password.
password=$(</run/secrets/admin_password)
printf '%s\n%s\n' "$password" "$password" | airflow users create \
    --username admin --role Admin --firstname Admin --lastname Admin --email admin@localhost.localdomain

# Without this permission nobody but administrators sees the models page in the navigation and as a tab. The page itself
# asks for the permission to see the DAG.
airflow roles add-perms Viewer User --action can_read --resource Plugins
