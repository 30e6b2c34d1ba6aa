"""How long the models page takes to its first byte, by a real API server over a ledger of many versions.

    PYTHONPATH=.:plugins .venv/bin/python -m benchmarks.models_page [--versions 500] [--requests 50]

Starts an API server on a free port with a directory of its own, and writes a ledger as the commands do: as many
versions as asked for, and three refused candidates for each. Nobody answers where the model server should be. The
ledger's file changes before each cold request, as after a run; of the warm ones it does not.
"""

from __future__ import annotations

import argparse
import http.client
import os
import statistics
import tempfile
import time
from pathlib import Path
from unittest import mock

from tests.plugins.pages.api_server import ApiServer, api_server, migrate
from tests.plugins.pages.ledgers import Story

REFUSED_BESIDE_EACH = 3
PAGES = ("models", "models?outcome=promoted", "models?number=20", "ledger", "compare?a=1&b=2")


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


def write_ledger(root: Path, versions: int) -> None:
    """Write it as the commands do, but without the flush after each line, which would take most of the time."""
    with mock.patch("os.fsync"):
        story = Story(root / "small")
        for number in range(versions):
            for place in range(REFUSED_BESIDE_EACH):
                story.refused(("kept", "rejected", "same")[place], f"run-{number}-{place}")
            story.promoted()
    (root / "small").rename(root.with_name("filled"))
    root.rmdir()
    root.with_name("filled").rename(root)


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
