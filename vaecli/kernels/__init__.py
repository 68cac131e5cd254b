"""Fast operations, each beside its plain twin."""
