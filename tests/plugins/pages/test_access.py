"""Who sees the pages, who may press their buttons, and what a browser is told; asked of the real API server."""

from __future__ import annotations

import pytest

from tests.plugins.pages.api_server import ApiServer
from tests.plugins.pages.ledgers import Story

pytestmark = pytest.mark.slow

PAGES = (
    "/retraining/models",
    "/retraining/ledger",
    "/retraining/compare?a=1&b=2",
    "/retraining/runs/run-1/report",
    "/retraining/versions/1/card",
    "/retraining/static/page.js",
    "/retraining/static/page.css",
)
ROLLBACK = "/api/v2/dags/customer_rollback/dagRuns"


@pytest.fixture(autouse=True)
def versions(story: Story) -> None:
    story.promoted()
    story.promoted()
    story.refused("kept", "run-kept")


@pytest.mark.parametrize("path", PAGES)
def test_nobody_sees_a_page_without_log_in_and_permission(server: ApiServer, path: str) -> None:
    for user, status in ((None, 401), ("nobody", 403)):
        answer = server.ask(path, user)
        assert answer.status == status
        assert "run-1" not in answer.text
        assert "<h1>" in answer.text


@pytest.mark.parametrize("bearer", [True, False])
def test_who_may_see_the_dag_sees_the_models(server: ApiServer, bearer: bool) -> None:
    answer = server.ask("/retraining/models", "viewer", bearer=bearer)
    assert answer.status == 200
    assert "run-kept" in answer.text


def test_a_forged_token_opens_nothing(server: ApiServer) -> None:
    server.tokens["forger"] = server.log_in("viewer")[:-4] + "AAAA"
    assert server.ask("/retraining/models", "forger").status in (401, 403)


def test_only_who_may_act_gets_buttons(server: ApiServer) -> None:
    assert 'data-dialog="rollback"' in server.ask("/retraining/models", "admin").text
    of_viewer = server.ask("/retraining/models", "viewer").text
    assert "data-dialog=" not in of_viewer
    assert "<dialog" not in of_viewer


def test_what_the_buttons_call_is_refused_to_who_only_reads(server: ApiServer) -> None:
    body = {"logical_date": None, "conf": {"version": 1, "reason": "I want to."}}
    for dag in ("customer_rollback", "customer_quarantine", "customer_retraining", "customer_approval"):
        assert server.ask(f"/api/v2/dags/{dag}/dagRuns", "viewer", method="POST", body=body).status == 403
    # Who may is let through, and told that this server's database has not parsed the DAG.
    assert server.ask(ROLLBACK, "admin", method="POST", body=body).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/retraining/models", "/retraining/nothing"])
def test_the_pages_only_read(server: ApiServer, method: str, path: str) -> None:
    answer = server.ask(path, "admin", method=method)
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", PAGES)
def test_head_is_get_without_the_body(server: ApiServer, path: str) -> None:
    got, headed = server.ask(path), server.ask(path, method="HEAD")
    assert headed.text == ""
    assert headed.status == got.status
    assert headed.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize("path", ["docs", "redoc", "openapi.json", "static/../app.py", "static/app.py", ""])
def test_nothing_describes_the_routes_or_gives_other_files(server: ApiServer, path: str) -> None:
    assert server.ask(f"/retraining/{path}").status == 404


@pytest.mark.parametrize("user", ["admin", "nobody", None])
@pytest.mark.parametrize("path", [*PAGES, "/retraining/nothing", "/retraining/models?number=x"])
def test_every_answer_says_what_a_browser_may_do_with_it(server: ApiServer, path: str, user: str | None) -> None:
    headers = server.ask(path, user).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    scripts = [part for part in policy.split("; ") if part.startswith("script-src")]
    assert scripts in ([], ["script-src 'self'"])
    assert headers["x-content-type-options"] == "nosniff"


def test_no_page_has_a_script_or_a_style_of_its_own(server: ApiServer) -> None:
    for path in PAGES[:5]:
        text = server.ask(path).text
        assert text.count("<script") == text.count("<script src=")
        assert "<style" not in text
        assert " style=" not in text
        assert " onclick=" not in text
        assert "http-equiv" not in text
