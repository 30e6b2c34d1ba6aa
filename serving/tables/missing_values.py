"""How a missing value is written in a CSV file, for training and scoring alike."""

from __future__ import annotations

MISSING = frozenset({"", "NA", "N/A", "#N/A", "NaN", "nan", "NAN", "-nan", "-NaN", "NULL", "null", "None"})
"""What counts as missing once the white space around it is gone."""
