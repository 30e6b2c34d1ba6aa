"""Changes of a schema's text that leave order, layout and comments as they are, and the difference of two texts.

The text format of protocol buffers is read as far as is needed to find a field: names, braces, strings, comments.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

LONGEST_LINE = 120
_TOKEN = re.compile(r"""\#[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[{}<>\[\]:;,]|[^\s{}<>\[\]:;,"'#]+""")
_OPENING, _CLOSING = ("{", "<"), ("}", ">")


@dataclass
class _Field:
    """One field: its name, where its value stands in the text, and the fields of a message."""

    name: str
    start: int = 0
    end: int = 0
    fields: list[_Field] = field(default_factory=list)

    def all_named(self, name: str) -> list[_Field]:
        return [one for one in self.fields if one.name == name]


def with_number(text: str, feature: str, block: str, name: str, number: str) -> str:
    """Return the text in which the field `name` of the message `block` of a feature is this number.

    Raises:
        LookupError: The text does not set that field.
    """
    (found,) = _only(_only(_feature(text, feature).all_named(block))[0].all_named(name))
    return text[: found.start] + number + text[found.end :]


def with_value(text: str, feature: str, literal: str) -> str:
    """Return the text in which `string_domain` of a feature has one more value, behind the last one.

    Args:
        text: Of the schema.
        feature: Its name.
        literal: The value as the text format writes it, with quotes.

    Raises:
        LookupError: The text lists no value.
    """
    values = _only(_feature(text, feature).all_named("string_domain"))[0].all_named("value")
    if not values:
        raise LookupError(f"no value of {feature}")
    end = values[-1].end
    begins = text.rfind("\n", 0, end) + 1
    ends = text.find("\n", end)
    line = text[begins : len(text) if ends < 0 else ends]
    added = f" value: {literal}"
    if len(line) + len(added) > LONGEST_LINE:
        # Below the last value; where that shares its line with the opening brace, two columns further in.
        blank = len(line) - len(line.lstrip()) + (2 if "{" in line else 0)
        added = f"\n{' ' * blank}value: {literal}"
    return text[:end] + added + text[end:]


def unified_diff(old: str, new: str, *, old_name: str, new_name: str) -> str:
    """Return the difference of two texts as `diff -u` writes it; "" when they are equal."""
    # Not splitlines: a value may hold other characters that end a line for it.
    before, after = ([f"{line}\n" for line in text.removesuffix("\n").split("\n")] for text in (old, new))
    return "".join(difflib.unified_diff(before, after, old_name, new_name))


def _feature(text: str, name: str) -> _Field:
    tokens = [found for found in _TOKEN.finditer(text) if not found[0].startswith("#")]
    features = _Field("", fields=list(_fields(tokens, iter(range(len(tokens)))))).all_named("feature")
    named = [one for one in features if any(text[n.start : n.end] in _literals(name) for n in one.all_named("name"))]
    return _only(named)[0]


def _fields(tokens: Sequence[re.Match[str]], places: Iterator[int]) -> Iterator[_Field]:
    """Yield the fields up to the brace that closes them, or the end."""
    current: _Field | None = None
    for place in places:
        token = tokens[place]
        if token[0] in _CLOSING:
            break
        if token[0] in (";", ",", ":"):
            continue
        if token[0] in _OPENING and current is not None:
            current.start = token.start()
            current.fields = list(_fields(tokens, places))
            yield current
            current = None
        elif current is None:
            current = _Field(token[0])
        else:
            current.start, current.end = token.span()
            yield current
            current = None


def _literals(name: str) -> tuple[str, str]:
    return f'"{name}"', f"'{name}'"


def _only(found: Iterable[_Field]) -> tuple[_Field]:
    all_found = tuple(found)
    if len(all_found) != 1:
        raise LookupError("not set exactly once")
    return all_found
