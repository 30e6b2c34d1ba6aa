"""The columns of a list beside its scores: the distance of a row from the training data, and reasons."""
