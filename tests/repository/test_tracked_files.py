"""What git tracks is source: nothing that a run left behind."""

from __future__ import annotations

import re
import subprocess

from tests.repository.tracked_files import PROJECT

LEFT_BEHIND = re.compile(r"[{}]|\.(log|db|pid|pyc)$|^(var|tmp|TMP)")


def test_nothing_that_a_run_left_behind_is_tracked() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert [name for name in listed.split("\0") if LEFT_BEHIND.search(name)] == []
