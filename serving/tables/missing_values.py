"""The forms of a missing value in a CSV file, for training and scoring alike."""

from __future__ import annotations

MISSING = frozenset({"", "NA", "N/A", "#N/A", "NaN", "nan", "NAN", "-nan", "-NaN", "NULL", "null", "None"})
"""The texts that count as missing once the white space around them is removed."""
