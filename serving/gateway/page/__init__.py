"""The page for people: a file is dropped, and a list of whom to contact comes out of it."""
