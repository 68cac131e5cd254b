"""Committed experiments and benchmarks, run from a checkout."""
