"""Settings: one frozen, typed tree with its defaults, and the overrides that are allowed."""
