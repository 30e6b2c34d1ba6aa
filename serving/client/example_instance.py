"""One customer as a model of this project takes it: for a first request, for tests and for measurements."""

from __future__ import annotations

EXAMPLE_INSTANCE: dict[str, str | float] = {
    "Gender": "Male",
    "Ever_Married": "No",
    "Age": 22,
    "Graduated": "No",
    "Profession": "Healthcare",
    "Work_Experience": 1,
    "Spending_Score": "Low",
    "Family_Size": 4,
}
"""The row of "instances" that the README shows; every input of the model is in it."""
