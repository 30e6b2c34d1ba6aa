"""What promotion policies would have done to what serves: weeks replayed on data that are there."""
