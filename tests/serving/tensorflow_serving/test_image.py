"""What the image of TensorFlow Serving adds: configuration, entry script and health check, with our server inside."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.client.model_client import ModelServer
from serving.models.version_source import Latest
from serving.server.model_config import read_model_config
from serving.server.monitoring_config import monitoring_config
from tests.serving.live import GOLDEN, STARTED_WITHIN, eventually
from tests.serving.tensorflow_serving.image import IMAGE, free_port, write_config, write_stand_in

MODEL = "customer-model"
Container = tuple[subprocess.Popen[bytes], int, Path, list[str]]
"""The entry script's process, its REST port, the model's base path, and what the server was called with."""


def check_health(port: int, model: str = MODEL) -> tuple[int, str]:
    """Exit status and words of the health check."""
    done = subprocess.run(
        [IMAGE / "healthcheck.sh", model, str(port)], capture_output=True, text=True, timeout=20, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.strip()


def test_the_models_that_the_image_serves() -> None:
    [model] = read_model_config(IMAGE / "models.config")
    assert (model.name, model.base_path, model.policy) == (MODEL, Path("/models/customer-model"), Latest(1))
    from google.protobuf import text_format
    from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

    config = text_format.Parse((IMAGE / "models.config").read_text(), ModelServerConfig())
    assert [entry.name for entry in config.model_config_list.config] == [MODEL]


def test_the_metrics_page_is_where_prometheus_looks() -> None:
    from google.protobuf import text_format

    config = text_format.Parse((IMAGE / "monitoring.config").read_text(), monitoring_config()())
    assert config.prometheus_config.enable
    assert config.prometheus_config.path == "/monitoring/prometheus/metrics"


def test_batching_never_waits_and_takes_large_requests() -> None:
    from google.protobuf import text_format

    config = text_format.Parse((IMAGE / "batching.config").read_text(), _batching_parameters()())
    assert config.batch_timeout_micros.value == 0
    assert config.max_batch_size.value >= 1000
    assert config.num_batch_threads.value >= 1
    assert config.max_enqueued_batches.value >= 1


def _batching_parameters() -> Any:
    """BatchingParameters, which `tensorflow-serving-api` leaves out.

    Source: tensorflow_serving/servables/tensorflow/session_bundle_config.proto.
    """
    from google.protobuf import wrappers_pb2
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message_factory import GetMessageClass

    file = FileDescriptorProto(
        name="batching.proto", package="t", syntax="proto3", dependency=["google/protobuf/wrappers.proto"]
    )
    message = file.message_type.add(name="BatchingParameters")
    fields = ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads")
    for number, name in enumerate(fields, start=1):
        message.field.add(
            name=name,
            number=number,
            type=FieldDescriptorProto.TYPE_MESSAGE,
            label=FieldDescriptorProto.LABEL_OPTIONAL,
            type_name=".google.protobuf.Int64Value",
        )
    pool = DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("t.BatchingParameters"))


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    """The entry script with the image's configuration, and our server in the place of TensorFlow Serving."""
    record = write_stand_in(tmp_path / "bin")
    base, port = tmp_path / "models" / MODEL, free_port()
    base.mkdir(parents=True)
    environment = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "SERVING_CONFIG": str(write_config(tmp_path))}
    environment["TMPDIR"] = str(tmp_path)
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [IMAGE / "entrypoint.sh", f"--rest_api_port={port}"],
            env=os.environ | environment | {"PYTHONWARNINGS": ""},
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
    try:
        eventually(lambda: check_health(port)[1] != f"unhealthy: nothing listens on port {port}", within=STARTED_WITHIN)
        yield process, port, base, json.loads(record.read_text())
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_the_container_lives_from_no_version_to_a_good_one_and_stops_when_told(
    container: Container,
) -> None:
    process, port, base, arguments = container
    assert "--max_num_load_retries=0" in arguments
    assert "--allow_version_labels_for_unavailable_models=true" in arguments
    assert "--port=0" in arguments, "gRPC has no port"
    [grpc] = [Path(argument.partition("=")[2]) for argument in arguments if "grpc_socket_path" in argument]
    assert grpc.parent.stat().st_mode & 0o777 == 0o700
    assert check_health(port) == (1, f"unhealthy: no version of {MODEL} is AVAILABLE (HTTP/1.1 200 OK)")
    (base / "1").mkdir()  # empty: it can never be loaded, and must not block the next one
    server = ModelServer(f"http://127.0.0.1:{port}")
    eventually(lambda: [status.state for status in server.versions()] == ["END"])
    assert check_health(port)[0] == 1
    shutil.copytree(GOLDEN / "models" / MODEL / "1", base / "tmp-2")
    (base / "tmp-2").rename(base / "2")
    server.wait_available(2, deadline=60)
    assert check_health(port) == (0, f"healthy: a version of {MODEL} is AVAILABLE")
    assert check_health(port, "other-model")[0] == 1
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert check_health(port) == (1, f"unhealthy: nothing listens on port {port}")
    assert not grpc.parent.exists()


def test_a_server_that_dies_takes_the_container_with_it_and_its_exit_status(tmp_path: Path) -> None:
    program = tmp_path / "tensorflow_model_server"
    program.write_text("#!/bin/sh\nexit 7\n")
    program.chmod(0o755)
    done = subprocess.run(
        [IMAGE / "entrypoint.sh"],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)},
        timeout=20,
        check=False,
    )
    assert done.returncode == 7


def test_a_server_that_accepts_and_never_answers_is_unhealthy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert check_health(silent.getsockname()[1]) == (
            1,
            f"unhealthy: no version of {MODEL} is AVAILABLE (no answer)",
        )


def test_the_image_is_pinned_not_root_and_can_be_unhealthy() -> None:
    lines = (IMAGE / "Dockerfile").read_text().splitlines()
    instructions = [line for line in lines if line and not line.startswith("#")]
    assert "FROM tensorflow/serving:2.19.1" in instructions
    assert any(re.fullmatch(r"USER [1-9]\d*:[1-9]\d*", line) for line in instructions)
    assert any(line.startswith("HEALTHCHECK") and 'CMD ["healthcheck.sh"]' in line for line in instructions)
    for name in ("models.config", "monitoring.config", "batching.config", "entrypoint.sh", "healthcheck.sh"):
        assert (IMAGE / name).is_file()
        assert any(line.startswith("COPY") and name in line for line in instructions)
