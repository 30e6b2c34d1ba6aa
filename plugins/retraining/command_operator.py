"""The operator of tasks that are no steps: a command of `ml` for what a person decided, or a clock."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from ml.errors import DONE, NOTHING_TO_DO, WILL_FAIL_AGAIN, SettingsError
from retraining.child.environment import child_environment
from retraining.ml_operator import MlOperator
from retraining.params import check_conf

if TYPE_CHECKING:
    from airflow.sdk import Context


class CommandOperator(MlOperator):
    """Runs `ML_PYTHON -m ml ARGUMENTS` and lets its exit code decide, as `StepOperator` does.

    0 succeeds and returns the last lines, answer and all, as XCom; 2 fails at once; 99 skips the task; anything else
    fails and may be retried. Arguments that are empty after they were rendered are left out, so that an optional Param
    leaves no trace.

    Args:
        arguments: The command and its options; templates are rendered in each, and never pass through a shell.
        who: Who the ledger shall name, a template too; by default whoever triggered the run.
        known: The keys of the form. A run that was triggered with another one is refused; without any, none is.
    """

    template_fields: Sequence[str] = ("arguments", "who")

    def __init__(self, *, arguments: Sequence[str], who: str = "", known: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.arguments = list(arguments)
        self.who = who
        self.known = list(known)

    def execute(self, context: Context) -> list[str]:
        """Run the command to its end; its lines go to the task's log as they come."""
        if self.known:
            try:
                check_conf(context["dag_run"].conf, self.known)
            except SettingsError as error:
                raise self.failure({"what": error.what, "cure": error.cure}, may_pass=False) from error
        command = self.command(*filter(None, self.arguments))
        self.log.info("%s", " ".join(command))
        who = self.who or context["dag_run"].triggering_user_name or "airflow (scheduled)"
        code, last = self.follow(command, child_environment(os.environ, who=who))
        if code == DONE:
            return last
        if code == NOTHING_TO_DO:
            raise AirflowSkipException(last[-1] if last else "There was nothing to do.")
        ending = f"`ml {self.arguments[0]}` ended with exit code {code}."
        # Whoever is told of it sees no log: the reason and not only the cure, which is the last line.
        what = " ".join(self.told_errors) or (last[-1] if last else ending)
        raise self.failure({"what": what}, may_pass=code != WILL_FAIL_AGAIN, last_line=what)
