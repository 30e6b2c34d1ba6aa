"""The pages: a short README, links that lead somewhere, and commands that the real programs accept."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

from tests.repository.markdown import anchors, commands, links, pages
from tests.repository.tracked_files import PROJECT
from tests.run import PARTS

LONGEST_README = 150
PICTURE_KILOBYTES = 300
COMMANDS = sorted({(page.relative_to(PROJECT).as_posix(), c) for page in pages() for c in commands(page.read_text())})
MADE_BY_RUNS = ("var/",)
"""Places that the commands before have made."""


def test_the_readme_is_short_and_begins_with_a_picture() -> None:
    lines = (PROJECT / "README.md").read_text().splitlines()
    assert len(lines) <= LONGEST_README
    assert any(line.startswith("![") for line in lines[:10])


def test_the_readme_leads_to_every_page() -> None:
    linked = {link.partition("#")[0] for link in links((PROJECT / "README.md").read_text())}
    assert {f"docs/{page.name}" for page in (PROJECT / "docs").glob("*.md")} <= linked


@pytest.mark.parametrize("picture", sorted((PROJECT / "docs" / "images").iterdir()), ids=lambda path: path.name)
def test_pictures_are_small_and_shown(picture: Path) -> None:
    assert picture.stat().st_size <= PICTURE_KILOBYTES * 1000
    assert any(picture.name in page.read_text() for page in pages())


@pytest.mark.parametrize("page", pages(), ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    wrong = []
    for link in links(page.read_text()):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            wrong.append(link)
    assert wrong == []


def test_there_are_commands_to_run() -> None:
    assert len(COMMANDS) > 10


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_every_runnable_command_is_accepted(page: str, command: str) -> None:
    words = [word for word in shlex.split(command) if not re.match(r"[A-Z_]+=", word)]
    match words:
        case ["make", *targets]:
            assert set(targets) <= make_targets()
            assert set(re.findall(r"\b([A-Z_]+)=", command)) <= make_variables()
        case [str(python), "-m", "pytest", path, *_]:
            environment = python.removesuffix("/bin/python")
            assert (PROJECT / path).exists(), path
            assert path.startswith(tuple(chain(*(paths for name, paths in PARTS.values() if name == environment))))
        case [str(python), "-m", module, *arguments] if python in (".venv/bin/python", ".venv-ml/bin/python"):
            accepted_by_module(module, arguments)
        case ["docker", "compose", *arguments]:
            services = set(re.findall(r"^  ([a-z-]+):$", (PROJECT / "docker-compose.yml").read_text(), re.MULTILINE))
            verb, *rest = arguments
            assert verb in ("up", "ps", "restart", "down", "logs", "exec")
            assert {word for word in rest if not word.startswith("-")} <= services
        case ["docker", "build", *arguments]:
            assert (PROJECT / arguments[-1] / "Dockerfile").is_file()
        case ["docker", "run", *arguments]:
            assert arguments[-1] in built_images()
        case _:
            pytest.fail(f"{page}: nobody knows how to check {command!r}. Teach this test, or show it as text.")


@cache
def make_targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))


@cache
def make_variables() -> frozenset[str]:
    return frozenset(re.findall(r"\b[A-Z_]{3,}\b", (PROJECT / "Makefile").read_text()))


@cache
def built_images() -> frozenset[str]:
    """The names that the pages' own `docker build` commands give."""
    return frozenset(re.findall(r"docker build -t (\S+)", "\n".join(command for _, command in COMMANDS)))


def accepted_by_module(module: str, arguments: list[str]) -> None:
    """The module exists and is meant to be run; its help knows each option; files that are named are there."""
    source = PROJECT.joinpath(*module.split("."))
    source = source / "__main__.py" if source.is_dir() else source.with_suffix(".py")
    assert source.is_file()
    assert any("__main__" in ast.unparse(node) for node in ast.walk(ast.parse(source.read_text())))
    words = {"ml": 1, "serving.gateway": {"token": 2, "erase": 1}.get("".join(arguments[:1]), 0)}  # of the subcommand
    subcommand = tuple(arguments[: words.get(module, 0)])
    described = help_of(module, subcommand)
    for word in arguments[len(subcommand) :]:
        option, _, value = word.partition("=") if word.startswith("--") else ("", "", word)
        if option:
            assert re.search(rf"{re.escape(option)}\b", described), option
        path = value.removeprefix("$PWD/")
        if "/" in path and "://" not in path and not path.startswith(MADE_BY_RUNS):
            assert (PROJECT / path).exists(), path


@cache
def help_of(module: str, subcommand: tuple[str, ...]) -> str:
    """What the real parser says of itself; a subcommand that it does not know fails."""
    done = subprocess.run(
        [PROJECT / ".venv-ml" / "bin" / "python", "-m", module, *subcommand, "--help"],
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": f"{PROJECT}:{PROJECT / 'plugins'}", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
