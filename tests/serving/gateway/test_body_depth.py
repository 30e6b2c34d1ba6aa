"""How deep a body nests, whatever is in its strings and wherever its pieces end."""

import gzip
import json

import pytest

from serving.gateway.body_depth import MOST_LEVELS, BodyTooDeepError, BodyTooLargeError, DepthCounter, check_in_steps


def _deep(levels: int, inside: str = "1") -> bytes:
    return ("[" * levels + inside + "]" * levels).encode()


def _checked(body: bytes, *, gzipped: bool = False, most_bytes: int = 1 << 20) -> None:
    for _ in check_in_steps(body, gzipped=gzipped, most_bytes=most_bytes):
        pass


PASS = {
    "hundred": _deep(MOST_LEVELS),
    "wide": json.dumps([{"Age": [1.0]}] * 5000).encode(),
    "in a string": json.dumps(["[" * 500]).encode(),
    "behind an escaped quote": json.dumps(['"' + "[{" * 500]).encode(),
    "behind an escaped backslash": json.dumps(["\\", "\\\\", "[" * 500, '\\"']).encode(),
    "a long string over pieces": json.dumps(['\\"[' * 100_000, "]" * 500]).encode(),
}
REFUSED = {
    "plain": _deep(MOST_LEVELS + 1),
    "objects": b'{"a":' * (MOST_LEVELS + 1),
    "mixed": b'[{"a":' * 51 + b"1" + b"}]" * 51,
    "after much that is closed": b"[" + b"[]," * 50_000 + _deep(MOST_LEVELS),
    "closed before it was opened": b"]" * 500 + _deep(MOST_LEVELS + 1),
    "after a string that ends in a backslash": b'["\\\\",' + _deep(MOST_LEVELS),
    "UTF-16": _deep(MOST_LEVELS + 1).decode().encode("utf-16-le"),
    "strings in UTF-32": ('["]]]]",' * (MOST_LEVELS + 1)).encode("utf-32-be"),
}


@pytest.mark.parametrize("gzipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", PASS)
def test_what_is_shallow_passes(name: str, gzipped: bool) -> None:
    _checked(gzip.compress(PASS[name]) if gzipped else PASS[name], gzipped=gzipped)


@pytest.mark.parametrize("gzipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_deep_does_not(name: str, gzipped: bool) -> None:
    with pytest.raises(BodyTooDeepError):
        _checked(gzip.compress(REFUSED[name]) if gzipped else REFUSED[name], gzipped=gzipped)


@pytest.mark.parametrize("name", [*PASS, *REFUSED])
def test_it_does_not_matter_where_pieces_end(name: str) -> None:
    body = (PASS | REFUSED)[name][:3000]

    def is_deep(step: int) -> bool:
        counter = DepthCounter()
        try:
            for start in range(0, len(body), step):
                counter.feed(body[start : start + step])
        except BodyTooDeepError:
            return True
        return False

    assert {is_deep(step) for step in (1, 2, 3, 7, 64)} == {is_deep(len(body))}


def test_a_plain_body_that_says_gzip_is_checked_as_it_stands() -> None:
    with pytest.raises(BodyTooDeepError):
        _checked(_deep(MOST_LEVELS + 1), gzipped=True)


def test_the_second_member_of_a_gzip_is_checked_too() -> None:
    with pytest.raises(BodyTooDeepError):
        _checked(gzip.compress(b"[") + gzip.compress(_deep(MOST_LEVELS)), gzipped=True)


def test_a_gzip_bomb_ends_at_the_limit() -> None:
    with pytest.raises(BodyTooLargeError):
        _checked(gzip.compress(b" " * (4 << 20)), gzipped=True)
    with pytest.raises(BodyTooLargeError):
        _checked(gzip.compress(b"") * 1000, gzipped=True)


def test_a_broken_gzip_is_left_to_the_server_behind() -> None:
    _checked(gzip.compress(b"[1]")[:-6], gzipped=True)
    _checked(b"\x1f\x8bnothing", gzipped=True)
