"""Metrics: one estimator a file, all of the raw model in evaluation mode at KL weight 1."""
