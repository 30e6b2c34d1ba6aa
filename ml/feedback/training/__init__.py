"""Outcomes in training sets: what joins, what it leaves unknown, and how a customer goes again."""
