"""Scoring with a server that is busy, fussy, away or promoted meanwhile; stopped in the middle; wrongly called."""

import os
import signal
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import pytest

from serving.score import requests
from serving.score.options import Top, parse_arguments
from tests.serving.client.stand_in import Answer, Request, stand_in
from tests.serving.live import ROOT
from tests.serving.score.scoring import NAMES, NUMBERS, many, read_csv, score

NAN = float("nan")


class Pretended:
    """A server that scores by age alone, and can be told how to misbehave."""

    def __init__(self) -> None:
        self.version = 1
        self.asked: list[int] = []

    def refuse(self, ages: list[float]) -> Answer | None:
        """What to say instead of scores."""

    def answer(self, asks: Request) -> Answer:
        path, body = asks.path, asks.body
        if path.endswith("/metadata"):
            kinds = {name: {"dtype": "DT_FLOAT" if name in NUMBERS else "DT_STRING"} for name in NAMES}
            return 200, {"metadata": {"signature_def": {"signature_def": {"serving_default": {"inputs": kinds}}}}}
        if body is None:
            return 200, {"model_version_status": [{"version": str(self.version), "state": "AVAILABLE", "status": {}}]}
        ages = [row["Age"] for row in body["instances"]]
        self.asked.append(len(ages))
        refused = self.refuse(ages)
        if refused is not None:
            return refused
        if f"/versions/{self.version}:" not in path:
            return 404, {"error": f"Servable not found for request: {path}"}
        between = [min(max(age, 0), 100) for age in ages]
        return 200, {"predictions": [{"probability": age / 100, "label": str(self.version)} for age in between]}


def test_a_row_that_the_server_refuses_is_named_by_line(tmp_path: Path) -> None:
    class Fussy(Pretended):
        def refuse(self, ages: list[float]) -> Answer | None:
            return (400, {"error": "Age 42 is odd"}) if 42 in ages else None

    with stand_in(Fussy().answer) as url:
        code, _, wrong = score(many(tmp_path / "in.csv", 50), "--out", str(tmp_path / "out.csv"), url=url)
    assert code == 2
    assert wrong.splitlines()[-2:] == [
        f"{tmp_path / 'in.csv'}: 1 row cannot be scored; nothing was written.",
        "  line 26: the server answers: Age 42 is odd",
    ]
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("more", [(), ("--top", "3")])
def test_rows_that_the_model_answers_with_no_probability_are_named_by_line(
    more: tuple[str, ...], tmp_path: Path
) -> None:
    class Lost(Pretended):
        def refuse(self, ages: list[float]) -> Answer | None:
            found = [{42.0: NAN, 43.0: 1.5}.get(age, 0.5) for age in ages]
            return 200, {"predictions": [{"probability": probability, "label": "D"} for probability in found]}

    out = tmp_path / "out.csv"
    with stand_in(Lost().answer) as url:
        code, _, wrong = score(many(tmp_path / "in.csv", 50), "--out", str(out), *more, url=url)
    assert code == 2
    why = "which is no probability: are its values far too large or too small?"
    assert wrong.splitlines()[-3:] == [
        f"{tmp_path / 'in.csv'}: 2 rows cannot be scored; nothing was written.",
        f"  line 26: the model answers NaN, {why}",
        f"  line 27: the model answers 1.5, {why}",
    ]
    assert not out.exists()


def test_a_request_that_is_too_large_is_sent_in_halves(tmp_path: Path) -> None:
    class Small(Pretended):
        def refuse(self, ages: list[float]) -> Answer | None:
            return (413, {"error": "too large"}) if len(ages) > 10 else None

    with stand_in(Small().answer) as url:
        assert score(many(tmp_path / "in.csv", 40), "--out", str(tmp_path / "out.csv"), url=url)[0] == 0
    assert [row[-2] for row in read_csv(tmp_path / "out.csv")[1:]] == [f"{(18 + n) / 100:.6f}" for n in range(40)]


def test_an_overloaded_server_is_asked_again_and_one_that_stays_so_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Busy(Pretended):
        patience = 2

        def refuse(self, ages: list[float]) -> Answer | None:
            return (503, {"error": "busy"}) if len(self.asked) <= self.patience else None

    monkeypatch.setattr(requests, "_PAUSES", (0.01, 0.02))
    monkeypatch.setattr(requests, "PATIENCE_SECONDS", 1.0)
    file, out, server = many(tmp_path / "in.csv", 5), tmp_path / "out.csv", Busy()
    with stand_in(server.answer) as url:
        assert score(file, "--out", str(out), url=url)[0] == 0
        out.unlink()
        server.patience = 99
        code, _, wrong = score(file, "--out", str(out), url=url)
    assert code == 1
    assert "was refused with 503: busy" in wrong
    assert not out.exists()


def test_scoring_begins_again_when_its_version_is_replaced_meanwhile(tmp_path: Path) -> None:
    class Promoted(Pretended):
        def refuse(self, ages: list[float]) -> Answer | None:
            self.version = 1 if len(self.asked) < 3 else 2
            return None

    with stand_in(Promoted().answer) as url:
        code, said, warned = score(
            many(tmp_path / "in.csv", 50), "--out", str(tmp_path / "out.csv"), "--rows-per-request", "10", url=url
        )
    assert code == 0
    assert said.startswith("Scored 50 customers with version 2")
    assert "beginning again with the one that is served now" in warned
    assert {row[-1] for row in read_csv(tmp_path / "out.csv")[1:]} == {"2"}


class Restarted(Pretended):
    """After the second request no version is there, for as many looks at the status as `empty` says."""

    empty = 5

    def answer(self, asks: Request) -> Answer:
        away = len(self.asked) >= 2 and self.empty > 0
        if away and asks.body is None:
            self.empty -= 1
            state = {"version": "1", "state": "LOADING", "status": {}}
            return (200, {"model_version_status": [state]}) if self.empty % 2 else (404, {"error": "no versions"})
        return (404, {"error": "Servable not found"}) if away else super().answer(asks)


def test_a_server_that_restarts_meanwhile_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "_RETRY_SECONDS", 0.01)
    file, out, server = many(tmp_path / "in.csv", 50), tmp_path / "out.csv", Restarted()
    with stand_in(server.answer) as url:
        code, said, _ = score(file, "--out", str(out), "--rows-per-request", "10", url=url)
    assert (code, server.empty) == (0, 0)
    assert said.startswith("Scored 50 customers with version 1")
    assert len(read_csv(out)) == 51


@pytest.mark.parametrize(("loads_after", "code"), [(3, 0), (10_000, 1)])
@pytest.mark.parametrize("states", [["LOADING"], []])
def test_a_version_that_is_loading_or_not_found_yet_is_waited_for_with_a_deadline(
    states: list[str], loads_after: int, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr(requests, "FOUND_WITHIN_SECONDS", 1.0)
    monkeypatch.setattr(requests, "_RETRY_SECONDS", 0.01)
    asks: list[str] = []

    class Starting(Pretended):
        def answer(self, asks_for: Request) -> Answer:
            if asks_for.path == "/v1/models/customer-model":
                asks.append(asks_for.path)
                if len(asks) < loads_after:
                    found = [{"version": "1", "state": state, "status": {}} for state in states]
                    return 200, {"model_version_status": found}
            return super().answer(asks_for)

    with stand_in(Starting().answer) as url:
        found = score(many(tmp_path / "in.csv", 5), "--out", str(tmp_path / "out.csv"), url=url)
    assert found[0] == code
    assert (tmp_path / "out.csv").exists() == (code == 0)
    if code:
        told = "version 1 is LOADING" if states else "there are none"
        assert f"no AVAILABLE version of customer-model ({told})" in found[2]


def test_a_server_that_never_comes_back_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "PATIENCE_SECONDS", 0.1)
    server = Restarted()
    server.empty = 1_000_000
    with stand_in(server.answer) as url:
        file = many(tmp_path / "in.csv", 50)
        code, _, wrong = score(file, "--out", str(tmp_path / "out.csv"), "--rows-per-request", "10", url=url)
    assert code == 1
    assert wrong.endswith("Nothing was written.\n")
    assert not (tmp_path / "out.csv").exists()


def test_a_missing_server_is_an_error_of_one_sentence(tmp_path: Path) -> None:
    with stand_in(Pretended().answer) as url:
        pass
    code, _, wrong = score(many(tmp_path / "in.csv", 5), "--out", str(tmp_path / "out.csv"), url=url)
    assert code == 1
    assert "does not answer (ConnectionRefusedError" in wrong
    assert wrong.endswith("Nothing was written.\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_it_leaves_the_old_file_and_nothing_else(number: int, tmp_path: Path) -> None:
    halfway, release = threading.Event(), threading.Event()

    class Slow(Pretended):
        def refuse(self, ages: list[float]) -> Answer | None:
            if len(self.asked) > 2:
                halfway.set()
                release.wait(30)
            return None

    file, out = many(tmp_path / "in.csv", 40), tmp_path / "out.csv"
    out.write_text("the former result")
    with stand_in(Slow().answer) as url:
        command = [sys.executable, "-m", "serving.score", str(file), "--out", str(out), "--url", url]
        process = subprocess.Popen(
            [*command, "--rows-per-request", "10"], cwd=ROOT, stderr=subprocess.PIPE, env=os.environ, text=True
        )
        assert halfway.wait(30)
        process.send_signal(number)
        wrong = process.communicate(timeout=30)[1]
        release.set()
    assert process.returncode == 130
    assert wrong.endswith("Stopped; nothing was written.\n")
    assert out.read_text() == "the former result"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        file = many(tmp_path / f"{rows}.csv", rows)
        with stand_in(Pretended().answer) as url:
            tracemalloc.start()
            try:
                assert score(file, "--out", str(tmp_path / "out.csv"), "--rows-per-request", "100", url=url)[0] == 0
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    small, large = peak(1_000), peak(8_000)
    assert large - small < 7_000 * 40  # a row is 50 bytes in the file, and many times that in Python


@pytest.mark.parametrize(
    ("text", "rows", "count"),
    [("500", 1000, 500), ("500", 30, 30), ("20%", 1000, 200), ("0.1%", 30, 1), ("100%", 7, 7)],
)
def test_top_is_a_number_or_a_share(text: str, rows: int, count: int) -> None:
    top = parse_arguments(["in.csv", "--out", "out.csv", "--top", text]).top
    assert isinstance(top, Top)
    assert top.of(rows) == count


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--out", "o", "--top", "0"], "0 is less than 1"),
        (["--out", "o", "--top", "101%"], "101% is not between 0% and 100%"),
        (["--out", "o", "--top", "few"], "'few' is no number like 500, no share like 20%, and not pays"),
        (["--out", "./in.csv"], "--out is the file of the customers itself"),
        ([], "the following arguments are required: --out"),
        *(
            (["--out", "o", "--timeout", text], f"{text!r} is not a number of seconds above 0")
            for text in ("nan", "0", "-1", "inf", "1e10", "soon")
        ),
    ],
)
def test_a_wrong_command_line_is_refused(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        parse_arguments(["in.csv", *arguments])
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("token", ["two words", "line\n", "K\u00f6nigin", "\u20ac"])
def test_a_token_that_a_header_cannot_hold_is_refused(
    token: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SERVING_TOKEN", token)
    with pytest.raises(SystemExit) as stopped:
        parse_arguments(["in.csv", "--out", "out.csv"])
    said = capsys.readouterr().err
    assert stopped.value.code == 2
    assert "SERVING_TOKEN has a blank, a line end or a character outside ASCII" in said
    assert token not in said
