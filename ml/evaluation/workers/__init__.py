"""The evaluation of many rows by a Beam runner: models are asked in workers, and TFMA's combiners add up there."""
