"""The chain of the ledger's lines: what was changed, removed, moved or inserted is found and named."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable

import pytest

from ml.config.settings import Settings, resolve
from ml.errors import DONE
from ml.registry.intervention.release import release
from ml.registry.intervention.rollback import rollback
from ml.registry.ledger.chain import FIRST, line_sha256
from ml.registry.ledger.entries import CHAINED, CONFIRMED, INTENT, PUBLISHED, REJECTED
from ml.registry.ledger.file import head_file
from ml.registry.ledger.ledger import Ledger, LedgerChangedError
from ml.registry.retention import clean_up
from ml.storage.root import Root
from tests.ml.light_world import MODEL, RUN, command, do_confirm, do_promote, released

Edit = Callable[[list[bytes]], list[bytes]]


def edited(root: Root, edit: Edit) -> None:
    root.ledger.write_bytes(b"".join(line + b"\n" for line in edit(root.ledger.read_bytes().splitlines())))


def written(root: Root, lines: int) -> Ledger:
    ledger = Ledger(root.ledger)
    for number in range(1, lines + 1):
        ledger.append(REJECTED, run_id=f"run-{number}", reasons=["not better"])
    return ledger


def better(line: bytes) -> bytes:
    return line.replace(b"not better", b"far better")


def test_each_line_carries_the_hash_of_the_line_before_it(root: Root) -> None:
    written(root, 3)
    lines = root.ledger.read_bytes().splitlines()
    entries = [json.loads(line) for line in lines]
    assert [entry["line"] for entry in entries] == [1, 2, 3]
    assert [entry["previous"] for entry in entries] == [FIRST, line_sha256(lines[0]), line_sha256(lines[1])]
    assert json.loads(head_file(root.ledger).read_text()) == {"lines": 3, "sha256": line_sha256(lines[2])}
    code, said = command(root, "ledger", "verify")
    assert (code, said.splitlines()[0]) == (DONE, "3 lines, chained from line 1 on; none was changed.")


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (
            lambda lines: [*lines[:2], better(lines[2]), *lines[3:]],
            "line 3 was changed: line 4 was written behind other",
        ),
        (lambda lines: [better(lines[0]), *lines[1:]], "line 1 was changed: line 2 was written behind other bytes"),
        (lambda lines: [*lines[:4], better(lines[4])], "line 5 was changed after it was written"),
        (lambda lines: [*lines[:2], *lines[3:]], "line 3 was written as line 4: 1 line is missing before it"),
        (lambda lines: lines[2:], "line 1 was written as line 3: 2 lines are missing before it"),
        (lambda lines: lines[:3], "line 3 is the last one, and 5 were written: those at the end are missing"),
        (lambda lines: [], "all 5 lines are missing"),
        (
            lambda lines: [*lines[:3], lines[2], *lines[3:]],
            "line 3 was inserted, or moved there: line 4 was written beh",
        ),
        (
            lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
            "line 2 was written as line 3: 1 line is missing befo",
        ),
        (
            lambda lines: [
                *lines[:3],
                b'{"event":"rejected","at":"2026-11-23T00:00:00+00:00","run_id":"x"}',
                *lines[3:],
            ],
            "line 4 carries no hash of the line before it",
        ),
        (lambda lines: [*lines[:3], b"{", *lines[4:]], "line 4 is not an entry"),
    ],
    ids=[
        *("changed", "first changed", "last changed", "removed", "first removed", "end removed", "emptied"),
        *("doubled", "moved", "inserted", "not JSON"),
    ],
)
def test_what_was_done_to_a_line_is_named_with_its_cure(
    root: Root, edit: Edit, expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = written(root, 5)
    edited(root, edit)
    code, said = command(root, "ledger", "verify")
    logged = " ".join(caplog.messages)
    assert (code, said) == (2, "")
    assert expected in logged
    assert "Restore ledger.jsonl and ledger.head from a backup" in logged
    before = root.ledger.read_bytes()
    with pytest.raises(LedgerChangedError):
        ledger.append(REJECTED, run_id="next")
    assert root.ledger.read_bytes() == before


def test_one_inserted_line_is_one_fault(root: Root) -> None:
    ledger = written(root, 5)
    line = b'{"event": "rejected", "at": "2026-11-23T00:00:00+00:00", "run_id": "x"}'
    edited(root, lambda lines: [*lines[:2], line, *lines[2:]])
    assert [fault.line for fault in ledger.chain().faults] == [3]


def test_a_torn_line_is_dropped_and_a_missing_newline_put_back(root: Root) -> None:
    ledger = written(root, 3)
    whole = root.ledger.read_bytes()
    for damaged in (whole + b'{"event": "int', whole.rstrip(b"\n")):
        root.ledger.write_bytes(damaged)
        assert ledger.chain().faults == ()
    root.ledger.write_bytes(whole + b'{"event": "int')
    ledger.append(REJECTED, run_id="next")
    assert root.ledger.read_bytes().startswith(whole)
    assert (ledger.chain().head.lines, ledger.chain().faults) == (4, ())


def test_a_head_that_lags_behind_does_no_harm(root: Root) -> None:
    ledger = written(root, 2)
    lagging = head_file(root.ledger).read_bytes()
    ledger.append(REJECTED, run_id="a kill comes before the head is noted")
    head_file(root.ledger).write_bytes(lagging)
    assert ledger.chain().faults == ()
    ledger.append(REJECTED, run_id="next")
    assert json.loads(head_file(root.ledger).read_text())["lines"] == 4


def test_a_kill_between_the_first_line_and_its_head_does_no_harm(root: Root) -> None:
    ledger = written(root, 1)
    head_file(root.ledger).unlink()
    assert ledger.chain().faults == ()
    ledger.append(REJECTED, run_id="next")
    assert json.loads(head_file(root.ledger).read_text())["lines"] == 2


@pytest.mark.parametrize("damage", [None, b"", b"[]", b'{"lines": "x"}'])
def test_a_lost_head_is_a_break_until_somebody_accepts_it(root: Root, damage: bytes | None) -> None:
    """With it, whoever cuts lines off at the end would need only to remove one more file."""
    ledger = written(root, 3)
    if damage is None:
        head_file(root.ledger).unlink()
    else:
        head_file(root.ledger).write_bytes(damage)
    for cut in (lambda lines: lines, lambda lines: lines[:-1]):
        edited(root, cut)
        assert command(root, "ledger", "verify")[0] == 2
        assert "ledger.head is missing or damaged" in command(root, "status")[1]
        with pytest.raises(LedgerChangedError, match="lines at the end are gone"):
            ledger.append(REJECTED, run_id="next")
    Ledger(root.ledger, emergency=True).append(REJECTED, run_id="a rollback goes on")
    assert command(root, "ledger", "verify")[0] == 2, "what goes on nevertheless must not heal the break"
    assert command(root, "ledger", "accept", "--reason", "the disk was repaired")[0] == DONE
    assert command(root, "ledger", "verify")[0] == DONE
    ledger.append(REJECTED, run_id="next")


def older(root: Root, entries: int = 3) -> bytes:
    """Put a ledger there as older code wrote it: without hashes."""
    written(root, entries)
    plain = [json.loads(line) for line in root.ledger.read_text().splitlines()]
    for entry in plain:
        del entry["line"], entry["previous"]
    root.ledger.write_text("".join(json.dumps(entry) + "\n" for entry in plain))
    head_file(root.ledger).unlink()
    return root.ledger.read_bytes()


def test_a_ledger_of_older_code_is_chained_once_by_the_next_writer(root: Root) -> None:
    before = older(root)
    said = command(root, "ledger", "verify")
    assert said == (DONE, "3 lines, not chained yet: the next command that writes chains them as they are.\n")
    assert root.ledger.read_bytes() == before
    ledger = Ledger(root.ledger)
    for _ in range(2):
        ledger.append(REJECTED, run_id="next")
    assert root.ledger.read_bytes().startswith(before)
    assert [event["event"] for event in ledger.events()[3:]] == [CHAINED, REJECTED, REJECTED]
    assert command(root, "ledger", "verify")[1].startswith("6 lines, chained from line 4 on; none was changed.")
    assert "chained" not in command(root, "history")[1]
    edited(root, lambda lines: [better(lines[0]), *lines[1:]])
    assert [str(fault) for fault in ledger.chain().faults] == [
        "line 4 chains the lines 1 to 3, and one of them was changed since"
    ]
    edited(root, lambda lines: lines[1:])
    assert "line 3 chains the 3 lines before it, and there are 2" in str(ledger.chain().faults[0])


def test_a_changed_ledger_stops_what_promotes_and_nothing_else(
    root: Root, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("one", "two"):
        released(root, settings, name)
    do_promote(root, settings, "three")
    changed = root.ledger.read_bytes()
    edited(root, lambda lines: [lines[0].replace(b"Good.", b"Best."), *lines[1:]])
    with pytest.raises(LedgerChangedError, match="line 1 was changed"):
        do_promote(root, settings, "four", run_id="four")
    with pytest.raises(LedgerChangedError, match="line 1 was changed"):
        do_confirm(root, settings)
    assert "line 1 was changed" in command(root, "status")[1]
    assert json.loads(command(root, "status", "--json")[1])["version"] == 2
    assert command(root, "history")[0] == DONE
    with caplog.at_level(logging.WARNING):
        back = rollback(root, settings, target=1, reason="an emergency")
    assert (back.number, back.intent["rollback_of"]) == (4, 1)
    assert "line 1 was changed" in caplog.text
    assert "Going on nevertheless" in caplog.text
    assert "line 1 was changed" in str(Ledger(root.ledger).chain().faults[0]), "going back hides nothing"
    root.ledger.write_bytes(changed + root.ledger.read_bytes()[len(changed) :])
    assert Ledger(root.ledger).chain().faults == ()
    shutil.rmtree(root.run(RUN))
    release(root, settings, reason="four was looked at")
    assert released(root, settings, "four") == 5


def test_a_version_that_fails_is_withdrawn_though_the_ledger_was_changed(root: Root, settings: Settings) -> None:
    released(root, settings, "one")
    do_promote(root, settings, "two", broken=True)
    edited(root, lambda lines: [lines[0].replace(b"Good.", b"Best."), *lines[1:]])
    with pytest.raises(Exception, match="Version 2 was withdrawn"):
        do_confirm(root, settings)
    assert not root.version(MODEL, 2).exists()


def test_nothing_is_removed_by_a_changed_ledger(root: Root, settings: Settings) -> None:
    for name in ("one", "two", "three"):
        released(root, settings, name)
    whole = root.ledger.read_bytes()
    edited(root, lambda lines: [lines[0].replace(b"Good.", b"Best."), *lines[1:]])
    keep_two = resolve(overrides=["keep.versions=2", "keep.days=0"], environment={})
    clean_up(root, keep_two)
    assert root.version(MODEL, 1).is_dir()
    root.ledger.write_bytes(whole)
    clean_up(root, keep_two)
    assert not root.version(MODEL, 1).exists()


@pytest.mark.parametrize("lines", [4, 3], ids=["last changed", "end removed"])
def test_a_break_at_the_end_stays_visible_behind_a_rollback(root: Root, settings: Settings, lines: int) -> None:
    for name in ("one", "two"):
        released(root, settings, name)
    Ledger(root.ledger).append(REJECTED, run_id="r", reasons=["not better"])
    edited(root, lambda found: [*found[:6], better(found[6])] if lines == 4 else found[:6])
    before = [fault.line for fault in Ledger(root.ledger).chain().faults]
    rollback(root, settings, target=None, reason="an emergency")
    assert before == [7 if lines == 4 else 6]
    assert [fault.line for fault in Ledger(root.ledger).chain().faults] == [7]


def test_a_person_accepts_a_corrected_ledger_with_a_reason(root: Root, settings: Settings) -> None:
    released(root, settings, "one")
    edited(root, lambda lines: [lines[0].replace(b"Good.", b"Best."), *lines[1:]])
    assert command(root, "ledger", "accept")[0] == 2
    code, said = command(root, "ledger", "accept", "--reason", "a typing error put right")
    assert (code, said) == (DONE, "Accepted as it is, with 1 fault; the entry says who, and why.\n")
    code, said = command(root, "ledger", "verify")
    assert code == DONE
    assert "a typing error put right" in said
    assert "line 1 was changed" in said
    assert released(root, settings, "two") == 2
    assert command(root, "ledger", "accept", "--reason", "again")[1] == "The chain of the ledger is not broken.\n"
    edited(root, lambda lines: [lines[0].replace(b"Best.", b"Bad."), *lines[1:]])
    assert command(root, "ledger", "verify")[0] == 2, "what was accepted is what was there, and no later change"


def test_a_head_that_was_seen_elsewhere_finds_a_whole_rewrite(
    root: Root, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    released(root, settings, "one")
    answer = json.loads(command(root, "ledger", "verify", "--json")[1])
    seen = f"{answer['lines']}:{answer['head_number']}"
    Ledger(root.ledger).append(REJECTED, run_id="r")
    as_on_the_page = f"{answer['lines']}:{answer['head_number']:.14e}"
    for pair in (seen, as_on_the_page):
        assert command(root, "ledger", "verify", "--seen", pair)[0] == DONE
    events = [event | {"who": "somebody else"} for event in Ledger(root.ledger).events()]
    root.ledger.unlink()
    head_file(root.ledger).unlink()
    for event in events:
        kept = {key: value for key, value in event.items() if key not in ("event", "at", "run_id", "line", "previous")}
        Ledger(root.ledger).append(event["event"], run_id=event["run_id"], **kept)
    assert command(root, "ledger", "verify")[0] == DONE, "the chain itself is whole"
    caplog.clear()
    assert command(root, "ledger", "verify", "--seen", seen)[0] == 2
    assert "line 3 is not the one that was seen" in " ".join(caplog.messages)
    for wrong in ("3", "3:x", "3:1.5", "3:1e400", f"3:{1 << 48}"):
        assert command(root, "ledger", "verify", "--seen", wrong)[0] == 2


def test_an_entry_of_the_chain_is_no_event_of_a_version(root: Root, settings: Settings) -> None:
    released(root, settings, "one")
    Ledger(root.ledger, emergency=True).accept("a drill")
    ledger = Ledger(root.ledger)
    assert [event["event"] for event in ledger.events()] == [INTENT, PUBLISHED, CONFIRMED, CHAINED]
    assert (champion := ledger.champion()) is not None
    assert champion.number == 1
