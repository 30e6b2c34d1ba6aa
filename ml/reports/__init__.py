"""What people read of a run and of a version: pages that stand alone, made from what is on the disk."""
