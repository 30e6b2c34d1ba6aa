"""The section `economics`: what a contact costs, and what a target customer who is reached is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any

from ml.config.typed_tree import Between, Matching
from ml.errors import SettingsError

Money = Annotated[float, Between(0, 1e9)]


@dataclass(frozen=True)
class Economics:
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
        if (self.value > 0) != (self.cost > 0):
            missing = "cost" if self.value else "value"
            raise SettingsError(f"economics.{missing} is not set, and the other one is.", "Set both, or neither.")
        if self.is_set and self.cost >= self.value:
            raise SettingsError(
                f"economics.cost = {self.cost:g}: must be below economics.value = {self.value:g}, or no contact pays.",
                "Correct one of them.",
            )
        if self.budget and not self.is_set:
            raise SettingsError(
                f"economics.budget = {self.budget:g} says nothing without value and cost.",
                "Set economics.value and economics.cost.",
            )

    @property
    def is_set(self) -> bool:
        """Whether anybody has said what a contact costs and a reached target customer is worth."""
        return self.value > 0

    @property
    def cut(self) -> float:
        """The probability above which a contact pays, 0..1: that at which value and cost are equal."""
        return self.cost / self.value

    @property
    def affordable(self) -> int | None:
        """How many contacts the budget pays for; None without a budget."""
        return int(self.budget / self.cost + 1e-9) if self.budget else None

    def amount(self, money: float) -> str:
        """Return an amount with its currency as people write it: no decimals from 100 on, or where it is whole."""
        decimals = 0 if abs(money) >= 100 or money == round(money) else 2
        number = f"{money:,.{decimals}f}".replace("-", "\u2212")
        return f"{number} {self.currency}".rstrip()

    @classmethod
    def read(cls, tree: Any) -> Economics | None:
        """Return what a record holds; None when it holds none, or nobody has set them."""
        if not isinstance(tree, Mapping):
            return None
        found = cls(**{field.name: tree[field.name] for field in fields(cls)})
        return found if found.is_set else None
