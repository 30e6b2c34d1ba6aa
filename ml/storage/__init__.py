"""What is close to the system: the root directory, files written atomically, locks, and the death of a parent."""
