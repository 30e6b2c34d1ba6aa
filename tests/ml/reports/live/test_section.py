"""Each sentence and cell of the section follows its number."""

from ml.performance.live import LeftOut, LivePerformance, Measured, VersionPerformance
from ml.reports.live.section import live_section
from tests.ml.reports.live.versions import UNKNOWN, known, live, shapley, version, week


def says(of: VersionPerformance, **changes: object) -> list[str]:
    found = live(of, **changes)
    return [*live_section(found, of).says]


def cells(of: VersionPerformance, table: int = 0, found: LivePerformance | None = None) -> dict[str, list[str]]:
    return {row[0]: [*row[1:]] for row in live_section(found or live(of), of).tables[table][1].rows}


def test_the_headline_has_realised_beside_promised() -> None:
    of = version(precision=known(0.63, 0.58, 0.68, 412), expected_precision=known(0.6, 0.57, 0.63))
    assert says(of)[0] == (
        "Of 412 customers who were on its lists, were contacted and have an outcome, 63 % (58 % to 68 %) are D; its "
        "probabilities promised 60 % (57 % to 63 %)."
    )


def test_without_a_number_the_headline_says_why() -> None:
    assert says(version(with_outcome=7))[0] == (
        "500 customers of its lists were to be contacted, and 7 of them have an outcome. Too few customers have an "
        "outcome."
    )


def test_a_list_that_explores_nobody_is_told_and_no_auc_is_shown() -> None:
    why = Measured.unknown("The AUC cannot be known.")
    of = version(covers_all=False, auc=why, robust_auc=why)
    assert any("Nothing is known of customers outside its lists" in one for one in says(of))
    assert cells(of)["AUC over all customers"] == ["The AUC cannot be known.", "Too few customers have an outcome."]
    assert not any("Nothing is known" in one for one in says(version()))


def test_outcomes_that_were_not_used_are_counted_by_case() -> None:
    left = {"unknown": LeftOut(5, ("a:1",)), "version_unknown": LeftOut(8, ("b:1",)), "late": LeftOut(0, ())}
    told = "Of 420 outcomes of all versions 13 were not used: 5 unknown, 8 version unknown."
    assert told in says(version(), left=left)
    assert not any("not used" in one for one in says(version()))


def test_measures_stand_beside_what_was_expected() -> None:
    of = version(
        share=known(0.3, 0.25, 0.35),
        expected_share=known(0.28, 0.27, 0.29),
        auc=known(0.8, 0.7, 0.9),
        robust_auc=known(0.86, 0.82, 0.9),
        expected_auc=known(0.87, 0.86, 0.88),
        profit=known(-5_234, -6_512, -3_911),
        uplift=known(0.04, -0.012, 0.092),
    )
    found = cells(of)
    assert found["D among all customers of its files"] == ["30 % (25 % to 35 %)", "28 % (27 % to 29 %)"]
    assert found["AUC over all customers"] == ["0.860 (0.820 to 0.900)", "0.870 (0.860 to 0.880)"]
    assert found["profit of 1,000 contacts"] == ["−5,200 (−6,500 to −3,900) EUR", "–"]
    assert found["what contacting them added"] == ["+4.0 points (−1.2 to +9.2)", "–"]


def test_hajeks_auc_stands_in_where_the_robust_one_is_not_known() -> None:
    assert cells(version(auc=known(0.8, 0.7, 0.9)))["AUC over all customers"][0] == "0.800 (0.700 to 0.900)"


def test_weeks_are_a_table_the_newest_first_and_a_plot_once_there_are_two() -> None:
    first = week("2026-W46", known(0.5, 0.4, 0.6), known(0.61, 0.59, 0.63))
    of = version(weeks=(first,))
    assert live_section(live(of), of).plots == []
    both = version(
        weeks=(first, week("2026-W47", known(0.6, 0.5, 0.7), known(0.62, 0.6, 0.64)), week("2026-W48", UNKNOWN))
    )
    section = live_section(live(both), both)
    assert [row[0] for row in section.tables[1][1].rows] == ["2026-W48", "2026-W47", "2026-W46"]
    assert section.tables[1][1].rows[1][3:] == ["60 % (50 % to 70 %)", "62 % (60 % to 64 %)"]
    (plot,) = section.plots
    assert plot.says.startswith("In 1 of 2 weeks the expected share lies outside")
    assert len(plot.table.rows) == 2


def test_a_feature_that_moves_probabilities_otherwise_than_before_is_marked() -> None:
    of = version(
        shapley=(shapley("2026-W48", Age=0.05, Profession=0.12),),
        reference_shapley=shapley("", Age=0.1, Profession=0.115),
    )
    found = cells(of, table=1)
    assert [*found] == ["Profession", "Age"]
    assert found["Age"] == ["10.0 (9.0 to 11.0)", "5.0 (4.0 to 6.0) *"]
    assert found["Profession"] == ["11.5 (10.5 to 12.5)", "12.0 (11.0 to 13.0)"]
