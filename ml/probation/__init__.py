"""The watch over a version after its promotion: what is asked of it, and how a bad one goes by itself."""
