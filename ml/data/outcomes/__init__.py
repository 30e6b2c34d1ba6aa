"""Rows that outcomes add to a data set: the file beside its data.csv, the hash of both, and what is erased of them."""
