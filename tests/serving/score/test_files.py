"""Unusual files: CSVs of other programs, things that are not files, and what the result may replace."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.client.stand_in import stand_in
from tests.serving.live import ROOT
from tests.serving.score.scoring import HEADER, many, read_csv, score
from tests.serving.score.test_trouble import Pretended

ROW = "Male,No,22,No,Healthcare,1,Low,4"


@pytest.fixture
def server() -> Iterator[tuple[str, Pretended]]:
    pretended = Pretended()
    with stand_in(pretended.answer) as url:
        yield url, pretended


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("top", [False, True])
def test_line_ends_within_values_survive(
    line_end: str, top: bool, server: tuple[str, Pretended], tmp_path: Path
) -> None:
    values = ["a\rb", "a\nb", "a\r\nb", '\r"']
    file, out = tmp_path / "in.csv", tmp_path / "out.csv"
    quoted = ['"' + value.replace('"', '""') + '"' for value in values]
    text = "".join(f"{line}{line_end}" for line in (f'{HEADER},"No\rte"', *(f"{q},{ROW},{q}" for q in quoted)))
    file.write_bytes(text.encode())
    arguments = ("--top", "4") if top else ()
    assert score(file, "--out", str(out), *arguments, url=server[0])[0] == 0
    before, after = read_csv(file), read_csv(out)
    assert [row[1:11] if top else row[:10] for row in after] == before
    assert {len(row) for row in after} == {19 if top else 12}
    assert out.read_bytes().endswith(line_end.encode())
    assert not out.read_bytes().endswith(b"\r\r\n")
    if line_end == "\r":
        assert not out.read_bytes().endswith(b"\n")


def test_a_name_in_the_header_may_contain_a_line_end(server: tuple[str, Pretended], tmp_path: Path) -> None:
    file, out = tmp_path / "in.csv", tmp_path / "out.csv"
    file.write_bytes(f'"Customer\nnumber",{HEADER}\r\n0,1,{ROW}\r\n'.encode())
    assert score(file, "--out", str(out), url=server[0])[0] == 0
    assert read_csv(out)[0][0] == "Customer\nnumber"
    assert [row[:-2] for row in read_csv(out)] == read_csv(file)
    assert out.read_bytes().endswith(b"\r\n")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            f"{'x' * 131_073},{HEADER}\n1,1,{ROW}\n".encode(),
            "its header is not a line of a CSV (field larger",
        ),
        (f'"ID{HEADER}\n1,{ROW}\n'.encode(), "its header is not a line of a CSV (unexpected end of data)"),
        (b"x" * (1 << 20) + f",{HEADER}\n".encode(), "its header is not a line of a CSV ("),
        (
            f"M\xe4dchen,{HEADER}\n1,1,{ROW}\n".encode("latin-1"),
            "not UTF-8: byte 0xE4 in line 1. Save the file as UTF-8",
        ),
    ],
    ids=["long name", "open quote", "long line", "latin-1"],
)
def test_a_broken_header_is_an_error_of_one_sentence(
    content: bytes, said: str, server: tuple[str, Pretended], tmp_path: Path
) -> None:
    file = tmp_path / "in.csv"
    file.write_bytes(content)
    code, _, wrong = score(file, "--out", str(tmp_path / "out.csv"), url=server[0])
    assert (code, wrong.count("\n")) == (2, 1)
    assert wrong.startswith(f"{file}: {said}")


def test_what_can_be_read_only_once_is_refused(server: tuple[str, Pretended], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "serving.score", "/dev/stdin", "--out", str(tmp_path / "out.csv"), "--url", server[0]],
        input=f"{HEADER}\n1,{ROW}\n",
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "/dev/stdin is not a regular file, and it is read more than once. Save it to a file first.\n"


def test_a_link_is_written_through_and_permissions_stay(server: tuple[str, Pretended], tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    target, link = tmp_path / "private" / "target.csv", tmp_path / "out.csv"
    target.write_text("the former result")
    target.chmod(0o640)
    link.symlink_to(target)
    for arguments in ((), ("--top", "2")):
        assert score(many(tmp_path / "in.csv", 5), "--out", str(link), *arguments, url=server[0])[0] == 0
        assert link.is_symlink()
        assert len(read_csv(target)) == (3 if arguments else 6)
        assert target.stat().st_mode & 0o7777 == 0o640
        assert [path.name for path in target.parent.iterdir()] == ["target.csv"]


def test_a_dangling_link_makes_its_target(server: tuple[str, Pretended], tmp_path: Path) -> None:
    (tmp_path / "out.csv").symlink_to(tmp_path / "target.csv")
    former = os.umask(0o027)
    try:
        assert score(many(tmp_path / "in.csv", 5), "--out", str(tmp_path / "out.csv"), url=server[0])[0] == 0
    finally:
        os.umask(former)
    assert (tmp_path / "target.csv").stat().st_mode & 0o7777 == 0o640


@pytest.mark.parametrize("kind", ["fifo", "directory", "loop", "nowhere"])
def test_an_out_that_cannot_be_written_is_refused_before_any_request(
    kind: str, server: tuple[str, Pretended], tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    if kind == "fifo":
        os.mkfifo(out)
    elif kind == "directory":
        out.mkdir()
    elif kind == "loop":
        out.symlink_to(out)
    else:
        out = tmp_path / "no" / "out.csv"
    url, pretended = server
    code, _, wrong = score(many(tmp_path / "in.csv", 5), "--out", str(out), url=url)
    assert (code, wrong.count("\n"), pretended.asked) == (2, 1, [])
    assert wrong.startswith(
        f"{out} cannot be written (no such directory" if kind == "nowhere" else f"{out} is not a regular file."
    )
    assert kind == "nowhere" or os.path.lexists(out)
