"""docs/gate.md names the numbers of ml/config/settings.toml."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from tests.repository.tracked_files import PROJECT

PAGE = " ".join((PROJECT / "docs" / "gate.md").read_text().split())
SETTINGS: dict[str, Any] = tomllib.loads((PROJECT / "ml" / "config" / "settings.toml").read_text())
CONDITION = r"\d\. \*\*[^*]+\*\*[^*]*?\(?`\[judge\.{}\]`\)?:(.*?)(?= \d\. \*\*| ## |$)"
METRIC = r"\b([A-Z]\w+)(?: above| may be)? (\d\.\d+)"
ROWS = r"([\d,]+)(?: known)? rows \(`([a-z_]+)\.([a-z_]+)`\)"


@pytest.mark.parametrize("table", ["at_least", "at_most"])
def test_the_page_names_every_threshold(table: str) -> None:
    (condition,) = re.findall(CONDITION.format(table), PAGE)
    named = {metric: float(bound) for metric, bound in re.findall(METRIC, condition)}
    if rows := re.search(r"at least ([\d,]+) evaluation rows", condition):
        named["ExampleCount"] = float(rows[1].replace(",", ""))
    assert named == SETTINGS["judge"][table]


def test_the_page_names_the_numbers_of_rows() -> None:
    named = {(section, key): int(rows.replace(",", "")) for rows, section, key in re.findall(ROWS, PAGE)}
    assert named.keys() >= {("promote", "replay_rows")}
    assert named == {(section, key): SETTINGS[section][key] for section, key in named}


def test_the_page_names_every_setting_of_the_gate_with_its_default() -> None:
    named = dict(re.findall(r"`gate\.([a-z_]+)` = (\w+(?:\.\d+)?)", PAGE))
    assert named == {key: str(value) for key, value in SETTINGS["gate"].items()}


def test_the_page_explains_every_reason() -> None:
    source = "\n".join(path.read_text() for path in sorted((PROJECT / "ml" / "gate").glob("*.py")))
    codes = set(re.findall(r'Reason\(\s*"([a-z_]+)"', source))
    explained = set(re.findall(r"`([a-z_]+)`", " ".join(re.findall(r"\| (`[a-z_`, ]+`) \|", PAGE))))
    assert len(codes) > 20
    assert codes - explained == set()
