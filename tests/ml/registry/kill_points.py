"""Kill promote, confirm, rollback and the ledger before each of their file operations, and look at what is left.

Run as a program: `python tests/ml/registry/kill_points.py SCENARIO`. It imports no TensorFlow, so a child is one fork
and costs milliseconds. Each child gets SIGKILL at its Nth file operation, for N = 1, 2, ... until one survives; writes
are also killed half-way; and once more each operation fails as on a full disk. After every one the disk must hold the
invariants and the champion must be that of before or of after; the same call repeated, once and once more, must end in
the same state as a call that was never disturbed, with the same version as champion. Prints one JSON object: kills by
operation, and the violations.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ml.errors import RetrainError
from ml.registry.ledger.ledger import Ledger
from ml.registry.policy.quarantine import quarantine_of
from ml.registry.schemas.in_force import entry_in_force
from ml.storage.files import sha256_file, sha256_tree
from ml.storage.root import Root
from tests.ml.light_world import MODEL, StandIn, stand_in
from tests.ml.registry.kill_scenarios import SCENARIOS, prepared

OPERATIONS = (
    "open",
    "write",
    "pwrite",
    "fsync",
    "rename",
    "replace",
    "link",
    "mkdir",
    "unlink",
    "rmdir",
    "ftruncate",
    "sendfile",
)


def die_at(number: int, *, how: str) -> list[str]:
    """From now on this process dies at its `number`th file operation; a write may get half of its bytes out first.

    Or only that operation fails, as on a full disk. The list that is returned grows by the name of each operation.
    """
    done: list[str] = []

    def wrapped(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            done.append(name)
            if len(done) == number:
                if how == "full disk":
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                if how == "half written" and name in ("write", "pwrite"):
                    handle, content, *rest = arguments
                    original(handle, bytes(content)[: max(1, len(content) // 2)], *rest)
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments, **options)

        return call

    for name in OPERATIONS:
        setattr(os, name, wrapped(name, getattr(os, name)))
    return done


def forked(work: Callable[[], None], *, number: int = 0, how: str = "") -> tuple[int, str, list[str]]:
    """Run `work` in a child; returns its wait status, the error it printed, and the operations it did, in order."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        write = os.write
        done = die_at(number, how=how)
        message = ""
        try:
            work()
        except BaseException as error:
            message = f"{type(error).__name__}: {error}"
        write(writer, json.dumps([message, done]).encode())
        os._exit(1 if message else 0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    status = os.waitpid(child, 0)[1]
    message, operations = json.loads(said) if said else ("", [])
    return status, message, operations


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
        found += map(str, Ledger(root.ledger).chain().faults)
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
        "champion": champion.number if champion else None,
        "champion bytes": champion.intent["model_sha256"] if champion else None,
        "champion is highest": champion is not None and str(champion.number) == max(places, key=int),
        "bad ones in sight": [
            v.number for v in ledger.versions().values() if v.quarantined and str(v.number) in places
        ],
        "served bytes": places[max(places, key=int)],
        "pending": [v.number for v in ledger.pending()],
        "quarantined": sorted(quarantine_of(ledger.events()).models),
        "held": ledger.hold() is not None,
        "data": sorted(p.relative_to(root.data).as_posix() for p in root.data.rglob("*")),
        "staging": sorted(p.name for p in root.staging.glob("*")),
        "schemas": {p.name: sha256_file(p) for p in root.schemas.glob("*.pbtxt")},
        "schema in force": entry_in_force(ledger.events()).get("schema_sha256"),
        "taken over": content.count(b'"event": "chained"'),
        "whole lines": content.endswith(b"\n") and all(json.loads(line) for line in content.splitlines()),
    }


def champion_of(root: Root) -> int:
    champion = Ledger(root.ledger).champion()
    return champion.number if champion else 0


def main(scenario: str) -> None:
    logging.disable(logging.CRITICAL)
    work, champion_after = SCENARIOS[scenario]
    with tempfile.TemporaryDirectory() as folder, stand_in(Root(Path(folder))) as settings:
        template = Root(Path(folder) / "template")
        template.path.mkdir()
        StandIn.root = template
        prepared(template, settings, scenario)
        champion_before = champion_of(template)

        def fresh(name: str) -> Root:
            root = Root(Path(folder) / name)
            shutil.copytree(template.path, root.path)
            StandIn.root = root
            return root

        root = fresh("undisturbed")
        status, message, order = forked(partial(work, root, settings))
        assert status == 0, message
        expected, total, done = end_state(root), len(order), Counter(order)
        assert expected["champion"] == champion_after, expected
        known = {sha256_tree(p) for p in (root.models / MODEL).glob("*")}
        known |= {sha256_tree(p) for p in root.withdrawn.glob("*")}
        known |= {sha256_tree(p) for p in (template.models / MODEL).glob("*")}

        disturbed, wrong = 0, []
        writes = [number for number, name in enumerate(order, start=1) if name in ("write", "pwrite")]
        points = {"killed": [*range(1, total + 1)], "half written": writes, "full disk": [*range(1, total + 1)]}
        for how, numbers in points.items():
            for number in numbers:
                root = fresh(f"{how}-{number}")
                status, _, _ = forked(partial(work, root, settings), number=number, how=how)
                where = f"{scenario}, operation {number}, {how}"
                if os.WIFSIGNALED(status) != (how != "full disk"):
                    wrong.append(f"{where}: wait status {status}")
                disturbed += 1
                wrong += [f"{where}: {fault}" for fault in violations(root, known)]
                between = champion_of(root)
                if between not in (champion_before, champion_after):
                    wrong.append(f"{where}: champion {between}")
                for again in ("repeated", "repeated twice") if how == "killed" else ("repeated",):
                    status, message, _ = forked(partial(work, root, settings))
                    if status:
                        wrong.append(f"{where}, {again}: failed: {message}")
                    elif end_state(root) != expected:
                        wrong.append(f"{where}, {again}: ended as {end_state(root)}")
                    wrong += [f"{where}, {again}: {fault}" for fault in violations(root, known)]
                shutil.rmtree(root.path)
        print(json.dumps({"kills": disturbed, "operations": dict(done), "expected": expected, "wrong": wrong}))


if __name__ == "__main__":
    main(sys.argv[1])
