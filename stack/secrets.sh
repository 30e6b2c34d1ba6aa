#!/usr/bin/env bash
# Make what docker-compose.yml needs and git must not have: DIRECTORY/secrets/ and DIRECTORY/.env, readable for nobody
# else. What is there is kept, so it can be called again after an update.
#   stack/secrets.sh [DIRECTORY]        DIRECTORY: the project unless given
set -euo pipefail
umask 077
directory=${1:-$(dirname "$0")/..}
mkdir -p "$directory/secrets"
directory=$(cd "$directory" && pwd)
cd "$directory/secrets"
made=()

keep() { # NAME: standard input becomes the secret of this name, unless there is one
    if [ ! -e "$1" ]; then
        cat >".$1.new"
        mv ".$1.new" "$1"
        made+=("$1")
    fi
}
random() { # BYTES
    head -c "$1" /dev/urandom | base64 -w 0 | tr '+/' '-_'
}
password() {
    random 24 | tr -d '=_-'
}

keep fernet_key < <(random 32) # exactly 32 bytes in URL-safe base64, with padding
keep jwt_secret < <(random 48)
keep session_key < <(random 48)
keep admin_password < <(password)
keep grafana_password < <(password)
keep database_password < <(password)
keep redis_password < <(password)
database=airflow:$(<database_password)@postgres:5432/airflow
keep database_url < <(printf 'postgresql+psycopg2://%s' "$database")
keep celery_result_url < <(printf 'db+postgresql://%s' "$database")
keep celery_broker_url < <(printf 'redis://:%s@redis:6379/0' "$(<redis_password)")
keep kaggle_api_token </dev/null # yours to fill, or leave it empty and use the Connection kaggle_default
chmod 600 ./*

# A container reads its secrets with the rights of its user, and a file of mode 0600 lets only the owner.
user=$(id -u)
if [ "$user" = 0 ]; then
    user=50000
    chown "$user" ./*
fi
if ! grep -qs '^AIRFLOW_UID=' ../.env; then
    printf '%s\n' "# Written by make secrets; read by docker compose. The owner of secrets/, as which Airflow runs:" \
        "AIRFLOW_UID=$user" >>../.env
    made+=(.env)
fi
chmod 600 ../.env

if ((${#made[@]})); then
    echo "Made in $directory: ${made[*]}"
else
    echo "All secrets are there; nothing was changed."
fi
echo "Airflow: user admin, password in secrets/admin_password. Kaggle: put an API token into secrets/kaggle_api_token."
