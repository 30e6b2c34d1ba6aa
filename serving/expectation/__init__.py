"""What to expect of scored customers: calibration, the values that a version knows, the distance from its data."""
