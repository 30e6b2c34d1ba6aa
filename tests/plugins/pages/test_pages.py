"""What the pages say, by the real API server over roots of several kinds."""

from __future__ import annotations

import html
import json
from datetime import UTC, datetime

import pytest

from ml.performance.live import LeftOut
from ml.performance.live_file import write_live_performance
from ml.storage.root import Root
from retraining.pages.history.rows import rows_of
from retraining.pages.history.snapshot import snapshot
from tests.ml.reports.live.versions import known, live, version
from tests.plugins.pages.api_server import ApiServer
from tests.plugins.pages.ledgers import Story, sha256

pytestmark = pytest.mark.slow
SCRIPT = "<script>alert(1)</script>"


def test_before_the_first_run_the_page_says_so(server: ApiServer) -> None:
    answer = server.ask("/retraining/models")
    assert answer.status == 200
    assert "Nothing happened yet" in answer.text
    assert "No version has been promoted" in answer.text
    assert "The ledger is empty" in server.ask("/retraining/ledger").text


def test_versions_and_refused_candidates_are_rows_the_newest_first(server: ApiServer, story: Story) -> None:
    story.promoted("run-first")
    story.refused("rejected", "run-bad")
    story.refused("kept", "run-kept")
    text = server.ask("/retraining/models").text
    places = [text.rindex(f"/runs/{run}/report") for run in ("run-kept", "run-bad", "run-first")]
    assert places == sorted(places)
    assert "Reason of run-bad." in text
    only = server.ask("/retraining/models?outcome=rejected").text
    assert "Reason of run-bad." in only
    assert "Reason of run-kept." not in only
    assert "came to “nonsense”" in server.ask("/retraining/models?outcome=nonsense").text


def test_a_candidate_that_waits_beside_an_older_version_is_stale(server: ApiServer, story: Story) -> None:
    story.promoted()
    story.refused("waiting", "run-waits")
    assert [row.outcome for row in rows_of(snapshot(story.root / "ledger.jsonl"))] == ["waiting", "promoted"]
    story.promoted("run-newer")
    assert (
        "it waited beside version 1, and another one serves now" in server.ask("/retraining/models?outcome=stale").text
    )


def test_a_blocked_run_that_the_ledger_does_not_know_is_a_row(server: ApiServer, story: Story) -> None:
    story.promoted()
    results = story.root / "runs" / "run-blocked" / "results"
    results.mkdir(parents=True)
    error = {"type": "BlockedError", "what": "", "findings": ["Age: 12 values outside."], "cure": "Fix the source."}
    (results / "ingest.json").write_text(json.dumps({"outcome": "done", "artifact": {"rows": 12, "sha256": "ab"}}))
    (results / "validate.json").write_text(json.dumps({"outcome": "failed", "error": error}))
    text = server.ask("/retraining/models?outcome=blocked").text
    assert "Age: 12 values outside." in text
    assert "/runs/run-blocked/report" in text


def test_what_comes_from_data_and_people_is_never_markup(server: ApiServer, story: Story) -> None:
    story.promoted(source=f"file:{SCRIPT}.csv", reasons=[f"Profession {SCRIPT} is new."])
    story.promoted("run-2", reasons=[SCRIPT])
    story.append("quarantined", "intervention", model_sha256=sha256("run-1"), reason=SCRIPT)
    story.refused("waiting", "run-3", reasons=[SCRIPT])
    for path in ("models", "ledger", "compare?a=1&b=2", f"models?outcome={SCRIPT}", f"models?dag={SCRIPT}",
                 "runs/%3Cscript%3Ealert(1)%3C%2Fscript%3E/report"):  # fmt: skip
        text = server.ask(f"/retraining/{path}").text
        assert SCRIPT not in text, path
        assert "&lt;script&gt;" in text or "No such page" in text, path


def test_a_quarantined_version_is_not_offered_again(server: ApiServer, story: Story) -> None:
    for _ in range(3):
        story.promoted()
    story.append("quarantined", "intervention", model_sha256=sha256("run-2"), reason="It is wrong.")
    text = server.ask("/retraining/models").text
    assert 'data-dialog="rollback" data-version="1"' in text
    assert 'data-dialog="rollback" data-version="2"' not in text
    assert 'data-dialog="rollback" data-version="3"' not in text  # it serves
    assert 'data-subject="2"' not in text
    assert "It is wrong." in text


def test_who_waits_is_shown_with_what_the_answer_is_about(server: ApiServer, story: Story) -> None:
    story.promoted()
    story.refused("waiting", "run-waits")
    text = server.ask("/retraining/models").text
    assert f'data-dialog="approve" data-run="run-waits" data-candidate="{sha256("run-waits")}"' in text
    assert "data-dialog=" not in server.ask("/retraining/models", "viewer").text


def test_a_version_that_was_overridden_is_one_row_that_says_by_whom(told: Story) -> None:
    told.promoted()
    told.refused("rejected", "run-2")
    told.append("overridden", "run-2", model_sha256=sha256("run-2"), reason="needed", until="2026-12-01T00:00:00+00:00")
    told.append("approved", "run-2", model_sha256=sha256("run-2"), champion=1, reason="go")
    told.append("intent", "run-2", version=2, decision="overridden", **told.candidate("run-2"))
    told.append("confirmed", "run-2", version=2)
    newest, oldest = rows_of(snapshot(told.root / "ledger.jsonl"))
    assert (newest.number, newest.outcome, newest.detail) == (2, "promoted", "overridden")
    assert newest.approver.startswith("approved by ")
    assert oldest.number == 1


def test_the_rules_that_spoke_are_told_by_week(server: ApiServer, story: Story) -> None:
    assert "No run was examined or judged" in server.ask("/retraining/rules").text
    story.now = datetime.now(UTC)
    story.refused("rejected", "run-2", codes=["slice_worse", SCRIPT])
    text = server.ask("/retraining/rules", "viewer").text
    row = text.split('<th scope="row">slice_worse</th>')[1].split("</tr>")[0]
    assert '<span class="badge bad">against</span>' in row
    assert '<td class="number">1</td>' in row
    assert SCRIPT not in text
    assert html.escape(SCRIPT) in text


def test_a_changed_line_of_the_ledger_is_told_and_a_whole_chain_too(server: ApiServer, story: Story) -> None:
    story.promoted()
    story.promoted()
    assert "Chain verified" in server.ask("/retraining/ledger").text
    path = story.root / "ledger.jsonl"
    path.write_text(path.read_text().replace("Reason of run-1.", "Reason of run-X."))
    assert "line 1 was changed" in server.ask("/retraining/ledger").text
    assert "The ledger was changed" in server.ask("/retraining/models").text


def test_a_ledger_that_cannot_be_read_is_an_error_page(server: ApiServer, story: Story) -> None:
    (story.root / "ledger.jsonl").write_text("no entry\n")
    for path in ("models", "ledger", "compare?a=1&b=2"):
        answer = server.ask(f"/retraining/{path}")
        assert answer.status == 500
        assert "line 1 is not an entry" in answer.text
        assert "restore the file from a backup" in answer.text


def test_a_sample_is_named_as_one(server: ApiServer, story: Story) -> None:
    story.promoted()
    assert "SAMPLE model" not in server.ask("/retraining/models").text
    story.promoted(source="sample:8000 rows, seed 3")
    assert "Version 2 is a SAMPLE model" in server.ask("/retraining/models").text


def test_reports_and_cards_are_served_as_they_are(server: ApiServer, story: Story) -> None:
    story.promoted()
    missing = server.ask("/retraining/runs/run-1/report")
    assert missing.status == 404
    assert "python -m ml report run-1" in missing.text
    assert "python -m ml card 1" in server.ask("/retraining/versions/1/card").text
    assert "There is no version 9" in server.ask("/retraining/versions/9/card").text
    reports = story.root / "reports"
    (reports / "runs").mkdir(parents=True)
    (reports / "versions" / "1").mkdir(parents=True)
    (reports / "runs" / "run-1.html").write_text("<style>p {}</style><p>Report")
    (reports / "versions" / "1" / "card.html").write_text("<p>Card")
    for path, content in (("runs/run-1/report", "<style>p {}</style><p>Report"), ("versions/1/card", "<p>Card")):
        answer = server.ask(f"/retraining/{path}", "viewer")
        assert (answer.status, answer.text) == (200, content)
        assert "script-src" not in answer.headers["content-security-policy"]
        assert "style-src 'unsafe-inline'" in answer.headers["content-security-policy"]


def test_no_report_lies_outside_the_reports(server: ApiServer, story: Story) -> None:
    secret = story.root / "secret.html"
    secret.write_text("a secret")
    (story.root / "reports" / "runs").mkdir(parents=True)
    (story.root / "reports" / "runs" / "run-link.html").symlink_to(secret)
    for run in ("run-link", "..%2F..%2Fsecret", "%2e%2e", "a%00b", "x" * 300):
        answer = server.ask(f"/retraining/runs/{run}/report")
        assert answer.status == 404
        assert "a secret" not in answer.text


def test_two_versions_stand_side_by_side(server: ApiServer, story: Story) -> None:
    story.promoted()
    story.promoted(metrics={"AUC": 0.9, "BinaryAccuracy": 0.82}, holdout=sha256("another"))
    text = server.ask("/retraining/compare?a=1&b=2").text
    assert "+0.0200" in text
    assert "Not on the same rows" in text
    assert "is not kept any more" in text
    for number, seed in ((1, 20), (2, 21)):
        (story.root / "releases" / str(number)).mkdir(parents=True)
        record = {"settings": {"train": {"seed": seed, "epochs": 20}}}
        (story.root / "releases" / str(number) / "release.json").write_text(json.dumps(record))
    text = server.ask("/retraining/compare?a=1&b=2").text
    assert "train.seed" in text
    assert "train.epochs" not in text
    assert server.ask("/retraining/compare?a=1&b=7").status == 404


def test_tabs_of_other_dags_say_that_they_are_none(server: ApiServer) -> None:
    assert "example has nothing to do with them" in server.ask("/retraining/models?dag=example").text
    assert "this is one of example" in server.ask("/retraining/runs/x/report?dag=example").text


def test_airflow_shows_the_pages_in_its_navigation_and_as_tabs(server: ApiServer) -> None:
    plugins = json.loads(server.ask("/api/v2/plugins").text)["plugins"]
    ours = next(plugin for plugin in plugins if plugin["name"] == "retraining")
    views = {view["destination"]: view["href"] for view in ours["external_views"]}
    assert set(views) == {"nav", "dag", "dag_run", "task_instance"}
    for href in views.values():
        filled = href.replace("{DAG_ID}", "customer_retraining").replace("{RUN_ID}", "run-1")
        assert server.ask(f"/{filled}").status in (200, 404)
        assert "No such page" not in html.unescape(server.ask(f"/{filled}").text)


def test_the_dialog_offers_the_files_and_the_directories_of_the_inbox(server: ApiServer, story: Story) -> None:
    (story.root / "inbox" / "shards").mkdir(parents=True)
    for name in ("customers.csv", "a name of another kind.csv", "shards/part-1.csv"):
        (story.root / "inbox" / name).write_text("")
    text = server.ask("/retraining/models").text
    assert "inbox:customers.csv" in text
    assert "inbox:shards" in text
    assert "another kind" not in text
    assert "part-1" not in text


def test_what_became_of_customers_stands_beside_what_was_expected(server: ApiServer, story: Story) -> None:
    story.promoted()
    assert "What became of the customers" not in server.ask("/retraining/models").text
    performance = version(
        1, precision=known(0.63, 0.58, 0.68, 412), expected_precision=known(0.6, 0.57, 0.63),
        profit=known(5_234, 3_911, 6_512),
    )  # fmt: skip
    write_live_performance(Root(story.root), live(performance, left={"version_unknown": LeftOut(8, ("a:1",))}))
    text = server.ask("/retraining/models").text.replace("\u00a0", " ")
    for told in (
        "63 % (58 % to 68 %)",
        "expected: 60 % (57 % to 63 %)",
        "5,200 (3,900 to 6,500) EUR",
        "8 version unknown",
    ):
        assert told in text
    assert "Too few customers have an outcome." in text
    assert "Computed <time" in text
    assert "does worse than expected" not in text


def test_a_champion_that_has_fallen_is_told_above_everything(server: ApiServer, story: Story) -> None:
    story.promoted()
    story.promoted()
    worse = {"fall": "Of 500 customers on lists of version 2, 40.0% were targets, where 60.0% were expected."}
    for fallen, told in ((1, False), (2, True)):
        rows = [version(number, is_champion=number == 2, **(worse if number == fallen else {})) for number in (2, 1)]
        write_live_performance(Root(story.root), live(*rows))
        text = server.ask("/retraining/models").text
        assert ("does worse than expected" in text) == told
        assert ("Of 500 customers on lists of version 2, 40.0% were targets" in text) == told


def test_a_damaged_file_of_outcomes_leaves_the_rest_of_the_page(server: ApiServer, story: Story) -> None:
    story.promoted()
    (story.root / "performance.json").write_text("[]")
    text = server.ask("/retraining/models").text
    assert "does not say how versions do" in text
    assert "Versions and candidates" in text
