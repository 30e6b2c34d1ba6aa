"""A job on a runner: what is written of it before it is submitted, and how it is ended."""
