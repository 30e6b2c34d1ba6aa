"""Each sentence of the card follows its number: another number, another sentence."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.evaluation.scored_rows import ScoredRows
from ml.performance.live_file import write_live_performance
from ml.registry.ledger.entries import ADOPTED, APPROVED, INTENT, OVERRIDDEN, PUBLISHED, ROLLBACK, SEALED
from ml.registry.ledger.ledger import Ledger
from ml.reports.card import material
from ml.reports.card.changes_part import changes_part
from ml.reports.card.live_part import live_part
from ml.reports.card.material import Material, Part
from ml.reports.card.model_part import model_part
from ml.reports.card.target_part import target_part
from ml.reports.card.trust_part import _weak_say, trust_part, worth_naming
from ml.reports.card.use_part import use_part
from ml.reports.card.weak_slices import Search, WeakSlice
from ml.storage.files import read_json, sha256_tree, write_json
from ml.storage.root import Root
from tests.ml.reports.card.world import add_version, fair
from tests.ml.reports.live.versions import known, live, version


def said(part: Part) -> str:
    return " ".join(part.section.says)


def sure(labels: NDArray[np.int8]) -> NDArray[np.float32]:
    """A model that is always right."""
    return np.where(labels > 0, 0.9, 0.1).astype(np.float32)


def silent(labels: NDArray[np.int8]) -> NDArray[np.float32]:
    """A model that knows nothing, and calls nobody."""
    return np.full(len(labels), 0.2, dtype=np.float32)


def test_the_headline_follows_precision_and_average(root: Root, people_csv: Path) -> None:
    for score in (sure, silent):
        add_version(root, people_csv, score)
    best, none = (target_part(Material(root, number)) for number in (1, 2))
    average = best.numbers["average"]
    assert best.section.says[0].startswith("Of the best 20 % of a list, all are D (likely 100 % to 100 %).")
    assert none.section.says[0].endswith(f"Of all customers, {100 * average:.0f} % are.")
    assert none.numbers["top"][1]["precision"] == pytest.approx(average)
    table = best.section.tables[0][1]
    assert table.rows[0][:2] == ["best 10 %", "100 %"]
    assert table.rows[0][3] == f"{1 / average:.1f}"
    assert "Measured on 2,500 customers" in said(best)


def test_money_is_named_where_somebody_has_set_it(root: Root, people_csv: Path) -> None:
    priced = ["economics.value=80", "economics.cost=10", "economics.budget=500", "economics.currency=EUR"]
    add_version(root, people_csv, sure)
    add_version(root, people_csv, sure, overrides=priced)
    add_version(root, people_csv, sure, overrides=priced[:2])
    silent_part, part, bare = (target_part(Material(root, number)) for number in (1, 2, 3))
    assert "contact" not in said(silent_part)
    assert "money" not in silent_part.numbers
    average = float(part.numbers["average"])
    money = part.numbers["money"]
    assert (money["cut"], money["share"]) == (0.125, pytest.approx(average))
    assert money["profit"] == pytest.approx(1000 * average * 70)
    assert money["low"] < money["profit"] < money["high"]
    assert (
        "At 10 EUR a contact and 80 EUR for each D who is reached, a contact pays above a probability of 12.5 %. That "
        f"is the best {100 * average:.0f} % of these customers; contacting them earns about 2" in said(part)
    )
    assert "EUR for 1,000 customers of a list (likely " in said(part)
    assert "A budget of 500 EUR pays for 50 of them." in said(part)
    assert "At 10 a contact and 80 for each D" in said(bare)
    assert "budget" not in said(bare)


def test_what_it_says_follows_accuracy_recall_precision_and_threshold(root: Root, people_csv: Path) -> None:
    for score, threshold in ((sure, 0.5), (silent, 0.3)):
        add_version(root, people_csv, score, overrides=[f"target.threshold={threshold}"])
    right, none = (model_part(Material(root, number)) for number in (1, 2))
    assert "Above 0.5 it calls the customer D" in said(right)
    assert "Its answer is right for all (100 %) of the customers, likely 100 % to 100 %." in said(right)
    assert "Of those who are D it finds all (100 %). Of those whom it calls D, all (100 %) are." in said(right)
    assert "Above 0.3 it calls the customer D" in said(none)
    nobody = f"{100 * none.numbers['accuracy']:.0f} %"
    assert f"Calling nobody D would be right for {nobody}." in said(none)
    assert "it finds none (0 %). It calls none of the 2,500 measured customers D." in said(none)
    assert "are 8 features, and none of them is a call" in said(none)
    assert "Its data: 2,500 rows of file:customers.csv." in said(none)


def test_how_good_its_reasons_are_is_said_where_it_has_any(root: Root, people_csv: Path) -> None:
    add_version(root, people_csv)
    without = model_part(Material(root, 1))
    assert "It does not say why, nor whether a call changes anything" in said(without)
    assert "reasons" not in without.numbers
    path = root.release(1) / "background.json"
    stored = {"features": ["Age"], "numbers": ["Age"], "rows": [[30.0], [None]], "weights": [0.25, 0.75]}
    stored |= {"scores": [0.2, 0.4], "mean": 0.35}
    error = {"reference_rows": 500, "customers": 24, "mean": 0.00123, "largest": 0.0137, "same_first": 0.96}
    write_json(path, stored | {"error": error})
    part = model_part(Material(root, 1))
    assert part.numbers["reasons"] == {"rows": 2, "background_mean": pytest.approx(0.35), **error}
    assert "It does not say whether a call changes anything" in said(part)
    assert (
        "Reasons for an answer compare the customer with 2 others, who stand for 500: that moves what a feature adds "
        "by 0.12 percentage points on average and by 1.4 at most, and the strongest reason stays the same for about "
        "96 % of 24 customers."
    ) in said(part)
    write_json(path, stored | {"error": error | {"mean": None, "largest": None, "same_first": None, "customers": 0}})
    assert "with 2 others; how far that is from comparing with more of them was not measured." in said(
        model_part(Material(root, 1))
    )


BETTER = "The same customers decided that it was promoted, as better than version 1"
FIRST = "on these customers it had to reach the thresholds"
KINDS: list[tuple[dict[str, Any], str]] = [
    ({"decision": "first"}, FIRST),
    ({"decision": "replaces_sample"}, FIRST),
    ({"decision": "better", "champion": 1}, BETTER),
    ({"decision": "refresh", "champion": 1}, "decided that it was promoted, as not worse than version 1"),
    ({"decision": "accepted", "champion": 1}, "that it came nevertheless is a setting, no result"),
    ({"decision": "overridden", "champion": 1}, "not enough to promote it; ada overrode that: \u201csales need"),
    (
        {"decision": "overridden", "champion": 1, "codes": ["worse"]},
        "it was found to be worse than version 1; ada overrode that: \u201csales need it\u201d.",
    ),
    (
        {"decision": "overridden", "champion": 1, "codes": ["guard_worse"]},
        "worse than version 1 by one metric or in one group; ada overrode",
    ),
    ({"decision": ""}, ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("told", "sentence"), KINDS, ids=[" ".join([str(told["decision"]), *told.get("codes", ())]) for told, _ in KINDS]
)
def test_that_the_holdout_decided_is_said_only_where_it_did(
    root: Root, people_csv: Path, told: dict[str, Any], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETRAIN_WHO", "ada")
    add_version(root, people_csv)
    if told["decision"] == "overridden":
        facts = {"model_sha256": f"{2:064d}", "reason": "sales need it", "until": "2030-01-01T00:00:00+00:00"}
        Ledger(root.ledger).append(OVERRIDDEN, run_id="run-2", **facts)
    add_version(root, people_csv, **told)
    text = said(target_part(Material(root, 2)))
    assert sentence in text
    assert ("The same customers decided" in text) is (told["decision"] in ("better", "refresh"))
    assert "approved" not in text


def test_an_approval_is_told_with_who_and_why(root: Root, people_csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRAIN_WHO", "ada")
    add_version(root, people_csv)
    Ledger(root.ledger).append(APPROVED, run_id="run-2", model_sha256=f"{2:064d}", reason="Looks good.")
    add_version(root, people_csv, decision="better", champion=1)
    assert "ada approved it: \u201cLooks good\u201d." in said(target_part(Material(root, 2)))


def test_an_adopted_version_was_decided_by_nobodys_numbers(root: Root, people_csv: Path) -> None:
    add_version(root, people_csv)
    shutil.copytree(root.release(1), root.release(2))
    Ledger(root.ledger).append(ADOPTED, run_id="adopt-2", version=2, model_sha256="2" * 64, reason="It is ours.")
    text = said(target_part(Material(root, 2)))
    assert "took it over: \u201cIt is ours\u201d. These customers did not decide that." in text
    (root.release(2) / "rows.npz").unlink()
    assert "took it over: \u201cIt is ours\u201d." in said(target_part(Material(root, 2)))
    assert "unknown source" not in said(changes_part(Material(root, 2)))
    assert "The same customers" not in text


def test_a_version_gone_back_to_says_why_and_what_had_decided_the_original(root: Root, people_csv: Path) -> None:
    add_version(root, people_csv)
    add_version(root, people_csv, decision="better", champion=1)
    add_version(root, people_csv, lambda labels: fair(labels, 2), decision="better", champion=2)
    shutil.copytree(root.release(2), root.release(4))
    ledger, facts = Ledger(root.ledger), {"from": 3, "target": 2, "result": 4, "withdraws": {}}
    ledger.append(ROLLBACK, run_id="back", reason="3 calls only men.", **facts)
    intent = {"model_sha256": f"{2:064d}", "rollback_of": 2, "data_sha256": ledger.versions()[2].intent["data_sha256"]}
    ledger.append(INTENT, run_id="back", version=4, **intent)
    ledger.append(PUBLISHED, run_id="back", version=4)
    text = said(target_part(Material(root, 4)))
    assert "It has the bytes of version 2. These customers did not decide that it came back: " in text
    assert "\u201c3 calls only men\u201d." in text
    assert BETTER in text
    assert changes_part(Material(root, 4)).section.title == "What changed since version 3"


def test_weak_groups_are_told_in_words_and_others_are_not(root: Root, people_csv: Path) -> None:
    add_version(root, people_csv, sure)
    of = Material(root, 1)
    part = trust_part(of)
    looked = part.numbers["groups_looked_at"]
    assert f"{looked:,} groups of at least 50 measured customers were looked at: in none of them" in said(part)
    assert of.rows is not None
    assert of.features is not None
    place, columns = of.features
    healthcare = place[columns["Profession"] == "Healthcare"]
    of.rows.candidate[healthcare[::2]] = 1 - of.rows.candidate[healthcare[::2]]
    of.rows.write(root.release(1) / "rows.npz")
    part = trust_part(Material(root, 1))
    assert (
        "Be most careful with customers with Profession: Healthcare: of the groups below it is right least "
        "often for them. It is right for about half (50 %) of them, " in said(part)
    )
    assert "elsewhere for all (100 %)." in said(part)
    assert {"Profession": "Healthcare"} in part.numbers["named"]
    assert "in none of them" not in said(part)


@pytest.mark.parametrize(("rows", "says"), [(49, "49 measured customers are"), (1, "1 measured customer is")])
def test_too_few_customers_for_a_group_are_no_finding(
    root: Root, people_csv: Path, tmp_path: Path, rows: int, says: str
) -> None:
    few = tmp_path / "few.csv"
    few.write_text("".join(people_csv.read_text().splitlines(keepends=True)[: 1 + rows]))
    add_version(root, few)
    text = said(trust_part(Material(root, 1)))
    assert f"some group is not known: {says} too few for groups of 50." in text
    assert "were looked at" not in text


def test_missing_values_and_unknown_categories_are_counted(root: Root, people_csv: Path) -> None:
    add_version(root, people_csv, sure)
    part = trust_part(Material(root, 1))
    missing = part.numbers["missing"]
    assert 0 < missing["rows"] < missing["of"] == 2500
    assert f"{missing['rows']:,} of 2,500 measured customers (" in said(part)
    assert "is right for 100 % of them, for 100 % of the others." in said(part)
    assert "Profession 9" in said(part)
    assert "no measured customer had one." in said(part)
    place = root.release(1) / "evaluation.json"
    known = read_json(place)
    known["inputs"]["Profession"]["values"].remove("Artist")
    known["inputs"]["Age"]["missing"] = True
    write_json(place, known)
    again = trust_part(Material(root, 1))
    count = again.numbers["unknown"]["Profession"]
    assert count > 50
    assert f"Any other one counts as missing; {count:,} customers had one in Profession." in said(again)
    assert "Age" in said(part).split("training rows")[1].split("never missing")[0]
    assert "Age" not in said(again).split("training rows")[1].split("never missing")[0]


def test_without_a_missing_value_none_is_told(root: Root, people_csv: Path, tmp_path: Path) -> None:
    lines = people_csv.read_text().splitlines()
    whole = tmp_path / "whole.csv"
    whole.write_text("\n".join([lines[0], *(line for line in lines[1:] if ",," not in line)]) + "\n")
    add_version(root, whole)
    part = trust_part(Material(root, 1))
    assert f"None of the {part.numbers['measured']:,} measured customers lacked a value." in said(part)
    assert [title for title, _ in part.section.tables if title == "Missing values"] == []


def test_what_changed_is_told_of_ranking_list_data_and_settings(
    root: Root, people_csv: Path, customers_csv: Path
) -> None:
    add_version(root, people_csv)
    add_version(root, people_csv, sure, overrides=["train.seed=7"], source="file:new.csv")
    add_version(root, people_csv, fair)
    first, better, worse = (changes_part(Material(root, number)) for number in (1, 2, 3))
    assert said(first) == "No version served before it."
    assert "It ranks customers better than version 1, as far as 2,500 customers tell: AUC +0." in said(better)
    assert "It ranks customers worse than version 2, as far as 2,500 customers tell: AUC \u22120." in said(worse)
    assert "1 setting changed: train.seed is 7, was 20." in said(better)
    assert "1 setting changed: train.seed is 20, was 7." in said(worse)
    assert "It was trained on the same data (2,500 rows of file:new.csv)." in said(better)
    change = better.numbers["list"]
    assert change["change_side"] > 0
    sides = f"Against version 1, {100 * change['change_side'] / 2500:.1f} % of 2,500 customers change side; "
    assert f"{sides}the best 500 change by {change['names']} names." in said(better)


def test_equal_versions_are_neither_better_nor_worse_and_other_data_are_named(
    root: Root, people_csv: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.csv"
    other.write_text("\n".join(people_csv.read_text().splitlines()[:2001]) + "\n")
    add_version(root, people_csv)
    add_version(root, other, lambda labels: fair(labels, 5))
    add_version(root, other, lambda labels: fair(labels, 5), overrides=["transform.salt='new'"])
    equal, apart = (said(changes_part(Material(root, number))) for number in (2, 3))
    assert "It is not shown to rank customers better or worse than version 1, as far as 2,000 customers tell" in equal
    assert "Its data are 2,000 rows of file:customers.csv; those of version 1 were 2,500 rows" in equal
    assert "No setting changed." in equal
    assert "Which of the two ranks customers better is not known" in apart
    assert "change side" not in apart


@pytest.mark.parametrize("changed", [1, 2])
def test_no_number_comes_from_a_changed_release_record(root: Root, people_csv: Path, changed: int) -> None:
    add_version(root, people_csv)
    add_version(root, people_csv, sure)
    records = {str(number): sha256_tree(root.release(number)) for number in (1, 2)}
    Ledger(root.ledger).append(SEALED, run_id="seal", records=records)
    assert "It ranks customers better than version 1" in said(changes_part(Material(root, 2)))
    rows = ScoredRows.read(root.release(changed) / "rows.npz")
    rows.candidate[:] = 1 - rows.candidate
    rows.write(root.release(changed) / "rows.npz")
    part = changes_part(Material(root, 2))
    assert f"DAMAGED: the release record of version {changed} was changed" in said(part)
    assert "AUC" not in said(part)
    assert "change side" not in said(part)
    assert (part.numbers["AUC"], part.numbers["list"]) == (None, None)


def test_of_very_many_measured_customers_some_are_searched_and_the_card_says_how_many(
    root: Root, people_csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_version(root, people_csv)
    monkeypatch.setattr(material, "MOST_LOOKED_FOR", 400)
    of = Material(root, 1)
    part = trust_part(of)
    assert part.numbers["measured"] == len(of.looked_for) == 400
    assert of.rows is not None
    assert of.rows.rows[of.looked_for].max() < np.delete(of.rows.rows, of.looked_for).min()
    assert "This part is about 400 of the 2,500 measured customers, drawn by chance." in said(part)
    assert "Only" not in said(part)


def test_customers_not_found_in_the_data_are_a_shortfall_and_not_a_clean_bill(root: Root, people_csv: Path) -> None:
    add_version(root, people_csv)
    rows = ScoredRows.read(root.release(1) / "rows.npz")
    for unknown, words in ((2300, "Only 200 of 2,500 measured customers are found"), (2500, "None of its measured")):
        rows.rows[:unknown] = np.arange(unknown)
        rows.write(root.release(1) / "rows.npz")
        text = said(trust_part(Material(root, 1)))
        assert words in text
    assert "in none of them" not in text
    assert "None of the 0" not in text


def test_the_example_is_the_commonest_customer(root: Root, people_csv: Path) -> None:
    add_version(root, people_csv)
    place = root.release(1) / "evaluation.json"
    known = read_json(place)
    known["inputs"]["Profession"] |= {"values": ["Artist", "O'Hara"], "counts": [1, 2]}
    known["inputs"]["Age"] |= {"edges": [20.0, 30.0, 40.0], "counts": [5, 6]}
    write_json(place, known)
    part = use_part(Material(root, 1))
    customer = part.numbers["request"]["instances"][0]
    assert (customer["Profession"], customer["Age"]) == ("O'Hara", 35)
    commands = [command for _, command in part.commands]
    assert "O'\\''Hara" in commands[1]
    assert commands[1].endswith("/v1/models/customer-model/versions/1:predict")
    assert commands[2] == "python -m ml card 1"


def test_a_pair_that_says_nothing_more_is_not_named_and_the_weakest_comes_first() -> None:
    one = WeakSlice({"a": "1"}, 100, 0.6, 0.8, 0.001)
    idle = WeakSlice({"a": "1", "b": "2"}, 80, 0.6, 0.8, 0.002, says_more=False)
    worse = WeakSlice({"a": "1", "b": "3"}, 60, 0.4, 0.8, 0.003)
    assert worth_naming(Search(50, (one, idle, worse))) == [worse, one]


def test_the_weakest_of_all_that_were_found_is_named_though_others_are_surer() -> None:
    surer = [WeakSlice({"a": str(k)}, 100, 0.6, 0.8, 0.001 * (k + 1)) for k in range(6)]
    weakest = WeakSlice({"b": "1"}, 50, 0.3, 0.8, 0.04)
    shown = worth_naming(Search(50, (*surer, weakest)))
    assert shown == [weakest, *surer[:4]]
    assert worth_naming(Search(50, ())) == []


def test_how_many_groups_were_found_and_how_many_are_told_of_are_two_numbers() -> None:
    telling = [WeakSlice({"a": str(k)}, 100, 0.6, 0.8, 0.001) for k in range(7)]
    idle = [WeakSlice({"a": "1", "b": str(k)}, 80, 0.6, 0.8, 0.002, says_more=False) for k in range(23)]
    search = Search(252, (*telling, *idle))
    text = " ".join(_weak_say(search, worth_naming(search), 1600))
    assert "In 30 it is shown to be wrong more often than elsewhere; 7 of them, told of here, say more" in text
    assert "The weakest and the 4 surest others stand below. Of all 30 findings at most one of twenty" in text


def test_what_became_of_its_customers_stands_on_the_card_of_the_version_that_scored_them(
    root: Root, people_csv: Path
) -> None:
    for _ in range(2):
        add_version(root, people_csv)
    assert said(live_part(Material(root, 1))).startswith("Nobody has told yet")
    write_live_performance(root, live(version(1, precision=known(0.63, 0.58, 0.68, 412))))
    part = live_part(Material(root, 1))
    assert "Of 412 customers" in said(part)
    assert part.numbers["precision"] == {"value": 0.63, "low": 0.58, "high": 0.68, "rows": 412}
    assert part.numbers["known"] is True
    assert said(live_part(Material(root, 2))).startswith("Nobody has told yet")


def test_a_damaged_file_of_outcomes_is_told_on_the_card_and_does_not_keep_it_from_being_written(
    root: Root, people_csv: Path
) -> None:
    add_version(root, people_csv)
    root.performance.write_text("{}")
    part = live_part(Material(root, 1))
    assert "does not say how versions do" in said(part)
    assert part.numbers == {"known": False}
