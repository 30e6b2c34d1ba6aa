"""What people and programs are told about one run: the outcome in one word, why, what is to be done, and links."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from ml.pipeline.outcome import (
    BLOCKED,
    FAILED,
    KEPT,
    PROMOTED,
    REFUSED,
    REJECTED,
    SAME,
    UNCHANGED,
    WAITING,
    WITHHELD,
)
from retraining.runs.ending import Ending
from retraining.runs.links import models_url, report_url, run_url
from retraining.runs.note import note_of

RETRAINING = "customer_retraining"
ROLLED_BACK, QUARANTINED, HOLD_ENDED = "rolled back", "quarantined", "hold ended"
DRIFT_FOUND = "drift found"
NOTHING = "Nothing to do."
ACTIONS = {
    PROMOTED: NOTHING,
    REJECTED: "Nothing has to be done: what served goes on serving. The report says what the candidate lacks.",
    KEPT: NOTHING,
    SAME: NOTHING,
    UNCHANGED: NOTHING,
    WITHHELD: "Nothing, if promotion is off on purpose; else switch it on, or end the hold in customer_quarantine.",
    WAITING: "Answer in customer_approval (Required Actions). Without an answer in time it is refused.",
    REFUSED: NOTHING,
    BLOCKED: "Correct the data and start a new run; if a wider schema is proposed, answer in customer_approval.",
    FAILED: "Do what the last reason says, then clear the red task.",
    ROLLED_BACK: "Find the cause, then end the hold in customer_quarantine: nothing is promoted before.",
    QUARANTINED: NOTHING,
    HOLD_ENDED: "Nothing to do: the next run may promote again.",
    DRIFT_FOUND: "Nothing, if customer_retraining is switched on: it begins by itself. See that its data are of today.",
}
"""All words that a digest can have, and what each asks of whoever reads it."""


@dataclass(frozen=True)
class Digest:
    """What is told about one run.

    Attributes:
        dag_id: The DAG of the run.
        run_id: Its id.
        outcome: One of `ACTIONS`.
        why: One sentence.
        action: What is to be done, in one sentence; `NOTHING` if nothing is.
        reasons: All sentences.
        links: Addresses by name: `run`, `models`, and for a retraining `report`.
    """

    dag_id: str
    run_id: str
    outcome: str
    why: str
    action: str
    reasons: list[str]
    links: dict[str, str] = field(default_factory=dict)

    @property
    def headline(self) -> str:
        """The DAG, the outcome and the run in one line."""
        return f"{self.dag_id}: {self.outcome} (run {self.run_id})"

    @property
    def text(self) -> str:
        """All of it for a person, a fact a line; reasons that the sentence has said are not said again."""
        more = [f"- {reason}" for reason in self.reasons if reason not in self.why]
        links = [f"{name.capitalize()}: {address}" for name, address in self.links.items()]
        return "\n".join([self.headline, self.why, *more, f"To do: {self.action}", *links])

    @property
    def payload(self) -> dict[str, Any]:
        """All of it for a program."""
        return {"text": self.text, **asdict(self)}


def of_retraining(run_id: str, *, succeeded: bool) -> Digest | None:
    """Return the digest of a retraining; None if nothing can be said about it, as when somebody marked its tasks."""
    ending = Ending.of(run_id, succeeded=succeeded)
    why = note_of(ending)
    if why is None:
        return None
    links = {**_links(RETRAINING, run_id), "report": report_url(run_id)}
    return Digest(RETRAINING, run_id, ending.outcome, why, ACTIONS[ending.outcome], ending.record.reasons, links)


def of_task(dag_id: str, run_id: str, outcome: str, why: str) -> Digest:
    """Return the digest of a DAG without steps, of which a task has come to its end."""
    return Digest(dag_id, run_id, outcome, why, ACTIONS[outcome], [why], _links(dag_id, run_id))


def _links(dag_id: str, run_id: str) -> dict[str, str]:
    return {"run": run_url(dag_id, run_id), "models": models_url()}
