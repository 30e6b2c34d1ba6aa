"""Modules whose code waits until somebody uses them."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml.cli.deferred_imports import defer
from ml.storage.root import PROJECT

SLOW = """
import builtins, time
builtins.ran_deferred.append(__name__)
time.sleep(0.05)
from slow.part import WORD
value = WORD.upper()
def __getattr__(name):
    if name == "made":
        return "by the module itself"
    raise AttributeError(f"module 'slow' has no attribute {name!r}")
"""
PART = """
import builtins
builtins.ran_deferred.append(__name__)
import slow
WORD = "word"
"""


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of the modules whose code ran, of a package `slow` with `slow.part` and `slow.other`."""
    import builtins

    package = tmp_path / "slow"
    package.mkdir()
    (package / "__init__.py").write_text(SLOW)
    (package / "part.py").write_text(PART)
    (package / "other.py").write_text("import builtins\nbuiltins.ran_deferred.append(__name__)\nhere = True\n")
    (package / "broken.py").write_text("import a_module_that_is_not_there\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    names: list[str] = []
    monkeypatch.setattr(builtins, "ran_deferred", names, raising=False)
    yield names
    for name in [name for name in sys.modules if name.partition(".")[0] == "slow"]:
        del sys.modules[name]


def test_code_runs_at_the_first_use_and_only_once(ran: list[str]) -> None:
    defer(["slow"])
    import slow  # type: ignore[import-not-found]

    assert sys.modules["slow"] is slow
    assert ran == []
    assert slow.value == "WORD"
    assert slow.made == "by the module itself"
    assert ran == ["slow", "slow.part"]
    assert type(slow) is type(sys)
    with pytest.raises(AttributeError, match="module 'slow' has no attribute 'nothing'"):
        slow.nothing  # noqa: B018


def test_a_submodule_is_imported_without_the_code_of_its_package(ran: list[str]) -> None:
    defer(["slow"])
    import slow.other  # type: ignore[import-not-found]

    assert ran == ["slow.other"]
    assert slow.other.here


def test_a_submodule_that_waits_too_runs_after_its_package(ran: list[str]) -> None:
    defer(["slow", "slow.part"])
    from slow import part

    assert ran == []
    assert part.WORD == "word"
    assert ran == ["slow", "slow.part"]


def test_threads_that_come_together_all_see_the_whole_module(ran: list[str]) -> None:
    defer(["slow"])
    import slow

    seen: list[str] = []
    threads = [threading.Thread(target=lambda: seen.append(slow.value)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["WORD"] * 4
    assert ran == ["slow", "slow.part"]


def test_what_is_missing_is_missing_as_always(ran: list[str]) -> None:
    defer(["slow.broken", "slow.absent", "a_package_that_is_absent"])
    with pytest.raises(ModuleNotFoundError, match="a_package_that_is_absent"):
        import a_package_that_is_absent  # type: ignore[import-not-found]  # noqa: F401
    with pytest.raises(ModuleNotFoundError, match=r"slow\.absent"):
        import slow.absent  # type: ignore[import-not-found]  # noqa: F401
    from slow import broken

    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="a_module_that_is_not_there"):
            broken.value  # noqa: B018


REAL = """
import sys
from ml.cli.deferred_imports import UNUSED, defer
defer()
import tensorflow, tensorflow_data_validation, tensorflow_model_analysis as tfma
waiting = [name for name in UNUSED if type(sys.modules.get(name)).__name__ == "_Deferred"]
assert {"google.cloud.bigquery", "google.cloud.pubsub", "nltk", "scipy.stats"} <= set(waiting), waiting
assert "AUC" in tfma.metrics.metric_types.registered_metrics()
import nltk.stem.porter, scipy.stats
from google.cloud import bigquery, pubsub
assert nltk.stem.porter.PorterStemmer().stem("retraining") == "retrain"
assert scipy.stats.norm.cdf(0) == 0.5
assert bigquery.SchemaField("name", "STRING").name == "name"
assert pubsub.PublisherClient.__module__.startswith("google.")
assert not [name for name in waiting if type(sys.modules[name]).__name__ == "_Deferred"]
"""


def test_the_libraries_load_without_what_they_do_not_need_and_it_works_when_it_is_asked_for() -> None:
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", REAL], cwd=PROJECT, capture_output=True, text=True, timeout=300
    )
    assert process.returncode == 0, process.stderr
    assert "Error importing" not in process.stderr
