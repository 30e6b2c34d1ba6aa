"""A real Chromium before the real Airflow with the real steps. Run by hand; skipped without Chromium."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from docs.screenshots.chromium import NAMES
from ml.storage.root import PROJECT
from tests.browser.airflow_ui import AirflowUi
from tests.browser.loop import Loop

expect.set_options(timeout=60_000)  # these tests are not about speed

AXE = PROJECT / ".node/node_modules/axe-core/axe.min.js"
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"  # of version 4.14.1


def missing(what: str, cure: str) -> None:
    pytest.skip(f"{what} is missing: {cure}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        missing("Chromium", "apt-get install chromium")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core, which finds what keeps people from reading or using a page."""
    if not AXE.is_file():
        missing("axe-core", f"npm install --no-save --no-package-lock --prefix {AXE.parents[2].name} axe-core@4.14.1")
    script = AXE.read_bytes()
    assert hashlib.sha256(script).hexdigest() == AXE_SHA256
    return script.decode()


@pytest.fixture(scope="session")
def loop(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Loop]:
    """What `make up` starts, once for all of these tests."""
    loop = Loop(tmp_path_factory.mktemp("browser"))
    try:
        loop.up()
        yield loop
    finally:
        loop.down()


@pytest.fixture
def ui(loop: Loop, browser: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[AirflowUi]:
    """Airflow's pages as the administrator sees them; a picture is left of what was seen last."""
    with browser.new_context(viewport={"width": 1400, "height": 1000}, reduced_motion="reduce") as context:
        context.set_default_timeout(60_000)
        ui = AirflowUi(context.new_page(), loop.ui_url)
        ui.log_in("admin", loop.password("admin"))
        yield ui
        ui.page.screenshot(path=tmp_path / f"{request.node.name}.png")
