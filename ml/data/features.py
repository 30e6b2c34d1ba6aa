"""The columns of the data, the eight features among them, and the profile that identifies a customer to the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from numpy.typing import NDArray

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

RawFeatures: TypeAlias = "dict[str, NDArray[Any]]"
"""The features of n customers by name, each of shape [n]: text ("" where missing) or float32 (NaN where missing)."""


def transformed(name: str) -> str:
    """Return the name of a feature after the transformation."""
    return f"{name}_xf"
