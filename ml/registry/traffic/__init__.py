"""What the model server counted: its metrics page, read at several times, and what happened between two of them."""
