"""How Airflow asks a person about a run: the question, its answer, and the command that follows from it."""
