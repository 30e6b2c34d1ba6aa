"""What validation counts of a data set batch by batch; memory grows with distinct values, and not with rows."""
