"""Customers in files, and the scoring command called in this process."""

import csv
import io
from pathlib import Path

from serving.score.__main__ import main

NAMES = ("Gender", "Ever_Married", "Age", "Graduated", "Profession", "Work_Experience", "Spending_Score", "Family_Size")
NUMBERS = ("Age", "Work_Experience", "Family_Size")
HEADER = ",".join(("ID", *NAMES))


def write(path: Path, *rows: str, header: str = HEADER) -> Path:
    path.write_text("".join(f"{row}\n" for row in (header, *rows)), encoding="utf-8")
    return path


def many(path: Path, rows: int) -> Path:
    genders, scores = ("Male", "Female"), ("Low", "Average", "High")
    return write(
        path,
        *(
            f"{n},{genders[n % 2]},No,{18 + n % 70},Yes,Artist,{n % 14},{scores[n % 3]},{1 + n % 7}"
            for n in range(rows)
        ),
    )


def score(csv_file: Path, *arguments: str, url: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    stdout, stderr = io.StringIO(), io.StringIO()
    code = main([str(csv_file), "--url", url, *arguments], stdout, stderr)
    return code, stdout.getvalue(), stderr.getvalue()


def read_csv(path: Path, separator: str = ",") -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, delimiter=separator))
