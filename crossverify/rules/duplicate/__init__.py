"""Rules of the family duplicate."""
