#!/bin/bash
# Listens on $PORT of all interfaces, and answers with the version in the image.
#
#   PORT            set by Railway
#   SERVING_TOKEN   if set, every prediction needs "Authorization: Bearer ..."; if not, the endpoint is public
#
# Three processes: TensorFlow Serving on an inner port, before it a guard against JSON that nests too deep, before that
# nginx. When one ends, the container ends.
set -euo pipefail

refuse() {
  echo "railway: $1" >&2
  exit 2
}

inner_port=${SERVING_INNER_PORT:-18501}
guard_port=${SERVING_GUARD_PORT:-18502}
port=${PORT-8080}
if ! [[ $port =~ ^[0-9]{1,5}$ ]] || ((10#$port < 1 || 10#$port > 65535)); then
  refuse "PORT is '$port', not a port number."
fi
[[ $inner_port != "$guard_port" ]] || refuse "SERVING_INNER_PORT and SERVING_GUARD_PORT are both $guard_port."
[[ $port != "$inner_port" && $port != "$guard_port" ]] || refuse "PORT $port is used inside; choose another."

if [[ -v SERVING_TOKEN ]]; then
  # No other characters: the token goes into a regular expression of nginx.
  [[ $SERVING_TOKEN =~ ^[A-Za-z0-9_-]{16,200}$ ]] ||
    refuse 'SERVING_TOKEN must be 16 to 200 letters, digits, "-" or "_" (openssl rand -hex 24). Or remove it.'
  token=$SERVING_TOKEN
  allowed_by_default=0
else
  echo 'railway: the endpoint is public. Set SERVING_TOKEN to close it.' >&2
  token='(?!)' # matches nothing
  allowed_by_default=1
fi
unset SERVING_TOKEN # none of the children needs it in its environment

listen6=''
[[ ! -e /proc/net/if_inet6 ]] || listen6="listen [::]:$port ipv6only=on;"

umask 077
state=$(mktemp -d)
here=$(dirname "$(readlink -f "$0")")
conf=$(<"$here/nginx.conf")
conf=${conf//@PORT@/$port}
conf=${conf//@LISTEN6@/$listen6}
conf=${conf//@TOKEN@/$token}
conf=${conf//@ALLOWED_BY_DEFAULT@/$allowed_by_default}
conf=${conf//@SERVER@/127.0.0.1:$guard_port}
conf=${conf//@STATE@/$state}
printf '%s\n' "$conf" >"$state/nginx.conf"

# Batching is off: a stranger's bad request must not spoil the answers of others (serving/tensorflow_serving/batching.config).
TMPDIR=$state entrypoint.sh --rest_api_port="$inner_port" --enable_batching=false --batching_parameters_file= &
server=$!
depth_guard "127.0.0.1:$guard_port" "127.0.0.1:$inner_port" &
guard=$!
nginx -c "$state/nginx.conf" -p "$state/" &
door=$!

asked_to_stop=''
stop() {
  kill -TERM "$door" "$guard" "$server" 2>/dev/null || true
}
trap 'asked_to_stop=yes; stop' TERM INT

status=0
wait -n "$server" "$guard" "$door" || status=$?
stop
wait "$server" "$guard" "$door" || true
[[ -z $asked_to_stop ]] || exit 0
echo "railway: TensorFlow Serving, the guard before it or nginx ended with status $status." >&2
((status != 0)) || status=1 # an unexpected end is a failure, whatever the exit status of the process
exit "$status"
