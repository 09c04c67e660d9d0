"""Rules of the family party."""
