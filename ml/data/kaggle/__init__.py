"""Kaggle as a source: credentials, the client in a process of its own, the archive, and what errors mean."""
