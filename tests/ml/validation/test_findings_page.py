"""docs/findings.md shows what validation really says of damaged data, and whether it blocks."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.storage.root import PROJECT
from tests.ml.validation.damaged_data import DAMAGES, findings_of

pytestmark = pytest.mark.usefixtures("libraries")
PAGE = PROJECT / "docs" / "findings.md"


def rows_of_the_page() -> list[list[str]]:
    """Kind, sentence, severity, cure of each row of the page's first table."""
    lines = PAGE.read_text().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]


@pytest.mark.parametrize("name", DAMAGES)
def test_the_page_has_the_very_sentence_and_its_severity(name: str, tmp_path: Path) -> None:
    found = list(findings_of(DAMAGES[name], tmp_path))
    kind = name.split(" ")[0]
    sentence, blocks = next((sentence, blocks) for of_kind, sentence, blocks in found if of_kind == kind)
    shown = {(row[0].strip("`"), row[1]): row[2] for row in rows_of_the_page()}
    assert (kind, sentence) in shown
    assert shown[kind, sentence].startswith("blocks" if blocks else "warns")


def test_every_row_of_the_page_is_tried() -> None:
    assert {row[0].strip("`") for row in rows_of_the_page()} == {name.split(" ")[0] for name in DAMAGES}
