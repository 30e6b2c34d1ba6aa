"""What a run has come to, and who is told of it: counters, the note of the run, people."""
