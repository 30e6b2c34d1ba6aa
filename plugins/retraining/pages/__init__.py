"""The models page: what serves and why, what was refused, and the way back, inside Airflow's own UI."""
