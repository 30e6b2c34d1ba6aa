"""Files that cannot be scored are named in plain words, and what the page loads is strict."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ml.reports.look.palette import css_variables
from serving.gateway.page.render import STATIC
from tests.serving.gateway.gateway_process import GatewayProcess
from tests.serving.gateway.page.visitor import Visitor
from tests.serving.gateway.test_score import bomb, far_cells, workbook
from tests.serving.live import ROOT, ask, error_of, eventually
from tests.serving.score.scoring import HEADER, many

PAGE = ROOT / "serving" / "gateway" / "page"


def too_many_rows() -> bytes:
    return f"{HEADER}\n".encode() + b"1,,,1,,,,,\n" * 250_001


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "my customers.csv: the file is empty"),
        (b"a,b\n1,2\n", "the first line lacks Age, "),
        (f"{HEADER}\n".encode(), "there are no customers"),
        (f"{HEADER}\n1,Male,No,old,No,Artist,1,Low,4\n".encode(), "line 2: Age is 'old', not a number"),
        (f"{HEADER}\n1,Male,No,1e39,No,Artist,1,Low,4\n".encode(), "line 2: the model answers NaN, which is no"),
        (f"{HEADER}\n\xff".encode("latin-1"), "not UTF-8: byte 0xFF in line 2"),
        (f"{HEADER},reasons_for\n".encode(), "already has a column 'reasons_for'"),
        (b"<html><title>Log in</title>", "this is a web page"),
        (workbook()[:-300], "damaged workbook"),
        (bomb, "bytes when unpacked"),
        (far_cells, "most of them empty"),
        (too_many_rows, "more than 250,000 rows"),
    ],
)
def test_a_file_that_cannot_be_scored_is_named(
    body: bytes | Callable[[], bytes], said: str, visitor: Visitor, root: Path
) -> None:
    list_id = visitor.send(body if isinstance(body, bytes) else body())
    state = visitor.over(list_id)
    assert (state["state"], said in state["error"]) == ("failed", True), state["error"]
    assert str(root) not in state["error"]
    assert visitor.refused(f"/page/lists/{list_id}/prospect?by=share&share=20")[0] == 400
    assert visitor.ask("POST", f"/page/lists/{list_id}/keep")[0] == 404


@pytest.mark.parametrize("query", ["", "?reasons=yes", "?top=1", "?top=1&reasons=yes"])
def test_a_row_that_the_model_answers_with_nan_is_named_to_programs_too(query: str, door: GatewayProcess) -> None:
    body = f"{HEADER}\n1,Male,No,22,No,Artist,1,Low,4\n2,Male,No,1e39,No,Artist,1,Low,4\n".encode()
    status, said, _ = ask(door.url, "POST", f"/v1/score{query}", body, {"Content-Type": "text/csv"})
    assert status == 422
    assert "1 row cannot be scored" in error_of(said)
    assert "line 3: the model answers NaN, which is no probability" in error_of(said)


def test_a_file_that_is_too_large_is_413(visitor: Visitor) -> None:
    status, said = visitor.ask("POST", "/page/lists?name=x", b"x" * 8_000_001)
    assert (status, b"larger than 8000000 bytes" in said) == (413, True)


def test_what_was_told_of_a_file_is_never_read_as_html_and_stands_in_no_log(visitor: Visitor, root: Path) -> None:
    body = many(root / "in.csv", 3).read_bytes().replace(b"Artist", b"<b>secret-1</b>")
    found = visitor.list_of(body, "secret-2\n<script>.csv")
    assert visitor.state(found)["name"] == "secret-2<script>.csv"
    assert visitor.download(found, by="share", share="100").count(b"<b>secret-1</b>") == 3
    log = eventually(lambda: (text := (root / "log").read_text()).count("/download") and text)
    assert "secret" not in log
    for script in PAGE.glob("static/*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script.read_text())


def test_page_and_files_are_strict_and_load_nothing_from_elsewhere(visitor: Visitor) -> None:
    status, page, headers = ask(visitor.url, "GET", "/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert (headers["cache-control"], headers["x-frame-options"]) == ("no-store", "DENY")
    text = page.decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text)
    assert set(re.findall(r'(?:src|href)="([^"?]*)', text)) == {
        *("/static/page.css", "/static/page.js", "data:,"),
        *("/outcomes", "/login"),
    }
    for name, kind in STATIC.items():
        status, content, headers = ask(visitor.url, "GET", f"/static/{name}")
        assert (status, headers["content-type"]) == (200, kind)
        assert content == (PAGE / "static" / name).read_bytes()
        assert b"http://" not in content.replace(b"http://www.w3.org/2000/svg", b"")
        assert b"https://" not in content
    assert {path.name for path in (PAGE / "static").iterdir()} == set(STATIC)
    for path in ("/static/", "/static/index.html", "/static/..%2fapp.py", "/static/../app.py", "/page/", "/page/x"):
        assert ask(visitor.url, "GET", path)[0] == 404, path
    assert ask(visitor.url, "POST", "/", b"", {"Sec-Fetch-Site": "same-origin"})[0] == 405


def test_the_colours_are_those_of_all_other_pages() -> None:
    style = (PAGE / "static" / "page.css").read_text()
    for dark in (False, True):
        assert css_variables(dark=dark) in style
