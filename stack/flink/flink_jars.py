"""Which Flink and which of Beam's runner for it; `requirements/flink.sh` fetches them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from ml.storage.root import PROJECT
from stack.local.errors import StackError

POM = PROJECT / "requirements" / "flink.pom.xml"
FETCHED = PROJECT / ".flink"
_RUNNER = "{*}dependencies/{*}dependency[{*}groupId='org.apache.beam']/{*}version"


def runner_version() -> str:
    """The version of Beam's runner for Flink."""
    version = ET.parse(POM).findtext(_RUNNER)  # noqa: S314 - a file of this repository
    if not version:
        raise StackError(f"{POM.name} names no version of Beam's runner for Flink.")
    return version


def class_path(directory: Path = FETCHED) -> str:
    """What Java takes for the path of the classes: of Flink, of Beam's runner and job server, and all that they need.

    Args:
        directory: Where the jars are, in a directory with the name of their version.

    Raises:
        StackError: They are not there in the version that requirements/flink.pom.xml names.
    """
    jars = directory / f"beam-{runner_version()}"
    if not jars.is_dir():
        raise StackError(f"{jars.name} is not there. requirements/flink.sh fetches it, with Java and Maven.")
    return f"{jars}/*"
