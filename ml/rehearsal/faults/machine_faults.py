"""Faults of the machine and of people on it: a kill, a full disk, a ledger edited by hand, two runs at once."""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ml.artifacts import Model
from ml.pipeline.local_runner import retrain
from ml.pipeline.outcome import FAILED, PROMOTED
from ml.registry.ledger.entries import CONFIRMED, INTENT, PUBLISHED
from ml.rehearsal.fact import Fact
from ml.rehearsal.faults.fault import Fault
from ml.rehearsal.preparation import CANDIDATE, REFRESH
from ml.rehearsal.site import MODEL, Site, ended, served
from ml.rehearsal.worlds import Worlds
from ml.storage import locks
from ml.storage.root import PROJECT

CHILD_SECONDS = 180.0
POLL_SECONDS = 0.05


def killed(worlds: Worlds) -> list[Fact]:
    """Kill a process that promotes, when version 2 is in its place and the ledger does not say so yet."""
    site = worlds.candidate("SIGKILL")
    with served(site) as watched:
        promotes = ["promote", "--run", CANDIDATE, "--root", str(site.root.path), "--serving-url", watched.url]
        command = [sys.executable, "-m", "ml.rehearsal.faults.killed", PUBLISHED, *promotes]
        code = subprocess.run(
            command, cwd=PROJECT, env=_environment(), capture_output=True, timeout=CHILD_SECONDS, check=False
        ).returncode
        left = _events_of_version_2(site)
        died = Fact(
            f"promote was killed ({code}) with version 2 in its place and {' '.join(left)} in the ledger",
            code == -signal.SIGKILL and left == [INTENT] and site.root.version(MODEL, 2).is_dir(),
        )
        watched.steps("next", *REFRESH, steps=["ingest"])
        after = _events_of_version_2(site)
        recovered = Fact(f"after the next run {' '.join(after)}", after == [INTENT, PUBLISHED, CONFIRMED])
        again = watched.steps(CANDIDATE, *REFRESH, steps=["promote", "confirm"])
        once = again.outcome == PROMOTED and _events_of_version_2(site) == after and max(site.ledger.versions()) == 2
        repeated = Fact(f"the run repeated: {again.outcome}, as version {max(site.ledger.versions())}", once)
        return [died, recovered, repeated, watched.serves(2)]


def _events_of_version_2(site: Site) -> list[str]:
    return [str(event["event"]) for event in site.ledger.events() if event.get("version") == 2]


def full_disk(worlds: Worlds) -> list[Fact]:
    """Let no file grow as large as the model's largest, where promotion copies it; then take that limit away.

    The limit is the process's own (RLIMIT_FSIZE), which every user may set: the write fails with EFBIG half-way
    through the file, where a full disk says ENOSPC. The product takes both for the same trouble.
    """
    site = worlds.candidate("full disk")
    model = site.run(CANDIDATE).artifact("train", Model)
    largest = max(path.stat().st_size for path in model.saved_model.rglob("*"))
    with _no_file_above(largest - 1):
        record = site.steps(CANDIDATE, *REFRESH, steps=["promote"])
    refused = ended(record, FAILED, "File too large", "Free disk space")
    untouched = Fact("nothing published", site.ledger.of_run(CANDIDATE) is None and site.champion(1).ok)
    with served(site) as watched:
        again = watched.steps(CANDIDATE, *REFRESH, steps=["promote", "confirm"])
        return [
            refused,
            untouched,
            Fact(f"with space again {again.outcome}", again.outcome == "promoted"),
            watched.serves(2),
        ]


def changed_ledger(worlds: Worlds) -> list[Fact]:
    """Give version 1 a better metric in its line of the ledger."""
    site = worlds.first("changed ledger")
    first, *rest = site.root.ledger.read_text(encoding="utf-8").splitlines(keepends=True)
    entry = json.loads(first)
    entry["metrics"]["AUC"] = 0.99
    site.root.ledger.write_text("".join([json.dumps(entry, ensure_ascii=False) + "\n", *rest]), encoding="utf-8")
    record = site.steps("next", steps=["ingest"])
    lines = len(site.root.ledger.read_text(encoding="utf-8").splitlines())
    return [ended(record, FAILED, "line 1 was changed"), Fact("nothing was appended", lines == 1 + len(rest))]


def two_runs(worlds: Worlds) -> list[Fact]:
    """Start a run in a process of its own, and a second one here while the first holds the lock."""
    site = worlds.first("two runs at once")
    options = ["--root", str(site.root.path), "--data", str(site.data), "--run", "one", "--force"]
    with _child([sys.executable, "-m", "ml", "retrain", *options]) as child:
        deadline = time.monotonic() + CHILD_SECONDS
        while not locks.is_held(site.root.retrain_lock) and child.poll() is None and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        result = retrain(site.root, site.settings(), run_id="two", force=False)
        told = f"the second run {result.outcome}: {' '.join(result.reasons[:1])}"
        refused = Fact(told, result.outcome == FAILED and f"retraining one (process {child.pid})" in told)
    free = Fact("the lock is free when the first is killed", not locks.is_held(site.root.retrain_lock))
    return [refused, free, site.champion(1)]


@contextmanager
def _child(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Give the block a process that is killed at its end."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=PROJECT, env=_environment(), stdout=quiet, stderr=quiet) as child:
        try:
            yield child
        finally:
            child.kill()


@contextmanager
def _no_file_above(size: int) -> Iterator[None]:
    """Limit the size of every file that this process writes in the block, and let it write no log meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    logging.disable()
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        logging.disable(logging.NOTSET)


def _environment() -> Mapping[str, str]:
    """Return this process's environment without the settings and the root of whoever rehearses."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith("RETRAIN")}


MACHINE_FAULTS = (
    Fault("SIGKILL", "killed between rename and ledger: the next run confirms version 2, once", killed),
    Fault("full disk", "promote names it and publishes nothing; repeated with space, it promotes", full_disk),
    Fault("changed ledger", "the next run stops before it begins, and names the line", changed_ledger),
    Fault("two runs at once", "the second is refused and told which process holds the lock", two_runs),
)
