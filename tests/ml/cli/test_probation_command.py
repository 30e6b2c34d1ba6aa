"""`ml probation`: what it says, and with which code it ends."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from ml.registry.intervention.rollback import rollback
from ml.storage.root import PROJECT, Root
from tests.ml.light_world import command
from tests.ml.probation.world import World, world_of

ASK = """
import io, sys
from ml.cli.commands import main
code = main(["probation", "--root", sys.argv[1]], sys.stdout)
print(code, *sorted({"tensorflow", "pandas", "numpy", "pyarrow"} & set(sys.modules)))
"""


def probation(world: World, *options: str) -> tuple[int, str]:
    return command(world.root, "probation", "--serving-url", world.settings.serving.url, *options)


def test_nothing_is_on_probation(root: Root) -> None:
    assert command(root, "probation") == (0, "No version is on probation.\n")
    code, text = command(root, "probation", "--json")
    assert (code, json.loads(text)["state"]) == (0, "none")


def test_a_check_of_nothing_loads_nothing_heavy(root: Root) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(root.path)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "0"


def test_a_version_on_probation_is_told_item_by_item(root: Root) -> None:
    with world_of(root) as world:
        world.release("one")
        code, text = probation(world)
        lines = text.splitlines()
        assert code == 0
        assert [line.split()[0] for line in lines[:4]] == ["known_rows", "errors", "latency", "target_share"]
        assert lines[-1].startswith("Version 1 is on probation until ")
        code, text = probation(world, "--json")
        told = json.loads(text)
        assert (code, told["version"], told["state"]) == (0, 1, "on")
        assert told["items"][0] == {
            "name": "known_rows",
            "result": "passed",
            "sentence": "3 known rows were answered as training did; the largest difference is 0.0e+00.",
        }


@pytest.mark.parametrize("versions", [1, 2])
def test_a_breach_ends_with_2_and_the_last_line_says_what_happened(root: Root, versions: int) -> None:
    with world_of(root) as world:
        for number in range(versions):
            world.release(f"version {number}")
        world.handler.wrong = frozenset([versions])
        code, text = probation(world)
        assert code == 2
        last = text.splitlines()[-1]
        assert "training computed 0.1" in last
        if versions == 2:
            assert last.startswith("Version 2 broke its probation, and version 3 serves now.")
        else:
            assert last.startswith("Version 1 broke its probation and still serves: No confirmed version before 1")
        assert probation(world)[0] == 0, "it is told once"


def test_the_history_still_says_what_a_version_is(root: Root) -> None:
    with world_of(root) as world:
        for name in ("one", "two"):
            world.release(name)
        world.handler.wrong = frozenset([2])
        probation(world)
        text = command(root, "history", "--long")[1]
        assert "rollback to 1 (champion)" in text
        assert "answered known row 0" in text
        with pytest.raises(Exception, match="is not the last version any more"):
            rollback(root, world.settings, target=1, reason="r", source=2)
