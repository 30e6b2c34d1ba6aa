"""The models: versions on disk, loading, warm-up, signatures, unloading."""
