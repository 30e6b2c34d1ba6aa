#!/usr/bin/env bash
# Make what docker-compose.yml needs and git must not have: DIRECTORY/secrets/ and DIRECTORY/.env, which nobody else can
# read. Existing secrets are kept, so it can be run again after an update.
#   stack/compose/secrets.sh [DIRECTORY]        DIRECTORY: the project unless given
set -euo pipefail
umask 077
project=$(cd "$(dirname "$0")/../.." && pwd)
directory=${1:-$project}
mkdir -p "$directory/secrets"
directory=$(cd "$directory" && pwd)
cd "$directory/secrets"
made=()

missing() { # NAME: an empty file counts as missing; a generator once failed there
    [ ! -s "$1" ]
}
keep() { # NAME LENGTH GENERATOR...: what it prints becomes the secret of this name, unless there is one
    local name=$1 length=$2 content
    shift 2
    missing "$name" || return 0
    content=$("$@")
    if ((${#content} < length)); then
        echo "$directory/secrets/$name: '$*' made ${#content} characters instead of $length. Nothing was written." >&2
        exit 1
    fi
    printf %s "$content" >".$name.new"
    mv ".$name.new" "$name"
    made+=("$name")
}
random() { # BYTES
    head -c "$1" /dev/urandom | base64 -w 0 | tr '+/' '-_'
}
password() {
    random 24 | tr -d '=_-'
}
token() { # 256 random bits, as serving/gateway/access/tokens.py makes them
    random 32 | tr -d '='
}
token_file() { # TOKEN: as `serving.gateway token add` writes it
    local sha256
    sha256=$(printf %s "$1" | sha256sum)
    printf '{"tokens": [{"name": "first", "scopes": ["score", "outcomes", "predict"], "sha256": "%s"}]}' "${sha256%% *}"
}
yours() { # NAME: a file for you to fill
    if [ ! -e "$1" ]; then
        : >"$1"
        made+=("$1")
    fi
}

# A URL holds the password, so a new password needs new URLs.
if missing database_password; then rm -f database_url celery_result_url; fi
if missing redis_password; then rm -f celery_broker_url; fi

keep fernet_key 44 random 32 # exactly 32 bytes in URL-safe base64, with padding
keep jwt_secret 64 random 48
keep session_key 64 random 48
keep admin_password 20 password
keep grafana_password 20 password
# The gateway keeps hashes. The token itself is for you, and may be removed once whoever needs it has it.
if missing gateway_tokens; then
    rm -f gateway_token
    keep gateway_token 43 token
    keep gateway_tokens 153 token_file "$(<gateway_token)"
fi
keep grafana_secret_key 64 random 48
keep database_password 20 password
keep redis_password 20 password
database=airflow:$(<database_password)@postgres:5432/airflow
keep database_url 60 printf 'postgresql+psycopg2://%s' "$database"
keep celery_result_url 55 printf 'db+postgresql://%s' "$database"
keep celery_broker_url 40 printf 'redis://:%s@redis:6379/0' "$(<redis_password)"
yours kaggle_api_token # or leave it empty and use the Connection kaggle_default
yours alert_url        # for prometheus/alertmanager.yml
chmod 600 ./*
chmod 644 alert_url # Alertmanager has a user of its own; on this machine the directory keeps others out

# A container reads its secrets as its own user, and only the owner can read a file of mode 0600.
user=''
if [ -e ../.env ]; then user=$(sed -n 's/^AIRFLOW_UID=//p' ../.env | tail -n 1); fi
if [ -z "$user" ]; then
    user=$(id -u)
    if [ "$user" = 0 ]; then user=50000; fi
    if [ -s ../.env ] && [ -n "$(tail -c 1 ../.env)" ]; then echo >>../.env; fi
    printf '%s\n' "# Written by make secrets; read by docker compose. The owner of secrets/, as which Airflow runs:" \
        "AIRFLOW_UID=$user" >>../.env
    made+=(.env)
fi
chmod 600 ../.env
# The directory, too: `token add` in a container makes a new file in it.
if [ "$(id -u)" = 0 ]; then chown -R "$user" .; fi
strangers=$(find . -type f ! -uid "$user")
if [ -n "$strangers" ]; then
    echo "$directory/.env says AIRFLOW_UID=$user, but that user does not own" $strangers "in $directory/secrets." >&2
    echo "Run this with sudo, which gives them to $user, or remove the line from .env." >&2
    exit 1
fi

# Prometheus, Alertmanager, Flink and others read these with users of their own; a clone under umask 027 keeps them out.
chmod -R go+rX "$project/prometheus" "$project/stack/compose/flink"

if ((${#made[@]})); then
    echo "Made in $directory: ${made[*]}"
else
    echo "All secrets exist; nothing was changed."
fi
echo "Airflow: user admin, password in secrets/admin_password. Kaggle: put an API token into secrets/kaggle_api_token."
echo "Gateway: a first token is in secrets/gateway_token; more of them: docs/deploy.md."
