"""Speed and memory against a plain PyTorch reference: ``python -m experiments.benchmarks``."""
