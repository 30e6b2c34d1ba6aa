"""The command line: what it accepts, what it says, how it ends. No model is loaded, so TensorFlow is not either."""

import signal
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from serving.client.model_client import ModelServer
from serving.models.version_source import All, Latest, Specific
from serving.server.flags import parse
from tests.serving.live import ROOT, ServerProcess

ENTRY = "config { name: 'a' base_path: '%s' model_platform: 'tensorflow' }"


def _run(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "serving.model_server", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_port_that_is_taken_is_an_error_of_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = _run(f"--rest_api_port={port}", "--model_base_path=/nowhere")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"serving.model_server: cannot listen on 127.0.0.1:{port}: Address already in use. Stop what is using it, or "
        "choose another --rest_api_port.\n"
    )


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_the_port_is_open_without_any_version_and_a_signal_stops_the_server(signal_number: int, tmp_path: Path) -> None:
    server = ServerProcess("--model_name=m", f"--model_base_path={tmp_path / 'later'}", log=tmp_path / "log")
    try:
        assert server.said == f"Listening on {server.url} for m\n"
        assert ModelServer(server.url, "m").versions() == []
    finally:
        status = server.stop(signal_number, within=10)
    assert status == 0
    (line,) = (tmp_path / "log").read_text().splitlines()  # that there is nothing yet is said once, and nothing else
    assert line.endswith(f"m: the base path {tmp_path / 'later'} cannot be read; loaded versions stay")


def test_a_label_for_a_version_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    config = tmp_path / "models.config"
    config.write_text(
        f'model_config_list {{ config {{ name: "m" base_path: "{tmp_path}" model_platform: "tensorflow" '
        'version_labels { key: "stable" value: 3 } } }'
    )
    done = _run("--rest_api_port=0", f"--model_config_file={config}")
    assert done.returncode == 1
    assert "Request to assign label stable to version 3 of model m, which is not currently available" in done.stderr
    assert parse([f"--model_config_file={config}", "--allow_version_labels_for_unavailable_models"]).options.loading


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ((), "no model to serve. Give --model_base_path=DIR, or --model_config_file=FILE."),
        (("--model_base_pth=x",), "unknown flag '--model_base_pth=x'. Did you mean --model_base_path?"),
        (("--model_base_path=x", "stray"), "unknown flag 'stray'"),
        (("--model_base_path=x", "--rest_api_port=many"), "'many' is not a port: give a number from 0 to 65535"),
        (("--model_base_path=x", "--rest_api_port=70000"), "'70000' is not a port: give a number from 0 to 65535"),
        (("--model_base_path=",), "it is empty: give the directory of the versions"),
        (
            ("--model_base_path=/m[1]/x",),
            "has a [ in it: TensorFlow takes it for a pattern, and finds no variables. Rename",
        ),
        (("--model_base_path=m\\x",), "has a \\ in it: TensorFlow takes it for a pattern"),
        (("--model_base_path=/m\udcff/x",), "'/m\\udcff/x' is not in UTF-8, which TensorFlow needs. Rename"),
        (("--model_base_path=x", "--file_system_poll_wait_seconds=nan"), "'nan' is not a number of seconds"),
        (("--model_base_path=x", "--enable_batching=maybe"), "'maybe' is neither true nor false"),
        (("--model_base_path=x", "--max_body_bytes=0"), "'0' is less than 1"),
        (("--model_base_path=x", "--max_body_bytes=abc"), "--max_body_bytes: 'abc' is not a whole number"),
        (("--model_base_path=x", "--max_concurrent_requests=1.5"), "'1.5' is not a whole number"),
        (("--model_base_path=x", "--load_retry_interval_micros=1m"), "'1m' is not a whole number"),
        (("--model_base_path=x", "--max_receive_seconds=soon"), "'soon' is not a number of seconds"),
        (("--model_base_path=x", "--stop_grace_seconds=nan"), "'nan' is not a number of seconds"),
        (("--model_config_file=/nowhere/x",), "/nowhere/x: cannot be read (No such file or directory)"),
    ],
)
def test_a_wrong_command_line_is_an_error_of_one_line(
    flags: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        parse(flags)
    error = capsys.readouterr().err
    assert stopped.value.code == 2
    assert said in error
    assert error.count("\n") == 1


def test_the_version_can_be_printed_without_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        parse(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"TensorFlow Library: {version('tensorflow')}\n"


def test_the_version_of_tensorflow_is_looked_up_only_to_be_printed() -> None:
    code = """
import sys
from serving.server.flags import parse
read = []
sys.addaudithook(lambda event, args: read.append(str(args[0])) if event == "open" else None)
parse(["--model_base_path=x"])
print("METADATA" in str(read))
try:
    parse(["--version"])
finally:
    print("METADATA" in str(read))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"False\nTensorFlow Library: {version('tensorflow')}\nTrue\n"


def test_flags_of_tensorflow_serving_mean_the_same() -> None:
    flags = parse(
        [
            "--rest_api_port=9000",
            "-model_name=m",
            "--model_base_path=/models/m",
            "--file_system_poll_wait_seconds=5",
            "--enable_batching=false",
            "--max_num_load_retries=2",
            "--rest_api_timeout_in_ms=1500",
            "--port=8500",
            "--grpc_channel_arguments=a=b",
            "--flush_filesystem_caches",
            "--num_request_iterations_for_warmup=3",
        ]
    )
    options = flags.options
    assert (flags.host, flags.port) == ("127.0.0.1", 9000)
    assert [(model.name, model.base_path, model.policy) for model in options.models] == [
        ("m", Path("/models/m"), Latest(1))
    ]
    assert (options.enable_batching, options.limits.answer_seconds) == (False, 1.5)
    assert (options.loading.poll_seconds, options.loading.max_load_retries, options.loading.warm_up_rounds) == (5, 2, 3)
    assert parse(["--model_base_path=x", "--enable_model_warmup=false"]).options.loading.warm_up_rounds == 0
    assert flags.ignored == ["port", "grpc_channel_arguments", "flush_filesystem_caches"]
    assert parse(["--model_base_path=x", "--enable_batching"]).options.enable_batching is True
    threads = ["--tensorflow_session_parallelism=4", "--tensorflow_intra_op_parallelism=2"]
    assert parse(["--model_base_path=x", *threads]).options.loading.threads == 2


def test_a_model_config_file_lists_models_policies_and_labels(tmp_path: Path) -> None:
    config = tmp_path / "models.config"
    config.write_text("""
        model_config_list {
          config { name: "a" base_path: "/a" model_platform: "tensorflow" model_version_policy { all {} } }
          config { name: "b" base_path: "/b" model_platform: "tensorflow"
                   model_version_policy { specific { versions: 2 versions: 4 } }
                   version_labels { key: "stable" value: 2 } }
          config { name: "c" base_path: "/c" model_type: TENSORFLOW
                   model_version_policy { latest { num_versions: 3 } } }
          config { name: "d" base_path: "/d" model_platform: "tensorflow" }
        }""")
    models = parse([f"--model_config_file={config}"]).options.models
    assert [model.policy for model in models] == [All(), Specific(frozenset({2, 4})), Latest(3), Latest(1)]
    assert models[1].labels == {"stable": 2}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model_config_list { config { name: 'a' } }", "a model lacks its name or its base_path"),
        ("model_config_list { konfig { } }", 'has no field named "konfig"'),
        ("", "there is no model_config_list in it"),
        (f"model_config_list {{ {ENTRY % '/a'} {ENTRY % '/b'} }}", "once"),
        (f"model_config_list {{ {ENTRY % 'models/a'} }}", "has the base_path 'models/a'. Write an absolute one."),
        (f"model_config_list {{ {ENTRY % '/a[1]'} }}", "model 'a': base_path: '/a[1]' has a [ in it"),
        (
            "model_config_list { config { name: 'a' base_path: '/a' } }",
            "'no platform'. Write model_platform: 'tensorflow'",
        ),
        ("model_config_list { config { name: 'a' base_path: '/a' model_platform: 'caffe' } }", "is for 'caffe'"),
        (f"model_config_list {{ {ENTRY.replace('}', 'model_type: TENSORFLOW }') % '/a'} }}", "Write model_platform"),
    ],
)
def test_a_wrong_model_config_file_is_named(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "models.config"
    config.write_text(text)
    with pytest.raises(SystemExit):
        parse([f"--model_config_file={config}"])
    error = capsys.readouterr().err
    assert str(config) in error
    assert said in error


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("prometheus_config { enable: true }", "/monitoring/prometheus/metrics"),
        ('prometheus_config { enable: true path: "/metrics" }', "/metrics"),
        ("prometheus_config { enable: false }", None),
        ("", None),
    ],
)
def test_a_monitoring_config_file_says_where_the_metrics_are(text: str, path: str | None, tmp_path: Path) -> None:
    config = tmp_path / "monitoring.config"
    config.write_text(text)
    flags = parse(["--model_base_path=x", f"--monitoring_config_file={config}"])
    assert flags.options.metrics_path == path


def test_light_modules_load_neither_tensorflow_nor_numpy() -> None:
    modules = "serving, serving.client.model_client, serving.server.embedded"
    code = f"import sys, {modules}; print({{'tensorflow', 'numpy'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_command_does_not_load_tensorflow_before_its_port_is_open() -> None:
    code = "import sys, serving.model_server; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
