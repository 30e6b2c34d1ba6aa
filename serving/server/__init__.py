"""Putting a server together: flags, configuration files, the process, and the server inside another process."""
