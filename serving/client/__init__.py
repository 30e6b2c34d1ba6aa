"""A client of a model server's REST API, and the HTTP transport under it."""
