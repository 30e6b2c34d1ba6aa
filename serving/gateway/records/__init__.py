"""Writes down what happened: requests with their answers, by choice, and the outcomes of customers."""
