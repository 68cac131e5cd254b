"""Training: the loop, the session that a step acts on, and checkpoints."""
