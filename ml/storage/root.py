"""The root directory, below which runs, models and the ledger are: `var/`, or what `RETRAIN_ROOT` says."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ml.errors import FinalError, SettingsError
from ml.storage import run_order
from ml.storage.files import disk_errors, make_directories

RUN_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:+~@=-]{0,199}")  # all letters that Airflow takes
_SHOWN_LETTERS = 60
_PATTERN_MARKS = "*?[\\"
PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Root:
    """The paths below the root directory; none of them is made until it is used."""

    path: Path

    @classmethod
    def find(cls, given: str | None = None) -> Root:
        """Return `given`, else `RETRAIN_ROOT`, else `var/` in the project, made if missing and checked to be writable.

        Raises:
            FinalError: The directory cannot be made or written, or TensorFlow could not find a model in it.
        """
        path = cls.to_read(given).path
        _check_for_tensorflow(path)
        with disk_errors(f"root directory {path}"):
            make_directories(path)
            if not os.access(path, os.W_OK | os.X_OK):
                raise PermissionError(13, "Permission denied", str(path))
        return cls(path)

    @classmethod
    def to_read(cls, given: str | None = None) -> Root:
        """Return the same root for a reader: nothing is made, and the directory may be read-only or missing."""
        return cls(Path(given or os.environ.get("RETRAIN_ROOT") or PROJECT / "var").absolute())

    def run(self, run_id: str) -> Path:
        """Return the directory of one run, which may not be there yet.

        Raises:
            FinalError: The id, which comes from outside, cannot become the name of a directory; or what has this name
                is something else. A link could lead out of the root, or to the directory of another run.
        """
        if not RUN_ID.fullmatch(run_id) or ".." in run_id:
            raise FinalError(
                f"Run id {shown(run_id)!r} cannot become a directory.",
                "Use letters, digits and _ . : + ~ @ = - (not first), at most 200 of them, and no '..'.",
            )
        place = self.runs / run_id
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            kind = "a symbolic link, which is never followed" if place.is_symlink() else "not a directory"
            raise FinalError(f"{place}: is {kind}.", "Move it away, or take another run id.")
        return place

    def run_to_begin(self, run_id: str) -> Path:
        """Return the directory of a run that is about to begin, or to begin again.

        Raises:
            FinalError: As for `run`; or the id of a new run is a number, as older runs may have.
        """
        place = self.run(run_id)
        if run_id.isdecimal() and not run_order.noted(place):
            raise FinalError(
                f"Run id {shown(run_id)!r} would be taken for a version.",
                "Take one that is no number: put a letter before it.",
            )
        return place

    def version(self, model: str, version: int) -> Path:
        """Return the directory that the model server serves as this version."""
        return self.models / model / str(version)

    def release(self, version: int) -> Path:
        """Return the directory of a version's release record: statistics, evaluation, golden rows."""
        return self.path / "releases" / str(version)

    def inbox_entry(self, name: str) -> Path:
        """Return a data file or directory in the inbox; no other place on this machine can be named from Airflow's UI.

        Raises:
            SettingsError: The name leaves the inbox, or there is no such file.
        """
        try:
            path = (self.inbox / name).resolve()
            is_there = path.parent == self.inbox.resolve() and (path.is_file() or path.is_dir())
        except (OSError, RuntimeError, ValueError):  # a link to itself, a name too long, a NUL in it
            is_there = False
        if not is_there:
            here = sorted(p.name for p in self.inbox.glob("*")) if self.inbox.is_dir() else []
            raise SettingsError(
                f"inbox:{name}: no such file in {self.inbox} (there: {', '.join(here) or 'nothing'}).",
                "Copy the CSV, or a directory of shards, there and name it without directories.",
            )
        return path

    @property
    def runs(self) -> Path:
        """The parent of the runs' directories."""
        return self.path / "runs"

    @property
    def models(self) -> Path:
        """The parent of the model server's base path."""
        return self.path / "models"

    @property
    def staging(self) -> Path:
        """The directory in which a candidate waits, on the filesystem of `models` but out of the server's sight."""
        return self.path / "staging"

    @property
    def withdrawn(self) -> Path:
        """The versions that were taken out again, for whoever wants to know why."""
        return self.path / "withdrawn"

    @property
    def references(self) -> Path:
        """The SavedModels of candidates that were found equal to the champion, each under its hash."""
        return self.path / "references"

    @property
    def scores(self) -> Path:
        """What models answered to evaluation rows, to be used again while the rows are the same."""
        return self.path / "scores"

    @property
    def trash(self) -> Path:
        """The directories that are being deleted."""
        return self.path / "trash"

    @property
    def data(self) -> Path:
        """The data of the versions that are kept, each in a directory named by its hash."""
        return self.path / "data"

    def schema(self, number: int) -> Path:
        """Return the file of the schema that was accepted under this number."""
        return self.schemas / f"{number}.pbtxt"

    @property
    def schemas(self) -> Path:
        """The schemas that were accepted, each under its number."""
        return self.path / "schemas"

    def report(self, run_id: str) -> Path:
        """Return the page about one run, which may not be there.

        Raises:
            FinalError: The id cannot become a name; see `run`.
        """
        return self.reports / "runs" / f"{self.run(run_id).name}.html"

    def data_report(self, one: str, other: str) -> Path:
        """Return the page about two data sets beside each other, by their SHA-256, which may not be there."""
        return self.reports / "data" / f"{one[:12]}-{other[:12]}.html"

    def card(self, version: int) -> Path:
        """Return the directory of a version's model card: `card.html`, `card.md` and `model-card.json`."""
        return self.reports / "versions" / str(version)

    @property
    def reports(self) -> Path:
        """The pages about runs, versions and data; each can be made again while what it tells of is kept."""
        return self.path / "reports"

    @property
    def report_failures(self) -> Path:
        """A line for each page about a run, and each card of a version, that could not be written."""
        return self.reports / "failures.jsonl"

    @property
    def inbox(self) -> Path:
        """The data files that the Airflow UI may name."""
        return self.path / "inbox"

    @property
    def ledger(self) -> Path:
        """The append-only record of every promotion."""
        return self.path / "ledger.jsonl"

    @property
    def promotion_lock(self) -> Path:
        """The lock file of whoever changes the ledger or the served directory."""
        return self.path / "promotion.lock"

    @property
    def traffic(self) -> Path:
        """What the model server had counted at several times, by its own metrics page."""
        return self.path / "traffic.json"

    @property
    def probation(self) -> Path:
        """What the last check of a version on probation found."""
        return self.path / "probation.json"

    @property
    def performance(self) -> Path:
        """How each version does with real customers, as it was computed last."""
        return self.path / "performance.json"

    @property
    def monitoring(self) -> Path:
        """What the last looks at the traffic found."""
        return self.path / "monitoring.json"

    @property
    def challenge(self) -> Path:
        """The bets on kept challengers, on outcomes that came since."""
        return self.path / "challenge.json"

    @property
    def challenge_lock(self) -> Path:
        """The lock file of whoever writes them."""
        return self.path / "challenge.lock"

    @property
    def retrain_lock(self) -> Path:
        """The lock file of a run without Airflow."""
        return self.path / "retrain.lock"


def shown(text: str) -> str:
    """Return what a message shows of a name that somebody gave: all of it, or its beginning and how long it is."""
    return text if len(text) <= _SHOWN_LETTERS else f"{text[:_SHOWN_LETTERS]}... ({len(text)} letters)"


def _check_for_tensorflow(path: Path) -> None:
    """Refuse a path that TensorFlow takes for a pattern when it looks for a checkpoint, or cannot encode."""
    marks = [mark for mark in _PATTERN_MARKS if mark in str(path)]
    if marks:
        raise FinalError(
            f"Root directory {path}: TensorFlow takes {' and '.join(marks)} in a path for a pattern, and would not "
            "find what it has written there.",
            "Choose another with --root or RETRAIN_ROOT.",
        )
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise FinalError(
            f"Root directory {str(path)!r}: its name is not in UTF-8, which TensorFlow needs.",
            "Rename it, or choose another with --root or RETRAIN_ROOT.",
        ) from None
