"""The directory of a rehearsal: the data, the roots that faults begin with, and a copy of one for each fault."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from ml.artifacts import Dataset
from ml.data.sample import write_csv
from ml.errors import FinalError
from ml.pipeline.fingerprint import code_sha256
from ml.rehearsal.preparation import judge_a_candidate, promote_version_1
from ml.rehearsal.rows import thinned
from ml.rehearsal.site import Site
from ml.storage import files
from ml.storage.root import Root

SAMPLE = "sample"
MOST_ROWS = 8000
"""Of a user's file, spread evenly over it, so that a rehearsal takes as long whatever the file."""
FIRST, CANDIDATE = "first", "candidate"
MARK = "rehearsal.json"


class Worlds:
    """The roots that faults begin with, each made when it is first asked for.

    Args:
        directory: Where everything is; what an earlier rehearsal of the same code and data prepared there is used.
        source: `sample`, or the absolute path of a file.
        tell: Told what takes long.
    """

    def __init__(self, directory: Path, source: str, *, tell: Callable[[str], None]) -> None:
        self.directory, self.source, self._tell = directory, source, tell
        self._failed: dict[str, FinalError] = {}

    @property
    def data(self) -> Path:
        """The customers that version 1 is trained on."""
        return self.directory / "customers.csv"

    def begin(self) -> None:
        """Make the directory and the data in it.

        Raises:
            FinalError: Something else is in the directory, or the source cannot be read.
        """
        mark, made_of = self.directory / MARK, {"code": code_sha256(), "data": self.source}
        if files.json_object(mark) == made_of and self.data.is_file():
            return
        if not mark.is_file() and self.directory.is_dir() and any(self.directory.iterdir()):
            raise FinalError(
                f"{self.directory}: is not empty, and what is in it is of no rehearsal.", "Name another with --keep."
            )
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        files.write_json(mark, made_of)
        if self.source == SAMPLE:
            write_csv(self.data, rows=MOST_ROWS, seed=3)
        else:
            self._take_rows_of_the_source()

    def first(self, fault: str) -> Site:
        """Return a fresh root with version 1, which a model server has confirmed.

        Raises:
            FinalError: Version 1 could not be made.
        """
        return self._copy(FIRST, fault)

    def candidate(self, fault: str) -> Site:
        """Return a fresh root with version 1, and a judged candidate that earned promotion.

        Raises:
            FinalError: One of them could not be made.
        """
        return self._copy(CANDIDATE, fault)

    def _copy(self, name: str, fault: str) -> Site:
        place = Root(self.directory / "faults" / fault.replace(" ", "-"))
        shutil.rmtree(place.path, ignore_errors=True)
        shutil.copytree(self._prepared(name), place.path)
        return Site(place, self.data)

    def _prepared(self, name: str) -> Path:
        place = self.directory / "prepared" / name
        if place.is_dir():
            return place
        if name in self._failed:  # once is enough
            raise self._failed[name]
        making = place.with_name(f"{name}-unfinished")
        shutil.rmtree(making, ignore_errors=True)
        try:
            if name == FIRST:
                self._tell("preparing: version 1 is trained and promoted")
                promote_version_1(Site(Root.find(str(making)), self.data))
            else:
                shutil.copytree(self._prepared(FIRST), making)
                self._tell("preparing: a candidate for version 2 is judged")
                judge_a_candidate(Site(Root(making), self.data))
        except FinalError as error:
            self._failed[name] = error
            raise
        making.rename(place)
        return place

    def _take_rows_of_the_source(self) -> None:
        """Read the file as ingest does, in whatever form it is."""
        site = Site(Root.find(str(self.directory / "source")), Path(self.source))
        record = site.steps("source", steps=["ingest"])
        if record.outcome:
            raise FinalError(" ".join(record.reasons[1:]), "Name another file with --data.")
        thinned(site.run("source").artifact("ingest", Dataset).csv, self.data, most=MOST_ROWS)
