"""The collapse game."""
