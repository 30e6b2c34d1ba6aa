"""The forms of the DAGs by which a person intervenes.

What is typed here becomes an argument of a command: a subject never begins with a dash, and a reason is one line.
"""

from __future__ import annotations

from airflow.sdk import Param

QUARANTINE, END_THE_HOLD = "quarantine", "end the hold"
# The end is that of the whole text: Python's $ also matches before a last line feed.
REASON_PATTERN = r"^(?=.*\S)[^\x00-\x1f\x7f]{1,500}$(?!\n)"
SUBJECT_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.:+@=-]{0,199}$(?!\n)"
REASON_ARGUMENT = "--reason={{ params.reason }}"
"""With the equals sign, so that a reason that begins with a dash stays one."""


def rollback_params() -> dict[str, Param]:
    """Return the form of `customer_rollback`."""
    return {
        "version": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Version",
            description="The version to go back to. Empty: the last one with other bytes than what serves.",
        ),
        "reason": _reason(),
    }


def quarantine_params() -> dict[str, Param]:
    """Return the form of `customer_quarantine`."""
    return {
        "action": Param(
            QUARANTINE,
            type="string",
            enum=[QUARANTINE, END_THE_HOLD],
            title="Action",
            description="Quarantine a version or a run; or end the hold after a rollback.",
        ),
        "subject": Param(
            None,
            type=["null", "string"],
            pattern=SUBJECT_PATTERN,
            title="Version or run",
            description="What to quarantine: a version's number, or a run's id. Leave it empty to end the hold.",
        ),
        "reason": _reason(),
    }


def _reason() -> Param:
    return Param(
        type="string",
        pattern=REASON_PATTERN,
        title="Reason",
        description="A sentence for the ledger, in one line: whoever reads it later wants to know why.",
    )
