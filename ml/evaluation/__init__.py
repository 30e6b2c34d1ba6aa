"""What a model is worth: metrics, slices, TFMA's evaluation of candidate and champion."""
