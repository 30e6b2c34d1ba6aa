"""The directory of a job, and files in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.beam.shared_files import joined, readable, shared_directory, writable
from ml.config.settings import BeamSettings
from ml.errors import TransientError

pytestmark = pytest.mark.filterwarnings("ignore")  # libraries', as in the process of its own


def settings(directory: str) -> BeamSettings:
    return BeamSettings("DirectRunner", (), 300.0, directory)


@pytest.mark.parametrize("set_one", [False, True])
def test_the_directory_goes_with_its_job(tmp_path: Path, set_one: bool) -> None:
    (beside := tmp_path / "run").mkdir()
    (shared := tmp_path / "shared").mkdir()
    place = shared if set_one else beside
    with shared_directory(settings(str(shared) if set_one else ""), beside) as directory:
        (found,) = (path for path in place.iterdir() if path.is_dir())
        assert str(found) == directory
        assert found.stat().st_mode & 0o777 == 0o700, "the step trusts what it reads there"
        with writable(joined(directory, "part")) as path:
            path.write_bytes(b"rows")
        with readable(joined(directory, "part")) as path:
            assert path.read_bytes() == b"rows"
    assert not [*place.iterdir()]


def test_what_could_not_be_written_whole_is_not_there(tmp_path: Path) -> None:
    def write_half() -> None:
        with writable(str(tmp_path / "part")) as path:
            path.write_bytes(b"ro")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert not [*tmp_path.iterdir()]


def test_a_directory_that_cannot_be_made_is_named_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(TransientError, match=r"file/\.beam-.* cannot be made: Not a directory.*beam\.directory"),
        shared_directory(settings(str(tmp_path / "file")), tmp_path),
    ):
        raise AssertionError("never")


def test_paths_of_a_store_keep_their_slashes() -> None:
    assert joined("s3://bucket/runs/", "a", "b") == "s3://bucket/runs/a/b"
