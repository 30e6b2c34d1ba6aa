"""A child process of a task: its environment, its lines, one try of a step, and the result that it leaves."""
