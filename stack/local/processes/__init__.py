"""Processes of the local stack: starting and stopping them, the record of them, and their ports."""
