"""docker-compose.yml as parsed, without Docker."""

from __future__ import annotations

import re
from typing import Any

import yaml

from ml.storage.root import PROJECT

COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONCE = {"airflow-init"}
LASTING = sorted(SERVICES.keys() - ONCE)
AIRFLOW = sorted(name for name in SERVICES if name.startswith("airflow-"))
OURS = {"customer-retraining:0.1.0", "customer-serving:0.1.0"}

RELEASE = r"v?\d+\.\d+(\.\d+)?"  # two parts are a release only where a name follows: 17.6-trixie, 3.13-slim-trixie
TAG = re.compile(rf"[\w./-]+:({RELEASE}-[a-z-]+\d*|v?\d+\.\d+\.\d+)(@sha256:[0-9a-f]{{64}})?")


def mounts(service: str) -> dict[str, tuple[str, bool]]:
    """Target -> source and whether it can be written."""
    found = {}
    for volume in SERVICES[service].get("volumes", []):
        if isinstance(volume, str):
            source, target, *mode = volume.split(":")
            found[target] = (source, mode != ["ro"])
        else:
            found[volume["target"]] = (volume["source"], not volume.get("read_only", False))
    return found


def interpolated(text: str, **variables: str) -> str:
    """A text of the file as Compose reads it with these variables."""

    def value(found: re.Match[str]) -> str:
        given = variables.get(found["name"], "")
        return (found["text"] if given else "") if found["mark"] == ":+" else given or found["text"]

    return re.sub(r"\$\{(?P<name>\w+)(?P<mark>:[-+])(?P<text>[^}]*)\}", value, text)


def networks_of(service: str) -> list[str]:
    """The networks that a service is on, be it by having the network of another service for its own."""
    if other := SERVICES[service].get("network_mode"):
        return networks_of(other.removeprefix("service:"))
    return list(SERVICES[service]["networks"])


def members(network: str) -> set[str]:
    """The services on it."""
    return {name for name in SERVICES if network in networks_of(name)}


def megabytes(text: str) -> int:
    """Of a memory limit such as 512m or ${STEP_MEMORY:-5g}."""
    found = re.fullmatch(r"(?:\$\{\w+:-)?(\d+)([mg])\}?", text)
    assert found, text
    return int(found[1]) * (1024 if found[2] == "g" else 1)
