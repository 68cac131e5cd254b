"""The estimators of the standard columns."""
