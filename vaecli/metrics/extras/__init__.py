"""Evaluations made on request."""
