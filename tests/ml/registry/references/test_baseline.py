"""Which version a candidate is compared with when ledger and model server agree, differ, or nobody answers."""

from __future__ import annotations

from dataclasses import replace

from ml.config.settings import Settings, resolve
from ml.registry.ledger.ledger import Ledger
from ml.registry.references.baseline import Baseline, baseline_of, served_version
from ml.storage.root import Root
from tests.ml.light_world import stand_in
from tests.ml.registry.references.entries import promoted


def found(root: Root, served: int | None, unknown: str = "") -> Baseline:
    ledger = Ledger(root.ledger)
    return baseline_of(ledger.champion(), ledger.versions(), served, unknown)


def two_versions(root: Root) -> None:
    promoted(root, 1, decision="first")
    promoted(root, 2, decision="better")


def test_without_a_champion_there_is_nothing_to_compare_with(root: Root) -> None:
    assert found(root, None).version is None


def test_the_version_that_serves_is_compared_with_and_needs_no_words(root: Root) -> None:
    two_versions(root)
    baseline = found(root, 2)
    assert baseline.version is not None
    assert (baseline.version.number, baseline.note) == (2, "")


def test_a_confirmed_version_that_serves_instead_is_compared_with_and_both_are_named(
    root: Root,
) -> None:
    two_versions(root)
    baseline = found(root, 1)
    assert baseline.version is not None
    assert baseline.version.number == 1
    assert "Version 2 is the champion" in baseline.note
    assert "version 1" in baseline.note


def test_a_served_version_that_nobody_confirmed_is_not_compared_with(root: Root) -> None:
    two_versions(root)
    Ledger(root.ledger).append("intent", run_id="r3", version=3, model_sha256="m")
    for served in (3, 9):
        baseline = found(root, served)
        assert baseline.version is not None
        assert baseline.version.number == 2
        assert f"answers with version {served}" in baseline.note


def test_without_an_answer_the_champion_is_compared_with_and_the_verdict_says_why(root: Root) -> None:
    two_versions(root)
    baseline = found(root, None, "no model server is configured or running")
    assert baseline.version is not None
    assert (baseline.version.number, baseline.served) == (2, None)
    assert "since no model server is configured or running" in baseline.note


def test_the_server_is_asked_for_its_highest_available_version(root: Root) -> None:
    two_versions(root)
    with stand_in(root) as settings:
        assert served_version(root, settings) == (2, "")
        (root.version("customer-model", 2) / "broken").write_text("yes")
        assert served_version(root, settings)[0] is None


def test_a_server_that_is_silent_or_not_configured_is_said_to_be_so(root: Root) -> None:
    settings: Settings = resolve(environment={})
    assert served_version(root, settings) == (None, "no model server is configured or running")
    away = replace(settings, serving=replace(settings.serving, url="http://127.0.0.1:9"))
    served, why = served_version(root, away)
    assert served is None
    assert "does not answer" in why


def test_a_served_version_of_other_data_is_not_compared_with(root: Root) -> None:
    promoted(root, 1, decision="first", source_kind="sample")
    promoted(root, 2, decision="replaces_sample", source_kind="file")
    baseline = found(root, 1)
    assert baseline.version is not None
    assert baseline.version.number == 2, "a sample that still serves must not switch the gate off"
    assert "data of another source" in baseline.note
