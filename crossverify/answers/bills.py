"""What the commercial-paper exchange answers."""
