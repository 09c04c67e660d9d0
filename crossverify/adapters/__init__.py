"""Runnable servers beside institutions, one folder each; they answer what `crossverify.sources` asks."""
