"""Reading requests: the fast path never differs from the exact rules."""

import json
import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.codecs.fast import document, scalar_rows
from serving.codecs.inputs import Inputs, arrays
from serving.codecs.json_parser import JsonObject, parse
from serving.codecs.request_body import RequestBody
from serving.errors import StatusError
from serving.models.signatures import Signature, TensorSpec


def _signature(**inputs: str) -> Signature:
    specs = {name: TensorSpec(f"{name}:0", dtype, (None,)) for name, dtype in sorted(inputs.items())}
    return Signature("serving_default", specs, {"y": TensorSpec("y:0", "float", (None,))}, "")


MIXED = _signature(f="float", i="int32", s="string", b="bool")
CUSTOMER_LIKE = _signature(f="float", s="string", b="bool")
DOUBLE = _signature(d="double")
SIGNATURES = [MIXED, CUSTOMER_LIKE, DOUBLE, _signature(f="float"), _signature(s="string"), _signature(i="int64")]
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
CUSTOMERS = st.lists(
    st.fixed_dictionaries(
        {
            "f": st.one_of(st.floats(width=32, allow_infinity=False), st.integers(-(1 << 70), 1 << 70), st.just(1e300)),
            "s": st.sampled_from(["", "a:b", "é", 'say "x"']),
            "b": st.booleans(),
        }
    ),
    min_size=1,
    max_size=4,
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
    CUSTOMERS,
    st.lists(st.fixed_dictionaries({"d": st.one_of(st.floats(), st.integers())}), max_size=3),
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
    inputs = scalar_rows.decode(text, signature)
    if inputs is not None:
        return _arrays(inputs, signature)
    for decode in (document.decode, document.decode_by_rapidjson):
        found = decode(text)
        inputs = document.inputs(text, found, signature) if found is not None else None
        if inputs is not None:
            return _arrays(inputs, signature)
    return None


def _arrays(inputs: Inputs, signature: Signature) -> Any:
    shown = {}
    for name, value in arrays([inputs], signature).items():
        items = [item.encode("utf-8", "surrogateescape") if isinstance(item, str) else item for item in value.ravel()]
        shown[name] = value.shape, repr(items)
    return inputs.rows, shown


@given(DOCUMENTS, st.sampled_from(SIGNATURES))  # type: ignore[untyped-decorator]
@settings(deadline=None, max_examples=2000)  # type: ignore[untyped-decorator]
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


@given(CUSTOMERS, st.sampled_from([None, "", "serving_default"]))  # type: ignore[untyped-decorator]
@settings(deadline=None, max_examples=500)  # type: ignore[untyped-decorator]
def test_rows_of_scalars_are_read_straight_into_their_type(rows: list[dict[str, Any]], name: str | None) -> None:
    text = json.dumps({"instances": rows} if name is None else {"instances": rows, "signature_name": name}).encode()
    inputs = scalar_rows.decode(text, CUSTOMER_LIKE)
    assert inputs is not None or name == ""  # an empty name looks like none, but its colon is one too many
    assert inputs is None or _arrays(inputs, CUSTOMER_LIKE) == _by_the_exact_rules(text, CUSTOMER_LIKE)


@pytest.mark.parametrize("name", ['say "x"', "back\\slash", "line\nbreak", "null", "NaN", "é", "a:b"])
def test_inputs_may_have_any_name(name: str) -> None:
    signature = _signature(**{name: "float", "s": "string"})
    for value in (1, math.nan):
        text = json.dumps({"instances": [{name: value, "s": "x"}, {name: 2, "s": "y"}]}).encode()
        fast = _by_the_fast_path(text, signature)
        assert fast is None or fast == _by_the_exact_rules(text, signature)


@pytest.mark.parametrize("name", ["b64", "f\0", "f"])
@pytest.mark.parametrize("value", ["YQ==", "%%", ""])
def test_a_single_text_may_have_any_name(name: str, value: str) -> None:
    signature = _signature(**{name: "string"})
    text = json.dumps({"instances": [{name: value}, {name: "YQ=="}]}).encode()
    fast = _by_the_fast_path(text, signature)
    assert fast is None or fast == _by_the_exact_rules(text, signature)


def test_more_rows_than_a_fast_parser_should_read_at_once_are_left_to_another_thread() -> None:
    text = b'{"instances": [' + b'{"f":1},' * 500_001 + b'{"f":1}]}'
    assert scalar_rows.decode(text, _signature(f="float")) is None
    assert scalar_rows.decode(text.replace(b'{"f":1},', b"", 100_000), _signature(f="float")) is not None


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
