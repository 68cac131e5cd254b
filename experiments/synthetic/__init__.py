"""The embedded corpora as a standard: every method where the truth is known; see docs/synthetic.md."""
