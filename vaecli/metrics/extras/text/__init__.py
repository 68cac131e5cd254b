"""Evaluations of decoded text."""
