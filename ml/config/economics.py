"""The section `economics`: what a contact costs, and what a target customer who is reached is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any

from ml.config.typed_tree import Between, Matching
from ml.errors import SettingsError
from serving.expectation import economics
from serving.expectation.economics import MOST_MONEY

Money = Annotated[float, Between(0, MOST_MONEY)]


@dataclass(frozen=True)
class Economics(economics.Economics):
    """Money, in one currency; the comments in settings.toml say what each amount means.

    Raises:
        SettingsError: Only one of value and cost is set, the cost is not below the value, or there is a budget without
            them.
    """

    value: Money
    cost: Money
    budget: Money
    currency: Annotated[str, Matching(r"[^\x00-\x1f<>&]{0,8}", "at most 8 characters, such as EUR")]

    def __post_init__(self) -> None:
        """Check the amounts against one another."""
        if (wrong := self.contradiction("economics.{}")) is not None:
            raise SettingsError(*wrong)

    @classmethod
    def read(cls, tree: Any) -> Economics | None:
        """Return what a record holds; None when it holds none, or nobody has set them."""
        if not isinstance(tree, Mapping):
            return None
        found = cls(**{field.name: tree[field.name] for field in fields(cls)})
        return found if found.is_set else None
