"""What the movable-property registry answers."""
