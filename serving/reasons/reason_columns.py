"""Reasons as two columns of a list of customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from serving.expectation.known_inputs import KnownInput
from serving.reasons.background import Background
from serving.reasons.columns import Instance
from serving.reasons.explain import explain
from serving.reasons.mixed_rows import Predict
from serving.reasons.reasons import Reason, reasons_of
from serving.reasons.words import describe

COLUMNS = ("reasons_for", "reasons_against")


class ReasonTexts(NamedTuple):
    """The cells of one customer, in the order of `COLUMNS`; "" when nothing speaks for, or against, her."""

    reasons_for: str
    reasons_against: str


def reason_texts(
    customers: Sequence[Instance], background: Background, inputs: Mapping[str, KnownInput], predict: Predict
) -> list[ReasonTexts]:
    """Return the reasons of each customer in words, such as "young (22), healthcare, low spending"; [] for none.

    Args:
        customers: Rows with the features of the background; they may come in parts, as a file is read.
        background: Of the version that answers (`find_background`).
        inputs: What that version knows of its inputs (`find_evaluation`).
        predict: Asks that version for the scores of rows (`predict_by_rows`).

    Raises:
        KeyError: A customer lacks a feature.
        ValueError: A number is none, or an answer is not one finite score for each row.
    """
    if not customers:
        return []
    explained = explain(customers, background, predict)

    def words(customer: Instance, reasons: Sequence[Reason]) -> str:
        return ", ".join(describe(reason.feature, customer[reason.feature], inputs) for reason in reasons)

    return [
        ReasonTexts(words(customer, found.speak_for), words(customer, found.against))
        for customer, found in zip(customers, reasons_of(explained, background), strict=True)
    ]
