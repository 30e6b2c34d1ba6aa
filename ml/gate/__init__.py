"""Whether the candidate earned promotion. Pure functions: nothing here reads or writes a file but the verdict."""
