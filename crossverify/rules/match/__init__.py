"""Rules of the family match."""
