"""A model registry with a few bytes in place of networks, and a stand-in for TensorFlow Serving that reads it.

Everything in it is the real code of `ml`, but for the network; no TensorFlow is imported, so it is quick to set up.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ml.artifacts import Evaluation, Model, Verdict
from ml.cli.commands import main
from ml.config.settings import Settings, resolve
from ml.pipeline.approval.permission import require_permission
from ml.pipeline.run import Run
from ml.registry.confirm import confirm
from ml.registry.golden_rows import GoldenRows
from ml.registry.ledger.file import head_file
from ml.registry.ledger.ledger import Ledger
from ml.registry.promote import promote
from ml.registry.retention import clean_up
from ml.registry.version_directories import version_names
from ml.storage.files import sha256_file, sha256_tree, write_json
from ml.storage.root import Root
from serving.client.model_client import ModelServer
from serving.reasons.background import Background, BackgroundError

MODEL = "customer-model"
RUN = "run-under-test"


class StandIn(BaseHTTPRequestHandler):
    """Speaks as much of TensorFlow Serving's REST as confirm asks, straight from the directories on the disk."""

    root: Root
    refuses: frozenset[int] = frozenset()
    """Versions that it cannot load although their bytes are whole: it lacks memory, or is of another release."""

    def log_message(self, *_: object) -> None:
        """Silence."""

    def do_GET(self) -> None:
        base = self.root.models / MODEL
        found = sorted(version_names(base).values(), reverse=True)
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
        golden_rows = GoldenRows.read(self.root.release(int(number[1])) / "replay.json")
        self._answer(200, {"predictions": [{"probability": p, "label": "D"} for p in golden_rows.probability]})

    def _fails(self, number: int) -> bool:
        return number in self.refuses or (self.root.version(MODEL, number) / "broken").exists()

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
    GoldenRows([{"Age": float(i)} for i in range(3)], [0.1, 0.2, 0.3]).write(model / "replay.json")
    (run / "statistics.pb").write_bytes(b"statistics")
    write_json(run / "evaluation.json", {"rows": 3})
    error = BackgroundError(500, 24, 0.001, 0.01, 1.0)
    background = Background(({"Age": float(len(text))},), ("Age",), (1.0,), (0.1,), error)
    write_json(run / "background.json", background.as_dict())
    (run / "data.csv").write_text("ID\n1\n")
    return Model(model, sha256_tree(model / "saved_model"), 3, 1, 0.5), run / "statistics.pb", run / "evaluation.json"


def do_promote(
    root: Root,
    settings: Settings,
    text: str = "new",
    run_id: str = RUN,
    *,
    broken: bool = False,
    served: int | None = None,
) -> None:
    run = root.run(RUN)
    if not run.exists():
        candidate(root, text, broken=broken)
    model = Model(run / "train", sha256_tree(run / "train" / "saved_model"), 3, 1, 0.5)
    champion = Ledger(root.ledger).champion()
    own = Ledger(root.ledger).of_run(run_id)
    is_retry = own is not None and own.intent["model_sha256"] == model.sha256
    judged = own.intent["champion"] if own and is_retry else champion.number if champion else None
    verdict = Verdict(
        run / "judge",
        "v",
        3,
        True,
        [{"code": "ok", "sentence": "Good."}],
        model.sha256,
        judged,
        {},
        {},
        decision="better",
        served=served,
    )
    promote(
        model,
        verdict,
        statistics=run / "statistics.pb",
        evaluation=Evaluation(run, "e", 3, model.sha256, {}, judged, {}, "", "d"),
        root=root,
        settings=settings,
        run_id=run_id,
        identity={"data_sha256": sha256_file(run / "data.csv")},
        data=run / "data.csv",
        permit=lambda: require_permission(Run(root, run_id, settings), verdict, fingerprint=""),
        check=lambda *_: None,
    )


def do_confirm(root: Root, settings: Settings) -> None:
    version = Ledger(root.ledger).of_run(RUN)
    assert version is not None
    confirm(
        version.number, server=ModelServer(settings.serving.url, MODEL), root=root, settings=settings, out=root.path
    )
    clean_up(root, settings)


def released(root: Root, settings: Settings, text: str) -> int:
    """One more confirmed version, whose bytes hold `text`; returns its number."""
    do_promote(root, settings, text, run_id=text)
    version = Ledger(root.ledger).of_run(text)
    assert version is not None
    server = ModelServer(settings.serving.url, MODEL)
    confirm(version.number, server=server, root=root, settings=settings, out=root.path)
    shutil.rmtree(root.run(RUN))
    return version.number


def of_older_code(root: Root, **changed: Any) -> None:
    """Write the ledger as older code wrote it, without a chain. Fields that are named get that value, or go with None.

    A field that an entry lacks is not added.
    """
    entries = [json.loads(line) for line in root.ledger.read_text().splitlines()]
    for entry in entries:
        for name, value in {**changed, "line": None, "previous": None}.items():
            if entry.pop(name, None) is not None and value is not None:
                entry[name] = value
    root.ledger.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    head_file(root.ledger).unlink()


@contextmanager
def stand_in(root: Root) -> Iterator[Settings]:
    """Settings that name a stand-in server for the versions below `root`."""
    StandIn.root = root
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield resolve(overrides=[f"serving.url={url!r}", "confirm.deadline_seconds=5.0"], environment={})
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def command(root: Root, *arguments: str) -> tuple[int, str]:
    """Runs `python -m ml` with these arguments in this process; returns the exit code and the answer."""
    stdout = io.StringIO()
    return main([arguments[0], "--root", str(root.path), *arguments[1:]], stdout), stdout.getvalue()
