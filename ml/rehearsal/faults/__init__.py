"""The faults by what they strike: the data, candidates, the registry and its server, the machine and people on it."""
