"""How Airflow runs a step of `ml`: as a child process in the other environment."""
