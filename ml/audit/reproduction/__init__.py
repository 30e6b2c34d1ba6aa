"""A version trained again from what is recorded, and whether the same weights come out."""
