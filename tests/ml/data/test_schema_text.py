"""A schema's text is changed where it has to be, and nowhere else; two texts differ as `diff -u` says."""

from __future__ import annotations

import pytest

from ml.data.schema import Schema, seed_schema
from ml.data.schema_text import unified_diff, with_number, with_value

SMALL = """# curated
feature {
  name: 'Age'  # in years
  type: FLOAT
  float_domain { min: 0 max: 120 }  # { not a brace }
}
feature { name: "Job" type: BYTES string_domain < value: "A \\"quoted\\" one" > }
"""


def test_a_number_is_changed_in_its_place() -> None:
    assert with_number(SMALL, "Age", "float_domain", "max", "130") == SMALL.replace("max: 120", "max: 130")


def test_a_value_joins_behind_the_last_one_and_a_long_line_is_broken() -> None:
    assert with_value(SMALL, "Job", '"New"') == SMALL.replace('one" >', 'one" value: "New" >')
    text = seed_schema().text
    for number in range(6):
        text = with_value(text, "Profession", f'"A new profession {number}"')
    assert max(len(line) for line in text.splitlines() if "value" in line) <= 120
    assert len(Schema(text).message.feature[5].string_domain.value) == 9 + 6
    difference = unified_diff(seed_schema().text, text, old_name="a", new_name="b").splitlines()[2:]
    assert len([line for line in difference if line.startswith("-")]) == 1, "one line of the old text has changed"


@pytest.mark.parametrize(("feature", "block", "name"), [
    ("Height", "float_domain", "max"), ("Age", "presence", "min_fraction"), ("Age", "float_domain", "other"),
])  # fmt: skip
def test_what_the_text_does_not_set_is_not_found(feature: str, block: str, name: str) -> None:
    with pytest.raises(LookupError):
        with_number(SMALL, feature, block, name, "1")


def test_a_difference_has_both_names_and_equal_texts_have_none() -> None:
    assert unified_diff("a\nb\n", "a\nc\n", old_name="x", new_name="y") == "--- x\n+++ y\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
    assert unified_diff("a\n", "a\n", old_name="x", new_name="y") == ""
