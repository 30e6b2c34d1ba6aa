"""docs/findings.md lists every kind of finding and every error about the data that the code can produce."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PAGE = " ".join((PROJECT / "docs" / "findings.md").read_text().split())
ERRORS = {
    "DataError",
    "FileError",
    "FinalError",
    "SettingsError",
    "TransientError",
    "BadZipError",
    "too_large",
    "_retryable",
}
IN_MODULES = [
    *sorted((PROJECT / "ml" / "data").rglob("*.py")),
    *sorted((PROJECT / "ml" / "validation").glob("*.py")),
    PROJECT / "ml" / "training" / "transform.py",
    PROJECT / "ml" / "training" / "examples" / "counts.py",
    PROJECT / "ml" / "training" / "split_check.py",
    *(
        PROJECT / "serving" / "tables" / f"{name}.py"
        for name in ("column_names", "csv_layout", "file_kind", "table", "workbook")
    ),
]
KIND = re.compile(r"(?:[A-Z0-9]+_){2,}[A-Z0-9]+")
OWN_KINDS = "OWN_KINDS"


def texts(node: ast.expr) -> Iterator[str]:
    """The text of an argument as a pattern; what is filled in matches anything."""
    match node:
        case ast.Constant(value=str(text)):
            yield re.escape(text)
        case ast.JoinedStr(values=parts):
            yield "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".*?" for part in parts)
        case ast.IfExp(body=body, orelse=other):
            yield from texts(body)
            yield from texts(other)


def messages() -> Iterator[tuple[str, str]]:
    """Module and pattern for each text that is given to an error about the data."""
    for module in IN_MODULES:
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS:
                for argument in node.args:
                    for pattern in texts(argument):
                        yield module.relative_to(PROJECT).as_posix(), pattern


def kinds() -> set[str]:
    """The kinds that the code of validation names: TFDV's in capitals, and ours."""
    found: set[str] = set()
    for module in (PROJECT / "ml" / "validation").glob("*.py"):
        tree = ast.parse(module.read_text())
        constants = {str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        found |= set(filter(KIND.fullmatch, constants))
        for node in tree.body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == OWN_KINDS:
                found |= set(ast.literal_eval(node.value))
    return found


def test_the_kinds_are_found_in_the_code() -> None:
    assert {"SCHEMA_MISSING_COLUMN", "duplicate_id", "COMPARATOR_L_INFTY_HIGH"} <= kinds()


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_every_kind_is_on_the_page(kind: str) -> None:
    assert f"`{kind}`" in PAGE


def test_the_cure_of_an_unknown_kind_names_ours() -> None:
    tree = ast.parse((PROJECT / "ml" / "validation" / "validate.py").read_text())
    (ours,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == OWN_KINDS
    )
    assert f"(tensorflow_metadata's AnomalyInfo.Type), and {', '.join(ours)}." in PAGE


@pytest.mark.parametrize(("module", "pattern"), sorted(set(messages())))
def test_every_error_about_the_data_is_on_the_page_with_its_cure(module: str, pattern: str) -> None:
    assert re.search(pattern, PAGE), f"{module}: {pattern}"
