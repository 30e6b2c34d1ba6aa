"""Numbers are rounded as people say them, and never to what is not true."""

from __future__ import annotations

import pytest

from ml.reports.look.words import as_people_say, counted, named, percent, signed, with_percent


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.74, "about three of four"), (0.51, "about half"), (0.34, "about one of three"),
        (0.59, "about three of five"),
        (0.56, "about 56 %"), (0.05, "about 5 %"), (0.08, "about 8 %"), (1.0, "all"), (0.99, "nearly all"),
        (0.0, "none"), (0.004, "hardly any"),
    ],
)  # fmt: skip
def test_shares(share: float, words: str) -> None:
    assert as_people_say(share) == words


def test_the_per_cent_stand_beside_words_only() -> None:
    assert with_percent(0.74) == "about three of four (74 %)"
    assert with_percent(0.56) == "about 56 %"
    assert (percent(0.0004), percent(0.9996), percent(0.997)) == ("under 0.1 %", "over 99.9 %", "99.7 %")
    assert with_percent(0.9996) == "nearly all (over 99.9 %)"
    assert (percent(0.004), percent(0.0), percent(0.129)) == ("0.4 %", "0 %", "13 %")


def test_lists_counts_and_signs() -> None:
    assert (named([]), named(["a"]), named(["a", "b"]), named(["a", "b", "c"])) == ("", "a", "a and b", "a, b and c")
    assert (counted(1, "line"), counted(1200, "line")) == ("1 line", "1,200 lines")
    assert (signed(0.0031), signed(-0.0012)) == ("+0.003", "\u22120.001")
