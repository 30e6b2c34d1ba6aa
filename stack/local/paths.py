"""Where the local stack keeps its files: below the root directory, beside those of `ml`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ml.storage.root import PROJECT, Root
from stack.local.errors import StackError

DAG_ID = "customer_retraining"
AIRFLOW = PROJECT / ".venv" / "bin" / "airflow"


@dataclass(frozen=True)
class Paths:
    """The paths of the local stack; `prepare` makes the directories.

    Attributes:
        root: The root directory.
        home: The name of Airflow's directory below it. The demo has one of its own, since the scheduler of `make up`
            would take up the run that an interrupted demo left in the database.
    """

    root: Root
    home: str = "airflow"

    @property
    def airflow_home(self) -> Path:
        """Airflow's configuration, database and task logs. Other users cannot read it, since keys are in it."""
        return self.root.path / self.home

    @property
    def logs(self) -> Path:
        """The output of the stack's processes."""
        return self.root.path / "logs"

    @property
    def process_record(self) -> Path:
        """The record of the processes that `make up` started, and of their ports."""
        return self.root.path / "up.json"

    @property
    def lock(self) -> Path:
        """The lock that is held while the stack starts or stops."""
        return self.root.path / "up.lock"

    @property
    def passwords(self) -> Path:
        """Airflow's users and their generated passwords, as its SimpleAuthManager reads them."""
        return self.airflow_home / "passwords.json"

    def prepare(self) -> None:
        """Make the directories; Airflow's own is closed to other users, whatever the umask.

        Raises:
            StackError: The path is one in which Airflow would look elsewhere.
        """
        if "$" in str(self.root.path):
            raise StackError(
                f"RETRAIN_ROOT={self.root.path}: Airflow takes $ in a path for the start of a variable's name. "
                "Choose another directory."
            )
        for directory in (self.logs, self.root.inbox, self.root.models):
            directory.mkdir(parents=True, exist_ok=True)
        self.airflow_home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.airflow_home.chmod(0o700)
