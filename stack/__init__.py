"""How the product is run: by local processes, or in containers."""
