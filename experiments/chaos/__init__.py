"""Runs that are killed and go on, beside undisturbed ones; see `experiments.chaos.__main__`."""
