"""One check of a version on probation, against a server that does what it is told."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ml.errors import FinalError, NothingToDoError
from ml.probation import known_rows, probation
from ml.probation.last_check import read_last_check
from ml.probation.probation import Checked, check_probation
from ml.registry.intervention import rollback_intent
from ml.registry.intervention.rollback import rollback
from ml.registry.ledger.entries import PROBATION, ROLLBACK
from ml.registry.ledger.ledger import Ledger
from ml.registry.traffic.samples import read_samples
from ml.storage.files import sha256_tree
from ml.storage.root import Root
from tests.ml.light_world import MODEL, do_promote
from tests.ml.probation.world import World


def check(world: World, *, hours: float = 1.0) -> Checked:
    return check_probation(world.root, world.settings, now=datetime.now(UTC) + timedelta(hours=hours))


def results(checked: Checked) -> dict[str, str]:
    return {item.name: item.result for item in checked.items}


def events(root: Root, kind: str) -> list[dict[str, Any]]:
    return [event for event in Ledger(root.ledger).events() if event["event"] == kind]


def champion(root: Root) -> Any:
    return Ledger(root.ledger).champion()


def test_nothing_is_on_probation_and_the_traffic_is_remembered_for_the_next_version(world: World) -> None:
    for _ in range(2):
        with pytest.raises(NothingToDoError, match="No version is on probation"):
            check(world)
    assert len(read_samples(world.root)) == 2


def test_a_good_version_stays_on_probation_and_then_passes(on_probation: World) -> None:
    on_probation.ask(400)
    first = check(on_probation)
    assert (first.version, first.state) == (2, "on")
    assert results(first) == {
        "known_rows": "passed",
        "errors": "passed",
        "latency": "passed",
        "target_share": "not known",  # the light world has no customers
    }
    assert events(on_probation.root, PROBATION) == []
    last = check(on_probation, hours=25)
    assert last.state == "passed"
    (entry,) = events(on_probation.root, PROBATION)
    assert (entry["version"], entry["outcome"]) == (2, "passed")
    with pytest.raises(NothingToDoError, match="version 2 has passed"):
        check(on_probation, hours=26)
    assert champion(on_probation.root).number == 2


def test_wrong_answers_to_known_rows_go_back(on_probation: World) -> None:
    on_probation.handler.wrong = frozenset([2])
    found = check(on_probation)
    assert (found.state, found.restored, found.why_not) == ("breached", 3, "")
    assert results(found)["known_rows"] == "breached"
    (entry,) = events(on_probation.root, PROBATION)
    assert (entry["version"], entry["outcome"]) == (2, "breached")
    assert "answered known row 0 with probability 0.900000; training computed 0.100000" in entry["reason"]
    assert champion(on_probation.root).intent["rollback_of"] == 1
    root = on_probation.root
    assert sha256_tree(root.version(MODEL, 3)) == sha256_tree(root.version(MODEL, 1))
    with pytest.raises(NothingToDoError, match="No version is on probation"):
        check(on_probation)
    assert len(events(root, ROLLBACK)) == 1


def test_refused_known_rows_go_back(on_probation: World) -> None:
    on_probation.handler.status_of_answers = 400
    assert check(on_probation).state == "breached"


@pytest.mark.parametrize("status", [404, 429, 500, 503])
def test_an_answer_that_may_pass_is_no_evidence(on_probation: World, status: int) -> None:
    on_probation.handler.status_of_answers = status
    found = check(on_probation)
    assert (found.state, results(found)["known_rows"]) == ("on", "not known")


def test_a_version_that_the_restarted_server_cannot_load_goes_back(on_probation: World) -> None:
    on_probation.handler.refuses = frozenset([2])
    found = check(on_probation)
    assert (found.state, found.restored) == ("breached", 3)
    assert "could not load version 2" in found.reason


def test_many_errors_go_back(on_probation: World) -> None:
    on_probation.ask(300)
    on_probation.ask(60, status="INTERNAL")
    found = check(on_probation)
    assert (found.state, found.restored) == ("breached", 3)
    assert results(found)["errors"] == "breached"
    assert "60 of 360 questions failed since the promotion" in found.reason


def test_slow_answers_go_back(on_probation: World) -> None:
    on_probation.ask(300, seconds=0.4)
    found = check(on_probation)
    assert (found.state, found.restored) == ("breached", 3)
    assert results(found)["latency"] == "breached"


def test_little_traffic_is_not_known(on_probation: World) -> None:
    on_probation.ask(199, seconds=2.0)
    found = check(on_probation)
    assert found.state == "on"
    assert {results(found)[name] for name in ("errors", "latency")} == {"not known"}
    assert "199 questions since the promotion and 400 before are known; 200 of each" in found.items[1].sentence


def test_our_own_questions_are_not_taken_for_traffic(on_probation: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real = known_rows.check_known_rows

    def loud(*arguments: Any) -> Any:
        on_probation.ask(5000, seconds=3.0)
        return real(*arguments)

    monkeypatch.setattr(probation, "check_known_rows", loud)
    for hours in (0.5, 1.0, 1.5):
        found = check(on_probation, hours=hours)
    assert "0 questions since the promotion" in found.items[1].sentence


def test_a_server_without_a_metrics_page_is_not_known(on_probation: World) -> None:
    on_probation.handler.shows_metrics = False
    found = check(on_probation)
    assert results(found)["errors"] == "not known"
    assert "shows no metrics page" in found.items[1].sentence


def test_a_server_that_does_not_answer_is_no_evidence_and_passes_nothing(on_probation: World) -> None:
    nobody = replace(on_probation.settings.serving, url="http://127.0.0.1:9")
    on_probation.settings = replace(on_probation.settings, serving=nobody)
    for hours in (1, 25):
        found = check(on_probation, hours=hours)
        assert found.state == "on"
        assert set(results(found).values()) == {"not known"}
    assert events(on_probation.root, PROBATION) == []
    with pytest.raises(NothingToDoError, match="lapsed without a check"):
        check(on_probation, hours=49)


def test_another_version_that_serves_says_nothing_of_this_one(on_probation: World) -> None:
    do_promote(on_probation.root, on_probation.settings, "three")
    on_probation.handler.wrong = frozenset([2, 3])
    found = check(on_probation)
    assert found.state == "on"
    assert "answers with version 3 and not with version 2" in found.items[0].sentence


def test_changed_files_are_no_evidence_against_the_model(on_probation: World) -> None:
    (on_probation.root.release(2) / "replay.json").write_text("{}")
    found = check(on_probation)
    assert set(results(found).values()) == {"not known"}
    assert "was changed" in found.items[0].sentence


def test_a_first_version_has_nothing_to_go_back_to(world: World) -> None:
    world.release("one")
    world.handler.wrong = frozenset([1])
    found = check(world)
    assert (found.state, found.restored) == ("breached", None)
    assert "No confirmed version before 1" in found.why_not
    with pytest.raises(NothingToDoError, match="Version 1 broke its probation and still serves"):
        check(world)
    assert champion(world.root).number == 1
    assert len(events(world.root, PROBATION)) == 1


def test_a_check_that_was_killed_before_the_rollback_is_finished(
    on_probation: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_probation.handler.wrong = frozenset([2])

    def killed(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(probation, "rollback", killed)
        with pytest.raises(KeyboardInterrupt):
            check(on_probation)
    assert champion(on_probation.root).number == 2
    on_probation.handler.wrong = frozenset()  # what was found stands
    found = check(on_probation)
    assert (found.state, found.restored) == ("breached", 3)
    assert len(events(on_probation.root, PROBATION)) == 1


def test_a_rollback_that_was_killed_half_way_is_finished(on_probation: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rollback_intent, "_publish_copy", killed)
        with pytest.raises(KeyboardInterrupt):
            rollback(on_probation.root, on_probation.settings, target=None, reason="a person's")
    with pytest.raises(NothingToDoError, match="No version is on probation"):
        check(on_probation)
    assert champion(on_probation.root).intent["rollback_of"] == 1


def test_a_version_that_was_promoted_meanwhile_is_not_taken_back(
    on_probation: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_probation.handler.wrong = frozenset([2])
    real = probation._write

    def with_a_promotion_behind_it(*arguments: Any) -> None:
        real(*arguments)
        on_probation.release("three")

    monkeypatch.setattr(probation, "_write", with_a_promotion_behind_it)
    with pytest.raises(NothingToDoError, match="Version 2 is not the last version any more"):
        check(on_probation)
    assert champion(on_probation.root).number == 3
    assert events(on_probation.root, ROLLBACK) == []
    assert Ledger(on_probation.root.ledger).versions()[2].quarantined, "it broke its probation all the same"
    with pytest.raises(FinalError, match="Version 2 is quarantined"):
        rollback(on_probation.root, on_probation.settings, target=2, reason="by mistake")
    rollback(on_probation.root, on_probation.settings, target=None, reason="3 is bad, too")
    assert champion(on_probation.root).intent["rollback_of"] == 1
    assert not on_probation.root.version(MODEL, 2).exists()


def test_a_broken_ledger_does_not_keep_a_bad_version_in_service(on_probation: World) -> None:
    ledger = on_probation.root.ledger
    ledger.write_text(ledger.read_text().replace('"one"', '"1ne"', 1))
    on_probation.handler.wrong = frozenset([2])
    assert check(on_probation).restored == 3


def test_what_was_found_is_remembered_for_the_exporter(on_probation: World) -> None:
    check(on_probation)
    found = read_last_check(on_probation.root, 2)
    assert found is not None
    assert found.answered == found.at
    assert [item.name for item in found.items] == ["known_rows", "errors", "latency", "target_share"]
    assert read_last_check(on_probation.root, 1) is None, "of another version"
    on_probation.root.probation.write_text('{"version": 2, "items": [{"name": "x"}]}')
    assert read_last_check(on_probation.root, 2) is None


def test_a_directory_in_the_place_of_the_file_keeps_no_bad_version(on_probation: World) -> None:
    on_probation.root.probation.mkdir()
    on_probation.handler.wrong = frozenset([2])
    assert check(on_probation).restored == 3
    shutil.rmtree(on_probation.root.probation)
