"""Ingest with the real Kaggle client, in its own process, against a stand-in of the API."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from ml.artifacts import Dataset
from ml.errors import FinalError, SettingsError
from tests.ml.data.kaggle.api_stand_in import BASIC, CSV, DOWNLOAD, INTROSPECT, KEY, SIGNATURE, STORAGE, TOKEN

if TYPE_CHECKING:
    from tests.ml.data.kaggle.kaggle_world import World

pytest_plugins = ["tests.ml.data.kaggle.kaggle_world"]
pytestmark = pytest.mark.usefixtures("no_secret_in_what_is_said")


@pytest.mark.parametrize("slug", ["plain", "zip", "zip-in-folder", "chunked"])
def test_the_file_arrives_byte_by_byte_as_a_csv_or_in_a_zip(world: World, slug: str) -> None:
    dataset = world.ingest(slug)
    assert dataset == Dataset(
        path=world.out, sha256=hashlib.sha256(CSV).hexdigest(), rows=3, source=f"kaggle:owner/{slug}/Train.csv"
    )
    assert [path.name for path in world.out.iterdir()] == ["data.csv"]
    assert dataset.csv.read_bytes() == CSV
    assert world.stand_in.downloads == [{"ownerSlug": "owner", "datasetSlug": slug, "fileName": "Train.csv"}]
    assert world.stand_in.authorizations == [(DOWNLOAD, f"Basic {BASIC}")]


def test_a_redirect_to_the_storage_is_followed_without_the_credentials(world: World) -> None:
    assert world.ingest("redirected").rows == 3
    assert world.stand_in.authorizations[1:] == [(f"{STORAGE}Train.csv?X-Signature={SIGNATURE}", "")]


def test_a_refusal_by_the_storage_does_not_reveal_the_signed_address(world: World) -> None:
    world.fails(FinalError, "redirected-badly", "403")


def test_a_version_of_the_data_set_can_be_asked_for(world: World) -> None:
    world.ingest("plain", dataset="owner/plain/7")
    assert world.stand_in.downloads[0]["datasetVersionNumber"] == 7


def test_progress_is_logged_and_stdout_stays_clean(
    world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    world.ingest("plain")
    lines = [record.getMessage() for record in caplog.records if record.name == "ml.data.ingest"]
    assert "Kaggle: attempt 1 of 3 with KAGGLE_USERNAME and KAGGLE_KEY" in lines
    assert f"Kaggle: received {len(CSV)} bytes" in lines
    assert any(line.startswith("Kaggle client: Warning: Looks like you're using an outdated") for line in lines)
    assert capfd.readouterr() == ("", "")


def test_the_client_is_kept_from_printing_credentials(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERBOSE", "true")  # makes the client print each request with its headers
    world.ingest("plain")  # a fixture looks for the secrets in all that was said


@pytest.mark.parametrize("token", [TOKEN, TOKEN * 50])  # one longer than the name of a file may be
def test_an_access_token_is_used(token: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", token)
    world.ingest("plain")
    assert world.stand_in.authorizations[-1] == (DOWNLOAD, f"Bearer {token}")
    assert world.stand_in.paths == [INTROSPECT, DOWNLOAD]


def test_a_token_that_the_client_rejects_is_final(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    monkeypatch.delenv("KAGGLE_KEY")
    world.stand_in.introspection = "invalid"
    world.fails(FinalError, "plain", "KAGGLE_API_TOKEN", "expired or revoked")
    assert world.requests == 0


def test_stored_credentials_are_used_and_empty_variables_do_not_hide_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", "")
    monkeypatch.setenv("KAGGLE_KEY", "")
    stored = world.home / ".config" / "kaggle" / "kaggle.json"
    stored.parent.mkdir(parents=True)
    stored.write_text(f'{{"username": "somebody", "key": "{KEY}"}}')
    stored.chmod(0o600)
    world.ingest("plain")
    assert world.stand_in.authorizations == [(DOWNLOAD, f"Basic {BASIC}")]


def test_nothing_is_created_in_the_home_directory(world: World) -> None:
    world.ingest("plain")
    assert [path.name for path in world.home.iterdir()] == ["out"]


def test_without_credentials_the_client_is_not_even_started(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAGGLE_KEY")
    monkeypatch.delenv("KAGGLE_USERNAME")
    world.fails(
        FinalError, "plain", "no credentials", "KAGGLE_API_TOKEN", "~/.kaggle/kaggle.json", "data.source = the path"
    )
    assert world.stand_in.paths == []


@pytest.mark.parametrize("dataset", ["plain", "/plain", "owner/", "owner/plain/x", "owner/plain/1/2", ""])
def test_a_data_set_is_named_by_owner_and_name(world: World, dataset: str) -> None:
    world.fails(SettingsError, "plain", f"data.dataset = {dataset!r}", "owner/name", dataset=dataset)
