"""What the step judge has of a run: its look at the evaluation rows, the stand-in of a champion, and the verdict."""
