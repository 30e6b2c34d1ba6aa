"""The page about one run: what it came to and why, its data, its model, and how to repeat it."""
