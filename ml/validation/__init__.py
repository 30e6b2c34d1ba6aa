"""What is wrong with the data: TFDV's statistics, the findings, and whether they block."""
