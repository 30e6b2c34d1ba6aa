"""TensorFlow Model Analysis: its metrics by its own combiners, and its result files, without Beam's runner."""
