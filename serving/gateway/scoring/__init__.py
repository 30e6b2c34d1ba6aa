"""Scoring of whole files for programs: POST /v1/score, each file in a process of its own."""
