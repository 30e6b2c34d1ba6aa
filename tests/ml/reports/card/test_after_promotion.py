"""Every command by which another version comes into service leaves its card, and a card that fails changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml.config.settings import Settings
from ml.monitoring.run_collector import collect_runs
from ml.monitoring.state_collectors import Sample
from ml.registry.ledger.ledger import Ledger
from ml.reports.card.after_promotion import try_card, try_card_of_champion
from ml.storage.root import Root
from tests.ml.light_world import command, released, stand_in
from tests.ml.probation.world import world_of


def failures(root: Root) -> float:
    samples = [one for one in collect_runs(root) if isinstance(one, Sample)]
    return next(one.value for one in samples if one.name == "retrain_report_failures_total")


@pytest.fixture
def two(root: Root) -> Iterator[Settings]:
    """Versions 1 and 2, the second of which serves; neither has a card."""
    with stand_in(root) as settings:
        released(root, settings, "one")
        released(root, settings, "two")
        yield settings


def test_only_a_version_without_a_card_gets_one(root: Root, two: Settings) -> None:
    page = try_card_of_champion(root)
    assert page == root.card(2) / "card.html"
    assert try_card_of_champion(root) is None
    assert failures(root) == 0


def test_without_a_version_there_is_nothing_to_write(root: Root) -> None:
    assert try_card_of_champion(root) is None
    assert failures(root) == 0


@pytest.mark.parametrize("words", [("rollback",), ("quarantine", "2")])
def test_going_back_leaves_the_card_of_what_serves_then(root: Root, two: Settings, words: tuple[str, ...]) -> None:
    code, _ = command(root, *words, "--reason", "bad", "--serving-url", two.serving.url)
    champion = Ledger(root.ledger).champion()
    assert code == 0
    assert champion is not None
    assert (root.card(champion.number) / "card.html").is_file()


@pytest.mark.parametrize("words", [("rollback",), ("quarantine", "2")])
def test_the_card_of_what_was_put_away_says_so_afterwards(root: Root, two: Settings, words: tuple[str, ...]) -> None:
    assert try_card(root, 2) is not None
    assert try_card(root, 1) is not None
    untouched = (root.card(1) / "card.html").read_bytes()
    assert command(root, *words, "--reason", "it is bad", "--serving-url", two.serving.url)[0] == 0
    assert (root.card(2) / "card.md").read_text().startswith("**QUARANTINED: do not use it. The reason: it is bad.**")
    assert (root.card(1) / "card.html").read_bytes() == untouched
    written = (root.card(2) / "card.html").stat().st_mtime_ns
    try_card_of_champion(root)
    assert (root.card(2) / "card.html").stat().st_mtime_ns == written, "it says so already"


def test_a_card_that_cannot_say_it_any_more_is_taken_away_and_missed_once(root: Root, two: Settings) -> None:
    assert try_card(root, 2) is not None
    (root.release(2) / "release.json").write_text('{"settings": 3}')
    assert command(root, "rollback", "--reason", "bad", "--serving-url", two.serving.url)[0] == 0
    assert not root.card(2).exists()
    assert failures(root) == 1
    try_card_of_champion(root)
    assert failures(root) == 1


@pytest.mark.parametrize("words", [("report", "first"), ("retrain", "--run", "again")])
def test_a_run_leaves_the_card_of_what_serves_when_it_has_ended(
    promoted_root: Root, customers_csv: Path, words: tuple[str, ...]
) -> None:
    data = ("--data", str(customers_csv)) if words[0] == "retrain" else ()
    assert command(promoted_root, *words, *data)[0] == 0
    assert "It was compared with no other version" in (promoted_root.card(1) / "card.md").read_text()


def test_a_breach_of_the_probation_leaves_the_card_of_what_was_gone_back_to(root: Root) -> None:
    with world_of(root) as world:
        world.release("one")
        world.release("two")
        served = ["--serving-url", world.settings.serving.url]
        assert command(root, "probation", *served)[0] == 0
        assert not root.reports.exists(), "a check that changes nothing writes nothing"
        world.handler.wrong = frozenset([2])
        assert command(root, "probation", *served)[0] == 2
        champion = Ledger(root.ledger).champion()
        assert champion is not None
        assert (root.card(champion.number) / "card.html").is_file()


def test_a_card_that_cannot_be_written_is_counted_and_changes_no_outcome(root: Root, two: Settings) -> None:
    root.reports.mkdir()
    (root.reports / "versions").write_text("in the way")
    code, text = command(root, "rollback", "--reason", "bad", "--serving-url", two.serving.url)
    champion = Ledger(root.ledger).champion()
    assert champion is not None
    assert (code, champion.state) == (0, "confirmed")
    assert str(champion.number) in text
    assert failures(root) == 1
    assert try_card(root, 99) is None
    assert failures(root) == 2
    assert [json.loads(line)["version"] for line in root.report_failures.read_text().splitlines()] == [
        champion.number,
        99,
    ]
