"""The ledger as the pages keep it between requests."""

from __future__ import annotations

from retraining.pages.history.rows import rows_of
from retraining.pages.history.snapshot import snapshot
from tests.plugins.pages.ledgers import Story


def test_what_was_appended_since_is_there_and_the_rest_is_not_read_again(told: Story) -> None:
    told.promoted()
    first = snapshot(told.ledger.path)
    assert snapshot(told.ledger.path) is first
    told.refused("kept", "run-2")
    second = snapshot(told.ledger.path)
    assert [row.outcome for row in rows_of(second)] == ["kept", "promoted"]
    assert all(old is new for old, new in zip(first.events, second.events, strict=False))
    assert len(second.events) == len(first.events) + 2


def test_a_line_that_was_changed_since_is_noticed(told: Story) -> None:
    told.promoted()
    told.promoted()
    assert snapshot(told.ledger.path).chain.faults == ()
    content = told.ledger.path.read_text()
    told.ledger.path.write_text(content.replace("Reason of run-1.", "Reason of run-9."))
    changed = snapshot(told.ledger.path)
    assert [fault.line for fault in changed.chain.faults] == [1]
    assert changed.events[0]["reasons"] == ["Reason of run-9."]
    told.ledger.path.write_text(content)
    assert snapshot(told.ledger.path).chain.faults == ()
