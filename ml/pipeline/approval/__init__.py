"""Decisions of people about candidates: when one is asked for, what it permits, and how it is carried out."""
