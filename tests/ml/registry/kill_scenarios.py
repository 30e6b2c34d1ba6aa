"""The commands that `kill_points.py` disturbs, and the state in which each of them begins."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from ml.config.settings import Settings
from ml.data.schema import Schema, seed_schema
from ml.errors import FinalError, NothingToDoError
from ml.registry.golden_rows import GoldenRows
from ml.registry.intervention.adopt import adopt
from ml.registry.intervention.quarantine import quarantine
from ml.registry.intervention.release import release
from ml.registry.intervention.rollback import rollback
from ml.registry.ledger.ledger import Ledger
from ml.registry.schemas.acceptance import accept_schema
from ml.storage.locks import hold
from ml.storage.root import Root
from tests.ml.light_world import MODEL, RUN, candidate, do_confirm, do_promote, of_older_code, released

Work = Callable[[Root, Settings], None]
NOBODY = "http://127.0.0.1:9"


def do_withdraw(root: Root, settings: Settings) -> None:
    with suppress(FinalError):  # that it was withdrawn, now or before
        do_confirm(root, settings)


def do_rollback(root: Root, settings: Settings) -> None:
    with suppress(NothingToDoError):  # it was killed when all was done
        rollback(root, settings, target=None, reason="a drill")


def do_named_rollback(root: Root, settings: Settings) -> None:
    with suppress(NothingToDoError):
        rollback(root, settings, target=1, reason="a drill")


def do_quarantine(subject: int) -> Work:
    def work(root: Root, settings: Settings) -> None:
        with suppress(NothingToDoError):
            quarantine(root, settings, subject=subject, reason="a drill")

    return work


def do_release(root: Root, settings: Settings) -> None:
    with suppress(NothingToDoError):
        release(root, settings, reason="a drill")


def do_adopt(root: Root, settings: Settings) -> None:
    def loads(*_: object) -> tuple[GoldenRows, list[str]]:
        return GoldenRows([], []), ["x"]

    with suppress(NothingToDoError):
        adopt(root, settings, number=3, reason="a drill", check=loads)


def unanswered(work: Work) -> Work:
    """The same work where no model server answers."""

    def alone(root: Root, settings: Settings) -> None:
        work(root, replace(settings, serving=replace(settings.serving, url=NOBODY)))

    return alone


def do_accept_schema(root: Root, settings: Settings) -> None:
    wider = Schema(seed_schema().text.replace("max: 120", "max: 130"))
    with suppress(NothingToDoError):
        accept_schema(root, settings, wider, reason="a drill")


def do_append(root: Root, settings: Settings) -> None:
    with hold(root.promotion_lock, who="the test", wait_seconds=5):
        Ledger(root.ledger).append("rejected", run_id=RUN, reasons=["x" * 200])


def prepared(root: Root, settings: Settings, scenario: str) -> None:
    """The state before: two or three confirmed versions, and what the scenario needs."""
    for text in ("one", "two"):
        released(root, settings, text)
    if scenario.startswith("further"):  # a rollback of a rollback: 3 is bad, and then 2 is
        released(root, settings, "three")
        rollback(root, settings, target=None, reason="a drill")
    elif scenario == "release":
        rollback(root, settings, target=None, reason="a drill")
    if scenario.startswith("give up"):
        released(root, settings, "three")
        (root.version(MODEL, 3) / "saved_model.pb").write_text("tampered")
    if scenario in ("confirm", "withdraw") or scenario.startswith("pending"):
        do_promote(root, settings, "new", broken=scenario == "withdraw")
    elif scenario == "adopt":
        shutil.copytree(root.version(MODEL, 1), root.version(MODEL, 3))
        (root.version(MODEL, 3) / "saved_model.pb").write_text("of another team")
    elif scenario == "promote":
        candidate(root, "new")
    if scenario.endswith("older ledger"):
        of_older_code(root)


SCENARIOS: dict[str, tuple[Work, int]] = {
    "ledger": (do_append, 2),
    "append, older ledger": (do_append, 2),
    "promote": (do_promote, 2),
    "confirm": (do_confirm, 3),
    "withdraw": (do_withdraw, 2),
    "rollback": (do_rollback, 3),
    "rollback, older ledger": (do_rollback, 3),
    "rollback, unanswered": (unanswered(do_rollback), 3),
    "give up": (do_rollback, 2),
    "give up, unanswered": (unanswered(do_rollback), 2),
    "give up, go further": (do_named_rollback, 4),
    "pending": (do_rollback, 2),
    "pending, unanswered": (unanswered(do_rollback), 2),
    "pending, go further, unanswered": (unanswered(do_named_rollback), 4),
    "further back": (do_named_rollback, 5),
    "further back, unanswered": (unanswered(do_named_rollback), 5),
    "quarantine the champion": (do_quarantine(2), 3),
    "quarantine the champion, unanswered": (unanswered(do_quarantine(2)), 3),
    "quarantine another": (do_quarantine(1), 2),
    "release": (do_release, 3),
    "adopt": (do_adopt, 3),
    "schema": (do_accept_schema, 2),
}
"""What is done, and the version that is the champion afterwards."""
