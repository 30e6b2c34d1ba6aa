"""The card of a version in its three forms: the same numbers, what must be said first, and the same each time."""

from __future__ import annotations

import html
import io
import json
import re
import shlex
import urllib.request
from pathlib import Path

import pytest

from ml.cli.commands import main
from ml.errors import FinalError
from ml.evaluation.scored_rows import ScoredRows
from ml.registry.ledger.entries import QUARANTINED, WITHDRAWN
from ml.registry.ledger.ledger import Ledger
from ml.reports.card.card import write_card
from ml.reports.card.targeting import tops
from ml.storage.files import read_json, write_json
from ml.storage.root import Root
from serving.client.model_client import ModelServer
from serving.server.embedded import embedded_server
from tests.ml.feedback.campaigns import Campaign
from tests.ml.feedback.campaigns import write as write_campaigns
from tests.ml.reports.card.world import add_version


def text_of(page: Path) -> str:
    """What a reader sees, without tags, in one line."""
    without_styles = re.sub(r"<style>.*?</style>", "", page.read_text(), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", without_styles)).replace("\u00a0", " ").split())


def test_the_three_forms_of_a_real_first_version_say_the_same(promoted_root: Root) -> None:
    page = write_card(promoted_root, 1)
    rows = ScoredRows.read(promoted_root.release(1) / "rows.npz")
    ten, twenty, thirty = tops(rows.labels, rows.candidate, rows.profiles)
    text, lines = text_of(page), (page.parent / "card.md").read_text()
    numbers = read_json(page.parent / "model-card.json")
    low, high = twenty.precision_interval
    assert f"(likely {100 * low:.0f} % to {100 * high:.0f} %)" in numbers["headline"]
    assert [one["precision"] for one in numbers["target"]["top"]] == [ten.precision, twenty.precision, thirty.precision]
    for sentence in (
        numbers["headline"],
        *(one for part in ("target", "says", "trust", "changed") for one in numbers[part]["says"]),
    ):
        assert sentence in text
        assert sentence.split(":")[0].split("_")[0] in lines
    assert "It was compared with no other version" in text
    assert "No version served before it." in text
    assert "SAMPLE" not in text
    assert numbers["trust"]["groups_looked_at"] > 100
    assert 0 < numbers["says"]["reasons"]["mean"] < numbers["says"]["reasons"]["largest"] < 0.1
    assert "Reasons for an answer compare the customer with 15 others, who stand for 500" in text
    assert not re.search(r"<script|<link|<img|https?://(?!www\.w3\.org|127\.0\.0\.1)|@import", page.read_text())
    first = {path.name: path.read_bytes() for path in page.parent.iterdir()}
    assert set(first) == {"card.html", "card.md", "model-card.json"}
    write_card(promoted_root, 1)
    assert {path.name: path.read_bytes() for path in page.parent.iterdir()} == first


def test_the_request_on_the_card_is_answered(promoted_root: Root) -> None:
    page = write_card(promoted_root, 1)
    command = next(line for line in (page.parent / "card.md").read_text().splitlines() if line.startswith("curl"))
    _, _, body, url = shlex.split(command)
    assert json.loads(body) == read_json(page.parent / "model-card.json")["use"]["request"]
    with embedded_server(promoted_root.models / "customer-model", deadline=60) as server:
        ModelServer(server, "customer-model").wait_available(1, deadline=60)
        asked = urllib.request.Request(url.replace("http://127.0.0.1:8501", server), data=body.encode(), method="POST")
        with urllib.request.urlopen(asked, timeout=30) as response:
            answer = json.loads(response.read())
    assert 0 < answer["predictions"][0]["probability"] < 1


def test_a_model_of_the_sample_says_so_before_anything_else(root: Root, people_csv: Path) -> None:
    add_version(root, people_csv, source="sample", source_kind="sample")
    page = write_card(root, 1)
    assert "Its data: 2,500 rows of the built-in SAMPLE of made-up customers." in text_of(page)
    said = "SAMPLE : trained on made-up customers; it says nothing about real ones."
    assert text_of(page).removeprefix("Model card: version 1 ").startswith(said)
    assert (page.parent / "card.md").read_text().startswith("**SAMPLE**: trained on made-up customers")
    assert next(filter(None, json.loads((page.parent / "model-card.json").read_text()).values())).startswith(
        "trained on made-up"
    )


def test_a_withdrawn_or_quarantined_version_says_so_before_anything_else(root: Root, people_csv: Path) -> None:
    for _ in range(3):
        add_version(root, people_csv, source="sample", source_kind="sample")
    ledger = Ledger(root.ledger)
    ledger.append(QUARANTINED, run_id="q", model_sha256=f"{1:064d}", reason="It calls only men.")
    ledger.append(WITHDRAWN, run_id="run-2", version=2, reason="no server could load it")
    first, second, third = (write_card(root, number) for number in (1, 2, 3))
    said = "QUARANTINED: do not use it. The reason: It calls only men."
    assert text_of(first).removeprefix("Model card: version 1 ").startswith(said)
    assert (first.parent / "card.md").read_text().startswith(f"**{said}**")
    assert read_json(first.parent / "model-card.json")["put_away"] == said
    assert (second.parent / "card.md").read_text().startswith("**WITHDRAWN: do not use it. The reason: no server could")
    assert "do not use it" not in text_of(third)


def test_a_changed_release_record_is_said(root: Root, people_csv: Path) -> None:
    add_version(root, people_csv, record_sha256="0" * 64)
    text = text_of(write_card(root, 1))
    assert "DAMAGED : what was recorded of it was changed since it was published" in text
    assert "Of the best 20 %" not in text
    assert "Its answer is right" not in text


def test_without_its_rows_it_promises_nothing(root: Root, people_csv: Path) -> None:
    add_version(root, people_csv)
    (root.release(1) / "rows.npz").unlink()
    text = text_of(write_card(root, 1))
    assert "Its evaluation rows are not kept or were changed, so what to expect of a list is not known." in text
    assert "weak groups and missing values could not be looked for" in text
    assert " likely " not in text.replace("how likely", "")


def test_what_the_data_say_cannot_become_markup(root: Root, people_csv: Path) -> None:
    add_version(root, people_csv, source="file:<script>alert(1)</script>|*x*.csv")
    page = write_card(root, 1)
    assert "<script" not in page.read_text()
    lines = (page.parent / "card.md").read_text()
    assert "<script" not in lines
    assert r"\|\*x\*.csv" in lines


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("evaluation.json", {"inputs": {"Age": {}}}),
        ("evaluation.json", {"inputs": 5}),
        ("background.json", {"rows": 5}),
        ("release.json", {"target": {"column": "Segmentation", "positive_segments": ["D"]}, "threshold": "abc"}),
        ("release.json", {"target": {"column": "Nope", "positive_segments": ["D"]}}),
    ],
)
def test_a_malformed_record_is_named_with_its_cure(
    root: Root, people_csv: Path, name: str, content: dict[str, object]
) -> None:
    add_version(root, people_csv)
    write_json(root.release(1) / name, content)
    with pytest.raises(FinalError, match=r"a file in .*releases/1 is malformed") as caught:
        write_card(root, 1)
    assert "Restore that directory from a backup" in str(caught.value.cure)


def test_a_version_of_which_nothing_is_recorded_has_a_card(root: Root, people_csv: Path) -> None:
    add_version(root, people_csv)
    for name in ("release.json", "evaluation.json"):
        write_json(root.release(1) / name, {})
    text = text_of(write_card(root, 1))
    assert "Of the best 20 % of a list" in text
    assert "curl" not in text


def test_the_command_takes_the_champion_and_refuses_an_unknown_version(
    root: Root, people_csv: Path, tmp_path: Path
) -> None:
    for _ in range(2):
        add_version(root, people_csv)
    answer = io.StringIO()
    assert main(["card", "--root", str(root.path), "--json"], answer) == 0
    assert json.loads(answer.getvalue())["version"] == 2
    assert main(["card", "1", "--root", str(root.path)], answer) == 0
    assert answer.getvalue().endswith(f"{root.card(1) / 'card.html'}\n")
    with pytest.raises(FinalError):
        write_card(root, 99)
    assert main(["card", "--root", str(tmp_path / "empty")], answer) != 0


def test_new_outcomes_are_told_on_cards_that_are_there_and_make_no_others(root: Root, people_csv: Path) -> None:
    for _ in range(2):
        add_version(root, people_csv)
    page = write_card(root, 1)
    assert "Nobody has told yet what became of customers" in text_of(page)
    write_campaigns(root, [Campaign(version=1), Campaign(version=2, name="two")])
    assert main(["performance", "--root", str(root.path)], io.StringIO()) == 0
    assert re.search("Of [0-9]+ customers who were on its lists, were contacted and have an outcome", text_of(page))
    assert not root.card(2).exists()
