"""Lists that say who is asked: drawn from a ranking, with what to expect of them, their columns and their record."""
