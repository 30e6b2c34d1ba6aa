"""Trying other settings of training by cross-validation, without a look at the evaluation rows."""
