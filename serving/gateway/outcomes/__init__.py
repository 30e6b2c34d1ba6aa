"""POST /v1/outcomes: what came of customers, checked row by row and kept for good."""
