"""A real Chromium before the real Airflow with the real steps; skipped where there is no Chromium, but for CI=true."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, StorageState, expect, sync_playwright

from docs.screenshots.chromium import NAMES
from ml.storage.root import PROJECT
from tests.browser.airflow_ui import AirflowUi
from tests.browser.loop import Loop
from tests.plugins.pages.api_server import PASSWORDS, ApiServer, api_server

WAIT_MS = 120_000
"""For anything in a page: these tests are not about speed, and two busy cores are slow."""
expect.set_options(timeout=WAIT_MS)

AXE = PROJECT / ".node/node_modules/axe-core/axe.min.js"
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"  # of version 4.14.1


def missing(what: str, cure: str) -> None:
    told = f"{what} is missing: {cure}"
    if os.environ.get("CI") == "true":
        pytest.fail(told)
    pytest.skip(told)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The only one of all these tests."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        missing("Chromium", "apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu"], timeout=WAIT_MS
        )
        yield browser
        browser.close()


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
    """What `make up` starts, once for all of these tests, over a root in which runs have ended already."""
    loop = Loop(tmp_path_factory.mktemp("browser"))
    loop.tell_story()
    try:
        loop.up()
        yield loop
    finally:
        loop.down()


@pytest.fixture(scope="session")
def session(loop: Loop, browser: Browser) -> StorageState:
    """What a browser keeps of the administrator who has logged in."""
    with opened(browser, loop.ui_url) as ui:
        ui.log_in("admin", PASSWORDS["admin"])
        return ui.page.context.storage_state()


@pytest.fixture
def ui(
    loop: Loop, browser: Browser, session: StorageState, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[AirflowUi]:
    """Airflow's pages as the administrator sees them; a picture is left of what was seen last."""
    with opened(browser, loop.ui_url, storage_state=session) as ui:
        yield ui
        ui.page.screenshot(path=tmp_path / f"{request.node.name[:60]}.png".replace("/", "-"))


@pytest.fixture(scope="session")
def with_readers(loop: Loop) -> Iterator[ApiServer]:
    """The same Airflow by an API server that also knows a viewer, and somebody without a role."""
    home, root = loop.paths.airflow_home, loop.root.path
    with api_server(home, root, RETRAIN__SERVING__URL=loop.serving_url) as server:
        yield server


@contextmanager
def opened(browser: Browser, url: str, **options: Any) -> Iterator[AirflowUi]:
    with browser.new_context(viewport={"width": 1400, "height": 1000}, reduced_motion="reduce", **options) as context:
        context.set_default_timeout(WAIT_MS)
        yield AirflowUi(context.new_page(), url)
