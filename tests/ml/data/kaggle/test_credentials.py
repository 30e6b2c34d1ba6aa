"""Which source of Kaggle credentials is told to be there, and what is said of one that cannot be used."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ml.data.kaggle.credentials import credentials, find_credentials
from ml.errors import FinalError
from ml.storage.root import PROJECT

Store = Callable[[str, str | bytes], None]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    def write(path: str, text: str | bytes) -> None:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(text if isinstance(text, bytes) else text.encode())

    return write


def test_credentials_are_named_in_the_order_in_which_the_client_looks(tmp_path: Path, store: Store) -> None:
    assert credentials({"HOME": str(tmp_path)}) is None
    variables = {"HOME": str(tmp_path), "KAGGLE_API_TOKEN": "", "KAGGLE_KEY": "secret"}
    store(".config/kaggle/kaggle.json", '{"username": "me", "key": "secret"}')
    assert credentials(variables) == "~/.config/kaggle/kaggle.json"
    store(".kaggle/credentials.json", '{"refresh_token": "secret"}')  # with ~/.kaggle, ~/.config/kaggle is not read
    assert credentials(variables) == "~/.kaggle/credentials.json"
    store(".kaggle/kaggle.json", '{"username": "me", "key": ""}')  # the key comes from the environment
    assert credentials(variables) == "~/.kaggle/kaggle.json"
    store("elsewhere/kaggle.json", '{"username": "me", "key": "secret"}')
    elsewhere = {**variables, "KAGGLE_CONFIG_DIR": str(tmp_path / "elsewhere")}
    assert credentials(elsewhere) == "~/elsewhere/kaggle.json"
    variables["KAGGLE_USERNAME"] = "me"
    assert credentials(variables) == "KAGGLE_USERNAME and KAGGLE_KEY"
    store(".kaggle/access_token", "secret")
    assert credentials(variables) == "~/.kaggle/access_token"
    store("token", "secret")
    given = variables | {"KAGGLE_API_TOKEN": str(tmp_path / "token")}
    assert credentials(given) == "the file that KAGGLE_API_TOKEN names"
    assert credentials(variables | {"KAGGLE_API_TOKEN": "secret" * 100}) == "KAGGLE_API_TOKEN"


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        ('{"username": "me", "key": "s3cret"', "is not valid JSON in line 1"),  # cut off
        ("{'username': 'me', 'key': 's3cret'}", "is not valid JSON in line 1, column 2"),
        ('{"username": "me"}', "holds no key"),
        ("{}", "holds no username and no key"),
        ('{"username": 7, "key": ["s3cret"]}', "holds no username and no key"),
        ('["me", "s3cret"]', "holds no JSON object"),
        ('"s3cret"', "holds no JSON object"),
        ("", "is empty"),
        ('{"username": "me", "key": "s3cret"}'.encode("utf-16"), "is not in UTF-8"),
        ('{"username": "me", "key": "s3cr\u00e9t"}', "character 5 of 6 (U+00E9)"),
        ("[" * 100_000, "is not valid JSON"),
    ],
)
def test_a_kaggle_json_that_cannot_be_used_is_an_error(
    tmp_path: Path, store: Store, content: str | bytes, fact: str
) -> None:
    store(".kaggle/kaggle.json", content)
    with pytest.raises(FinalError) as refused:
        credentials({"HOME": str(tmp_path)})
    assert str(refused.value).startswith("~/.kaggle/kaggle.json")
    assert fact in str(refused.value)
    assert refused.value.cure
    assert "s3cr" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(("given", "lacking"), [("KAGGLE_USERNAME", "KAGGLE_KEY"), ("KAGGLE_KEY", "KAGGLE_USERNAME")])
def test_half_of_the_credentials_is_an_error(tmp_path: Path, given: str, lacking: str) -> None:
    with pytest.raises(FinalError, match=f"{given} is set, and {lacking} is not") as refused:
        credentials({"HOME": str(tmp_path), given: "s3cret", lacking: " "})
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("target", ["kaggle.json", "nowhere"])
def test_a_kaggle_json_that_is_a_link_to_nothing_is_an_error(tmp_path: Path, target: str) -> None:
    (tmp_path / ".kaggle").mkdir()
    (tmp_path / ".kaggle" / "kaggle.json").symlink_to(target)
    with pytest.raises(FinalError, match="is not a file"):
        credentials({"HOME": str(tmp_path)})


def test_a_file_of_credentials_that_is_not_readable_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".kaggle" / "kaggle.json").mkdir(parents=True)
    with pytest.raises(FinalError, match=r"~/.kaggle/kaggle.json is not a file"):
        credentials({"HOME": str(tmp_path)})


@pytest.mark.parametrize("content", ["{}", '{"refresh_token": ""}', "[1]", "{"])
def test_a_stored_login_without_a_token_is_an_error(tmp_path: Path, store: Store, content: str) -> None:
    store(".kaggle/credentials.json", content)
    with pytest.raises(FinalError, match=r"credentials\.json (holds no|is not valid JSON).*kaggle auth login"):
        credentials({"HOME": str(tmp_path)})


@pytest.mark.parametrize("name", ["/nowhere/token", "~/nowhere", "token.txt", "./token"])
def test_a_token_that_names_a_missing_file_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(FinalError, match="KAGGLE_API_TOKEN names a file that does not exist"):
        credentials({"HOME": str(tmp_path), "KAGGLE_API_TOKEN": name})


@pytest.mark.parametrize("around", ["{}\n", "{}\r\n", "\ufeff{}", "\ufeff{}\r\n", " {}\t"])
def test_what_editors_put_around_a_credential_is_left_out(tmp_path: Path, store: Store, around: str) -> None:
    home = {"HOME": str(tmp_path)}
    token = {"KAGGLE_API_TOKEN": "KGAT_1"}
    assert _variables(home | {"KAGGLE_API_TOKEN": around.format("KGAT_1")}) == token
    pair = {"KAGGLE_USERNAME": "me", "KAGGLE_KEY": "secret"}
    assert _variables(home | {name: around.format(value) for name, value in pair.items()}) == pair
    store(".kaggle/kaggle.json", around.format('{"username": "me\\n", "key": "\\ufeffsecret"}'))
    assert _variables(home) == pair
    store(".kaggle/access_token", around.format("KGAT_1"))
    assert _variables(home) == token


@pytest.mark.parametrize("letter", ["\u00fc", "\u2013", " ", "\n", "\x00"])
def test_a_letter_that_no_header_can_carry_is_named_by_its_place(tmp_path: Path, letter: str) -> None:
    with pytest.raises(FinalError, match=r"KAGGLE_API_TOKEN: character 5 of 9") as refused:
        credentials({"HOME": str(tmp_path), "KAGGLE_API_TOKEN": f"s3cr{letter}t123"})
    assert "s3cr" not in str(refused.value)


@pytest.mark.parametrize(
    "token", ["s3cret" * 60 + "/x", "s3cret" * 60 + ".txt", "~s3cret", "s3cret\0", "\u00e9s3cret" * 60]
)
def test_a_token_that_cannot_be_a_path_is_never_quoted(tmp_path: Path, token: str) -> None:
    said, cause = "", None
    try:
        assert credentials({"HOME": str(tmp_path), "KAGGLE_API_TOKEN": token}) == "KAGGLE_API_TOKEN"
    except FinalError as error:  # some of them may be taken for tokens
        said, cause = str(error), error.__cause__
    assert "s3cret" not in said
    assert cause is None


def test_places_where_nobody_may_look_are_errors(tmp_path: Path, store: Store) -> None:
    with pytest.raises(FinalError, match="File name too long"):
        credentials({"HOME": str(tmp_path), "KAGGLE_CONFIG_DIR": "x" * 300})
    store("kaggle.json", '{"username": "me", "key": "s3cret"}')
    with pytest.raises(FinalError, match="KAGGLE_CONFIG_DIR is not a directory"):
        credentials({"HOME": str(tmp_path), "KAGGLE_CONFIG_DIR": str(tmp_path / "kaggle.json")})
    store(".kaggle/kaggle.json", '{"username": "me", "key": ' + "1" * 5000 + "}")
    with pytest.raises(FinalError, match="is not valid JSON"):
        credentials({"HOME": str(tmp_path)})


def _variables(environment: dict[str, str]) -> dict[str, str]:
    found = find_credentials(environment)
    assert found is not None
    assert "secret" not in repr(found)
    return dict(found.variables)


def test_asking_for_credentials_loads_the_standard_library_only() -> None:
    program = "import ml.data.kaggle.credentials, sys; assert not {'kaggle', 'requests', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=PROJECT, check=True)
