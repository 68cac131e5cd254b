"""What a grid has ended with, to be compared between engines."""

import csv

OF_THIS_TIME = ("seconds", "tokens_per_second", "peak_memory_mb")
"""Columns that differ from day to day."""


def results(experiment):
    """The rows of an experiment's results.csv without them."""
    with open(experiment / "results.csv") as file:
        return [{k: v for k, v in row.items() if k not in OF_THIS_TIME} for row in csv.DictReader(file)]
