"""Each line of the rehearsal can fail: the product is broken, and that line is wrong and no other."""

from __future__ import annotations

import contextlib
import io
import json
import random
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ml.data.sample import write_csv
from ml.gate import decision
from ml.gate.evidence import gather
from ml.pipeline import steps
from ml.probation import probation
from ml.probation.item import KNOWN_ROWS, PASSED, Item
from ml.registry import promote
from ml.registry.golden_rows import GoldenRows
from ml.registry.ledger.ledger import Ledger
from ml.registry.model_registry import Registry
from ml.registry.policy import hold, quarantine
from ml.rehearsal.command import main
from ml.rehearsal.faults.all_faults import ALL_FAULTS
from ml.rehearsal.faults.data_faults import DATA_FAULTS
from ml.rehearsal.rows import edited
from ml.storage import files, locks
from ml.validation.findings import Severity

pytestmark = pytest.mark.usefixtures("libraries")
Patch = pytest.MonkeyPatch
Break = Callable[[Patch], None]


def rehearsed(*arguments: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, the lines by their faults, and what stood on stderr."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # libraries', as in the process of its own
        code = main([*arguments, "--json"], stdout, stderr)
    answer = json.loads(stdout.getvalue()) if stdout.getvalue() else {"lines": []}
    return code, {line["fault"]: line for line in answer["lines"]}, stderr.getvalue()


def only(*names: str) -> list[str]:
    return [word for name in names for word in ("--only", name)]


@pytest.fixture(scope="session")
def kept(libraries: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which a rehearsal has prepared its roots."""
    directory = tmp_path_factory.mktemp("rehearsal") / "kept"
    code, lines, told = rehearsed("--keep", str(directory), *only("none", "half-written version"))
    assert code == 0, told + str(lines)
    assert list(lines) == ["none", "half-written version"]
    return directory


def blocks_no(kind: str) -> Break:
    """Validation finds this kind, and lets it pass."""

    def apply(patch: Patch) -> None:
        found = Severity.finding

        def finding(self: Severity, of: str, *rest: Any) -> Any:
            made = found(self, of, *rest)
            return replace(made, blocks=made.blocks and of != kind)

        patch.setattr(Severity, "finding", finding)

    return apply


def no_drift(patch: Patch) -> None:
    """Validation sees no drift."""
    patch.setattr(steps, "difference", lambda *_: "it never is")


def server_answers_otherwise(patch: Patch) -> None:
    """The served probabilities are not those of the network."""
    from serving.models.saved_model import Servable

    run = Servable.run

    def other(self: Servable, *given: Any, **named: Any) -> dict[str, Any]:
        return {name: 0.5 * out if name == "probability" else out for name, out in run(self, *given, **named).items()}

    patch.setattr(Servable, "run", other)


def everybody_is_better(patch: Patch) -> None:
    patch.setattr(decision, "is_better", lambda *_: True)


def nobody_is_worse(patch: Patch) -> None:
    patch.setattr(decision, "_against", lambda *_: iter(()))


def no_anchor(patch: Patch) -> None:
    patch.setattr(decision, "gather", lambda *given, **named: replace(gather(*given, **named), anchor=None))


def probation_sees_nothing(patch: Patch) -> None:
    patch.setattr(
        probation, "check_known_rows", lambda *_: Item(KNOWN_ROWS, PASSED, "All known rows were answered as trained.")
    )


def every_version_is_whole(patch: Patch) -> None:
    patch.setattr(Registry, "is_whole", lambda *_: True)


def no_private_server(patch: Patch) -> None:
    patch.setattr(promote, "_answers_privately", lambda *_: None)


def nothing_is_withdrawn(patch: Patch) -> None:
    patch.setattr(Registry, "withdraw", lambda *_: None)


def every_answer_is_right(patch: Patch) -> None:
    patch.setattr(GoldenRows, "check", lambda *_, **__: 0.0)


def nothing_is_recovered(patch: Patch) -> None:
    patch.setattr(steps, "recover_if_reachable", lambda *_, **__: None)


def a_copy_swallows_errors(patch: Patch) -> None:
    copy = files.copy_directory

    def swallowing(source: Path, place: Path) -> None:
        with contextlib.suppress(OSError):
            copy(source, place)

    patch.setattr(files, "copy_directory", swallowing)


def nothing_is_quarantined(patch: Patch) -> None:
    patch.setattr(quarantine.Quarantine, "against", lambda *_: "")


def nothing_is_held(patch: Patch) -> None:
    patch.setattr(hold, "standing_hold", lambda *_, **__: None)


def no_cure_for_disks(patch: Patch) -> None:
    patch.setattr(files, "disk_errors", lambda _: contextlib.nullcontext())


def no_chain(patch: Patch) -> None:
    patch.setattr(Ledger, "require_unchanged", lambda _: None)


def no_locks(patch: Patch) -> None:
    patch.setattr(locks, "hold", lambda *_, **__: contextlib.nullcontext())


OF_DATA: dict[str, Break] = {
    "new category": blocks_no("ENUM_TYPE_UNEXPECTED_STRING_VALUES"),
    "missing column": blocks_no("SCHEMA_MISSING_COLUMN"),
    "age in months": blocks_no("FLOAT_TYPE_BIG_FLOAT"),
    "40 % missing labels": blocks_no("FEATURE_TYPE_LOW_FRACTION_PRESENT"),
    "label in a feature": blocks_no("label_leak"),
    "drift": no_drift,
}
OF_OTHERS: list[tuple[str, Break]] = [
    ("none", server_answers_otherwise),
    ("equal models", everybody_is_better),
    ("worse model", nobody_is_worse),
    ("slow slide", no_anchor),
    ("rolled back", nothing_is_quarantined),
    ("rolled back", nothing_is_held),
    ("bad version", probation_sees_nothing),
    ("half-written version", every_version_is_whole),
    ("not loadable", no_private_server),
    ("not loadable", nothing_is_withdrawn),
    ("wrong answers", every_answer_is_right),
    ("SIGKILL", nothing_is_recovered),
    ("full disk", a_copy_swallows_errors),
    ("full disk", no_cure_for_disks),
    ("changed ledger", no_chain),
    ("two runs at once", no_locks),
]


def test_every_line_is_broken_here() -> None:
    assert {*OF_DATA, *(name for name, _ in OF_OTHERS)} == set(ALL_FAULTS)


@pytest.mark.parametrize("name", OF_DATA)
def test_a_line_of_data_turns_wrong_and_no_other(name: str, kept: Path, monkeypatch: Patch) -> None:
    OF_DATA[name](monkeypatch)
    code, lines, _ = rehearsed("--keep", str(kept), *only(*(fault.name for fault in DATA_FAULTS)))
    assert code == 1
    assert [fault for fault, line in lines.items() if not line["ok"]] == [name]
    assert "WRONG" in lines[name]["happened"]


@pytest.mark.parametrize(("name", "break_it"), OF_OTHERS, ids=lambda part: getattr(part, "__name__", part))
def test_a_line_turns_wrong(name: str, break_it: Break, kept: Path, monkeypatch: Patch) -> None:
    break_it(monkeypatch)
    code, lines, told = rehearsed("--keep", str(kept), *only(name))
    assert code == 1
    assert list(lines) == [name]
    assert "WRONG" in lines[name]["happened"]
    assert "Error: " not in lines[name]["happened"], f"the rehearsal itself failed: {lines}"
    assert f"{name}: WRONG" in told


def test_without_a_first_version_every_line_is_wrong_and_says_why(tmp_path: Path) -> None:
    """Data whose labels have nothing to do with the customers: the gate takes no model of them."""
    data = tmp_path / "noise.csv"
    write_csv(data, rows=1200, seed=3)
    edited(data, data, lambda number, row: row.update(Segmentation=random.Random(number).choice("ABCD")))
    code, lines, told = rehearsed("--data", str(data), "--keep", str(tmp_path / "kept"), *only("none", "drift"))
    assert code == 1
    assert told.count("preparing") == 1, "what failed once is not tried again"
    for line in lines.values():
        assert not line["ok"]
        assert "There is no version 1 to rehearse with: its run ended as rejected" in line["happened"]
