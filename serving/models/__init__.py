"""Models and their versions: finding them on disk, loading, warm-up, signatures and unloading."""
