"""One server process for all tests that need the command line, and models made once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.live import GOLDEN, RECEIVE_SECONDS, STARTED_WITHIN, ServerProcess, eventually

_MODELS = ("customer-model", "customer-flat", "customer-strict", "customer-example")


@pytest.fixture(scope="session")
def golden_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """All golden models behind one server, configured as when the exchanges were recorded."""
    where = tmp_path_factory.mktemp("golden-server")
    both = where / "both"
    both.mkdir()
    for number, source in ((1, GOLDEN / "models/customer-model/1"), (2, GOLDEN / "staging/customer-model/2")):
        (both / str(number)).symlink_to(source)
    entries = [_entry(name, GOLDEN / "models" / name) for name in _MODELS[1:]]
    entries += [
        _entry(_MODELS[0], GOLDEN / "models" / _MODELS[0], 'version_labels { key: "stable" value: 1 }'),
        _entry("every", both, "model_version_policy { all {} }"),
        _entry("specific", both, "model_version_policy { specific { versions: 1 versions: 7 } }"),
        _entry(
            "two",
            both,
            "model_version_policy { latest { num_versions: 2 } }",
            *(
                f'version_labels {{ key: "{label}" value: {number} }}'
                for label, number in (("stable", 1), ("canary", 2))
            ),
        ),
    ]
    config = where / "models.config"
    config.write_text("\n".join(["model_config_list {", *entries, "}"]))
    monitoring = where / "monitoring.config"
    monitoring.write_text('prometheus_config { enable: true path: "/monitoring/prometheus/metrics" }\n')
    server = ServerProcess(
        f"--model_config_file={config}",
        f"--monitoring_config_file={monitoring}",
        "--grpc_max_threads=4",
        f"--max_receive_seconds={RECEIVE_SECONDS}",
        log=where / "log",
    )
    try:
        eventually(lambda: "serving two version 1" in server.log.read_text(), within=STARTED_WITHIN)
        yield server
    finally:
        server.stop()


def _entry(name: str, base_path: Path, *more: str) -> str:
    return f'config {{ name: "{name}" base_path: "{base_path}" model_platform: "tensorflow" {" ".join(more)} }}'


@pytest.fixture
def base_path(tmp_path: Path) -> Path:
    path = tmp_path / "customer-model"
    path.mkdir()
    return path


@pytest.fixture(scope="session")
def tensorflow_here() -> None:
    """TensorFlow in this process, imported where its own warnings do no harm."""
    import serving.models.saved_model  # noqa: F401
