"""Rules of the family cash."""
