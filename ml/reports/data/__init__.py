"""The columns of a data set beside those of another one: as a page of its own, and as a part of a run's."""
