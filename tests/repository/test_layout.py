"""The layout of the rooms: few files on a first level, at most twelve in a package, and one sentence for each."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
ROOMS = ("ml", "serving")
FILES_ON_A_FIRST_LEVEL = 4
FILES_IN_A_PACKAGE = 12


def packages() -> list[Path]:
    """Every package of ours, the first levels among them."""
    tops = (*ROOMS, "plugins/retraining", "stack", "dags")
    return sorted({path.parent for top in tops for path in (PROJECT / top).rglob("*.py")})


def modules(package: Path) -> list[Path]:
    return sorted(path for path in package.glob("*.py") if path.name != "__init__.py")


def named(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


@pytest.mark.parametrize("room", ROOMS)
def test_a_first_level_holds_packages_and_few_entry_points(room: str) -> None:
    found = [path.name for path in modules(PROJECT / room)]
    assert len(found) <= FILES_ON_A_FIRST_LEVEL, f"{room}/: {found}. Put what is not an entry point into a package."


@pytest.mark.parametrize("package", packages(), ids=named)
def test_a_package_is_small(package: Path) -> None:
    found = [path.name for path in modules(package)]
    assert len(found) <= FILES_IN_A_PACKAGE, f"{named(package)}: {len(found)} files. Split it by what they are about."


@pytest.mark.parametrize("package", [path for path in packages() if (path / "__init__.py").is_file()], ids=named)
def test_a_package_says_in_one_docstring_what_lives_there_and_nothing_else_happens(package: Path) -> None:
    tree = ast.parse((package / "__init__.py").read_text())
    assert ast.get_docstring(tree), f"{named(package)}/__init__.py has no docstring."
    assert len(tree.body) == 1, f"{named(package)}/__init__.py does more than to say what lives there."


@pytest.mark.parametrize("room", [*ROOMS, "plugins/retraining", "stack/local"])
def test_every_directory_with_modules_is_a_package(room: str) -> None:
    without = [named(package) for package in packages() if named(package).startswith(room)]
    assert [package for package in without if not (PROJECT / package / "__init__.py").is_file()] == []
