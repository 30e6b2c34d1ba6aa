"""The columns of the data, the eight features among them, and the profile that identifies a customer to the model."""

from __future__ import annotations

CATEGORICAL = ("Gender", "Ever_Married", "Graduated", "Profession", "Spending_Score")
NUMERIC = ("Age", "Work_Experience", "Family_Size")

FEATURES = (
    "Gender",
    "Ever_Married",
    "Age",
    "Graduated",
    "Profession",
    "Work_Experience",
    "Spending_Score",
    "Family_Size",
)
"""What the model sees, in the order of the file. Neither `ID` (it leaks the label: neighbours by ID agree more
often than chance) nor `Var_1` (an anonymous category that the served customer would have to bring along)."""

ID = "ID"
COLUMNS = (ID, *FEATURES, "Var_1", "Segmentation")


def transformed(name: str) -> str:
    """The name of a feature after the transformation."""
    return f"{name}_xf"
