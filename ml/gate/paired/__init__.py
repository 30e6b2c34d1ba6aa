"""Paired differences between a candidate and its references on the same rows, with clustered standard errors."""
