"""Paths of files of ours in texts: each names a file that is there, so that no move leaves a wrong hint behind."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.repository.tracked_files import PROJECT, tracked_files

ENDINGS = "py|toml|pbtxt|proto|config|sh|json|conf|md|yml|env|csv|txt|sql"
TOPS = "ml|serving|plugins|stack|dags|prometheus|benchmarks|docs|tests|requirements"
OURS = re.compile(rf"(?<![\w./$}}-])(?:{TOPS})/[\w./-]*?[\w-]\.(?:{ENDINGS})\b(?![\w*])")
MADE = ("serving/railway/models/",)
"""What commands make and git does not have."""


def mentions() -> Iterator[tuple[str, str]]:
    """File and path for each path of ours in a text of ours."""
    for file in tracked_files():
        if "golden" in file.parts or "recorded" in file.parts:
            continue
        if file.suffix in (".png", ".gz", ".pb") or file.parent.name == "requirements":
            continue
        try:
            text = file.read_text()
        except UnicodeDecodeError:
            continue
        for found in OURS.finditer(text):
            yield file.relative_to(PROJECT).as_posix(), found.group()


def test_every_path_in_a_text_exists() -> None:
    wrong = {
        f"{file}: {path}" for file, path in mentions() if not path.startswith(MADE) and not (PROJECT / path).exists()
    }
    assert wrong == set()


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("change ml/data/schema.pbtxt if", ["ml/data/schema.pbtxt"]),
        ("(`serving/rest/app.py`).", ["serving/rest/app.py"]),
        ("https://example.org/ml/data/x.py", []),
        ("var/ml/x.py /tests/x.py", []),
        ("serving/tensorflow_serving/*.config", []),
    ],
)
def test_what_counts_as_a_path_of_ours(text: str, paths: list[str]) -> None:
    assert OURS.findall(text) == paths
