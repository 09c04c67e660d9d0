"""Bodies of documents for banks: only under a live consent, only what it covers, always on record."""
