"""The schemas that people accepted: which one is in force, and how another one comes into force."""
