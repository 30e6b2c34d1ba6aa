"""Five weeks of a product, told by the real steps in one process: `python -m tests.browser.story ROOT`.

A version is promoted, a better one after it, a candidate is rejected, one is blocked at validation, and one waits for a
person. Every customer in it is made up.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

WEEKS = ("week-1", "week-2", "week-3", "week-4", "week-5")
PROMOTED, BETTER, REJECTED, BLOCKED, WAITING = WEEKS
ODD = "odd.csv"
"""A file in the inbox whose professions are scripts."""
HEADER = (
    "ID,Gender,Ever_Married,Age,Graduated,Profession,Work_Experience,Spending_Score,Family_Size,Var_1,Segmentation\n"
)


def write_odd_file(inbox: Path) -> None:
    """600 customers who would like to run a script."""
    rows = "".join(f"{i},Male,No,30,Yes,<script>alert({i})</script>,1,Low,2,Cat_1,D\n" for i in range(600))
    (inbox / ODD).write_text(HEADER + rows)


def tell(root: Path) -> None:
    from ml.data.sample import write_csv

    inbox = root / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    write_csv(everybody := inbox / "everybody.csv", rows=8000, seed=3)
    lines = everybody.read_text().splitlines(keepends=True)
    everybody.unlink()
    for name, rows in (("customers-1.csv", 3000), ("customers-2.csv", 6500), ("customers-3.csv", 8000)):
        (inbox / name).write_text("".join(lines[: 1 + rows]))
    write_odd_file(inbox)
    run(root, PROMOTED, "customers-1.csv", "--set=train.epochs=2")
    run(root, BETTER, "customers-2.csv")
    run(root, REJECTED, "customers-2.csv", "--raise=judge.at_least.BinaryAccuracy=0.9", "--set=train.epochs=1")
    run(root, BLOCKED, ODD)
    run(root, WAITING, "customers-3.csv", "--raise=gate.approval=always")


def run(root: Path, name: str, data: str, *options: str) -> None:
    from ml.cli.commands import main

    arguments: Sequence[str] = ["retrain", f"--root={root}", f"--run={name}", f"--data=inbox:{data}", *options]
    said = StringIO()
    code = main(arguments, said)
    print(f"{name}: {code}\n{said.getvalue()}", flush=True)


if __name__ == "__main__":
    tell(Path(sys.argv[1]))
