"""`python -m ml history` for a terminal: one line for each version and candidate, the newest first."""

from __future__ import annotations

from typing import Any

from ml.audit.history import history_text


def event(name: str, run: str, minute: int, **facts: Any) -> dict[str, Any]:
    return {"event": name, "at": f"2026-11-28T12:{minute:02}:00+00:00", "run_id": run, "who": "ada", **facts}


METRICS = {"BinaryAccuracy": 0.8234, "AUC": 0.88}
EVENTS = [
    event("intent", "a", 1, version=1, source="sample:8000 rows, seed 3", rows=8000, metrics=METRICS, reasons=["A."]),
    event("published", "a", 2, version=1),
    event("confirmed", "a", 3, version=1),
    event(
        "rejected", "b", 4, source="inbox:x.csv", source_kind="file", rows=12345, metrics=METRICS, reasons=["Worse."]
    ),
    event("intent", "c", 5, version=2, source="kaggle:someone/customers/Train.csv", metrics=METRICS),
    event("published", "c", 6, version=2),
    event("same", "d", 7, source="inbox:x.csv", metrics={"AUC": None}),
    event("intent", "e", 8, version=3, rollback_of=1, source="sample:8000 rows, seed 3", reasons=["Rolled\nback."]),
    event("withdrawn", "e", 9, version=3, reason="it answers wrongly"),
]


def test_a_line_for_each_version_and_candidate_the_newest_first() -> None:
    header, *lines = history_text(EVENTS, champion=1).splitlines()
    assert header.split() == ["version", "when", "source", "rows", "accuracy", "AUC", "outcome", "by", "whom"]
    assert [line.split("  ")[0].strip() or line.split()[0] for line in lines] == ["3", "-", "2", "-", "1"]
    assert [" ".join(line.split()) for line in lines] == [
        "3 2026-11-28 12:08 SAMPLE - - - withdrawn ada",
        "- 2026-11-28 12:07 inbox:x.csv - - - same ada",
        "2 2026-11-28 12:05 kaggle:someone/customers/Train.csv - 0.8234 0.8800 published ada",
        "- 2026-11-28 12:04 inbox:x.csv 12,345 0.8234 0.8800 rejected ada",
        "1 2026-11-28 12:01 SAMPLE 8,000 0.8234 0.8800 promoted (champion) ada",
    ]


def test_long_adds_run_and_reasons_below_each_line() -> None:
    lines = [line.strip() for line in history_text(EVENTS, champion=1, with_reasons=True).splitlines()]
    below = lines[lines.index(next(line for line in lines if line.startswith("3 "))) + 1 :]
    assert below[:3] == ["run e, data -", "Rolled back.", "it answers wrongly"]
    assert "Worse." in lines


def test_why_a_run_began_is_told_with_its_candidate_and_has_no_line_of_its_own() -> None:
    found = {"drift: Age": "Older."}
    began = event("triggered", "a", 1, trigger="drift of Age", day="2026-11-28", findings=found)
    kept = event("kept", "a", 2, trigger="drift of Age", reasons=["Nobody can tell."])
    _, line, run, *_ = history_text([began, kept], champion=None, with_reasons=True).splitlines()
    assert " kept " in line
    assert run.strip() == "run a (trigger: drift of Age), data -"


def test_nothing_is_not_a_table() -> None:
    assert history_text([], champion=None) == "Nothing happened yet."


def test_going_back_is_told_once() -> None:
    begun = [event("intent", "a", 1, version=1), event("confirmed", "a", 2, version=1)]
    back = {"from": 2, "withdraws": {}, "reason": "rude"}
    copy = [
        event("rollback", "b", 3, target=1, result=3, **back),
        event("intent", "b", 4, version=3, rollback_of=1),
        event("published", "b", 5, version=3),
    ]
    sealed = event("sealed", "c", 6, records={})
    lines = history_text([*begun, *copy, sealed], champion=3).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["3", "1"]
    assert "rollback to 1, unconfirmed (champion)" in lines[1]
    restored = event("restored", "b", 7, version=3)
    assert "rollback to 1 (champion)" in history_text([*begun, *copy, restored], champion=3)
    as_it_is = event("rollback", "b", 3, target=1, result=1, **back)
    text = history_text([*begun, as_it_is, event("restored", "b", 4, version=1)], champion=1)
    assert "going back from 2 to 1" in text
    assert len(text.splitlines()) == 3


def test_texts_of_others_cannot_forge_a_line() -> None:
    told = {"source": "inbox:\x1b[31mx\n1  promoted", "reasons": ["a\x1b[0m\nb"], "who": "eve\n2"}
    text = history_text([event("rejected", "b", 4) | told], champion=None, with_reasons=True)
    assert len(text.splitlines()) == 4
    assert "\x1b" not in text
