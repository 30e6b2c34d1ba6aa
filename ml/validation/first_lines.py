"""The lines of the user's file in which the first rows of blocking findings stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from ml.data.file_lines import lines_with
from ml.data.shards.manifest import placed
from ml.validation.findings import NOT_THERE, Finding, shown_text
from serving.tables.missing_values import MISSING


def first_lines(csv: Path, findings: Iterable[Finding], *, name: str) -> str:
    """Return a sentence that names the file and a few lines for each finding that rows show; "" when none does.

    Args:
        csv: The data set.
        findings: Those that block.
        name: What the user calls the file.
    """
    told = []
    for finding in findings:
        if finding.feature and finding.rows:
            lines = [line for line, _ in lines_with(csv, finding.feature, _shows(finding))]
            told += [f"{finding.feature} in {placed(csv, lines)}"] if lines else []
    return f"In {name}, see {'; '.join(dict.fromkeys(told))}." if told else ""


def _shows(finding: Finding) -> Callable[[str], bool]:
    if finding.kind in NOT_THERE:
        return MISSING.__contains__
    return partial(_is_example, finding.examples)


def _is_example(examples: list[str], text: str) -> bool:
    if text in examples or shown_text(text) in examples:
        return True
    try:
        return shown_text(float(text)) in examples
    except ValueError:
        return False
