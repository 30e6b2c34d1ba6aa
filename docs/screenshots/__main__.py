"""`make screenshots`: the pictures of README and docs, on made-up customers.

The README's is of one demo and one run in the real Airflow, with its report; those of the pages are of the runs that
`tests/browser/story.py` tells.
Everything runs below a directory of its own and on ports of its own, and has ended when this ends.
"""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from urllib.parse import quote

from docs.screenshots.chromium import ChromiumError, Page, chromium
from docs.screenshots.pages import pictures
from docs.screenshots.terminal import terminal_page
from ml.storage.root import PROJECT
from stack.local.paths import DAG_ID

IMAGES = PROJECT / "docs" / "images"
WIDTH, RUN_HEIGHT = 1288, 680
SCALE = 0.8
"""Device pixels for one CSS pixel: the file stays small."""
SETTLE_SECONDS = 3.0
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_PREFERENCES = {"default_dag_view": '"grid"', "theme": "light"}
"""What Airflow's UI remembers of a person who likes the grid."""
_REPORT = "document.querySelector('iframe')?.contentDocument?.querySelector('h1')"


class Stack:
    """`make demo`, `up`, `retrain` and `down` below a directory of their own; as always, the demo has another root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ui_url = f"http://127.0.0.1:{(ui := _free_port())}"
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("AIRFLOW", "KAGGLE", "RETRAIN"))}
        self._environment = kept | {
            "RETRAIN_ROOT": str(root),
            "UI_PORT": str(ui),
            "SERVING_PORT": str(_free_port()),
            "GATEWAY_PORT": str(_free_port()),
            "HOME": str(root),  # without anybody's Kaggle credentials
            "DATA": "",
            "FORCE": "",
            "PYTHONUNBUFFERED": "1",
        }

    def run(self, command: str) -> str:
        """The output of one command, which must succeed; it is also shown as it comes."""
        print(f"== make {command}", flush=True)
        lines = []
        with subprocess.Popen(
            [sys.executable, "-m", f"stack.local.{command}"],
            cwd=PROJECT,
            env=self._environment | ({"RETRAIN_ROOT": str(self.root / "demo")} if command == "demo" else {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as child:
            assert child.stdout is not None  # noqa: S101 - it is a pipe
            try:
                for line in child.stdout:
                    print(line, end="", flush=True)
                    lines.append(line)
            except BaseException:
                child.terminate()  # it cleans up as after Ctrl-C
                raise
        if child.returncode:
            raise SystemExit(f"make {command} ended with {child.returncode}")
        return "".join(lines)

    def token(self) -> str:
        """Of Airflow's administrator."""
        user, password = next(iter(json.loads((self.root / "airflow" / "passwords.json").read_bytes()).items()))
        request = urllib.request.Request(
            f"{self.ui_url}/auth/token",
            data=json.dumps({"username": user, "password": password}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with _DIRECT.open(request, timeout=30) as answer:
            return str(json.load(answer)["access_token"])


def main() -> int:
    """0 when the pictures are written."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # cleans up as Ctrl-C does
    IMAGES.mkdir(exist_ok=True)
    with chromium() as page:
        _write("product.png", _product(page))
        for name, picture in pictures(page):
            _write(name, picture)
    return 0


def _write(name: str, picture: bytes) -> None:
    place = IMAGES / name
    place.write_bytes(picture)
    print(f"{place.relative_to(PROJECT)}: {len(picture) / 1000:.0f} KB", flush=True)


def _product(page: Page) -> bytes:
    """Airflow's page of a run above the output of the demo."""
    with tempfile.TemporaryDirectory(prefix="screenshots-") as directory:
        stack = Stack(Path(directory))
        said = stack.run("demo").replace(str(stack.root), "var")  # where everybody else's root is
        try:
            stack.run("up")
            found = re.search(r"^Run (\S+)", stack.run("retrain"), re.MULTILINE)
            if found is None:
                raise SystemExit("make retrain named no run")
            run = _run_page(page, stack, run_id=found[1])
        finally:
            stack.run("down")
        return _composed(page, run, terminal_page("make demo", said))


def _run_page(page: Page, stack: Stack, *, run_id: str) -> bytes:
    """Airflow's page of a finished run: the grid, and the report in its tab."""
    page.call("Page.enable")
    page.call("Network.setCookie", name="_token", value=stack.token(), url=stack.ui_url)
    preferences = "".join(f"localStorage.setItem({json.dumps(k)}, {json.dumps(v)});" for k, v in _PREFERENCES.items())
    script = page.call("Page.addScriptToEvaluateOnNewDocument", source=preferences)["identifier"]
    url = f"{stack.ui_url}/dags/{DAG_ID}/runs/{quote(run_id)}/plugin/run-report"
    page.open(url, width=WIDTH, height=RUN_HEIGHT, scale=SCALE)
    page.wait_until(_REPORT)
    page.wait_until("document.body.innerText.includes('Success')")
    time.sleep(SETTLE_SECONDS)  # the grid is drawn after that
    page.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script)
    return page.screenshot()


def _composed(page: Page, run: bytes, terminal: str) -> bytes:
    """The run above the terminal."""
    image = f'<img style="width: {WIDTH}px; border: 1px solid #d0d7de; box-sizing: border-box; margin-bottom: 12px; '
    image += f'border-radius: 8px; display: block" src="data:image/png;base64,{base64.b64encode(run).decode()}">'
    with tempfile.NamedTemporaryFile("w", suffix=".html") as file:
        file.write(
            terminal.replace("<div id=terminal>", f"<div id=all style='width: {WIDTH}px'>{image}<div id=terminal>")
        )
        file.flush()
        page.open(f"file://{file.name}", width=WIDTH, height=RUN_HEIGHT, scale=SCALE)
        page.wait_until("document.querySelector('#terminal') && document.querySelector('img').complete")
        box = page.evaluate("(({x, y, width, height}) => ({x, y, width, height}))(all.getBoundingClientRect())")
        return page.screenshot(box)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ChromiumError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted; everything that was started has been stopped.")
