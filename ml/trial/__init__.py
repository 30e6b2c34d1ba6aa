"""Trying other settings of training, or other policies of promotion, without a look at the evaluation rows."""
