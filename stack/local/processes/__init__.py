"""Child processes: starting and stopping them, what is remembered of them, and their ports."""
