"""What a security review would ask of docker-compose.yml, and what only a first start would show."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ml.config.settings import resolve
from ml.storage.root import PROJECT
from serving.gateway.access import command
from serving.gateway.options import Options, parse
from tests.stack.compose.compose_file import (
    AIRFLOW,
    COMPOSE,
    LASTING,
    OURS,
    SERVICES,
    TAG,
    interpolated,
    megabytes,
    mounts,
)

WRITTEN_BY_THE_GATEWAY = {f"/var/lib/retraining/{name}" for name in ("lists", "record", "outcomes")}
# Entry points that begin as root, and what they need for becoming somebody else (in addition to nothing).
CAPABILITIES = {
    "postgres": {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"},
    "redis": {"CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID"},
}
# Who has the network of another service for its own; everybody else has a network namespace.
ONE_NETWORK = {"flink-taskmanager": "service:flink-node", "flink-workers": "service:flink-node"}
LOG_DIRECTORIES = ("BASE_LOG_FOLDER", "DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY")


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert set(service.get("cap_add", [])) == CAPABILITIES.get(name, set())
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert service["pids_limit"] <= 512
    assert not service.get("privileged")
    assert service.get("network_mode") == ONE_NETWORK.get(name)
    assert {"pid", "ipc", "devices", "cgroup_parent"}.isdisjoint(service)
    assert all("docker.sock" not in source for source, _ in mounts(name).values())


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_has_limits(name: str) -> None:
    service = SERVICES[name]
    assert 64 <= megabytes(service["mem_limit"]) <= 5 * 1024
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert "stop_grace_period" in service
    for tmpfs in service.get("tmpfs", []):
        assert re.search(r"\bsize=\d+[mg]\b", tmpfs), f"{tmpfs} could fill the memory"


@pytest.mark.parametrize("name", LASTING)
def test_a_lasting_service_is_restarted_and_has_a_health_check(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    check = service["healthcheck"]
    assert {"test", "interval", "timeout", "start_period", "retries"} <= check.keys()
    assert check["test"][0] == "CMD"
    assert not re.search(r"\|\| *(true|:)|exit 0$", " ".join(check["test"])), "it can never fail"


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned(name: str) -> None:
    image = SERVICES[name]["image"]
    assert TAG.fullmatch(image), image
    if image in OURS:
        assert "build" in SERVICES[name] or SERVICES[name]["pull_policy"] == "never"


@pytest.mark.parametrize("file", ["Dockerfile", "serving/tensorflow_serving/Dockerfile"])
def test_bases_of_our_images_are_pinned(file: str) -> None:
    text = (PROJECT / file).read_text()
    stages = re.findall(r"^FROM \S+ AS (\w+)", text, re.MULTILINE)
    arguments = re.findall(r"^ARG PYTHON=(\S+)", text, re.MULTILINE)
    bases = [base for base in re.findall(r"^FROM (\S+)", text, re.MULTILINE) if base not in (*stages, "${PYTHON}")]
    assert arguments or bases
    for base in [*arguments, *bases]:
        assert TAG.fullmatch(base), base


def test_models_are_written_by_the_steps_alone() -> None:
    # Who writes there sees nothing else of it that can be written.
    apart = WRITTEN_BY_THE_GATEWAY | {"/var/lib/retraining/beam", "/var/lib/retraining/flink"}
    writers = {
        name
        for name in SERVICES
        for target, (source, write) in mounts(name).items()
        if source == "retraining" and write and target not in apart
    }
    assert writers == {"airflow-init", "airflow-scheduler", "airflow-worker"}
    assert mounts("retrain-exporter") == {"/var/lib/retraining": ("retraining", False)}
    # The model server sees the models and not the customers they were made from.
    [volume] = SERVICES["serving"]["volumes"]
    assert volume["read_only"]
    assert volume["volume"] == {"subpath": "models"}


def test_the_gateway_alone_writes_what_it_knows_of_customers() -> None:
    of_gateway = {target: write for target, (source, write) in mounts("gateway").items() if source == "retraining"}
    assert {target for target, write in of_gateway.items() if write} == WRITTEN_BY_THE_GATEWAY
    for name in ("airflow-scheduler", "airflow-worker"):
        for target in WRITTEN_BY_THE_GATEWAY - {"/var/lib/retraining/lists"}:
            assert mounts(name)[target] == ("retraining", False), "they read it"
    for volume in (volume for name in SERVICES for volume in SERVICES[name].get("volumes", [])):
        if isinstance(volume, dict):
            assert volume["volume"] == {"subpath": Path(volume["target"]).name}
    made = (PROJECT / "stack/compose/airflow_init.sh").read_text()
    assert 'mkdir -p "$RETRAIN_ROOT/lists" "$RETRAIN_ROOT/record" "$RETRAIN_ROOT/outcomes"' in made
    assert 'chmod 700 "$RETRAIN_ROOT/lists" "$RETRAIN_ROOT/record" "$RETRAIN_ROOT/outcomes"' in made


@pytest.mark.parametrize(
    ("variables", "record", "outcomes", "days"),
    [
        ({}, None, None, 30),
        ({"GATEWAY_RECORD": "1", "GATEWAY_RECORD_DAYS": "7"}, "/var/lib/retraining/record", None, 7),
        ({"GATEWAY_OUTCOMES": "1"}, None, "/var/lib/retraining/outcomes", 30),
    ],
)
def test_record_and_outcomes_are_off_until_a_variable_turns_each_on(
    tmp_path: Path, variables: dict[str, str], record: str | None, outcomes: str | None, days: int
) -> None:
    written = _gateway_options(tmp_path, **variables).written_down
    assert (str(written.outcomes) if written.outcomes else None) == outcomes
    if record is None:
        assert written.record is None
    else:
        assert written.record is not None
        assert (written.record.directory, written.record.days) == (record, days)
    for place, name in ((record, "record"), (outcomes, "outcomes")):
        if place is not None:
            assert Path(place) == Path("/var/lib/retraining") / getattr(resolve(environment={}).feedback, name)


def test_outcomes_join_the_training_set_only_when_a_variable_says_so() -> None:
    for name in ("airflow-scheduler", "airflow-worker"):
        said = SERVICES[name]["environment"]["RETRAIN__FEEDBACK__JOIN_TRAINING"]
        for variables, joins in (({}, False), ({"RETRAIN_JOIN_OUTCOMES": "true"}, True)):
            environment = {"RETRAIN__FEEDBACK__JOIN_TRAINING": interpolated(said, **variables)}
            assert resolve(environment=environment).feedback.join_training is joins


def _gateway_options(tmp_path: Path, **variables: str) -> Options:
    tokens = tmp_path / "tokens"
    assert command.main(["add", "first", "--scope=score", f"--file={tokens}"]) == 0
    words = (interpolated(word, **variables) for word in SERVICES["gateway"]["command"])
    return parse([word.replace("/run/secrets/gateway_tokens", str(tokens)) for word in words])


def test_the_gateway_asks_for_tokens_and_sees_releases_and_what_it_writes_alone(tmp_path: Path) -> None:
    service = SERVICES["gateway"]
    releases, lists, *_ = service["volumes"]
    assert releases["read_only"]
    assert releases["volume"] == {"subpath": "releases"}
    assert releases["target"] == "/var/lib/retraining/releases", "below RETRAIN_ROOT of the image"
    assert not lists.get("read_only")
    assert lists["volume"] == {"subpath": "lists"}
    options = _gateway_options(tmp_path)
    assert options.tokens is not None
    assert [token.name for token in options.tokens.tokens()] == ["first"]
    assert (options.port, options.upstream.host, options.upstream.port) == (8600, "model-server", 8501)
    assert options.encryption.published_on_loopback, "its port is published on 127.0.0.1 only"
    assert options.models[0] == resolve(environment={}).serving.model
    assert options.spool.parent == Path("/tmp"), "in memory, where nothing stays"
    assert Path(lists["target"]) == Path("/var/lib/retraining") / options.kept.lists.name
    assert service["secrets"] == ["gateway_tokens"]


def test_files_of_the_project_are_mounted_read_only_and_exist() -> None:
    for name in SERVICES:
        for source, write in mounts(name).values():
            if source.startswith("."):
                assert not write, f"{name}: {source}"
                assert (PROJECT / source).exists(), f"{name}: {source}"
    volumes = {source for name in SERVICES for source, _ in mounts(name).values() if not source.startswith(".")}
    assert volumes == COMPOSE["volumes"].keys()


def test_no_service_waits_for_the_model_server_or_for_monitoring() -> None:
    for name, service in SERVICES.items():
        waits = service.get("depends_on", {})
        of_flink = {other for other in waits if name.startswith("flink-") and other.startswith("flink-")}
        assert waits.keys() - of_flink <= {"postgres", "redis", "airflow-init"}, name
        for other, how in waits.items():
            # Healthy where there is a check, done where it ends: never merely started.
            ready = "service_completed_successfully" if other == "airflow-init" else "service_healthy"
            assert how["condition"] == ready


@pytest.mark.parametrize("name", AIRFLOW)
def test_airflow_services_share_one_configuration(name: str) -> None:
    service = SERVICES[name]
    common = SERVICES["airflow-api-server"]["environment"]
    assert common.items() <= service["environment"].items()
    assert {"fernet_key", "jwt_secret", "session_key", "database_url"} <= set(service["secrets"])
    assert service["env_file"] == ["prometheus/airflow.env"]
    assert common["AIRFLOW__API_AUTH__JWT_SECRET_CMD"] == "cat /run/secrets/jwt_secret"
    assert common["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"].startswith("http://airflow-api-server:8080/")
    assert "SimpleAuthManager" not in common["AIRFLOW__CORE__AUTH_MANAGER"]


def test_no_secret_is_in_the_file() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|TOKEN|FERNET|_KEY|CONN|BROKER|BACKEND", variable):
                assert re.fullmatch(r"(cat )?/run/secrets/\w+", value), f"{name}: {variable}"
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": "${SECRETS:-./secrets}/" + name}
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    assert used == COMPOSE["secrets"].keys()


def test_only_steps_and_set_up_have_further_secrets() -> None:
    holders = {
        secret: {name for name, service in SERVICES.items() if secret in service.get("secrets", [])}
        for secret in ("kaggle_api_token", "admin_password", "grafana_password", "database_password", "alert_url")
    }
    assert holders == {
        "kaggle_api_token": {"airflow-scheduler", "airflow-worker"},
        "admin_password": {"airflow-init"},
        "grafana_password": {"grafana"},
        "database_password": {"postgres"},
        "alert_url": {"alertmanager"},
    }


def test_services_that_send_news_have_the_setting_the_runs_and_a_way_out() -> None:
    caller = SERVICES["airflow-dag-processor"]
    assert caller["environment"]["RETRAIN_NOTIFY"] == "${RETRAIN_NOTIFY:-}"
    assert mounts("airflow-dag-processor")["/var/lib/retraining"] == ("retraining", False)
    assert "out" in caller["networks"]


def test_no_log_grows_in_memory() -> None:
    logs = SERVICES["airflow-dag-processor"]["environment"]
    for name in LOG_DIRECTORIES:
        assert f"{logs[f'AIRFLOW__LOGGING__{name}']}/".startswith("/var/log/airflow/")
    assert mounts("airflow-dag-processor")["/var/log/airflow"] == ("airflow-logs", True)


def _healthy(models: Path) -> bool:
    [shell, option, script] = SERVICES["serving"]["healthcheck"]["test"][1:]
    script = script.replace("/models/", f"{models}/").replace("exec healthcheck.sh", "exit 7")
    return subprocess.run([shell, option, script], capture_output=True, timeout=30, check=False).returncode == 0


def test_the_model_server_without_its_volume_is_not_healthy(tmp_path: Path) -> None:
    assert not _healthy(tmp_path), "an empty mount"
    (tmp_path / "customer-model").mkdir()
    assert _healthy(tmp_path), "before the first version"
    (tmp_path / "customer-model" / "1").mkdir()
    assert not _healthy(tmp_path), "what the server itself says"


def test_everything_that_grows_has_a_limit() -> None:
    cleaner = SERVICES["airflow-cleaner"]
    assert cleaner["environment"]["RETENTION_DAYS"] == "${RETENTION_DAYS:-400}"
    assert mounts("airflow-cleaner") == {"/var/log/airflow": ("airflow-logs", True)}
    assert cleaner["networks"] == ["airflow"]
    assert any(word.startswith("--storage.tsdb.retention.size=") for word in SERVICES["prometheus"]["command"])


def test_profiles_add_and_never_replace() -> None:
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == {
        "grafana": ["grafana"],
        "redis": ["celery"],
        "airflow-worker": ["celery"],
        **{name: ["flink"] for name in SERVICES if name.startswith("flink-")},
    }
    scheduler, worker = SERVICES["airflow-scheduler"], SERVICES["airflow-worker"]
    for same in ("image", "environment", "secrets", "volumes", "networks", "mem_limit"):
        assert scheduler[same] == worker[same], same


def _compose() -> list[str]:
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        return ["docker", "compose"]
    pytest.skip("no docker compose on this machine")


def _config(directory: Path, *profiles: str) -> subprocess.CompletedProcess[str]:
    options = [word for profile in profiles for word in ("--profile", profile)]
    files = ["-f", str(PROJECT / "docker-compose.yml"), "--env-file", str(directory / ".env")]
    return subprocess.run(
        [*_compose(), *files, *options, "config", "--format", "json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_docker_compose_accepts_the_file_and_starts_nothing_without_secrets(tmp_path: Path) -> None:
    (tmp_path / ".env").touch()
    refused = _config(tmp_path)
    assert refused.returncode != 0
    assert "make secrets" in refused.stderr
    (tmp_path / ".env").write_text("AIRFLOW_UID=1234\n")
    accepted = _config(tmp_path, "celery", "grafana", "flink")
    assert accepted.returncode == 0, accepted.stderr
    services: dict[str, Any] = json.loads(accepted.stdout)["services"]
    assert services.keys() == SERVICES.keys()
    assert {port["host_ip"] for service in services.values() for port in service.get("ports", [])} == {"127.0.0.1"}
