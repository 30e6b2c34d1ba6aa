"""On which side of a decision a reason stands."""

from __future__ import annotations

import re

import pytest

from ml.gate.reason import AGAINST, ALTHOUGH, BECAUSE, BESIDE, bearing, bearings
from ml.storage.root import PROJECT


@pytest.mark.parametrize(
    ("code", "promoted", "declined"),
    [
        ("better", BECAUSE, ALTHOUGH),
        ("below_threshold", ALTHOUGH, BECAUSE),
        ("slice_worse", ALTHOUGH, BECAUSE),
        ("cannot_tell", ALTHOUGH, BECAUSE),
        ("first_run", BECAUSE, BECAUSE),
        ("overridden", BECAUSE, ALTHOUGH),
        ("power", BESIDE, BESIDE),
        ("calibration_warning", ALTHOUGH, BESIDE),
    ],
)
def test_a_reason_stands_for_against_or_beside_the_decision(code: str, promoted: str, declined: str) -> None:
    assert (bearing(code, promotes=True), bearing(code, promotes=False)) == (promoted, declined)


def test_every_code_of_the_page_about_the_gate_stands_where_the_page_says() -> None:
    table = re.findall(
        r"^\| (`[a-z_`, ]+`) \| (for|against|neither)", (PROJECT / "docs" / "gate.md").read_text(), flags=re.MULTILINE
    )
    sides = {code: side for codes, side in table for code in re.findall(r"`(\w+)`", codes)}
    assert len(sides) > 25
    del sides["first_run"], sides["hold_ends"]  # decide either way; ends a hold, if nothing else does
    for code, side in sides.items():
        assert (bearing(code, promotes=True) == BECAUSE) is (side == "for"), code
        assert (code in AGAINST) is (side == "against"), code
        assert side != "against" or bearing(code, promotes=False) == BECAUSE


def test_sentences_are_found_by_what_they_say() -> None:
    reasons = [{"code": "worse", "sentence": "AUC fell."}, {"code": "level", "sentence": "Level 0.001."}]
    assert bearings(reasons, promotes=False) == {"AUC fell.": BECAUSE, "Level 0.001.": BESIDE}
