"""The posterior-collapse laboratory for text VAEs."""

__version__ = "0.1.0"
