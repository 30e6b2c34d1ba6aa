"""Runs the calls of a model: alone while the graph is idle, together when they wait."""
