"""What a run came to: its steps' results and Airflow's word for it, taken together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ml.errors import RetrainError
from ml.pipeline.outcome import BLOCKED, FAILED
from ml.pipeline.run_record import RunRecord
from ml.storage.root import Root
from retraining.statsd_events import RUN_OUTCOMES, UNKNOWN


@dataclass(frozen=True)
class Ending:
    """The `outcome` of a run, one of `RUN_OUTCOMES`, and the `record` of its steps, empty when there are no files."""

    outcome: str
    record: RunRecord

    @classmethod
    def of(cls, run_id: str, *, succeeded: bool) -> Ending:
        """Read what the steps left, for a run that Airflow says has `succeeded` or not.

        A red run is blocked by its data, or else failed, even if its steps left no results. A green one is unknown when
        they do not tell of a success: somebody marked it.
        """
        record = _record(run_id)
        if not succeeded:
            return cls(BLOCKED if record.outcome == BLOCKED else FAILED, record)
        is_green = record.outcome in RUN_OUTCOMES and record.outcome not in (BLOCKED, FAILED)
        return cls(record.outcome if is_green and record.outcome else UNKNOWN, record)


def _record(run_id: str) -> RunRecord:
    try:
        return RunRecord.read(Root.to_read().run(run_id))
    except (RetrainError, OSError):  # the id cannot be a directory, or this process may not read the files
        return RunRecord(Path(), {}, {})
