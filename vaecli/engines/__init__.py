"""Where trials run: one process each, on this machine."""
