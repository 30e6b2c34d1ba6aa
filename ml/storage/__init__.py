"""Where things lie on the disk: the root directory, whole files or none, locks, and children that end with us."""
