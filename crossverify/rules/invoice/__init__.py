"""Rules of the family invoice."""
