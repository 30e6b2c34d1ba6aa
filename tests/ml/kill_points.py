"""Kill promote, confirm, rollback and the ledger before each of their file operations, and look at what is left.

Run as a program: `python tests/ml/kill_points.py SCENARIO`. It imports no TensorFlow, so a child is one fork and
costs milliseconds. Each child gets SIGKILL at its Nth file operation, for N = 1, 2, ... until one survives; writes
are also killed half-way. After every kill the disk must hold the invariants, and the same call repeated must end in
the same state as a call that was never killed. Prints one JSON object: kills by operation, and the violations.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ml.artifacts import Model, Verdict
from ml.confirm import confirm
from ml.errors import NothingToDoError, RetrainError
from ml.files import sha256_tree, write_json
from ml.ledger import Ledger
from ml.locks import hold
from ml.promote import promote
from ml.replay import Replay
from ml.retention import clean_up
from ml.rollback import rollback
from ml.root import Root
from ml.settings import Settings, resolve
from serving.client import ModelServer

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
MODEL = "customer-model"
RUN = "run-under-test"


class StandIn(BaseHTTPRequestHandler):
    """Speaks as much of TensorFlow Serving's REST as confirm asks, straight from the directories on the disk."""

    root: Root
    broken: set[str] = set()

    def log_message(self, *_: object) -> None:
        """Silence."""

    def do_GET(self) -> None:
        base = self.root.models / MODEL
        found = sorted((int(p.name) for p in base.glob("*") if p.name.isdecimal()), reverse=True)
        states = [
            {
                "version": str(n),
                "state": "END" if self._fails(n) else "AVAILABLE" if n == found[0] else "END",
                "status": {
                    "error_code": "DATA_LOSS" if self._fails(n) else "OK",
                    "error_message": "garbage" if self._fails(n) else "",
                },
            }
            for n in found
        ]
        wanted = re.search(r"/versions/(\d+)$", self.path)
        if wanted:
            states = [state for state in states if state["version"] == wanted[1]]
        if not states:
            return self._answer(404, {"error": "Could not find any versions of model"})
        return self._answer(200, {"model_version_status": states})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        number = re.search(r"/versions/(\d+):predict", self.path)
        assert number
        replay = Replay.read(self.root.release(int(number[1])) / "replay.json")
        self._answer(200, {"predictions": [{"probability": p, "label": "D"} for p in replay.probability]})

    def _fails(self, number: int) -> bool:
        return (self.root.version(MODEL, number) / "broken").exists()

    def _answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def candidate(root: Root, text: str, *, broken: bool = False) -> tuple[Model, Path, Path]:
    """A run's finished steps, with a few bytes in place of a network."""
    run = root.run(RUN)
    model = run / "train"
    (model / "saved_model" / "variables").mkdir(parents=True)
    (model / "saved_model" / "saved_model.pb").write_text(text)
    (model / "saved_model" / "variables" / "variables.index").write_text(text * 3)
    if broken:
        (model / "saved_model" / "broken").write_text("yes")
    Replay([{"Age": float(i)} for i in range(3)], [0.1, 0.2, 0.3]).write(model / "replay.json")
    (run / "statistics.pb").write_bytes(b"statistics")
    write_json(run / "evaluation.json", {"rows": 3})
    return Model(model, sha256_tree(model / "saved_model"), 3, 1, 0.5), run / "statistics.pb", run / "evaluation.json"


def do_promote(root: Root, settings: Settings, text: str = "new", run_id: str = RUN, *, broken: bool = False) -> None:
    run = root.run(RUN)
    if not run.exists():
        candidate(root, text, broken=broken)
    model = Model(run / "train", sha256_tree(run / "train" / "saved_model"), 3, 1, 0.5)
    champion = Ledger(root.ledger).champion()
    own = Ledger(root.ledger).of_run(run_id)
    judged = own.intent["champion"] if own else champion.number if champion else None
    verdict = Verdict(run / "judge", "v", 3, True, [{"code": "ok", "sentence": "Good."}], model.sha256, judged, {}, {})
    promote(
        model,
        verdict,
        statistics=run / "statistics.pb",
        report=run / "evaluation.json",
        root=root,
        settings=settings,
        run_id=run_id,
        identity={"data_sha256": "d"},
        check=lambda *_: None,
    )


def do_confirm(root: Root, settings: Settings) -> None:
    version = Ledger(root.ledger).of_run(RUN)
    assert version is not None
    confirm(
        version.number, server=ModelServer(settings.serving.url, MODEL), root=root, settings=settings, out=root.path
    )
    clean_up(root, settings)


def do_withdraw(root: Root, settings: Settings) -> None:
    try:
        do_confirm(root, settings)
    except RetrainError as error:
        assert "withdrawn" in str(error), error


def do_rollback(root: Root, settings: Settings) -> None:
    with suppress(NothingToDoError):  # it was killed when all was done
        rollback(root, settings, target=None, reason="a drill")


def do_append(root: Root, settings: Settings) -> None:
    with hold(root.promotion_lock, who="the test", wait_seconds=5):
        Ledger(root.ledger).append("rejected", run_id=RUN, reasons=["x" * 200])


def prepared(root: Root, settings: Settings, scenario: str) -> None:
    """The state before: two confirmed versions, and what the scenario needs."""
    for text in ("one", "two"):
        do_promote(root, settings, text, run_id=text)
        version = Ledger(root.ledger).of_run(text)
        assert version is not None
        server = ModelServer(settings.serving.url, MODEL)
        confirm(version.number, server=server, root=root, settings=settings, out=root.path)
        shutil.rmtree(root.run(RUN))
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
    message, done = json.loads(said) if said else ["", {}]
    return status, message, Counter(done)


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
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    settings = resolve(overrides=[f"serving.url={url!r}", "confirm.deadline_seconds=5.0"], environment={})
    with tempfile.TemporaryDirectory() as folder:
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
        status, message, done = forked(lambda: work(root, settings))
        assert status == 0, message
        expected, total = end_state(root), done.total()
        known = {sha256_tree(p) for p in (root.models / MODEL).glob("*")}
        known |= {sha256_tree(p) for p in root.withdrawn.glob("*")}
        known |= {sha256_tree(p) for p in (template.models / MODEL).glob("*")}

        kills, wrong = 0, []
        for half in (False, True):
            for number in range(1, total + 1):
                root = fresh(f"{half}-{number}")
                status, _, _ = forked(lambda: work(root, settings), number=number, half=half)
                where = f"{scenario}, operation {number}{', half written' if half else ''}"
                if not os.WIFSIGNALED(status):
                    wrong.append(f"{where}: was not killed")
                kills += 1
                wrong += [f"{where}: {fault}" for fault in violations(root, known)]
                status, message, _ = forked(lambda: work(root, settings))
                if status:
                    wrong.append(f"{where}: repeating failed: {message}")
                elif end_state(root) != expected:
                    wrong.append(f"{where}: ended as {end_state(root)}")
                wrong += [f"{where}, repeated: {fault}" for fault in violations(root, known)]
                shutil.rmtree(root.path)
        print(json.dumps({"kills": kills, "operations": dict(done), "expected": expected, "wrong": wrong}))


if __name__ == "__main__":
    main(sys.argv[1])
