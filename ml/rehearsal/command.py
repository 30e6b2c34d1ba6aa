"""The command line of the rehearsal."""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TextIO

from ml.data.local_path import NotAFileError, file_at
from ml.errors import DONE, MAY_RETRY, RetrainError, SettingsError
from ml.rehearsal.faults.all_faults import ALL_FAULTS
from ml.rehearsal.faults.fault import Fault
from ml.rehearsal.rehearse import rehearse
from ml.rehearsal.table import as_json, table
from ml.rehearsal.worlds import SAMPLE, Worlds

DESCRIPTION = "Inject faults into a product of its own, one after the other, and say what came of each."
INTERRUPTED = 130
OURS = ("ml", "serving")


def main(arguments: Sequence[str], stdout: TextIO, stderr: TextIO) -> int:
    """Rehearse, and return 0 when every line is as it should be, 1 when one is not, 2 when nothing could begin.

    The table goes to `stdout`; progress and errors to `stderr`. Nothing but a temporary directory is written, or the
    one that --keep names.
    """
    with redirect_stdout(stdout):  # where argparse writes help
        options = _parser().parse_args(arguments)
    if options.list:
        stdout.write("".join(f"{fault.name:<22}{fault.should}\n" for fault in ALL_FAULTS.values()))
        return DONE
    began = time.monotonic()

    def tell(text: str) -> None:
        stderr.write(f"{time.monotonic() - began:6.1f} s  {text}\n")
        stderr.flush()

    try:
        with _directory(options.keep) as directory:
            worlds = Worlds(directory, _source(options.data), tell=tell)
            worlds.begin()
            with _log_in(directory / "rehearsal.log"):
                lines = list(rehearse(_chosen(options.only), worlds, tell=tell))
    except RetrainError as error:
        stderr.write(f"{type(error).__name__}: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        stderr.write("interrupted\n")
        return INTERRUPTED
    stdout.write((json.dumps(as_json(lines), indent=2) if options.json else table(lines)) + "\n")
    return DONE if all(line.ok for line in lines) else MAY_RETRY


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml.rehearsal", description=DESCRIPTION)
    parser.add_argument("--data", default=SAMPLE, metavar="FILE", help="customers with labels; default: the sample")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="this fault; may be repeated")
    parser.add_argument("--list", action="store_true", help="name the faults, and what should come of each")
    parser.add_argument("--json", action="store_true", help="one JSON value on stdout")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="work there and leave all as it is; the next one goes on from it"
    )
    return parser


def _chosen(names: Sequence[str]) -> list[Fault]:
    unknown = [name for name in names if name not in ALL_FAULTS]
    if unknown:
        raise SettingsError(f"--only {unknown[0]!r}: no such fault.", f"Known: {', '.join(ALL_FAULTS)}.")
    return [fault for fault in ALL_FAULTS.values() if not names or fault.name in names]


def _source(data: str) -> str:
    if data == SAMPLE:
        return SAMPLE
    try:
        return str(file_at(data).absolute())
    except NotAFileError as error:
        raise SettingsError(f"--data {data}: {error}.", "Name a CSV file or a workbook, or sample.") from error


@contextmanager
def _directory(kept: Path | None) -> Iterator[Path]:
    """Give the block a directory: the one that is to be kept, or one that ends with the block."""
    if kept is not None:
        yield kept.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="rehearsal-", ignore_cleanup_errors=True) as directory:
        yield Path(directory).resolve()


@contextmanager
def _log_in(path: Path) -> Iterator[None]:
    """Let the product write its log into a file, and nowhere else; its errors are wanted here."""
    handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S"))
    before = {name: (logging.getLogger(name).level, logging.getLogger(name).propagate) for name in OURS}
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)
        logging.getLogger(name).propagate = False
        logging.getLogger(name).addHandler(handler)
    try:
        yield
    finally:
        for name, (level, propagates) in before.items():
            logging.getLogger(name).removeHandler(handler)
            logging.getLogger(name).setLevel(level)
            logging.getLogger(name).propagate = propagates
        handler.close()
