"""Kill promote, confirm, rollback and the ledger before each of their file operations, and look at what is left.

Run as a program: `python tests/ml/registry/kill_points.py SCENARIO`. It imports no TensorFlow, so a child is one fork
and costs milliseconds. Each child gets SIGKILL at its Nth file operation, for N = 1, 2, ... until one survives; writes
are also killed half-way. After every kill the disk must hold the invariants, and the same call repeated must end in
the same state as a call that was never killed. Prints one JSON object: kills by operation, and the violations.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from ml.config.settings import Settings
from ml.errors import FinalError, NothingToDoError, RetrainError
from ml.registry.ledger import Ledger
from ml.registry.rollback import rollback
from ml.storage.files import sha256_tree
from ml.storage.locks import hold
from ml.storage.root import Root
from tests.ml.light_world import MODEL, RUN, StandIn, candidate, do_confirm, do_promote, released, stand_in

OPERATIONS = (
    "open",
    "write",
    "pwrite",
    "fsync",
    "rename",
    "replace",
    "mkdir",
    "unlink",
    "rmdir",
    "ftruncate",
    "sendfile",
)


def do_withdraw(root: Root, settings: Settings) -> None:
    with suppress(FinalError):  # that it was withdrawn, now or before
        do_confirm(root, settings)


def do_rollback(root: Root, settings: Settings) -> None:
    with suppress(NothingToDoError):  # it was killed when all was done
        rollback(root, settings, target=None, reason="a drill")


def do_append(root: Root, settings: Settings) -> None:
    with hold(root.promotion_lock, who="the test", wait_seconds=5):
        Ledger(root.ledger).append("rejected", run_id=RUN, reasons=["x" * 200])


def prepared(root: Root, settings: Settings, scenario: str) -> None:
    """The state before: two confirmed versions, and what the scenario needs."""
    for text in ("one", "two"):
        released(root, settings, text)
    if scenario in ("confirm", "withdraw"):
        do_promote(root, settings, "new", broken=scenario == "withdraw")
    elif scenario == "promote":
        candidate(root, "new")


SCENARIOS: dict[str, Callable[[Root, Settings], None]] = {
    "promote": do_promote,
    "confirm": do_confirm,
    "withdraw": do_withdraw,
    "rollback": do_rollback,
    "ledger": do_append,
}


def die_at(number: int, *, half: bool) -> Counter[str]:
    """From now on this process dies at its `number`th file operation; a write may get half of its bytes out first."""
    done: Counter[str] = Counter()

    def wrapped(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            done[name] += 1
            if done.total() == number:
                if half and name in ("write", "pwrite"):
                    handle, content, *rest = arguments
                    original(handle, bytes(content)[: max(1, len(content) // 2)], *rest)
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments, **options)

        return call

    for name in OPERATIONS:
        setattr(os, name, wrapped(name, getattr(os, name)))
    return done


def forked(work: Callable[[], None], *, number: int = 0, half: bool = False) -> tuple[int, str, Counter[str]]:
    """Run `work` in a child; returns its wait status, the error it printed, and the operations it did."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        write = os.write
        done = die_at(number, half=half)
        message = ""
        try:
            work()
        except BaseException as error:
            message = f"{type(error).__name__}: {error}"
        write(writer, json.dumps([message, dict(done)]).encode())
        os._exit(1 if message else 0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    status = os.waitpid(child, 0)[1]
    message, operations = json.loads(said) if said else ("", {})
    return status, message, Counter(operations)


def violations(root: Root, known: set[str]) -> list[str]:
    """What must never be on the disk, at any moment."""
    found = []
    for place in (root.models / MODEL).glob("*"):
        if not place.name.isdecimal():
            found.append(f"{place.name} beside the versions")
        elif sha256_tree(place) not in known:
            found.append(f"version {place.name} is not whole")
    try:
        Ledger(root.ledger).events()
    except RetrainError as error:
        found.append(str(error))
    return found


def end_state(root: Root) -> dict[str, Any]:
    """What a finished call leaves, up to the burnt numbers of interrupted tries."""
    ledger = Ledger(root.ledger)
    champion = ledger.champion()
    places = {p.name: sha256_tree(p) for p in (root.models / MODEL).glob("*")}
    content = root.ledger.read_bytes()
    return {
        "champion bytes": champion.intent["model_sha256"] if champion else None,
        "champion is highest": champion is not None and str(champion.number) == max(places, key=int),
        "served bytes": places[max(places, key=int)],
        "pending": [v.number for v in ledger.pending()],
        "staging": sorted(p.name for p in root.staging.glob("*")),
        "whole lines": content.endswith(b"\n") and all(json.loads(line) for line in content.splitlines()),
    }


def main(scenario: str) -> None:
    logging.disable(logging.CRITICAL)
    work = SCENARIOS[scenario]
    with tempfile.TemporaryDirectory() as folder, stand_in(Root(Path(folder))) as settings:
        template = Root(Path(folder) / "template")
        template.path.mkdir()
        StandIn.root = template
        prepared(template, settings, scenario)

        def fresh(name: str) -> Root:
            root = Root(Path(folder) / name)
            shutil.copytree(template.path, root.path)
            StandIn.root = root
            return root

        root = fresh("undisturbed")
        status, message, done = forked(partial(work, root, settings))
        assert status == 0, message
        expected, total = end_state(root), done.total()
        known = {sha256_tree(p) for p in (root.models / MODEL).glob("*")}
        known |= {sha256_tree(p) for p in root.withdrawn.glob("*")}
        known |= {sha256_tree(p) for p in (template.models / MODEL).glob("*")}

        kills, wrong = 0, []
        for half in (False, True):
            for number in range(1, total + 1):
                root = fresh(f"{half}-{number}")
                status, _, _ = forked(partial(work, root, settings), number=number, half=half)
                where = f"{scenario}, operation {number}{', half written' if half else ''}"
                if not os.WIFSIGNALED(status):
                    wrong.append(f"{where}: was not killed")
                kills += 1
                wrong += [f"{where}: {fault}" for fault in violations(root, known)]
                status, message, _ = forked(partial(work, root, settings))
                if status:
                    wrong.append(f"{where}: repeating failed: {message}")
                elif end_state(root) != expected:
                    wrong.append(f"{where}: ended as {end_state(root)}")
                wrong += [f"{where}, repeated: {fault}" for fault in violations(root, known)]
                shutil.rmtree(root.path)
        print(json.dumps({"kills": kills, "operations": dict(done), "expected": expected, "wrong": wrong}))


if __name__ == "__main__":
    main(sys.argv[1])
