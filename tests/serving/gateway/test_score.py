"""POST /v1/score: the same as the command, hostile files, servers that switch, are gone or slow; and nothing left."""

import io
import json
import os
import re
import signal
import socket
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from python_calamine import CalamineWorkbook
from xlsxwriter import Workbook

from serving.score.lists.list_columns import COLUMNS
from tests.serving.client.stand_in import Answer, Request, stand_in
from tests.serving.gateway.gateway_process import GatewayProcess, gateway
from tests.serving.gateway.gateway_process import stand_in as raw_stand_in
from tests.serving.live import ROOT, ServerProcess, ask, error_of, eventually
from tests.serving.score.scoring import HEADER, NAMES, NUMBERS, many, read_csv, score, write
from tests.serving.score.test_values import known

CSV = {"Content-Type": "text/csv"}
JSON_LINES = {"Content-Type": "application/x-ndjson"}
XLSX = {"Content-Type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
MODEL = "customer-example"
ROWS = (
    "=1+1,Male,No,22,No,Healthcare,1,Low,4",
    '2,Female,,61.5,Yes,"Artist, retired",,High,NA',
    "3,Female,Yes, 40 ,Yes,Zauberin \u2728,NaN,Average,-1",
    ",,,,,,,,",
    "4,Male,No,22,No,Healthcare,1,Low,4",
)


LESS_MEMORY = """
import resource
really = resource.setrlimit
def setrlimit(which, limits):
    if which == resource.RLIMIT_AS:
        with open("/proc/self/statm") as pages:
            now = int(pages.read().split()[0]) * resource.getpagesize()
        limits = (now + (160 << 20),) * 2
    really(which, limits)
resource.setrlimit = setrlimit
"""
"""For the process that scores: what is there already and 160 MiB, in the place of 4 GiB."""


class Pretended:
    """A server that scores by age alone and may change its version after some requests."""

    def __init__(self, *, switch_after: int = 1 << 30) -> None:
        self.asked: list[str] = []
        self._left = switch_after

    def answer(self, asks: Request) -> Answer:
        version = 1 if self._left > 0 else 2
        if asks.path.endswith("/metadata"):
            kinds = {name: {"dtype": "DT_FLOAT" if name in NUMBERS else "DT_STRING"} for name in NAMES}
            return 200, {"metadata": {"signature_def": {"signature_def": {"serving_default": {"inputs": kinds}}}}}
        if asks.body is None:
            return 200, {"model_version_status": [{"version": str(version), "state": "AVAILABLE", "status": {}}]}
        self._left -= 1
        self.asked.append(asks.path)
        if f"/versions/{version}:" not in asks.path:
            return 404, {"error": "Servable not found"}
        ages = [min(max(row["Age"], 0), 100) for row in asks.body["instances"]]
        return 200, {"predictions": [{"probability": age / 100, "label": str(version)} for age in ages]}


@contextmanager
def door_before(url: str, tmp_path: Path, *flags: str) -> Iterator[GatewayProcess]:
    """A gateway with a spool of its own; nothing of a request may be left in it at the end."""
    with gateway(url, f"--spool={tmp_path / 'spool'}", *flags, log=tmp_path / "log") as door:
        yield door
        assert not requests_in(tmp_path)
    assert not [*(tmp_path / "spool").glob("gateway-*")]


def requests_in(tmp_path: Path) -> list[Path]:
    return [*(tmp_path / "spool").glob("gateway-*/request-*")]


def workbook(*rows: tuple[object, ...], header: str = HEADER) -> bytes:
    data = io.BytesIO()
    with Workbook(data, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate((header.split(","), *rows)):
            sheet.write_row(number, 0, row)
    return data.getvalue()


@pytest.mark.parametrize("top", [None, "2", "40%"])
@pytest.mark.parametrize(("separator", "line_end", "bom"), [(",", "\n", False), (";", "\r\n", True)])
def test_a_csv_comes_back_as_the_command_writes_it(
    separator: str, line_end: str, bom: bool, top: str | None, golden_server: ServerProcess, tmp_path: Path
) -> None:
    rows = [row.replace(",", separator) if separator != "," and '"' not in row else row for row in (HEADER, *ROWS)]
    rows = [row for row in rows if separator == "," or '"' not in row]
    file, out = tmp_path / "in.csv", tmp_path / "out.csv"
    file.write_bytes(b"\xef\xbb\xbf" * bom + line_end.join((*rows, "")).encode())
    more = ("--top", top) if top else ()
    assert score(file, "--out", str(out), "--model", MODEL, *more, url=golden_server.url)[0] == 0
    with door_before(golden_server.url, tmp_path, f"--model={MODEL}") as door:
        path = f"/v1/score?explore=0&top={top.replace('%', '%25')}" if top else "/v1/score"
        status, body, headers = ask(door.url, "POST", path, file.read_bytes(), CSV)
        assert (status, headers["x-model-version"]) == (200, "1")
        assert headers["content-type"] == "text/csv; charset=utf-8"
    expected = out.read_bytes()
    if top:  # the same list has another name there
        assert re.sub(rb"list-[0-9a-f]{24}", headers["x-request-id"].encode(), expected) == body
    else:
        assert body.startswith(b"\xef\xbb\xbf") == bom
        assert body.count(line_end.encode()) == expected.count(line_end.encode())
        (tmp_path / "body.csv").write_bytes(body)
        header, *found = read_csv(tmp_path / "body.csv", separator)
        assert [header[:-5], *(row[:-5] for row in found)] == read_csv(out, separator)
        assert header[-5:] == [*COLUMNS]
        customers = [row for row in found if row[-6]]
        assert {(row[-5], *row[-3:]) for row in customers} == {(headers["x-request-id"], "1", "", "")}
        assert [row[-5:] for row in found if not row[-6]] == [[""] * 5]
        assert customers[0][-4] == "2"
    assert b"'=1+1" in body


def test_a_workbook_comes_back_with_the_same_cells_and_no_formula(golden_server: ServerProcess, tmp_path: Path) -> None:
    rows = (
        ("=1+1", "Male", "No", 22, "No", "Healthcare", 1, "Low", 4),
        ("x", "", "", 61.5, "Yes", "Artist", "", "", 2),
    )
    file, out = tmp_path / "in.xlsx", tmp_path / "out.xlsx"
    file.write_bytes(workbook(*rows))
    assert score(file, "--out", str(out), "--model", MODEL, "--top", "2", url=golden_server.url)[0] == 0
    with door_before(golden_server.url, tmp_path, f"--model={MODEL}") as door:
        status, body, headers = ask(door.url, "POST", "/v1/score?top=2&explore=0", file.read_bytes(), XLSX)
    assert (status, headers["content-type"]) == (200, XLSX["Content-Type"])
    both = [CalamineWorkbook.from_filelike(data) for data in (io.BytesIO(body), io.BytesIO(out.read_bytes()))]
    ours, theirs = (book.get_sheet_by_index(0).to_python() for book in both)
    assert {row[-5] for row in ours[1:]} == {headers["x-request-id"]}
    assert [[*row[:-5], *row[-4:]] for row in ours] == [[*row[:-5], *row[-4:]] for row in theirs]
    assert len(ours) == 3
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


def test_json_lines_keep_their_text_and_get_the_numbers_of_the_command(
    golden_server: ServerProcess, tmp_path: Path
) -> None:
    customers: list[dict[str, object]] = [
        {"ID": 1.50, "Gender": "Male", "Ever_Married": "No", "Age": 22, "Graduated": "No", "Profession": "Healthcare"},
        {"ID": {"a": [1]}, "Gender": "Female", "Ever_Married": None, "Age": 61.5, "Graduated": "Yes"},
        {"ID": "=1", "gender": "x", "Age": "40", "Profession": "Zauberin \u2728\n", "Family_Size": -1},
    ]
    customers[0] |= {"Work_Experience": 1, "Spending_Score": "Low", "Family_Size": 4}
    lines = [json.dumps(customer, ensure_ascii=number == 1) for number, customer in enumerate(customers)]
    rows = ("1,Male,No,22,No,Healthcare,1,Low,4", "2,Female,,61.5,Yes,,,,", '3,,,40,,"Zauberin \u2728\n",,,-1')
    file, out = write(tmp_path / "in.csv", *rows), tmp_path / "out.csv"
    assert score(file, "--out", str(out), "--model", MODEL, "--top", "3", url=golden_server.url)[0] == 0
    scored = [row.rsplit(",", 8)[1:3] for row in re.findall(r"(?:[^\n\"]|\"[^\"]*\")+", out.read_text())[1:]]
    with door_before(golden_server.url, tmp_path, f"--model={MODEL}") as door:
        body = "\r\n\n".join(lines).encode()
        status, ranked, _ = ask(door.url, "POST", "/v1/score?top=3", body, JSON_LINES)
        plain = ask(door.url, "POST", "/v1/score", body, JSON_LINES)[1]
    assert status == 200
    found = [json.loads(line) for line in ranked.splitlines()]
    assert [each["rank"] for each in found] == [1, 2, 3]
    assert [[f"{each['probability']:.6f}", each["label"]] for each in found] == scored
    assert {each["expected_precision"] for each in found} == {None}
    for line, text in zip(plain.decode().split("\n"), lines, strict=False):
        assert line.startswith(text[:-1] + ', "probability": 0.')
    assert plain.count(b"\n") == 3


def test_every_row_is_scored_by_one_version_when_another_one_takes_over(tmp_path: Path) -> None:
    server = Pretended(switch_after=2)
    file = many(tmp_path / "in.csv", 1700)
    with stand_in(server.answer) as url, door_before(url, tmp_path) as door:
        status, body, headers = ask(door.url, "POST", "/v1/score", file.read_bytes(), CSV)
    assert (status, headers["x-model-version"]) == (200, "2")
    assert {(line.split(b",")[-6], line.split(b",")[-3]) for line in body.splitlines()[1:]} == {(b"2", b"2")}
    assert any("/versions/1:" in path for path in server.asked)  # it had begun with the other one


def bomb() -> bytes:
    data = io.BytesIO()
    with (
        zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w") as f,
    ):
        for _ in range(1030):
            f.write(bytes(1 << 20))
    return data.getvalue()


def far_cells() -> bytes:
    data = io.BytesIO()
    with Workbook(data, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEADER.split(","))
        sheet.write(1_048_575, 16_383, "far")
    return data.getvalue()


@pytest.mark.parametrize(
    ("body", "headers", "status", "said"),
    [
        (b"", CSV, 422, "customers.csv: the file is empty"),
        (b"a,b\n1,2\n", CSV, 422, "the first line lacks Gender, "),
        (f"{HEADER}\n".encode(), CSV, 422, "there are no customers"),
        (f"{HEADER}\n1,Male,No,old,No,Artist,1,Low,4\n".encode(), CSV, 422, "line 2: Age is 'old', not a number"),
        (f"{HEADER}\n\xff".encode("latin-1"), CSV, 422, "not UTF-8: byte 0xFF in line 2"),
        (f"{HEADER},label\n".encode(), CSV, 422, "already has a column 'label'"),
        (b"<html><title>Log in</title>", CSV, 422, "this is a web page"),
        (b"{}", CSV, 422, "this is JSON"),
        (workbook(), CSV, 422, "this is a workbook, and the Content-Type says otherwise"),
        (f"{HEADER}\n".encode(), XLSX, 422, "this is no workbook"),
        (workbook()[:-300], XLSX, 422, "damaged workbook"),
        (bomb, XLSX, 422, "bytes when unpacked"),
        (far_cells, XLSX, 422, "most of them empty"),
        (b"[1]\n{\n", JSON_LINES, 422, "line 1: not a JSON object\n  line 2: not JSON"),
        (b'{"Age": NaN}', JSON_LINES, 422, "line 1: not JSON"),
        (b"{}\n", JSON_LINES, 422, "no JSON object with a name"),
        (b'{"Age": 1}\n', JSON_LINES, 422, "no object has Gender, "),
        (b'{"a":' * 50_000, JSON_LINES, 422, "line 1: more than"),
        (b'{"a":' * 10_000, JSON_LINES, 422, "nested too deeply"),
        (b'{"ID": "\\ud800"}', JSON_LINES, 422, "line 1: not"),
        (b"".join(b'{"%d": 1}\n' % n for n in range(1001)), JSON_LINES, 422, "more than 1,000 different names"),
        (b"x", {"Content-Type": "text/plain"}, 415, "Send Content-Type: text/csv"),
        (b"x", {}, 415, "Send Content-Type: text/csv"),
        (b"x", CSV | {"Content-Encoding": "gzip"}, 415, "Send it as it is"),
        (b"x" * 2_000_001, CSV, 413, "larger than 2000000 bytes"),
    ],
)
def test_what_cannot_be_scored_is_named_and_nothing_is_left(
    body: bytes | Callable[[], bytes], headers: dict[str, str], status: int, said: str, tmp_path: Path
) -> None:
    data = body if isinstance(body, bytes) else body()
    with (
        stand_in(Pretended().answer) as url,
        door_before(url, tmp_path, "--max-body-bytes=2000000") as door,
    ):
        found, told, _ = ask(door.url, "POST", "/v1/score", data, headers)
        assert (found, said in error_of(told)) == (status, True), told
        assert str(tmp_path) not in error_of(told)


@pytest.mark.parametrize(
    "query", ["top=0", "top=x", "top=101%25", "top=", "top=1&top=2", "rows=3", "top=nan%25", "cost=-1", "explore=2"]
)
def test_a_wrong_parameter_is_400(query: str, tmp_path: Path) -> None:
    with stand_in(Pretended().answer) as url, door_before(url, tmp_path) as door:
        status, told, _ = ask(door.url, "POST", f"/v1/score?{query}", b"x", CSV)
        assert (status, "The parameters are top (a number" in error_of(told)) == (400, True)
        assert ask(door.url, "GET", "/v1/score")[0] == 405


def test_what_is_entered_counts_for_one_list_and_is_told_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETRAIN_ROOT", str(tmp_path / "root"))
    release = tmp_path / "root" / "releases" / "1"
    release.mkdir(parents=True)
    known(release / "evaluation.json")
    (release / "replay.json").write_text(json.dumps({"instances": [{"Age": 50}], "probability": [0.5]}))
    economics = {"value": 80.0, "cost": 10.0, "budget": 30.0, "currency": "\u20ac"}
    (release / "release.json").write_text(json.dumps({"economics": economics}))
    rows = (f"{n},Male,No,{age},No,Healthcare,1,Low,4" for n, age in enumerate((90, 60, 50, 40, 5)))
    body = write(tmp_path / "in.csv", *rows).read_bytes()
    with stand_in(Pretended().answer) as url, door_before(url, tmp_path) as door:

        def told(query: str) -> tuple[list[str], dict[str, object]]:
            status, answered, headers = ask(door.url, "POST", f"/v1/score?{query}", body, CSV)
            assert status == 200, answered
            return answered.decode().splitlines()[1:], json.loads(headers["x-expected-profit"])

        lines, money = told("top=pays&explore=0")
        assert len(lines) == money["contacts"] == 3
        assert money == economics | {
            "pays": 4, "contacts": 3, "list_cost": 30.0, "back": 160.0, "back_low": 80.0, "back_high": 240.0,
            "profit": 130.0, "profit_low": 50.0, "profit_high": 210.0, "by_lot": 0, "by_lot_cost": 0.0,
        }  # fmt: skip
        lines, money = told("budget=0&cost=45&explore=0")
        assert (len(lines), money["cost"], money["budget"], money["currency"]) == (2, 45.0, 0.0, "\u20ac")
        status, answered, headers = ask(door.url, "POST", "/v1/score", body, CSV)
        assert (status, "x-expected-profit" in headers) == (200, False)
        status, answered, _ = ask(door.url, "POST", "/v1/score?cost=100", body, CSV)
        assert (status, "cost = 100: must be below value = 80" in error_of(answered)) == (422, True)


def test_a_server_that_is_gone_is_502_and_one_that_is_slow_504(tmp_path: Path) -> None:
    body = many(tmp_path / "in.csv", 3).read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections and says nothing
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with door_before(address, tmp_path, "--answer-seconds=0.5") as door:
            status, told, _ = ask(door.url, "POST", "/v1/score", body, CSV)
            assert (status, "too slow" in error_of(told)) == (504, True)
        with door_before(address, tmp_path, "--score-seconds=1") as door:
            status, told, _ = ask(door.url, "POST", "/v1/score", body, CSV)
            assert (status, "longer than 1 seconds" in error_of(told)) == (504, True)
    with door_before(address, tmp_path) as door:
        status, told, headers = ask(door.url, "POST", "/v1/score", body, CSV)
        assert (status, "is gone" in error_of(told), headers["x-model-version"]) == (502, True, "unknown")


def test_a_server_that_speaks_of_time_is_not_taken_for_a_slow_one(tmp_path: Path) -> None:
    def babble(_: bytes, connection: socket.socket) -> None:
        connection.sendall(b"TimeoutError: no answer\r\n\r\n")
        connection.close()

    with raw_stand_in(babble) as server, door_before(server.url, tmp_path) as door:
        status, told, _ = ask(door.url, "POST", "/v1/score", many(tmp_path / "in.csv", 3).read_bytes(), CSV)
        assert (status, "is gone" in error_of(told)) == (502, True)
        assert "TimeoutError: no answer" in door.log.read_text()


def _workers(door: GatewayProcess) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{door.process.pid}/task/{door.process.pid}/children").read_text().split()]


def _begin(door: GatewayProcess, body: bytes) -> socket.socket:
    parts = urlsplit(door.url)
    client = socket.create_connection((parts.hostname, parts.port))
    client.sendall(
        b"POST /v1/score HTTP/1.1\r\nContent-Type: text/csv\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )
    return client


def reset(client: socket.socket) -> None:
    """Hangs up so that the server is told by an error."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def _is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.parametrize("leave", [reset, socket.socket.close], ids=["reset", "closed"])
def test_a_client_that_leaves_ends_the_scoring_and_the_pool_is_bounded(
    leave: Callable[[socket.socket], None], tmp_path: Path
) -> None:
    body = many(tmp_path / "in.csv", 3).read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with door_before(address, tmp_path) as door:
            clients = [_begin(door, body) for _ in range(10)]
            eventually(lambda: len(requests_in(tmp_path)) == 10)
            workers = eventually(lambda: len(_workers(door)) == 2 and _workers(door))
            assert ask(door.url, "POST", "/v1/score", body, CSV)[0] == 503
            assert ask(door.url, "GET", "/healthz")[0] == 200
            for client in clients:
                leave(client)
            eventually(lambda: not requests_in(tmp_path))
            eventually(lambda: all(map(_is_gone, workers)))


def test_a_worker_that_is_killed_is_told_as_too_much_memory_and_is_the_first_that_the_kernel_ends(
    tmp_path: Path,
) -> None:
    body = many(tmp_path / "in.csv", 3).read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with door_before(address, tmp_path) as door, _begin(door, body) as client:
            [worker] = eventually(lambda: _workers(door))
            about = Path(f"/proc/{worker}")
            eventually(lambda: (about / "oom_score_adj").read_text().strip() == "1000")
            assert Path(f"/proc/{door.process.pid}/oom_score_adj").read_text().strip() != "1000"
            assert re.search(r"Max address space +4294967296 +4294967296 ", (about / "limits").read_text())
            os.kill(worker, signal.SIGKILL)
            assert client.recv(65536).startswith(b"HTTP/1.1 413 ")
            assert "was ended by signal 9" in eventually(lambda: "signal" in (log := door.log.read_text()) and log)
            assert ask(door.url, "GET", "/healthz")[0] == 200


def test_a_file_that_takes_more_memory_than_there_is_for_one_is_413(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "less").mkdir()
    (tmp_path / "less" / "sitecustomize.py").write_text(LESS_MEMORY)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'less'}:{ROOT}")
    rows = [(f"{n}", "Male", "No", 22, "No", "Healthcare", 1, "Low", 4) for n in range(250_000)]
    with stand_in(Pretended().answer) as url, door_before(url, tmp_path) as door:
        assert ask(door.url, "POST", "/v1/score", workbook(rows[0]), XLSX)[0] == 200
        status, told, _ = ask(door.url, "POST", "/v1/score", workbook(*rows), XLSX)
        assert (status, "more memory than there is for one" in error_of(told)) == (413, True), told
        assert ask(door.url, "POST", "/v1/score", workbook(rows[0]), XLSX)[0] == 200


def test_what_a_killed_gateway_left_is_removed_by_the_next_and_that_of_one_alive_is_not(tmp_path: Path) -> None:
    body = many(tmp_path / "in.csv", 3).read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        flags = (f"--spool={tmp_path / 'spool'}",)
        with (
            gateway(address, *flags, log=tmp_path / "a") as killed,
            gateway(address, *flags, log=tmp_path / "b") as other,
            _begin(killed, body),
            _begin(other, body) as client,
        ):
            eventually(lambda: len(requests_in(tmp_path)) == 2)
            workers = eventually(lambda: _workers(killed))
            killed.stop(signal.SIGKILL)
            eventually(lambda: all(map(_is_gone, workers)))
            assert len(requests_in(tmp_path)) == 2
            with gateway(address, *flags, log=tmp_path / "c"):
                assert len(requests_in(tmp_path)) == 1
            reset(client)


def test_a_spool_that_others_may_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    os.chmod(tmp_path / "spool", 0o755)  # noqa: PTH101 - what is refused
    with pytest.raises(AssertionError, match="readable there by others"):
        GatewayProcess(f"--spool={tmp_path / 'spool'}", log=tmp_path / "log")


def test_no_value_of_a_customer_is_in_the_log(tmp_path: Path) -> None:
    with stand_in(Pretended().answer) as url, door_before(url, tmp_path) as door:
        good = f"{HEADER}\nsecret-1,Male,No,22,No,secret-2,1,Low,4\n".encode()
        assert ask(door.url, "POST", "/v1/score?top=1", good, CSV)[0] == 200
        assert ask(door.url, "POST", "/v1/score?top=1", good.replace(b"22", b"secret-3"), CSV)[0] == 422
        log = eventually(lambda: (text := door.log.read_text()).count("/v1/score") == 2 and text)
    assert "secret" not in log
