"""Ingest from a path and from the inbox: what is let through byte by byte, and how everything else is named."""

from __future__ import annotations

import bz2
import dataclasses
import hashlib
import io
import subprocess
import sys
import tempfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from ml.config.settings import resolve
from ml.data.features import COLUMNS
from ml.data.ingest import ingest
from ml.errors import DataError, FinalError, RetrainError, SettingsError, TransientError
from ml.storage.files import CHUNK
from ml.storage.root import PROJECT, Root

SETTINGS = resolve(environment={}).data
HEADER = ",".join(COLUMNS)
ROW = "462809,Male,No,22,No,Healthcare,1.0,Low,4.0,Cat_4,D"
TEXT = f"{HEADER}\n{ROW}\n{ROW}\n"


def check_accepted(tmp_path: Path, content: bytes, rows: int) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.csv").write_bytes(content)
    out = tmp_path / "out"
    out.mkdir()
    settings = dataclasses.replace(SETTINGS, source=str(tmp_path / "data" / "mine.csv"))
    dataset = ingest(settings, root=Root(tmp_path), out=out)
    assert [path.name for path in out.iterdir()] == ["data.csv"]
    assert dataset.csv.read_bytes() == content
    assert (dataset.path, dataset.rows, dataset.source) == (out, rows, "file:mine.csv")
    assert dataset.sha256 == hashlib.sha256(content).hexdigest()


def check_refused(
    tmp_path: Path, content: bytes, *parts: str, kind: type[RetrainError] = DataError, max_bytes: int = 10**9
) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    check_error(tmp_path, str(path), kind, str(path), *parts, max_bytes=max_bytes)


def check_error(tmp_path: Path, source: str, kind: type[RetrainError], *parts: str, max_bytes: int = 10**9) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(kind) as caught:
        ingest(dataclasses.replace(SETTINGS, source=source, max_bytes=max_bytes), root=Root(tmp_path), out=out)
    assert list(out.iterdir()) == [], "something was left behind"
    assert caught.value.cure
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (TEXT.encode(), 2),
        (TEXT.rstrip("\n").encode(), 2),
        (TEXT.replace("\n", "\r\n").encode(), 2),
        (TEXT.replace("\n", "\r").encode(), 2),
        (b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode(), 2),
        ((TEXT + "\n\r\n\n").encode(), 2),
        (TEXT.replace("\n", "\n\n").encode(), 2),
        (TEXT.replace("Healthcare", '"Health\ncare, ""other"""').encode(), 2),
        (b"\xef\xbb\xbf" + TEXT.replace("Gender", '"Gender"').encode() + b"\n\n", 2),
        (TEXT.replace("Healthcare", "Médecin 医者").encode(), 2),
        (b"ID,Age\n1,22\n", 1),
        (b"Gender\nMale", 1),
        (("  \n \t\r\n\n" + TEXT).encode(), 2),
        ((" \n" + TEXT.replace("Gender", '"Gender"')).encode(), 2),
    ],
)
def test_a_csv_is_kept_byte_by_byte_and_its_rows_are_counted(tmp_path: Path, content: bytes, rows: int) -> None:
    check_accepted(tmp_path, content, rows)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n", "\r\n\r\n"])
@pytest.mark.parametrize("shift", range(4))
def test_rows_are_counted_right_across_the_chunks_that_are_read(tmp_path: Path, end: str, shift: int) -> None:
    line = "1,Ärztin" + end
    filler = "x" * (CHUNK - len(f"ID,Profession{end}1,".encode()) - shift) + end
    check_accepted(tmp_path, f"ID,Profession{end}1,{filler}{line * 1000}".encode(), 1001)


def test_the_real_columns_in_any_number_of_chunks_need_little_memory(tmp_path: Path) -> None:
    content = (HEADER + "\n" + (ROW + "\n") * 400_000).encode()
    path = tmp_path / "large.csv"
    path.write_bytes(content)
    out = tmp_path / "out"
    out.mkdir()
    tracemalloc.start()
    dataset = ingest(dataclasses.replace(SETTINGS, source=str(path)), root=Root(tmp_path), out=out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert dataset.rows == 400_000
    assert peak < 8 * CHUNK < len(content)


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("Train.csv", TEXT)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"", ("empty (0 bytes)", "Obtain the file again")),
        (b"\xef\xbb\xbf", ("blank lines",)),
        (b"\n \r\n", ("blank lines",)),
        (HEADER.encode(), ("there is a header, but not a single row", "with customers")),
        ((HEADER + "\n\n\r\n").encode(), ("there is a header, but not a single row",)),
        (("  \n" + HEADER + "\n").encode(), ("there is a header, but not a single row",)),
        (b"\xef\xbb\xbf\n<html><title>Log\n in</title>", ("a web page ('Log in')", "obtain the file itself")),
        (b"<?xml version='1.0'?><Error/>", ("a web page,",)),
        (b'{"code": 404}', ("JSON",)),
        (TEXT.encode("utf-16"), ("UTF-16", "byte order mark", "Save the file as UTF-8")),
        (TEXT.encode("utf-32"), ("UTF-32", "byte order mark")),
        (TEXT.encode("utf-32-be"), ("UTF-32", "NUL")),
        (TEXT.encode("utf-32-le"), ("UTF-32", "NUL")),
        (TEXT.encode("utf-16-le"), ("UTF-16", "NUL")),
        (TEXT.encode("utf-16-be"), ("UTF-16", "NUL")),
        (_zip(), ("a zip archive", "Unpack")),
        (bz2.compress(TEXT.encode()), ("a bzip2 file", "Unpack")),
        (TEXT.replace("Low", "Médium").encode("latin-1"), ("not UTF-8", "byte 0xE9 in line 2", "Latin-1")),
        ((TEXT * 30_000 + "Zo\xeb").encode("latin-1"), ("not UTF-8", "byte 0xEB in line 90001")),
        (TEXT.encode() + b"\xe5\x8c", ("not UTF-8", "byte 0xE5 in line 4")),
        (TEXT.encode() + b"1,M\0le\n", ("a NUL byte near line 4",)),
        (TEXT.replace("Healthcare", '"Healthcare').encode(), ("a quote is not closed", "line 3")),
        (b"x" * 100_000, ("no line ends in the first 65,536 bytes",)),
        (b"name,price\nbread,2\n", ("wrong file", "'name', 'price'", "ID, Gender, Ever_Married", "Segmentation")),
        (TEXT.replace(",", ":").encode(), ("wrong file", "'ID:Gender:", "commas, semicolons, tabs or vertical bars")),
        (f"Customers 2024\n\n{TEXT}".encode(), ("line 3 is the header", "Delete")),
        (f"Customers 2024,,,,\n{TEXT}".encode(), ("line 2 is the header", "Delete")),
        (b"SQLite format 3\0\x10\0ID,Age\n", ("an SQLite database", "Unpack or export")),
        (b"{\\rtf1 ID,Age}\n", ("a text document (RTF)",)),
        (b"\x89PNG\r\n\x1a\n\0\0", ("not a text file", "byte 7 is 0x1A", "with the program that wrote it")),
        (",".join(f"c{i}" for i in range(50)).encode() + b"\n1\n", ("wrong file", "'c11' and 38 more")),
    ],
)
def test_a_file_that_is_not_a_csv_of_customers_is_named_with_its_cure(
    tmp_path: Path, content: bytes, parts: tuple[str, ...]
) -> None:
    check_refused(tmp_path, content, *parts)


def test_a_file_above_the_limit_is_refused(tmp_path: Path) -> None:
    content = TEXT.encode()
    check_refused(tmp_path, content, f"larger than {len(content) - 1} bytes", "data", max_bytes=len(content) - 1)


def test_a_file_at_the_limit_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(TEXT)
    settings = dataclasses.replace(SETTINGS, source=str(path), max_bytes=len(TEXT))
    out = tmp_path / "out"
    out.mkdir()
    assert ingest(settings, root=Root(tmp_path), out=out).rows == 2


@pytest.mark.parametrize(("source", "fact"), [("missing.csv", "no such file"), ("/dev/null", "not a regular file")])
def test_a_path_must_lead_to_a_file(tmp_path: Path, source: str, fact: str) -> None:
    check_error(tmp_path, str(tmp_path / source), SettingsError, "data.source = ", fact, "kaggle or sample")


def test_an_empty_source_is_refused(tmp_path: Path) -> None:
    check_error(tmp_path, "", SettingsError, "data.source = ''", "it is blank")


def test_a_file_is_taken_from_the_inbox_by_name(tmp_path: Path) -> None:
    root = Root(tmp_path)
    root.inbox.mkdir()
    (root.inbox / "new.csv").write_text(TEXT)
    out = tmp_path / "out"
    out.mkdir()
    dataset = ingest(dataclasses.replace(SETTINGS, source="inbox:new.csv"), root=root, out=out)
    assert (dataset.rows, dataset.source, dataset.csv.read_text()) == (2, "inbox:new.csv", TEXT)


def test_nothing_outside_the_inbox_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text(TEXT)
    (tmp_path / "inbox").mkdir()
    check_error(tmp_path, "inbox:../secret.csv", SettingsError, "inbox:../secret.csv", "without directories")


LIMITED = """
import dataclasses, os, pathlib, resource, sys
from ml.errors import RetrainError
from ml.data.ingest import ingest
from ml.storage.root import Root
from ml.config.settings import resolve
home, what = pathlib.Path(sys.argv[1]), sys.argv[2]
if what == "limit":
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
elif os.getuid() == 0:
    os.setuid(65534)
try:
    data = dataclasses.replace(resolve(environment={}).data, source=str(home / "mine.csv"))
    ingest(data, root=Root(home), out=home / "out")
except RetrainError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


@pytest.mark.parametrize(
    ("what", "kind", "parts"),
    [
        ("limit", TransientError, ("ingest into", "File too large", "Free disk space")),
        ("no-writing", FinalError, ("ingest into", "Permission denied", "Make the directory writable")),
        ("no-reading", FinalError, ("mine.csv: this user may not read it", "Change its mode")),
    ],
)
def test_what_the_disk_refuses_is_named(what: str, kind: type[RetrainError], parts: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory() as name:  # unlike tmp_path it can be opened to another user
        home = Path(name)
        home.chmod(0o755)
        (home / "mine.csv").write_text(TEXT)
        (home / "mine.csv").chmod(0o000 if what == "no-reading" else 0o644)
        (home / "out").mkdir()
        (home / "out").chmod(0o555 if what == "no-writing" else 0o777)
        done = subprocess.run(
            [sys.executable, "-c", LIMITED, str(home), what], cwd=PROJECT, capture_output=True, text=True, check=False
        )
        assert list((home / "out").iterdir()) == []
    assert done.stderr.startswith(f"{kind.__name__}: "), done.stderr
    for part in parts:
        assert part in done.stderr


def test_ingest_of_a_file_loads_neither_the_kaggle_client_nor_tensorflow(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(TEXT)
    (tmp_path / "out").mkdir()
    program = LIMITED.replace('if what == "limit":', "if False:").replace("elif os.getuid() == 0:", "elif False:")
    heavy = "{'kaggle', 'requests', 'tensorflow', 'pandas', 'numpy', 'pyarrow'}"
    program += f"\nassert not {heavy} & set(sys.modules), sys.modules"
    subprocess.run([sys.executable, "-c", program, str(tmp_path), ""], cwd=PROJECT, check=True)
