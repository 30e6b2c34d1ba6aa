"""What became of a version's customers, as a section of its card."""
