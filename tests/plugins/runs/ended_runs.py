"""Runs that came to an end of each kind, as the callbacks of a DAG meet them; and a server beside them."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from airflow.sdk import DAG

from ml.pipeline.step_names import STEPS

SECRET = "0123456789abcdef0123456789abcdef"
RUN = "manual__2026-11-23T00:00:00+00:00"
FAILED = {"outcome": "failed", "error": {"type": "TransientError", "what": "Kaggle answered 503.", "cure": "Wait."}}
REJECTED = {"outcome": "skipped", "skipped_because": "rejected"}
VERDICT = {"artifact": {"promotes": False, "reasons": [{"code": "x", "sentence": "AUC is 0.8100 <b>below</b> 0.85."}]}}


def context(root: Path, reason: str, **results: Any) -> Any:
    for step, result in results.items():
        file = root / "runs" / RUN / "results" / f"{step}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"step": step, "outcome": "done", **result}))
    return {"dag": DAG("customer_retraining", schedule=None), "run_id": RUN, "reason": reason}


def rejected(root: Path) -> Any:
    done: dict[str, Any] = {step: {} for step in STEPS[:-1]}
    return context(root, "success", **done | {"judge": VERDICT, "promote": REJECTED})


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def waiting(root: Path, what: str = "promotion", outcome: str = "waiting") -> Any:
    done: dict[str, Any] = {step: {} for step in STEPS[:-1]}
    skipped = {"outcome": "skipped", "skipped_because": outcome, "error": {"what": "A person decides."}}
    told = context(root, "success", **done | {"promote": skipped})
    return told | {"params": {"run": RUN, "what": what}}
