"""The model card: one page in plain words about a promoted version, for whoever uses its list."""
