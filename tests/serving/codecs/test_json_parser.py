"""The JSON parser: TensorFlow Serving's grammar, complaints and numbers, and how a document is quoted in an error."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.codecs.json_parser import parse
from serving.codecs.json_source import PIECE_BYTES
from serving.codecs.json_text import spelled
from serving.errors import StatusError


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"", "The document is empty"),
        (b" \n", "The document is empty. at offset: 2"),
        (b'{"a" 1}', "Missing a colon after a name of object member. at offset: 5"),
        (b'{"a":1 "b":2}', "Missing a comma or '}' after an object member. at offset: 7"),
        (b'{"a":1,}', "Missing a name for object member. at offset: 7"),
        (b"[1 2]", "Missing a comma or ']' after an array element. at offset: 3"),
        (b"[1,", "Invalid value. at offset: 3"),
        (b"[nul]", "Invalid value. at offset: 4"),
        (b"[truE]", "Invalid value. at offset: 4"),
        (b"[-]", "Invalid value. at offset: 2"),
        (b"[+1]", "Invalid value. at offset: 1"),
        (b"[1.]", "Miss fraction part in number. at offset: 3"),
        (b"[1e+]", "Miss exponent in number. at offset: 4"),
        (b"[1e309]", "Number too big to be stored in double. at offset: 1"),
        (b"[" + b"9" * 400 + b"]", "Number too big to be stored in double. at offset: 1"),
        (b'["a\x01"]', "Invalid encoding in string. at offset: 3"),
        (b'["a', "Missing a closing quotation mark in string. at offset: 3"),
        (b'["a\x00"]', "Missing a closing quotation mark in string. at offset: 3"),
        (b'["\\q"]', "Invalid escape character in string. at offset: 2"),
        (b'["\\u12g4"]', "Incorrect hex digit after \\u escape in string. at offset: 2"),
        (b'["\\ud83dx"]', "The surrogate pair in string is invalid. at offset: 2"),
        (b'["\\ude80"]', "The surrogate pair in string is invalid. at offset: 2"),
        (b"[0e309]", "Number too big to be stored in double. at offset: 1"),
        (b"\xef\xbb\xbf[nul]", "Invalid value. at offset: 7"),
        (b'["\xff", nul]', "Invalid value. at offset: 9"),
        (b" " * 40_000 + b'["\xe2\x82\xac\xff", nul]', "Invalid value. at offset: 40012"),
        (b"[" * 5000, "Nested too deeply. at offset: 200"),
        (b'["[", {"a":' * 600, "Nested too deeply. at offset: 1100"),
        (b"[" * 201 + b"]" * 201, "Nested too deeply. at offset: 200"),
    ],
)
def test_what_is_no_json_is_refused_with_the_place(text: bytes, error: str) -> None:
    with pytest.raises(StatusError) as refused:
        parse(text)
    assert refused.value.message == f"JSON Parse error: {error}"


def test_what_is_accepted_beyond_the_standard() -> None:
    assert parse(b"\xef\xbb\xbf [1, 2] and more") == [1, 2]
    assert parse(b"\xef[1]") == [1]  # parts of a mark, too
    assert parse(b"[1]\xff" + b"[" * 5000) == [1]
    assert parse(b'["\xff"]') == ["\udcff"]
    assert parse(b'{"\xff": ["\xe2\x82\xac\xe2\x82", "\xf3\xb0\x80\x80", "\\uDB80\\udc05"]}') == [
        ("\udcff", ["\u20ac\udce2\udc82", "\U000f0000", "\U000f0005"])
    ]
    assert parse(b"[" * 200 + b"]" * 200) is not None
    assert parse(b"[Inf, -Inf, Infinity, -Infinity]") == [math.inf, -math.inf, math.inf, -math.inf]
    assert all(map(math.isnan, parse(b"[NaN, -NaN]")))
    document = parse(b'{"a": 1, "a": 2}')
    assert document == [("a", 1), ("a", 2)]
    assert document.find("a") == (True, 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"-0", 0),
        (b"18446744073709551615", 18446744073709551615),
        (b"18446744073709551616", 1.8446744073709552e19),
        (b"-9223372036854775809", -9.223372036854776e18),
        (b"123456789012345678901234567890.5", 1.2345678901234566e29),  # the nearest double ends in 68
    ],
)
def test_numbers_are_read_to_the_bit_as_rapidjson_reads_them(text: bytes, value: float) -> None:
    got = parse(text)
    assert (type(got), got) == (type(value), value)


@given(st.binary(max_size=40), st.integers(0, 5))  # type: ignore[untyped-decorator]
@settings(deadline=None, max_examples=500)  # type: ignore[untyped-decorator]
def test_bytes_that_are_not_utf_8_come_back_wherever_a_text_is_cut(data: bytes, shift: int) -> None:
    plain_bytes = bytes(byte for byte in data if byte >= 0x20 and byte not in b'"\\\\')
    before = b"x" * (PIECE_BYTES - 20 + shift)
    (value,) = parse(b'["' + before + plain_bytes + b'"]')
    assert value.encode("utf-8", "surrogateescape") == before + plain_bytes


@given(  # type: ignore[untyped-decorator]
    st.one_of(
        st.integers(-(1 << 63), (1 << 64) - 1).map(str),
        st.floats(allow_nan=False, allow_infinity=False).map(repr),
        st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?", fullmatch=True),
    )
)
@settings(deadline=None, max_examples=500)  # type: ignore[untyped-decorator]
def test_numbers_are_read_nearly_as_python_reads_them(text: str) -> None:
    want = float(text)
    got = parse(text.encode())
    assert got == want or abs(got - want) <= 8 * math.ulp(want) or abs(want) < 1e-305


def test_quoted_values_are_indented_and_cut_after_256_bytes() -> None:
    assert spelled(parse(b'{"a": [1, {"b": "x\\u001fy"}], "c": {}, "d": []}')) == (
        '{\n    "a": [1, {\n            "b": "x\\u001Fy"\n        }],\n    "c": {},\n    "d": []\n}'
    )
    long = spelled(parse(json.dumps(["x" * 300, 1]).encode()))
    assert long == f'["{"x" * 300}"'
    assert spelled(parse(json.dumps([1] * 1000).encode())) == "[" + ", ".join(["1"] * 86)
