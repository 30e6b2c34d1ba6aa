"""Reading requests: the parser's complaints, and that the fast way in never differs from the exact rules."""

import json
import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.codecs import fast_path
from serving.codecs.json_parser import JsonObject, parse
from serving.codecs.json_source import PIECE_BYTES
from serving.codecs.json_text import spelled
from serving.codecs.number_format import debug, floats
from serving.codecs.request_body import RequestBody
from serving.codecs.tensors import Inputs, arrays
from serving.errors import StatusError
from serving.models.signatures import Signature, TensorSpec


def _signature(**inputs: str) -> Signature:
    specs = {name: TensorSpec(f"{name}:0", dtype, (None,)) for name, dtype in sorted(inputs.items())}
    return Signature("serving_default", specs, {"y": TensorSpec("y:0", "float", (None,))}, "")


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


@given(st.floats(width=32))  # type: ignore[untyped-decorator]
@settings(deadline=None, max_examples=500)  # type: ignore[untyped-decorator]
def test_float_answers_identify_the_float(value: float) -> None:
    (text,) = (text.decode() for text in floats(np.array([value], np.float32)))
    back = float(text)
    same = math.isnan(back) if math.isnan(value) else _single(back) == value
    assert same
    assert any(sign in text for sign in (".", "e", "N", "I"))


def _single(value: float) -> float:
    """The value in single precision."""
    return float(np.float32(value))


@given(st.lists(st.floats(width=32), min_size=13, max_size=40))  # type: ignore[untyped-decorator]
@settings(deadline=None, max_examples=1000)  # type: ignore[untyped-decorator]
def test_floats_written_in_bulk_have_the_same_digits_as_one_by_one(values: list[float]) -> None:
    many = np.array(values, np.float32)
    assert floats(many) == [text for value in many for text in floats(np.array([value], np.float32))]


def test_every_size_of_probability_is_written_in_bulk_as_one_by_one() -> None:
    randomness = np.random.default_rng(3)
    many = np.concatenate([randomness.random(20_000), 10 ** randomness.uniform(-8, 9, 20_000)]).astype(np.float32)
    assert floats(many) == [text for at in range(0, len(many), 10) for text in floats(many[at : at + 10])]


@given(st.floats(allow_nan=False, allow_infinity=False))  # type: ignore[untyped-decorator]
@settings(deadline=None, max_examples=500)  # type: ignore[untyped-decorator]
def test_numbers_in_error_messages_read_back(value: float) -> None:
    assert float(debug(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"),
        (38.5, "38.5"),
        (1e20, "100000000000000000000.0"),
        (1e21, "1e21"),
        (1.5e-5, "0.000015"),
        (1e-7, "1e-7"),
        (-0.0, "-0.0"),
        (1.25e300, "1.25e300"),
    ],
)
def test_numbers_in_error_messages(value: float, text: str) -> None:
    assert debug(value) == text


def test_quoted_values_are_indented_and_cut_after_256_bytes() -> None:
    assert spelled(parse(b'{"a": [1, {"b": "x\\u001fy"}], "c": {}, "d": []}')) == (
        '{\n    "a": [1, {\n            "b": "x\\u001Fy"\n        }],\n    "c": {},\n    "d": []\n}'
    )
    long = spelled(parse(json.dumps(["x" * 300, 1]).encode()))
    assert long == f'["{"x" * 300}"'
    assert spelled(parse(json.dumps([1] * 1000).encode())) == "[" + ", ".join(["1"] * 86)


MIXED = _signature(f="float", i="int32", s="string", b="bool")
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.just(1 << 31),
    st.just(1 << 63),
    st.just(1 << 70),
    st.floats(width=32),
    st.sampled_from(["", "a:b", "é", "NaN"]),
    st.just({"b64": "YQ=="}),
    st.just({"b64": "?"}),
    st.just({"x": 1}),
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.lists(st.lists(SCALARS, max_size=2), max_size=2))
GOOD = st.fixed_dictionaries(
    {
        "f": st.floats(width=32),
        "i": st.integers(-9, 9),
        "s": st.sampled_from(["", "a:b"]),
        "b": st.booleans(),
    }
)
NESTED_GOOD = st.fixed_dictionaries(
    {
        "f": st.lists(st.floats(width=32), min_size=2, max_size=2),
        "i": st.just([[1], [2]]),
        "s": st.just([]),
        "b": st.booleans(),
    }
)
ROWS = st.one_of(
    st.lists(GOOD, max_size=3),
    st.lists(NESTED_GOOD, max_size=3),
    st.lists(st.dictionaries(st.sampled_from(["f", "i", "s", "b", "z"]), VALUES, max_size=5), max_size=2),
    st.lists(VALUES, max_size=3),
    VALUES,
)
DOCUMENTS = st.one_of(
    st.fixed_dictionaries({"instances": ROWS}),
    st.fixed_dictionaries({"inputs": st.one_of(GOOD, NESTED_GOOD, VALUES)}),
    st.fixed_dictionaries({"instances": ROWS, "inputs": VALUES}),
    st.dictionaries(st.sampled_from(["instances", "inputs", "signature_name"]), VALUES),
)


def _by_the_exact_rules(text: bytes, signature: Signature) -> Any:
    try:
        columns, by_row = RequestBody(text).tensors(signature)
    except StatusError as error:
        return error.code, error.message
    return _arrays(Inputs.of_columns(columns, signature, by_row=by_row), signature)


def _by_the_fast_path(text: bytes, signature: Signature) -> Any:
    """None where the fast path gives up."""
    for decode in (fast_path.decode, fast_path.decode_beyond_json):
        document = decode(text)
        inputs = fast_path.inputs(text, document, signature) if document is not None else None
        if inputs is not None:
            return _arrays(inputs, signature)
    return None


def _arrays(inputs: Inputs, signature: Signature) -> Any:
    shown = {}
    for name, value in arrays([inputs], signature).items():
        items = [item.encode("utf-8", "surrogateescape") if isinstance(item, str) else item for item in value.ravel()]
        shown[name] = value.shape, repr(items)
    return inputs.rows, shown


@given(DOCUMENTS, st.sampled_from([MIXED, _signature(f="float"), _signature(s="string"), _signature(i="int64")]))  # type: ignore[untyped-decorator]
@settings(deadline=None, max_examples=1500)  # type: ignore[untyped-decorator]
def test_the_fast_path_never_differs_from_the_exact_rules(document: dict[str, Any], signature: Signature) -> None:
    text = json.dumps(document).encode()
    fast = _by_the_fast_path(text, signature)
    assert fast is None or fast == _by_the_exact_rules(text, signature)


@given(st.lists(GOOD, min_size=1, max_size=4), st.sampled_from(["instances", "inputs"]))  # type: ignore[untyped-decorator]
@settings(deadline=None, max_examples=500)  # type: ignore[untyped-decorator]
def test_the_fast_path_takes_every_usual_request(rows: list[dict[str, Any]], key: str) -> None:
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    text = json.dumps({key: rows if key == "instances" else columns}).encode()
    assert _by_the_fast_path(text, MIXED) == _by_the_exact_rules(text, MIXED)


NAN = _signature(f="float", s="string")


@pytest.mark.parametrize(
    "text",
    [
        b'{"instances": [{"f": NaN, "s": "a"}]}',
        b'{"instances": [{"f": NaN, "s": "a"}, {"f": 1, "s": ""}, {"f": NaN, "s": "null and void"}]}',
        b'{"instances": [{"f": NaN, "s": "NaN"}]}',
        b'{"instances": [{"f": 1, "s": "NaN"}]}',
        b'{"instances": [{"f": 1, "s": ": NaN, "}, {"f": NaN, "s": "x"}]}',
        b'{"inputs": {"f": [NaN, 2, NaN], "s": ["a", "NaN", "null"]}}',
        b'{"instances": [{"f": [NaN, 1], "s": "a"}, {"f": [2, NaN], "s": "b"}]}',
    ],
)
def test_a_nan_is_read_fast_and_exactly_wherever_it_stands(text: bytes) -> None:
    assert _by_the_fast_path(text, NAN) == _by_the_exact_rules(text, NAN)


@pytest.mark.parametrize(
    "text",
    [
        b'{"instances": [{"f": null, "s": "a"}]}',
        b'{"instances": [{"f": null, "s": "NaN"}]}',
        b'{"instances": [{"f": NaN, "s": null}]}',
        b'{"instances": [{"f": NaN, "s": NaN}]}',
        b'{"instances": [{"f": NaN, "f": 1, "s": "a"}]}',
        b'{"instances": [{"f": 1, "f": NaN, "s": "a"}]}',
        b'{"instances": [{"NaN": 1, "s": "a"}, {"f": NaN, "s": "a"}]}',
        b'{"instances": [{"f": -NaN, "s": "NaN"}]}',
        b'{"instances": [{"f": [null], "s": "NaN"}]}',
        b'{"NaN": 1, "instances": [{"f": null, "s": "a"}]}',
    ],
)
def test_what_only_looks_like_a_nan_is_left_to_the_exact_rules(text: bytes) -> None:
    fast = _by_the_fast_path(text, NAN)
    assert fast is None or fast == _by_the_exact_rules(text, NAN)


def test_repeated_keys_are_read_as_the_original_reads_them() -> None:
    signature = _signature(f="float", s="string")
    text = b'{"instances": [{"f": 1, "f": 2, "s": "a"}, {"f": 3, "s": "b"}], "instances": []}'
    assert _by_the_fast_path(text, signature) is None
    columns, _ = RequestBody(text).tensors(signature)
    assert columns["f"].values == [1, 2]  # three values, room for two
    with pytest.raises(StatusError, match="keys must be equal"):
        RequestBody(b'{"instances": [{"f": 1, "f": 2}]}').tensors(signature)


def test_random_bytes_never_do_anything_but_parse_or_be_refused() -> None:
    randomness = random.Random(7)
    seed = b'{"signature_name": "a", "instances": [{"f": [1.5, NaN], "s": "\\u00e9x", "i": -12}]}'
    signature = _signature(f="float", s="string", i="int64")
    refused = 0
    for _ in range(10_000):
        text = bytearray(seed)
        for _ in range(randomness.randint(1, 4)):
            at = randomness.randrange(len(text))
            if randomness.random() < 0.5:
                text[at] = randomness.randrange(256)
            else:
                del text[at : at + randomness.randint(1, 9)]
        try:
            body = RequestBody(bytes(text))
            body.signature_name()
            body.tensors(signature)
        except StatusError:
            refused += 1
    assert 0 < refused < 10_000
    assert isinstance(parse(seed), JsonObject)
