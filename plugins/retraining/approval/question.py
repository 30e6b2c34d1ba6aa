"""What a person is asked about a run: subject and body in Markdown, and the hash of what the question is about."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ml.data.schema import PROPOSED_DIFF
from ml.errors import NothingToDoError, printable
from ml.evaluation.metric_table import ORDER, distinguishable, metric_text
from ml.pipeline.run_record import RunRecord
from ml.registry.ledger.entries import REFUSED, WAITING
from ml.registry.ledger.ledger import Ledger
from ml.registry.policy.approvals import last_word
from ml.registry.schemas.in_force import changed_since, schema_in_force
from ml.storage.root import Root

PROMOTION, SCHEMA = "promotion", "schema"
LINES_OF_A_DIFF = 200
COLUMNS_OF_A_DIFF = 80
"""Airflow's page cuts off what is wider."""


class Question(NamedTuple):
    """A question; `candidate` is the hash of the model, or of the proposal, that it is about."""

    subject: str
    body: str
    candidate: str


def question(root: Root, run_id: str, what: str, *, until: datetime | None = None) -> Question:
    """Return the question about a run.

    Args:
        root: Where the run and the ledger are.
        run_id: The run.
        what: `PROMOTION` or `SCHEMA`.
        until: When no answer becomes a refusal.

    Raises:
        NothingToDoError: Nobody waits for an answer.
    """
    found = _about_schema(root, run_id) if what == SCHEMA else _about_promotion(root, run_id)
    if until is None:
        return found
    deadline = f"Without an answer by {until:%A, %d %B %Y, %H:%M %Z} it is rejected."
    return found._replace(body=f"{found.body}\n\n{deadline}")


def _about_promotion(root: Root, run_id: str) -> Question:
    record, events = RunRecord.read(root.run(run_id)), Ledger(root.ledger).events()
    asked = next((e for e in reversed(events) if e["event"] == WAITING and e["run_id"] == run_id), None)
    last = last_word(events, run_id, str(asked["model_sha256"])) if asked is not None else None
    if asked is None or last is None or last["event"] != WAITING:
        by = f" by {last.get('who', 'unknown')}: {last['reason']}" if last else ""
        said = f"was {last['event']}{by}" if last else "never waited"
        raise NothingToDoError("answered", f"Run {run_id} does not wait for a person: it {said}.")
    decision, candidate = str(asked.get("decision") or "promote"), str(asked["model_sha256"])
    subject = f"Promote the candidate of run {run_id} ({decision})?"
    return Question(printable(subject), "\n".join(_verdict(record, asked, events)), candidate)


def _verdict(record: RunRecord, asked: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    verdict, champion = record.artifact("judge"), asked.get("champion")
    against = "champion" if champion is None else verdict.get("baseline") or f"version {champion}"
    compared = "there is no champion yet" if champion is None else f"compared with {printable(against)}"
    yield f"**{str(asked.get('decision') or 'promote').capitalize()}**: {compared}."
    yield from _refusals(asked, events)
    yield ""
    yield from (f"- {printable(sentence)}" for sentence in asked.get("reasons") or record.reasons)
    metrics, beside = asked.get("metrics") or {}, asked.get("champion_metrics") or {}
    if any(metrics.get(name) is not None for name in ORDER):
        yield from ("", f"| metric | candidate | {printable(against)} |", "|---|---|---|")
    for name in ORDER:
        if (value := metrics.get(name)) is not None:
            other = beside.get(name)
            shown = (metric_text(name, value), "-") if other is None else distinguishable(name, value, other)
            yield f"| {name} | {shown[0]} | {shown[1]} |"
    rows = f", {asked['rows']:,} rows" if isinstance(asked.get("rows"), int) else ""
    if changed := changed_since(events, str(asked.get("schema_sha256", ""))):
        yield from ("", printable(changed))
    yield from ("", printable(f"Data: {asked.get('source') or 'not recorded'}{rows}. Run by {asked.get('who')}."))
    yield f"Waiting since {asked['at']}. Candidate {str(asked['model_sha256'])[:12]}."
    yield "Approve publishes it and asks the model server; Reject leaves what serves. Say why below: it stands in the "
    yield "ledger."


def _refusals(asked: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say who refused these very bytes before, in whichever run: the same data give the same model again."""
    for event in events:
        if event["event"] == REFUSED and event["model_sha256"] == asked["model_sha256"]:
            said = f"{event['at']} by {event.get('who', 'unknown')}, in run {event['run_id']}: {event['reason']}"
            yield from ("", printable(f"**The same model was refused before**, {said}"))


def _about_schema(root: Root, run_id: str) -> Question:
    directory = root.run(run_id)
    proposal, in_force = RunRecord.read(directory).proposal, schema_in_force(root).schema.sha256
    if not proposal:
        raise NothingToDoError("answered", f"Run {run_id} proposes no schema.")
    if in_force == proposal["schema_sha256"]:
        raise NothingToDoError("answered", f"The schema that run {run_id} proposes is in force.")
    if in_force != proposal["previous_sha256"]:
        raise NothingToDoError("answered", "Another schema came into force since it was proposed: start a new run.")
    lines = (directory / PROPOSED_DIFF).read_text(encoding="utf-8", errors="replace").splitlines()
    shown = [part for line in lines[:LINES_OF_A_DIFF] for part in _folded(printable(line))]
    if len(lines) > LINES_OF_A_DIFF:
        shown.append(f"... and {len(lines) - LINES_OF_A_DIFF} more lines: python -m ml schema diff {run_id}")
    found = [f"- {printable(sentence)}" for sentence in RunRecord.read(directory).reasons[1:-1]]
    told = ["The data do not fit the schema, and the run was blocked:", "", *found, "", "It proposes:", ""]
    after = "Approve accepts it, and starts a run as this one was asked for; Reject leaves the schema as it is."
    body = "\n".join([*told, "```diff", *shown, "```", "", after])
    return Question(printable(f"Accept the schema that run {run_id} proposes?"), body, proposal["schema_sha256"])


def _folded(line: str) -> list[str]:
    """Return a line of a diff in parts that a page shows whole, each with its sign and the line's indentation."""
    if len(line) <= COLUMNS_OF_A_DIFF:
        return [line]
    sign, text = line[:1], line[1:]
    indent = sign + text[: len(text) - len(text.lstrip())]
    width = COLUMNS_OF_A_DIFF - len(indent) - 2
    parts = textwrap.wrap(text.strip(), width, break_long_words=False, break_on_hyphens=False)
    return [f"{indent}{'  ' if more else ''}{part}" for more, part in enumerate(parts)]
