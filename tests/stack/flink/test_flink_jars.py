"""The jars that the cluster runs on are those of the POM, and each has a hash."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ml.storage.root import PROJECT
from stack.flink.flink_jars import class_path, runner_version
from stack.local.errors import StackError

HASHES = (PROJECT / "requirements" / "flink.sha256").read_text()


def test_the_runner_of_the_pom_is_among_the_jars_with_a_hash() -> None:
    assert f"  beam-runners-flink-1.19-{runner_version()}.jar\n" in HASHES
    assert f"  beam-runners-java-job-service-{runner_version()}.jar\n" in HASHES, "the job server"
    assert all(re.fullmatch(r"[0-9a-f]{64}  [\w.-]+\.jar", line) for line in HASHES.splitlines())


def test_jars_of_another_version_are_not_taken(tmp_path: Path) -> None:
    (tmp_path / "beam-2.1.0").mkdir()
    with pytest.raises(StackError, match=rf"beam-{runner_version()} is not there\. requirements/flink\.sh"):
        class_path(tmp_path)
    (tmp_path / f"beam-{runner_version()}").mkdir()
    assert class_path(tmp_path) == f"{tmp_path}/beam-{runner_version()}/*"
