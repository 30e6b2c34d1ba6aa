"""Where the local stack keeps its things: all below the root directory, beside what `ml` keeps there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ml.storage.root import PROJECT, Root

DAG_ID = "customer_retraining"
AIRFLOW = PROJECT / ".venv" / "bin" / "airflow"


@dataclass(frozen=True)
class Places:
    """Names the places; `prepare()` makes those that must exist.

    The demo has an Airflow `home` of its own: a scheduler would take up what an interrupted demo left in the database.
    """

    root: Root
    home: str = "airflow"

    @property
    def airflow_home(self) -> Path:
        """Airflow's configuration, database and task logs; for nobody else to read, since keys are in it."""
        return self.root.path / self.home

    @property
    def logs(self) -> Path:
        """What the processes of the stack write."""
        return self.root.path / "logs"

    @property
    def running(self) -> Path:
        """Says which processes `make up` started, and where they listen."""
        return self.root.path / "up.json"

    @property
    def lock(self) -> Path:
        """Held while the stack starts or stops."""
        return self.root.path / "up.lock"

    @property
    def passwords(self) -> Path:
        """Airflow's users and their generated passwords, as its SimpleAuthManager reads them."""
        return self.airflow_home / "passwords.json"

    def prepare(self) -> None:
        """Make the directories; Airflow's is closed to other users, whatever the umask."""
        for directory in (self.logs, self.root.inbox, self.root.models):
            directory.mkdir(parents=True, exist_ok=True)
        self.airflow_home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.airflow_home.chmod(0o700)
