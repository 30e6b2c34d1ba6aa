"""The receiver in the documentation takes what is signed, and nothing else."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from ml.storage.root import PROJECT
from retraining.runs.digest import ACTIONS
from retraining.runs.webhook import signature

SECRET = "0123456789abcdef0123456789abcdef"
PAGE = (PROJECT / "docs" / "monitor.md").read_text()


@pytest.fixture
def is_genuine() -> Callable[..., bool]:
    (example,) = [code for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "def is_genuine" in code]
    names: dict[str, Callable[..., bool]] = {}
    exec(compile(example, "docs/monitor.md", "exec"), names)
    return names["is_genuine"]


def test_what_is_signed_now_is_genuine(is_genuine: Callable[..., bool]) -> None:
    body = '{"why": "größer"}'.encode()
    assert is_genuine(signature(body, SECRET, int(time.time())), body, SECRET)


def test_another_body_secret_or_time_is_not(is_genuine: Callable[..., bool]) -> None:
    now, body = int(time.time()), b'{"outcome": "promoted"}'
    good = signature(body, SECRET, now)
    assert not is_genuine(good, body + b" ", SECRET)
    assert not is_genuine(good, body, SECRET[::-1])
    assert not is_genuine(good.replace(f"t={now}", f"t={now + 1}"), body, SECRET), "the time is signed too"
    assert not is_genuine(signature(body, SECRET, now - 301), body, SECRET), "sent once more, later"


@pytest.mark.parametrize("header", [None, "", "t=,v1=", "v1=00", "t=²,v1=00", "t=1,v1=é", "nonsense"])
def test_a_header_that_is_none_is_refused(is_genuine: Callable[..., bool], header: str | None) -> None:
    assert not is_genuine(header, b"{}", SECRET)


def test_every_word_that_is_told_is_in_the_documentation() -> None:
    table = PAGE[PAGE.index("| word |") : PAGE.index("`RETRAIN_NOTIFY_SILENT` lists")]
    assert set(re.split(r", | \| |\| |\n", table)) >= set(ACTIONS)
