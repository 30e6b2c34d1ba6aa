#!/bin/bash
# Healthy means that the status URL answers 200 and a version is AVAILABLE; before the first version it is unhealthy.
#
#   healthcheck.sh [MODEL [PORT]]
#
# It needs bash alone, since the image of TensorFlow Serving has neither curl nor Python.
set -uo pipefail
model=${1:-customer-model}
port=${2:-8501}
end=$((SECONDS + 4)) # a server that drips its answer is not healthy either

fail() {
  echo "unhealthy: $1"
  exit 1
}

{ exec 3<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || fail "nothing listens on port $port"
printf 'GET /v1/models/%s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "$model" >&3 2>/dev/null ||
  fail "the server on port $port closed the connection"

status=''
while ((SECONDS < end)) && IFS= read -r -t 2 line <&3; do
  line=${line%$'\r'}
  [[ -n $status ]] || status=$line
  if [[ $status == 'HTTP/1.'?' 200 '* && $line =~ \"state\":\ *\"AVAILABLE\" ]]; then
    echo "healthy: a version of $model is AVAILABLE"
    exit 0
  fi
done
fail "no version of $model is AVAILABLE (${status:-no answer})"
