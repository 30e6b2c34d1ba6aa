"""The record of a real gateway: what it holds, and that nobody waits for it, whatever the disk does."""

import json
import os
import signal
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.records.private_files import locked
from serving.records.record_directory import Unreadable, read_record, record_files
from serving.records.row import RecordedRow
from tests.serving.gateway.gateway_process import GatewayProcess, StandIn, answer, gateway, stand_in
from tests.serving.live import ServerProcess, ask, eventually
from tests.serving.load import clients, resident_mib

PREDICT = "/v1/models/customer-model:predict"
BODY = json.dumps({"instances": [{"Age": 22, "Gender": "Male"}, {"Age": float("nan"), "Gender": ""}]}).encode()


def predict(request: bytes, connection: socket.socket) -> None:
    rows = len(json.loads(request.partition(b"\r\n\r\n")[2])["instances"])
    connection.sendall(answer(json.dumps({"predictions": [{"probability": 0.25, "label": "rest"}] * rows}).encode()))


@contextmanager
def recording(tmp_path: Path, *flags: str, record: Path | None = None) -> Iterator[tuple[GatewayProcess, StandIn]]:
    with (
        stand_in(predict) as server,
        gateway(server.url, f"--record={record or tmp_path / 'record'}", *flags, log=tmp_path / "log") as door,
    ):
        eventually(lambda: health(door)["version"] == "7" and health(door)["record"]["state"] == "writing")
        yield door, server


def health(door: GatewayProcess) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ask(door.url, "GET", "/healthz")[1])
    return found


def counts(door: GatewayProcess) -> tuple[int, int]:
    record = health(door)["record"]
    return record["written"], record["dropped_rows"] + record["dropped_requests"]


def rows(directory: Path) -> list[RecordedRow]:
    unreadable = Unreadable()
    found = [*read_record(directory, unreadable)]
    assert unreadable == Unreadable()
    return found


def told_to_prometheus(door: GatewayProcess) -> dict[str, float]:
    """The samples of the page, as Prometheus' own parser reads them."""
    families = text_string_to_metric_families(ask(door.url, "GET", "/metrics")[1].decode())
    return {sample.name: sample.value for family in families for sample in family.samples}


def writer_of(door: GatewayProcess) -> int:
    children = Path(f"/proc/{door.process.pid}/task/{door.process.pid}/children").read_text().split()
    (writer,) = [int(child) for child in children if b"records.writer" in Path(f"/proc/{child}/cmdline").read_bytes()]
    return writer


def test_prometheus_is_told_what_the_health_page_says(tmp_path: Path) -> None:
    with recording(tmp_path) as (door, _):
        assert ask_as(door, "one") == 200
        eventually(lambda: counts(door) == (2, 0))
        told, record = told_to_prometheus(door), health(door)["record"]
        assert ask(door.url, "POST", "/metrics", b"")[0] == 405
    assert told == {
        "gateway_recording": 1,
        "gateway_record_bytes": record["bytes"],
        "gateway_record_rows_written_total": 2,
        "gateway_record_rows_dropped_total": 0,
        "gateway_record_requests_dropped_total": 0,
    }


def test_a_gateway_that_records_nothing_tells_nothing(tmp_path: Path) -> None:
    with stand_in(predict) as server, gateway(server.url, log=tmp_path / "log") as door:
        assert ask(door.url, "GET", "/metrics")[:2] == (200, b"")


def ask_as(door: GatewayProcess, request_id: str, path: str = PREDICT, body: bytes = BODY) -> int:
    return ask(door.url, "POST", path, body, {"X-Request-Id": request_id})[0]


def test_each_row_is_recorded_with_request_number_version_features_and_answer(tmp_path: Path) -> None:
    with recording(tmp_path, "--record-without=Gender") as (door, _):
        assert ask_as(door, "one") == 200
        eventually(lambda: counts(door) == (2, 0))
        journal = rows(tmp_path / "record")
    parquet = rows(tmp_path / "record")
    assert [(row.request_id, row.row, row.model, row.version) for row in parquet] == [
        ("one", 1, "customer-model", "7"),
        ("one", 2, "customer-model", "7"),
    ]
    assert {(row.probability, row.label, row.customer) for row in parquet} == {(0.25, "rest", None)}
    assert parquet[0].features == {"Age": 22.0}
    assert parquet[1].features["Age"] != parquet[1].features["Age"]
    assert repr(journal) == repr(parquet)  # NaN is not equal to itself
    assert [path.suffix for path in record_files(tmp_path / "record")] == [".parquet"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "record").iterdir()} == {0o600}
    assert stat.S_IMODE((tmp_path / "record").stat().st_mode) == 0o700
    log = (tmp_path / "log").read_text()
    assert "Male" not in log
    assert "Age" not in log


def test_without_the_option_nothing_is_recorded_and_no_process_runs(tmp_path: Path) -> None:
    with stand_in(predict) as server, gateway(server.url, log=tmp_path / "log") as door:
        assert ask_as(door, "one") == 200
        assert "record" not in health(door)
        assert Path(f"/proc/{door.process.pid}/task/{door.process.pid}/children").read_text() == ""


def test_the_path_may_name_a_version_and_a_label_tells_none(tmp_path: Path) -> None:
    with recording(tmp_path) as (door, _):
        for name, path in (("v", "/versions/0012"), ("l", "/labels/stable"), ("s", "")):
            assert ask_as(door, name, f"/v1/models/customer-model{path}:predict?x=1") == 200
        assert ask_as(door, "other", "/v1/models/customer%2Dmodel:classify") == 200
        eventually(lambda: counts(door) == (6, 0))
    assert {(row.request_id, row.version) for row in rows(tmp_path / "record")} == {
        ("v", "12"),
        ("l", "unknown"),
        ("s", "7"),
    }


def test_the_sample_is_drawn_by_the_identifier_alone(tmp_path: Path) -> None:
    sampled = []
    for name in ("first", "second"):
        with recording(tmp_path, "--record-share=0.5", record=tmp_path / name) as (door, _):
            for number in range(100):
                assert ask_as(door, f"request-{number}") == 200
        sampled.append({row.request_id for row in rows(tmp_path / name)})
    assert sampled[0] == sampled[1]
    assert 25 < len(sampled[0]) < 75


def test_what_is_answered_in_the_last_moment_is_recorded(tmp_path: Path) -> None:
    with recording(tmp_path) as (door, _):
        for number in range(50):
            assert ask_as(door, f"{number}") == 200
        assert door.stop() == 0
    assert len(rows(tmp_path / "record")) == 100


def test_a_gateway_that_is_killed_leaves_a_record_that_is_read(tmp_path: Path) -> None:
    with recording(tmp_path) as (door, _):
        with clients(door, PREDICT, BODY, number=16) as asking:
            eventually(lambda: counts(door)[0] > 500)
            writer = writer_of(door)
            written = counts(door)[0]
            door.process.kill()
        assert asking.total()
        eventually(lambda: not Path(f"/proc/{writer}").exists())
        found = rows(tmp_path / "record")
        assert len(found) >= written
        assert {row.probability for row in found} == {0.25}


def test_a_writer_that_is_killed_is_replaced_and_what_it_wrote_is_read(tmp_path: Path) -> None:
    with recording(tmp_path) as (door, _):
        assert ask_as(door, "before") == 200
        eventually(lambda: counts(door) == (2, 0))
        os.kill(writer_of(door), signal.SIGKILL)
        eventually(lambda: health(door)["record"]["state"] == "stopped")
        assert ask_as(door, "meanwhile") == 200
        eventually(lambda: health(door)["record"]["state"] == "writing")
        eventually(lambda: ask_as(door, "after") == 200 and counts(door)[0] > 2)
        assert counts(door)[1] == 1
    found = {row.request_id for row in rows(tmp_path / "record")}
    assert found == {"before", "after"}


def test_a_writer_that_stands_still_delays_no_answer_and_takes_no_memory(tmp_path: Path) -> None:
    large = json.dumps({"instances": [{"Age": 22, "Gender": "x" * 20_000}]}).encode()
    with recording(tmp_path) as (door, _):
        writer = writer_of(door)
        os.kill(writer, signal.SIGSTOP)
        try:
            before = resident_mib(door.process.pid)
            with clients(door, PREDICT, large, number=16) as asking:
                eventually(lambda: counts(door)[1] > 200)  # 8 MiB wait; all others are dropped
                answered = asking.total()
                eventually(lambda: asking.total() > answered + 2000)
            assert asking.wrong == []
            assert resident_mib(door.process.pid) < before + 64
        finally:
            os.kill(writer, signal.SIGCONT)
        eventually(lambda: counts(door)[0] > 100)
        assert {row.version for row in rows(tmp_path / "record")} <= {"7", "unknown"}


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[Path]:
    path.mkdir()
    if os.geteuid() or os.system(f"mount -t tmpfs -o size={size},mode=700 tmpfs {path} 2>/dev/null"):
        pytest.skip("no disk can be mounted here")
    try:
        yield path
    finally:
        os.system(f"umount -l {path}")


def test_a_full_disk_drops_rows_tells_why_and_delays_no_answer(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "256k") as disk, recording(tmp_path, record=disk) as (door, _):
        with clients(door, PREDICT, BODY, number=16) as asking:
            eventually(lambda: health(door)["record"]["state"] == "No space left on device")
            assert told_to_prometheus(door)["gateway_recording"] == 0
            dropped = counts(door)[1]
            eventually(lambda: counts(door)[1] > dropped + 1000)
            assert asking.wrong == []
        written = counts(door)[0]
        assert written > 100
        assert len(rows(disk)) == written  # nothing is torn


def test_the_disk_that_has_room_again_is_written_again(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "256k") as disk:
        filler = disk / "filler"
        with recording(tmp_path, record=disk) as (door, _):
            filler.write_bytes(b"x" * (240 << 10))
            with clients(door, PREDICT, BODY, number=4) as asking:
                eventually(lambda: health(door)["record"]["state"] == "No space left on device")
            eventually(lambda: sum(counts(door)) == 2 * asking.total())
            filler.unlink()
            assert ask_as(door, "again") == 200
            eventually(lambda: "again" in {row.request_id for row in rows(disk)})
            eventually(lambda: health(door)["record"]["state"] == "writing")


def test_a_directory_that_others_may_read_is_refused_at_the_start(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    for option in ("--record", "--outcomes"):
        with pytest.raises(AssertionError, match=f"mode 700, or name another one with {option}"):
            GatewayProcess(f"{option}={shared}", log=tmp_path / "log")


def test_64_connections_with_the_record_on(golden_server: ServerProcess, tmp_path: Path) -> None:
    row = {"Gender": "Male", "Ever_Married": "No", "Age": 22.0, "Graduated": "No", "Profession": "Healthcare"}
    row |= {"Work_Experience": 1.0, "Spending_Score": "Low", "Family_Size": 4.0}
    body = json.dumps({"instances": [row]}).encode()
    flags = (f"--record={tmp_path / 'record'}", "--model=customer-example")
    path = "/v1/models/customer-example:predict"
    with gateway(golden_server.url, *flags, log=tmp_path / "log") as door:
        eventually(lambda: health(door)["record"]["state"] == "writing" and health(door)["version"] != "unknown")
        assert ask(door.url, "POST", path, body)[0] == 200
        with clients(door, path, body, number=64) as asking:
            eventually(lambda: asking.total() > 2000)
            before = resident_mib(door.process.pid), resident_mib(writer_of(door))
            eventually(lambda: asking.total() > 6000)
            after = resident_mib(door.process.pid), resident_mib(writer_of(door))
        assert asking.wrong == []
        answered = asking.total() + 1
        eventually(lambda: sum(counts(door)) == answered)
        written, dropped = counts(door)
        assert after[0] < before[0] + 16
        assert after[1] < before[1] + 64
    found = rows(tmp_path / "record")
    assert len(found) == written
    assert dropped == 0
    assert {row.version for row in found} == {"1"}
    assert dict(found[0].features) == row


def test_nothing_is_written_while_an_eraser_works_and_no_answer_waits(tmp_path: Path) -> None:
    with recording(tmp_path) as (door, _):
        held, release = threading.Event(), threading.Event()

        def hold() -> None:
            with locked(tmp_path / "record"):
                held.set()
                release.wait(60)

        holder = threading.Thread(target=hold)
        holder.start()
        held.wait(60)
        try:
            for number in range(100):
                assert ask_as(door, f"{number}") == 200
            time.sleep(1.5)  # long enough for the asks that make the version certain
            assert counts(door)[0] == 0
        finally:
            release.set()
            holder.join()
        eventually(lambda: counts(door) == (200, 0))
