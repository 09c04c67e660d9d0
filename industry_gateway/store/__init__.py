"""The gateway's own memory: tables, and one file of statements per use case. Nothing else writes SQL."""
