"""The card of a version says what its numbers say, in three forms, and the same each time."""

from __future__ import annotations

import html
import io
import json
import re
from pathlib import Path

import pytest

from ml.cli.commands import main
from ml.errors import FinalError
from ml.evaluation.scored_rows import ScoredRows
from ml.reports.card.card import write_card
from ml.reports.card.content import as_people_say, worth_naming
from ml.reports.card.targeting import tops
from ml.reports.card.weak_slices import Search, WeakSlice
from ml.storage.root import Root


def test_the_three_forms_say_the_numbers_of_the_evaluation_rows(promoted_root: Root) -> None:
    page = write_card(promoted_root, 1)
    rows = ScoredRows.read(promoted_root.release(1) / "rows.npz")
    top = tops(rows.labels, rows.candidate, rows.profiles)[1]
    said = f"(likely {top.precision_interval[0]:.0%} to {top.precision_interval[1]:.0%})"
    for name in ("card.html", "card.md", "model-card.json"):
        text = html.unescape((page.parent / name).read_text())
        assert said in text
        assert re.search(r"\d+ groups of at least 50 customers were searched", text)
        assert "they also decided the promotion" in text
        assert "No version served before it." in text
    first = {path.name: path.read_bytes() for path in page.parent.iterdir()}
    write_card(promoted_root, 1)
    assert {path.name: path.read_bytes() for path in page.parent.iterdir()} == first


def test_without_its_rows_it_promises_nothing(promoted_root: Root) -> None:
    for path in promoted_root.path.rglob("rows.npz"):
        path.unlink()
    text = write_card(promoted_root, 1).read_text()
    assert "what to expect is not known" in text
    assert "likely" not in text.split("<body>")[1].split('id="target"')[1]


def test_the_command_takes_the_champion_and_refuses_an_unknown_version(promoted_root: Root, tmp_path: Path) -> None:
    answer = io.StringIO()
    assert main(["card", "--root", str(promoted_root.path), "--json"], answer) == 0
    assert json.loads(answer.getvalue())["version"] == 1
    with pytest.raises(FinalError):
        write_card(promoted_root, 99)
    assert main(["card", "--root", str(tmp_path / "empty")], answer) != 0


def test_a_pair_no_weaker_than_one_of_its_features_is_not_named() -> None:
    one = WeakSlice({"a": "1"}, 100, 0.6, 0.8, 0.001)
    idle = WeakSlice({"a": "1", "b": "2"}, 80, 0.6, 0.8, 0.002)
    worse = WeakSlice({"a": "1", "b": "3"}, 60, 0.4, 0.8, 0.003)
    assert worth_naming(Search(50, (one, idle, worse))) == [one, worse]


def test_shares_are_rounded_as_people_say_them() -> None:
    assert as_people_say(0.74) == "about three of four"
    assert as_people_say(0.58) == "about 58%"
    assert as_people_say(0.51) == "about half"
