"""A Prism that nobody tried with this Beam is refused, and the message says what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ml.storage.root import PROJECT
from stack.local.errors import StackError
from stack.prism.prism_version import VERSIONS, prism_program, prism_version


def test_each_locked_beam_has_its_prism() -> None:
    locked = re.findall(r"^apache-beam==(\S+)", (PROJECT / "requirements" / "ml.txt").read_text(), re.MULTILINE)
    assert locked
    assert set(locked) == VERSIONS.keys()


def test_no_prism_is_older_than_its_beam() -> None:
    for sdk, prism in VERSIONS.items():
        assert [int(part) for part in prism.split(".")] >= [int(part) for part in sdk.split(".")]


def test_another_beam_is_refused() -> None:
    with pytest.raises(StackError, match=r"apache-beam is 2\.99\.0, .* Add the Prism that goes with it to VERSIONS"):
        prism_version("2.99.0")


def test_a_prism_of_another_version_is_not_taken(tmp_path: Path) -> None:
    sdk, wanted = next(iter(VERSIONS.items()))
    (tmp_path / "prism-2.50.0").touch()
    with pytest.raises(StackError, match=rf"prism-{wanted} is not built, only prism-2\.50\.0\. requirements/prism\.sh"):
        prism_program(sdk, directory=tmp_path)
    (tmp_path / f"prism-{wanted}").touch()
    assert prism_program(sdk, directory=tmp_path) == tmp_path / f"prism-{wanted}"
