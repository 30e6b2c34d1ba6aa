"""Stands where the interpreter of the ML environment would: takes its command lines, does nothing heavy.

`RETRAIN_FAKE`, or `fake.json` in the root directory, holds JSON: what each step shall do, for example
`{"judge": {"promotes": false}, "validate": {"exit": 2, "error": {"what": "...", "cure": "..."}}}`. When there is a file
`real` in the root directory, steps are those of the ML environment, and only the model server is played; if the file
names some commands, only those are real.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(os.environ["RETRAIN_ROOT"])
METRICS = {"BinaryAccuracy": 0.8234, "AUC": 0.88, "Precision": 0.7, "Recall": 0.55, "ExampleCount": 1613.0}
STEPS = ("ingest", "validate", "transform", "train", "evaluate", "judge", "promote", "confirm")
MADE: dict[str, dict[str, Any]] = {
    "ingest": {"source": "sample"},
    "validate": {},
    "transform": {},
    "train": {},
    "evaluate": {"metrics": METRICS, "champion_version": None, "champion_metrics": {}},
}


def step(name: str, run_id: str, options: list[str]) -> int:
    plans = ROOT / "fake.json"
    told = plans.read_text() if plans.exists() else os.environ.get("RETRAIN_FAKE", "{}")
    plan = json.loads(told).get(name, {})
    print(f"fake {name} {' '.join(options)}", file=sys.stderr, flush=True)
    for line in plan.get("lines", []):
        print(line, flush=True)
    if plan.get("environment"):
        Path(plan["environment"]).write_text(json.dumps(dict(os.environ)))
    if plan.get("stubborn"):
        ignore = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
        grandchild = subprocess.Popen([sys.executable, "-c", ignore])
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(0.3)  # until the grandchild ignores it as well
        Path(plan["stubborn"]).write_text(f"{os.getpid()} {grandchild.pid}")
    time.sleep(plan.get("sleep", 0))
    if plan.get("signal"):
        os.kill(os.getpid(), plan["signal"])
    code = int(plan.get("exit", 0))
    outcome = {0: "done", 99: "skipped"}.get(code, "failed")
    result: dict[str, Any] = {"step": name, "run_id": run_id, "outcome": outcome, "seconds": 0.1, "artifact": None}
    result["error"] = plan.get("error")
    if name in MADE and code == 0:
        result["artifact"] = {"sha256": f"{name}-hash", "rows": 8068, **MADE[name]}
    if name == "judge":
        promotes = plan.get("promotes", True)
        reasons = [{"code": "ok" if promotes else "below", "sentence": "AUC 0.88 is compared with 0.85."}]
        result["artifact"] = {"promotes": promotes, "reasons": reasons, "metrics": METRICS, "champion_metrics": {}}
        result["artifact"] |= {"champion_version": None, "model_sha256": "m"} | plan.get("verdict", {})
    if name == "promote" and code == 0:
        verdict = json.loads((ROOT / "runs" / run_id / "results" / "judge.json").read_text())["artifact"]
        if not verdict["promotes"]:
            code, result["outcome"] = 99, "skipped"
            result["error"] = {"what": "Not promoted. AUC 0.88 is compared with 0.85."}
            result["skipped_because"] = "rejected"
        else:
            result["artifact"] = {"version": publish(run_id)}
    if name == "confirm" and code == 0:
        promoted = json.loads((ROOT / "runs" / run_id / "results" / "promote.json").read_text())["artifact"]
        result["artifact"] = {"version": promoted["version"], "worst_difference": 0.0}
    if plan.get("proposal"):
        result["proposal"] = plan["proposal"]
    if code == 99:
        result.setdefault("skipped_because", plan.get("because", "unchanged"))
        if result["skipped_because"] == "waiting":
            decided("waiting", run_id, champion=None, decision="first", reasons=["A person decides."])
    place = ROOT / "runs" / run_id / "results"
    place.mkdir(parents=True, exist_ok=True)
    (place.parent / "settings.json").write_text(json.dumps({"judge": {"at_least": {"AUC": 0.85}}}))
    if not plan.get("no_result"):
        (place / f"{name}.json").write_text(json.dumps(result))
    return code


def decided(event: str, run_id: str, **facts: Any) -> None:
    entry = {"event": event, "at": "2026-11-23T00:00:00+00:00", "run_id": run_id, "who": os.environ["RETRAIN_WHO"]}
    with (ROOT / "ledger.jsonl").open("a") as ledger:
        ledger.write(json.dumps(entry | {"model_sha256": "m", "fingerprint": "f"} | facts) + "\n")


def command(name: str, *arguments: str) -> int:
    """A command that is no step: remembers who asked for what, does what the plan says, and notes a decision."""
    with (ROOT / "commands.jsonl").open("a") as calls:
        calls.write(json.dumps({"arguments": [name, *arguments], "who": os.environ.get("RETRAIN_WHO")}) + "\n")
    plans = ROOT / "fake.json"
    plan = json.loads(plans.read_text() if plans.exists() else os.environ.get("RETRAIN_FAKE", "{}")).get(name, {})
    print(" ".join(filter(None, ("fake", name, *arguments))), flush=True)
    for line in plan.get("lines", []):
        print(line, flush=True)
    if plan.get("environment"):
        Path(plan["environment"]).write_text(json.dumps(dict(os.environ)))
    if plan.get("signal"):
        os.kill(os.getpid(), plan["signal"])
    if name in ("approve", "refuse") and not plan:
        reason, candidate, run_id = arguments
        if candidate != "--candidate=m":
            return 2
        decided({"approve": "approved", "refuse": "refused"}[name], run_id, reason=reason.removeprefix("--reason="))
    if name == "report" and not plan:
        page = ROOT / "reports" / "runs" / f"{arguments[0]}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("<title>Report</title>")
        print(page, flush=True)
    return int(plan.get("exit", 0))


def publish(run_id: str) -> int:
    number = 1 + max((int(p.name) for p in (ROOT / "models" / "customer-model").glob("*")), default=0)
    (ROOT / "models" / "customer-model" / str(number)).mkdir(parents=True)
    with (ROOT / "ledger.jsonl").open("a") as ledger:
        for event in ("intent", "published", "confirmed"):
            entry = {"event": event, "at": "2026-11-23T00:00:00+00:00", "run_id": run_id, "who": "test"}
            ledger.write(json.dumps(entry | {"version": number, "model_sha256": "m", "fingerprint": "f"}) + "\n")
    return number


class Serving(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if (ROOT / "server-is-down").exists():
            self.send_error(503)
            return
        numbers = [p.name for p in (ROOT / "models" / "customer-model").glob("*")]
        self._answer({"model_version_status": [{"version": n, "state": "AVAILABLE"} for n in numbers]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        version = re.search(r"/versions/(\d+):", self.path)
        known = ROOT / "releases" / (version[1] if version else "none") / "replay.json"
        answers = json.loads(known.read_text())["probability"] if known.exists() else [0.9]
        self._answer({"predictions": [{"probability": answer, "label": "D"} for answer in answers]})

    def _answer(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main(arguments: list[str]) -> int:
    _, module, *rest = arguments
    if module == "serving.model_server":
        port = int(next(option for option in rest if option.startswith("--rest_api_port=")).partition("=")[2])
        ThreadingHTTPServer(("127.0.0.1", port), Serving).serve_forever()
    if module == "serving.gateway":  # it takes no heavy import, so it is the real one
        os.execv(".venv-ml/bin/python", [".venv-ml/bin/python", *arguments])
    if (ROOT / "real").exists() and rest[0] in ((ROOT / "real").read_text().split() or [rest[0]]):
        os.execv(".venv-ml/bin/python", [".venv-ml/bin/python", *arguments])
    if rest[0] not in STEPS:
        return command(*rest)
    name, _, run_id, *options = rest
    return step(name, run_id, options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
