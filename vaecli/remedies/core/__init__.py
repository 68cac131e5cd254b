"""Hooks, composition and the registry."""
