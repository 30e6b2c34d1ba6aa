"""How long the models page takes to its first byte, by a real API server over a ledger of many versions.

    PYTHONPATH=.:plugins .venv/bin/python -m benchmarks.models_page [--versions 500] [--requests 50]

Starts an API server on a free port with a directory of its own, and writes a ledger as the commands do: as many
versions as asked for, and three refused candidates for each. Nobody answers where the model server should be. The
ledger's file changes before each cold request, as after a run; of the warm ones it does not.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from ml.registry.ledger.chain import Head, line_sha256, links
from ml.registry.ledger.file import note_head
from tests.plugins.pages.api_server import ApiServer, api_server, migrate
from tests.plugins.pages.ledgers import Story

REFUSED_BESIDE_EACH = 3
PAGES = ("models", "models?outcome=promoted", "models?number=20", "rules", "ledger", "compare?a=1&b=2")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--versions", type=int, default=500)
    parser.add_argument("--requests", type=int, default=50)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home, root = Path(folder) / "home", Path(folder) / "root"
        home.mkdir()
        write_ledger(root, given.versions)
        size = (root / "ledger.jsonl").stat().st_size / 1e6
        print(f"{given.versions} versions, {given.versions * REFUSED_BESIDE_EACH} refused candidates, {size:.1f} MB")
        migrate(home, root)
        with api_server(home, root, RETRAIN__SERVING__URL="http://127.0.0.1:9") as server:
            first_byte(server, "models")  # imports, and compiles the templates
            print(f"{'page':26} {'cold ms':>8} {'warm ms: median':>16} {'95 %':>7} {'kB':>6}")
            for page in PAGES:
                cold = statistics.median(cold_request(server, page) for _ in range(5))
                warm = sorted(first_byte(server, page)[0] for _ in range(given.requests))
                size = first_byte(server, page)[1] / 1e3
                late = warm[int(0.95 * (len(warm) - 1))]
                print(f"{page:26} {cold:8.0f} {statistics.median(warm):16.0f} {late:7.0f} {size:6.0f}")


class LongStory(Story):
    """Keeps the lines of the ledger until the end, chained as the ledger chains them."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.lines: list[bytes] = []

    def append(self, event: str, run_id: str, **facts: Any) -> None:
        """Chain one more line."""
        entry = {"event": event, "at": self.now.isoformat(timespec="seconds"), "run_id": run_id, "who": "ada", **facts}
        self.lines.append(json.dumps(entry | links(self.lines)).encode())

    def write(self) -> None:
        """Write them all."""
        self.ledger.path.write_bytes(b"".join(line + b"\n" for line in self.lines))
        note_head(self.ledger.path, Head(len(self.lines), line_sha256(self.lines[-1])))


def write_ledger(root: Path, versions: int) -> None:
    story = LongStory(root)
    for number in range(versions):
        for place, event in enumerate(("kept", "rejected", "same")):
            story.refused(event, f"run-{number}-{place}", codes=["cannot_tell"])
        story.promoted(codes=["better"])
    story.write()


def cold_request(server: ApiServer, page: str) -> float:
    ledger = server.root / "ledger.jsonl"
    os.utime(ledger)
    return first_byte(server, page)[0]


def first_byte(server: ApiServer, page: str) -> tuple[float, int]:
    """Return the milliseconds to the first byte of the answer, and its length."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.connect()
    begin = time.perf_counter()
    connection.request("GET", f"/retraining/{page}", headers={"Cookie": f"_token={server.tokens['admin']}"})
    answer = connection.getresponse()
    took = 1000 * (time.perf_counter() - begin)
    content = answer.read()
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"{page}: status {answer.status}")
    return took, len(content)


if __name__ == "__main__":
    main()
