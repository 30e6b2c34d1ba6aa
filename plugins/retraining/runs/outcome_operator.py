"""The task that shows in the DAG's grid what a run came to, without a click.

Airflow knows success and failure only: a promotion and a rejection are both green, and its grid has no place for a word
but the names of tasks. So each outcome of a green run is a task, and the one that the run came to is the only one of
them that is green. They are empty: the scheduler marks them itself, without a process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.standard.operators.branch import BaseBranchOperator
from airflow.providers.standard.operators.empty import EmptyOperator

from ml.errors import RetrainError
from ml.pipeline.outcome import KEPT, PROMOTED, REFUSED, REJECTED, SAME, UNCHANGED, WAITING, WITHHELD
from ml.pipeline.run_record import RunRecord
from ml.storage.root import Root

if TYPE_CHECKING:
    from airflow.sdk import Context

MEANING = {
    PROMOTED: "A new version serves, and has answered known customers as training did.",
    REJECTED: "The candidate missed a threshold, or is worse than what serves; the log of judge has the reasons.",
    KEPT: "Nobody can tell whether the candidate or the champion is better, so the champion stays.",
    SAME: "Good enough, and the champion once more: its bytes, or its answers to every row.",
    WITHHELD: "Good enough, but promotion is off, a hold stands, or the model is quarantined.",
    WAITING: "Good enough, and a person decides: answer in customer_approval.",
    REFUSED: "A person has refused this candidate before.",
    UNCHANGED: "Nothing is new since the last result; force repeats the work all the same.",
}
"""The outcomes of a green run, in the order of the grid, and what each means."""


class OutcomeOperator(BaseBranchOperator):
    """Lets the run go on to the task that is called as its outcome; the others behind it are skipped.

    It has to be a teardown: it runs also after a failure, when it skips them all, and the run stays as red as its steps
    made it. A run without a result that can be read (somebody marked its tasks) skips them all as well.
    """

    def choose_branch(self, context: Context) -> str | None:
        """Return the outcome of the run if it is one of a green run."""
        try:
            outcome = RunRecord.read(Root.to_read().run(context["dag_run"].run_id)).outcome
        except (RetrainError, OSError) as error:
            self.log.warning("the outcome cannot be read: %s", error)
            return None
        self.log.info("The run came to: %s", outcome)
        return outcome if outcome in MEANING else None


def outcome_tasks() -> list[EmptyOperator]:
    """Return a task for each outcome of a green run."""
    return [EmptyOperator(task_id=outcome, doc_md=meaning) for outcome, meaning in MEANING.items()]
