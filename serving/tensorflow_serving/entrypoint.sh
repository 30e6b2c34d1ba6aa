#!/bin/bash
# Runs TensorFlow Serving with the flags of the image; arguments come after them, and the last one of a name wins.
# SERVING_CONFIG is where the three .config files are, /etc/serving by default.
#
# TensorFlow Serving has no handler for SIGTERM, and a process 1 without one ignores the signal: `docker stop` would
# wait in vain and then kill it. So this shell is process 1 and passes the signal on.
set -euo pipefail
config=${SERVING_CONFIG:-/etc/serving}

# gRPC gets no port, since nothing here speaks it and every neighbour could reach it (--port=8500 opens it).
# TensorFlow Serving insists on gRPC somewhere (port 0 alone stops it), so it gets a socket in a directory that only
# this user may enter; in /dev/shm, which can be written in a read-only container too.
private=$(mktemp -d -p "${TMPDIR:-/dev/shm}")
trap 'rm -rf "$private"' EXIT

# --max_num_load_retries=0   by default a version that cannot be loaded is tried for five minutes, and blocks the next
# --allow_version_labels...  a label for a version that is not there yet must not stop the start
# ...parallelism, threads    the defaults count the host's cores, and one small network is faster on one of them
tensorflow_model_server \
  --port=0 \
  --grpc_socket_path="$private/grpc" \
  --rest_api_port=8501 \
  --rest_api_num_threads=16 \
  --rest_api_timeout_in_ms=30000 \
  --model_config_file="$config/models.config" \
  --monitoring_config_file="$config/monitoring.config" \
  --enable_batching=true \
  --batching_parameters_file="$config/batching.config" \
  --file_system_poll_wait_seconds=1 \
  --max_num_load_retries=0 \
  --allow_version_labels_for_unavailable_models=true \
  --tensorflow_intra_op_parallelism=1 \
  --tensorflow_inter_op_parallelism=2 \
  "$@" &
server=$!

asked_to_stop=''
trap 'asked_to_stop=yes; kill -TERM "$server" 2>/dev/null || true' TERM INT
status=0
wait "$server" || status=$?
# A signal ends `wait` before the server has ended.
while kill -0 "$server" 2>/dev/null; do
  status=0
  wait "$server" || status=$?
done
[[ -z $asked_to_stop ]] || status=0
exit "$status"
