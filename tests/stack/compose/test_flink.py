"""The profile flink: what it is made of fits together, and the lines of docs/scale.md send the steps there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from ml.config.settings import BeamSettings, resolve
from ml.storage.root import PROJECT
from stack.flink.cluster import JOB_MANAGER, KEPT_SECONDS, TASK_MANAGER
from stack.flink.configuration import JAVA, OPENED, RESTART_SECONDS, write_configuration
from tests.stack.compose.compose_file import SERVICES, interpolated, mounts, networks_of

FLINK = sorted(name for name in SERVICES if name.startswith("flink-"))
CONFIGURATION: dict[str, Any] = yaml.safe_load((PROJECT / "stack/compose/flink/config.yaml").read_text())
SECTION = (PROJECT / "docs/scale.md").read_text().partition("\n### In containers\n")[2].partition("\n### ")[0]
LINES = dict(line.split("=", 1) for line in SECTION.splitlines() if re.match(r"[A-Z_]+=", line))
ELSEWHERE = {"address", "bind-host", "bind-address", "host", "port", "dirs", "directory", "resolve-order"}
"""What the last words of settings are that differ between processes of one machine and containers."""


def _beam(**variables: str) -> BeamSettings:
    """What a step finds in its settings when .env holds these variables."""
    environment = {
        name: interpolated(text, **variables)
        for name, text in SERVICES["airflow-scheduler"]["environment"].items()
        if name.startswith("RETRAIN__BEAM__")
    }
    assert len(environment) == 3
    return resolve(environment=environment).beam


def _documented() -> dict[str, str]:
    """The lines of the documentation as Compose reads them from .env: without the quotes of a shell."""
    return {name: "".join(shlex.split(text)) for name, text in LINES.items() if name.startswith("RETRAIN__")}


def _options() -> dict[str, str]:
    return dict(option.removeprefix("--").split("=", 1) for option in _beam(**_documented()).options)


def test_nothing_of_flink_starts_or_is_used_unless_asked_for() -> None:
    assert len(FLINK) == 5
    assert all(SERVICES[name]["profiles"] == ["flink"] for name in FLINK)
    assert all("ports" not in SERVICES[name] and "secrets" not in SERVICES[name] for name in FLINK)
    assert all(networks_of(name) == ["flink"] for name in FLINK)
    waits = {
        other for name, service in SERVICES.items() if name not in FLINK for other in service.get("depends_on", {})
    }
    assert waits.isdisjoint(FLINK)
    assert _beam() == resolve(environment={}).beam


def test_the_documented_lines_name_services_and_ports_that_are_there() -> None:
    assert LINES["COMPOSE_PROFILES"] == "flink"
    settings, options, server = _beam(**_documented()), _options(), SERVICES["flink-job-server"]["command"]
    assert settings.runner == "PortableRunner"
    host, _, port = options["job_endpoint"].partition(":")
    assert (host, f"--job-host={host}", f"--job-port={port}") == ("flink-job-server", server[1], server[2])
    # Else a job that is cancelled goes on.
    assert f"--flink-master={options['flink_master']}" == server[0]
    assert options["flink_master"] == f"{CONFIGURATION['rest.address']}:{CONFIGURATION['rest.port']}"
    assert CONFIGURATION["rest.address"] == CONFIGURATION["jobmanager.rpc.address"] == "flink-jobmanager"
    assert "flink" in SERVICES["airflow-scheduler"]["networks"]


def test_the_workers_are_on_the_loopback_of_the_task_manager() -> None:
    options = _options()
    assert options["environment_type"] == "EXTERNAL"
    assert ["--port", options["environment_config"].removeprefix("localhost:")] == SERVICES["flink-workers"]["command"]
    node = SERVICES["flink-workers"]["network_mode"]
    assert node == SERVICES["flink-taskmanager"]["network_mode"] == "service:flink-node"
    assert SERVICES["flink-node"]["networks"] == {"flink": {"aliases": [CONFIGURATION["taskmanager.host"]]}}
    assert SERVICES["flink-workers"]["image"] == SERVICES["airflow-scheduler"]["image"], "one Python, one Beam, one ml"


def test_steps_and_workers_see_the_shards_at_one_path_and_as_one_user() -> None:
    directory = _beam(**_documented()).directory
    assert mounts("flink-workers") == {directory: ("retraining", True)}
    for name in ("airflow-scheduler", "airflow-worker"):
        assert str(Path(directory).parent) in mounts(name)
        assert directory not in mounts(name), "part of the volume that it has"
        assert SERVICES[name]["user"] == SERVICES["flink-workers"]["user"]
    made = (PROJECT / "stack/compose/airflow_init.sh").read_text()
    for name in ("flink-workers", "flink-taskmanager"):
        for volume in SERVICES[name]["volumes"]:
            if isinstance(volume, dict):
                assert f'"$RETRAIN_ROOT/{volume["volume"]["subpath"]}"' in made


def test_flink_is_configured_as_the_cluster_of_processes_that_was_tried(tmp_path: Path) -> None:
    tried = yaml.safe_load((write_configuration(tmp_path, rpc=1, rest=2, slots=2) / "config.yaml").read_text())
    same = {key: value for key, value in tried.items() if key.rpartition(".")[2] not in ELSEWHERE}
    same.pop("cluster.evenly-spread-out-slots")  # there is one TaskManager
    assert same.items() <= CONFIGURATION.items()
    assert int(_options()["environment_cache_millis"]) == 1000 * KEPT_SECONDS < 1000 * RESTART_SECONDS
    assert int(_options()["parallelism"]) == CONFIGURATION["taskmanager.numberOfTaskSlots"]


@pytest.mark.parametrize(("name", "program"), [("flink-jobmanager", JOB_MANAGER), ("flink-taskmanager", TASK_MANAGER)])
def test_java_is_started_as_in_the_cluster_of_processes(name: str, program: str) -> None:
    service = SERVICES[name]
    assert service["command"][:3] == [program, "--configDir", "/etc/flink"]
    assert mounts(name)["/etc/flink"] == ("./stack/compose/flink", False)
    words = service["environment"]["JDK_JAVA_OPTIONS"].split()
    assert set(JAVA[1:]) - {"-Dorg.slf4j.simpleLogger.showDateTime=true"} <= {*words}
    assert sum(word.startswith("--add-opens=") for word in words) == len(OPENED)


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    assert found, pattern
    return found[1]


def test_the_job_server_is_of_the_beam_in_the_image_and_of_the_flink_beside_it() -> None:
    assert int(_found(r"^ARG PYTHON=python:3\.(\d+)", (PROJECT / "Dockerfile").read_text())) >= 12
    locks = (PROJECT / "requirements/ml.txt").read_text()
    beam = _found(r"^apache-beam==(\S+) ; python_full_version >= '3\.12'", locks)
    flink = _found(r"^flink:(\d+\.\d+)\.\d+-java17$", SERVICES["flink-jobmanager"]["image"])
    assert SERVICES["flink-job-server"]["image"] == f"apache/beam_flink{flink}_job_server:{beam}"
    assert SERVICES["flink-taskmanager"]["image"] == SERVICES["flink-jobmanager"]["image"]
