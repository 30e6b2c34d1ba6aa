"""Evaluation: metrics, slices, and TFMA's analysis of candidate and champion."""
