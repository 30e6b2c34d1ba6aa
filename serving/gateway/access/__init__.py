"""Who may ask what: tokens with scopes and limits, names of the host, and encryption on the way."""
