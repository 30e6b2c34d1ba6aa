"""How long a list lives, and whose it is: cancelled, left, unused, kept, deleted, killed, somebody else's."""

from __future__ import annotations

import json
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from serving.gateway.access import token_file
from serving.gateway.access.tokens import SCOPES
from serving.gateway.page.render import STATIC
from serving.score.lists.list_columns import COLUMNS
from tests.serving.client.stand_in import Answer, Request, stand_in
from tests.serving.gateway.gateway_process import GatewayProcess, gateway
from tests.serving.gateway.page.release import MODEL
from tests.serving.gateway.page.test_numbers import rows_of
from tests.serving.gateway.page.visitor import Visitor, logged_in, token
from tests.serving.gateway.test_score import Pretended, requests_in
from tests.serving.live import ServerProcess, ask, eventually
from tests.serving.score.scoring import HEADER, many


@contextmanager
def door_before(url: str, tmp_path: Path, *flags: str) -> Iterator[GatewayProcess]:
    own = (f"--spool={tmp_path / 'spool'}", f"--lists={tmp_path / 'lists'}")
    with gateway(url, *own, *flags, log=tmp_path / "log") as door:
        yield door


def kept_in(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "lists").glob("*") if path.name != ".lock"]


@contextmanager
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def workers(door: GatewayProcess) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{door.process.pid}/task/{door.process.pid}/children").read_text().split()]


def test_a_list_that_is_cancelled_or_left_is_gone_with_its_process_and_its_files(tmp_path: Path) -> None:
    body = many(tmp_path / "in.csv", 50).read_bytes()
    with silent() as url, door_before(url, tmp_path) as door:
        visitor = Visitor(door.url)
        first, second, third = (visitor.send(body) for _ in range(3))
        eventually(lambda: len(workers(door)) == 2 and len(requests_in(tmp_path)) == 3)
        assert visitor.state(third)["state"] == "waiting"
        assert visitor.ask("DELETE", f"/page/lists/{first}")[0] == 204
        assert visitor.ask("POST", f"/page/lists/{second}/leave")[0] == 204
        assert visitor.ask("POST", f"/page/lists/{third}/leave")[0] == 204
        assert not workers(door)
        assert not requests_in(tmp_path)
        for each in (first, second, third):
            assert visitor.refused(f"/page/lists/{each}")[0] == 404


def test_progress_is_told_while_a_file_is_scored_and_others_are_served(tmp_path: Path) -> None:
    pretended, may_go_on = Pretended(), threading.Event()

    def answer(asks: Request) -> Answer:
        if len(pretended.asked) == 6:  # requests of 500 customers
            assert may_go_on.wait(60)
        return pretended.answer(asks)

    with stand_in(answer) as url, door_before(url, tmp_path) as door:
        visitor = Visitor(door.url)
        found = visitor.send(many(tmp_path / "in.csv", 5000).read_bytes())
        told = eventually(lambda: (state := visitor.state(found))["done"] == 3000 and state)
        assert (told["state"], told["of"], told["ranked"], told["name"]) == ("scoring", 5000, False, "my customers.csv")
        assert told["facts"]["customers"] == 5000  # what was seen in the file is told before it is scored
        status, said = visitor.refused(f"/page/lists/{found}/prospect?by=share&share=20")
        assert (status, said) == (400, "The customers are not ranked yet.")
        assert ask(door.url, "GET", "/healthz")[0] == 200
        may_go_on.set()
        assert visitor.over(found)["state"] == "done"
        assert visitor.prospect(found, by="share", share="20")["customers"] == 5000


def test_a_list_that_nobody_uses_goes_and_one_that_is_asked_for_stays(tmp_path: Path) -> None:
    with stand_in(Pretended().answer) as url, door_before(url, tmp_path, "--unused-seconds=2") as door:
        visitor = Visitor(door.url)
        # Each is asked for as long as it is in work, however slow the machine: so the one that stays comes last.
        unused, used = (visitor.list_of(many(tmp_path / "in.csv", 5).read_bytes()) for _ in range(2))
        eventually(lambda: visitor.state(used) and len(requests_in(tmp_path)) == 1)
        assert visitor.state(used)["state"] == "done"
        status, said = visitor.refused(f"/page/lists/{unused}/prospect?by=share&share=20")
        assert (status, "without use" in said) == (404, True)


def test_a_list_of_which_no_page_ever_heard_goes_although_it_is_in_work(tmp_path: Path) -> None:
    with silent() as url, door_before(url, tmp_path, "--unused-seconds=2") as door:
        Visitor(door.url).send(many(tmp_path / "in.csv", 5).read_bytes())
        eventually(lambda: not requests_in(tmp_path) and not workers(door))


def test_a_kept_list_outlives_its_page_and_the_gateway_until_it_is_deleted(tmp_path: Path) -> None:
    body = many(tmp_path / "in.csv", 20).read_bytes()
    with stand_in(Pretended().answer) as url:
        with door_before(url, tmp_path) as door:
            visitor = Visitor(door.url)
            kept, other = visitor.list_of(body, "autumn.csv"), visitor.list_of(body)
            assert not kept_in(tmp_path)  # nobody has asked for it
            assert visitor.json("POST", f"/page/lists/{kept}/keep")["kept"]["customers"] == 20
            before = visitor.download(kept, by="number", number="7")
            assert visitor.json("POST", f"/page/lists/{other}/keep")["kept"]
            assert visitor.json("POST", f"/page/lists/{other}/keep?kept=no")["kept"] is None
            visitor.leave()
            assert not requests_in(tmp_path)
        assert stat.S_IMODE((tmp_path / "lists").stat().st_mode) == 0o700
        with door_before(url, tmp_path) as door:
            visitor = Visitor(door.url)
            (about,) = visitor.json("GET", "/page/lists")["kept"]
            assert (about["id"], about["name"], about["customers"], about["version"]) == (kept, "autumn.csv", 20, 1)
            assert "owner" not in about
            assert visitor.state(kept)["kept"] is True
            assert visitor.download(kept, by="number", number="7") == before
            assert len(rows_of(before)) == 8
            assert visitor.ask("DELETE", f"/page/lists/{kept}")[0] == 204
            assert visitor.json("GET", "/page/lists")["kept"] == []
            assert not kept_in(tmp_path)


def test_a_kept_list_goes_after_its_days(tmp_path: Path) -> None:
    with stand_in(Pretended().answer) as url:
        with door_before(url, tmp_path) as door:
            visitor = Visitor(door.url)
            kept = visitor.list_of(many(tmp_path / "in.csv", 5).read_bytes())
            visitor.json("POST", f"/page/lists/{kept}/keep")
        with door_before(url, tmp_path, "--keep-days=2") as door:
            assert Visitor(door.url).json("GET", "/page/lists")["kept"]
        about = tmp_path / "lists" / kept / "kept.json"
        content = json.loads(about.read_text())
        about.write_text(json.dumps(content | {"kept_at": content["kept_at"] - 3 * 86_400}))
        with door_before(url, tmp_path, "--keep-days=2") as door:
            eventually(lambda: not kept_in(tmp_path))
            assert Visitor(door.url).json("GET", "/page/lists")["kept"] == []


def test_a_directory_that_others_may_read_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir(mode=0o755)
    with stand_in(Pretended().answer) as url, door_before(url, tmp_path) as door:
        visitor = Visitor(door.url)
        found = visitor.list_of(many(tmp_path / "in.csv", 5).read_bytes())
        status, said = visitor.ask("POST", f"/page/lists/{found}/keep")
        assert (status, b"readable there by others" in said) == (507, True)
        assert not kept_in(tmp_path)


def test_nothing_is_left_of_a_killed_gateway_after_the_next_start(tmp_path: Path) -> None:
    body = many(tmp_path / "in.csv", 50).read_bytes()
    with silent() as url:
        with door_before(url, tmp_path) as killed:
            visitor = Visitor(killed.url)
            visitor.send(body)
            visitor.send(body)
            eventually(lambda: len(requests_in(tmp_path)) == 2 and len(workers(killed)) == 2)
            killed.stop(signal.SIGKILL)
            assert len(requests_in(tmp_path)) == 2
        with door_before(url, tmp_path):
            assert not requests_in(tmp_path)
    assert not [*(tmp_path / "spool").glob("gateway-*")]


def test_a_list_is_seen_by_nobody_but_its_owner(golden_server: ServerProcess, tmp_path: Path) -> None:
    assert "score" in SCOPES
    secrets = [token(tmp_path, name) for name in ("ann", "bob")]
    tokens = f"--tokens={tmp_path / 'access' / 'tokens.json'}"
    with door_before(golden_server.url, tmp_path, tokens, f"--model={MODEL}") as door:
        ann, bob = (logged_in(door, secret) for secret in secrets)
        found = ann.list_of(many(tmp_path / "in.csv", 5).read_bytes())
        ann.json("POST", f"/page/lists/{found}/keep")
        for path in ("", "/prospect?by=share&share=20", "/rows?first=1", "/download?by=share&share=20"):
            assert bob.refused(f"/page/lists/{found}{path}")[0] == 404
        assert bob.ask("DELETE", f"/page/lists/{found}")[0] == 404
        assert bob.ask("POST", f"/page/lists/{found}/keep")[0] == 404
        assert bob.ask("POST", f"/page/lists/{found}/leave")[0] == 204  # it does not say whether there is one
        assert bob.ask("POST", f"/page/lists/{found}/keep?kept=no")[0] == 200
        assert bob.json("GET", "/page/lists")["kept"] == []
        assert [list_["id"] for list_ in ann.json("GET", "/page/lists")["kept"]] == [found]
        ann.leave()
        assert ann.state(found)["kept"] is True
        nobody = Visitor(door.url)
        assert nobody.refused(f"/page/lists/{found}")[0] == 401
        assert nobody.ask("POST", "/page/lists?name=x", HEADER.encode())[0] == 401
        assert ask(door.url, "GET", "/", headers={"Sec-Fetch-Mode": "navigate"})[0] == 303


def test_what_another_page_has_a_browser_send_is_refused(tmp_path: Path) -> None:
    with stand_in(Pretended().answer) as url, door_before(url, tmp_path) as door:
        visitor = Visitor(door.url)
        found = visitor.list_of(many(tmp_path / "in.csv", 5).read_bytes())
        for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}):
            for method, path in (("POST", "/page/lists"), ("DELETE", f"/page/lists/{found}")):
                assert ask(door.url, method, path, b"", headers)[0] == 403
        assert visitor.state(found)["state"] == "done"


def test_a_version_that_goes_while_a_file_is_in_work_makes_it_begin_again(tmp_path: Path) -> None:
    server = Pretended(switch_after=2)
    with stand_in(server.answer) as url, door_before(url, tmp_path) as door:
        visitor = Visitor(door.url)
        found = visitor.list_of(many(tmp_path / "in.csv", 1700).read_bytes())
        rows = rows_of(visitor.download(found, by="share", share="100"))
        assert {row[rows[0].index("label")] for row in rows[1:]} == {"2"}
        assert visitor.state(found)["facts"]["version"] == 2
    assert any("/versions/1:" in path for path in server.asked)


def test_a_sample_says_so_and_a_version_without_a_release_says_what_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETRAIN_ROOT", str(tmp_path / "root"))
    pretended = Pretended()

    def answer(asks: Request) -> Answer:
        status, said = pretended.answer(asks)
        assert isinstance(said, dict)
        if asks.path.endswith("/metadata"):
            signatures = said["metadata"]["signature_def"]["signature_def"]
            signatures["sample_data"] = signatures["serving_default"]
        return status, said

    with stand_in(answer) as url, door_before(url, tmp_path) as door:
        visitor = Visitor(door.url)
        found = visitor.list_of(many(tmp_path / "in.csv", 5).read_bytes())
        facts = visitor.state(found)["facts"]
        assert (facts["is_sample"], facts["economics"], facts["explained"]) == (True, None, 0)
        assert facts["why_not"].startswith("No reasons for version 1: there is no releases/1.")
        told = visitor.prospect(found, by="share", share="40")
        assert (told["count"], told["expected"], told["money"]) == (2, None, None)
        assert "is not known: there is no releases/1/evaluation.json" in told["notes"][-1]
        status, said = visitor.refused(f"/page/lists/{found}/prospect?by=pay")
        assert (status, "Enter what a contact costs" in said) == (400, True)
        rows = rows_of(visitor.download(found, by="share", share="40"))
        assert rows[0][-7:] == ["reasons_for", "reasons_against", *COLUMNS]
        assert rows[1][-7].startswith("No reasons for version 1")


@pytest.mark.parametrize("model", ["known", "unknown"])
def test_a_server_that_is_gone_or_has_no_model_is_named(model: str, tmp_path: Path) -> None:
    with stand_in(Pretended().answer) as url:
        gone = url
    with stand_in(lambda asks: (404, {"error": "Servable not found"})) as url:
        door_url = gone if model == "known" else url
        with door_before(door_url, tmp_path) as door:
            visitor = Visitor(door.url)
            state = visitor.over(visitor.send(many(tmp_path / "in.csv", 5).read_bytes()))
            assert state["state"] == "failed"
            assert "model server" in state["error"]
            assert door_url not in state["error"]
            assert not [path for path in requests_in(tmp_path) if any(path.iterdir())]


def test_what_was_opened_in_a_session_goes_with_it_and_what_was_kept_stays(
    golden_server: ServerProcess, tmp_path: Path
) -> None:
    secret = token(tmp_path, "ann")
    tokens = f"--tokens={tmp_path / 'access' / 'tokens.json'}"
    with door_before(golden_server.url, tmp_path, tokens, f"--model={MODEL}") as door:
        here, elsewhere = logged_in(door, secret), logged_in(door, secret)
        body = many(tmp_path / "in.csv", 5).read_bytes()
        lost, kept, other = here.list_of(body), here.list_of(body), elsewhere.list_of(body)
        here.json("POST", f"/page/lists/{kept}/keep")
        assert here.ask("POST", "/logout")[0] == 303
        eventually(lambda: len(requests_in(tmp_path)) == 1)
        assert here.refused(f"/page/lists/{lost}")[0] == 401
        assert elsewhere.refused(f"/page/lists/{lost}")[0] == 404
        assert elsewhere.state(kept)["state"] == elsewhere.state(other)["state"] == "done"


def test_a_page_knows_how_large_a_file_its_token_may_send(golden_server: ServerProcess, tmp_path: Path) -> None:
    secret = token(tmp_path, "ann")
    tokens = f"--tokens={tmp_path / 'access' / 'tokens.json'}"
    for limit, most in ((9_000_000, 8_000_000), (7_000_000, 7_000_000)):
        with door_before(golden_server.url, tmp_path, tokens, f"--max-body-bytes={limit}") as door:
            assert f'data-most-bytes="{most}"'.encode() in logged_in(door, secret).ask("GET", "/")[1]


def test_whoever_logs_in_where_somebody_was_logged_in_ends_that_session(
    golden_server: ServerProcess, tmp_path: Path
) -> None:
    secrets = [token(tmp_path, name) for name in ("ann", "bob")]
    tokens = f"--tokens={tmp_path / 'access' / 'tokens.json'}"
    with door_before(golden_server.url, tmp_path, tokens, f"--model={MODEL}") as door:
        ann = logged_in(door, secrets[0])
        ann.list_of(many(tmp_path / "in.csv", 5).read_bytes())
        logged_in(door, secrets[1], ann.cookie)
        eventually(lambda: not requests_in(tmp_path))
        assert ann.refused("/page/lists")[0] == 401


def test_a_failure_that_may_pass_is_told_from_one_of_the_file(tmp_path: Path) -> None:
    with stand_in(Pretended().answer) as url:
        gone = url
    with door_before(gone, tmp_path) as door:
        visitor = Visitor(door.url)
        assert visitor.over(visitor.send(many(tmp_path / "in.csv", 5).read_bytes()))["may_pass"] is True
    with stand_in(Pretended().answer) as url, door_before(url, tmp_path) as door:
        visitor = Visitor(door.url)
        assert visitor.over(visitor.send(b"a,b\n1,2\n"))["may_pass"] is False


def test_what_is_open_goes_when_its_token_goes(golden_server: ServerProcess, tmp_path: Path) -> None:
    file = tmp_path / "access" / "tokens.json"
    secret = token(tmp_path, "ann")
    with door_before(golden_server.url, tmp_path, f"--tokens={file}", f"--model={MODEL}") as door:
        logged_in(door, secret).list_of(many(tmp_path / "in.csv", 5).read_bytes())
        with token_file.changed(file) as tokens:
            del tokens["ann"]
        eventually(lambda: not requests_in(tmp_path))


def test_one_owner_leaves_room_for_others(tmp_path: Path) -> None:
    secrets = [token(tmp_path, name) for name in ("ann", "bob")]
    body = many(tmp_path / "in.csv", 5).read_bytes()
    with silent() as url, door_before(url, tmp_path, f"--tokens={tmp_path / 'access' / 'tokens.json'}") as door:
        ann, bob = (logged_in(door, secret) for secret in secrets)
        for _ in range(5):
            ann.send(body)
        status, said = ann.ask("POST", "/page/lists?name=x", body)
        assert (status, "5 of your files are in work." in json.loads(said)["error"]) == (503, True)
        bob.send(body)


def test_what_a_killed_gateway_was_about_to_keep_goes_when_the_next_one_starts(tmp_path: Path) -> None:
    left = tmp_path / "lists" / f".{'a' * 32}.part"
    left.mkdir(parents=True)
    (tmp_path / "lists").chmod(0o700)
    (left / "rows.csv").write_text("1,Anna\n")
    with stand_in(Pretended().answer) as url, door_before(url, tmp_path):
        eventually(lambda: not left.exists())


def test_what_a_page_loads_does_not_count_towards_the_limit_of_a_token(tmp_path: Path) -> None:
    secret = token(tmp_path, "ann")
    with token_file.changed(tmp_path / "access" / "tokens.json") as tokens:
        tokens["ann"] = replace(tokens["ann"], requests_per_second=0.01, burst=2)
    with silent() as url, door_before(url, tmp_path, f"--tokens={tmp_path / 'access' / 'tokens.json'}") as door:
        ann = logged_in(door, secret)
        assert {ann.ask("GET", f"/static/{name}")[0] for name in STATIC} == {200}
        assert [ann.ask("GET", "/page/lists")[0] for _ in range(3)] == [200, 200, 429]
