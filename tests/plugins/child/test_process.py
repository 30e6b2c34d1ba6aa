from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from retraining.child.process import ChildProcess

STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", code])
print(child.pid, flush=True)
time.sleep(600)
"""


@contextmanager
def python(code: str, tmp_path: Path) -> Iterator[ChildProcess]:
    with ChildProcess([sys.executable, "-u", "-c", code], environment=os.environ, directory=tmp_path) as child:
        yield child


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_lines_of_both_streams_come_in_order_while_the_child_runs(tmp_path: Path) -> None:
    code = "import sys, time; print('out'); print('err', file=sys.stderr); time.sleep(600)"
    with python(code, tmp_path) as child:
        lines = child.lines()
        assert [next(lines), next(lines)] == ["out", "err"]
        child.stop()


def test_megabytes_on_both_streams_do_not_block(tmp_path: Path) -> None:
    code = "import sys\nfor _ in range(20000): print('o' * 60); print('e' * 60, file=sys.stderr)"
    with python(code, tmp_path) as child:
        assert sum(1 for _ in child.lines()) == 40000
        assert child.finish() == 0


@pytest.mark.parametrize(("code", "expected"), [("", 0), ("raise SystemExit(99)", 99), ("import os; os.abort()", -6)])
def test_the_exit_code_is_that_of_the_child(tmp_path: Path, code: str, expected: int) -> None:
    with python(code, tmp_path) as child:
        list(child.lines())
        assert child.finish() == expected


def test_a_child_that_closes_its_output_is_waited_for(tmp_path: Path) -> None:
    with python("import os, time; os.close(1); os.close(2); time.sleep(0.5); os._exit(3)", tmp_path) as child:
        assert list(child.lines()) == []
        assert child.finish() == 3


def test_stop_ends_a_child_and_a_grandchild_that_both_ignore_sigterm(tmp_path: Path) -> None:
    with python(STUBBORN, tmp_path) as child:
        lines = child.lines()
        grandchild = int(next(lines))
        assert next(lines) == "ready"
        began = time.monotonic()
        child.stop()
        assert time.monotonic() - began < 4.5
        assert not runs(child.pid)
        assert not runs(grandchild)
        child.stop()  # harmless


def test_a_grandchild_left_behind_neither_holds_the_log_open_nor_survives(tmp_path: Path) -> None:
    code = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid)"
    with python(code, tmp_path) as child:
        began = time.monotonic()
        (grandchild,) = list(child.lines())
        assert child.finish() == 0
        assert time.monotonic() - began < 4.5
        assert not runs(int(grandchild))


def test_stop_from_elsewhere_ends_the_reading(tmp_path: Path) -> None:
    with python("import time; print('up'); time.sleep(600)", tmp_path) as child:
        timer = threading.Timer(0.5, child.stop)
        timer.start()
        assert list(child.lines()) == ["up"]
        assert child.finish() == -15
        timer.join()
