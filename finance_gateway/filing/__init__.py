"""Registrations in the movable-property registry (中登): searched, filed, amended, cancelled, each exactly once."""
