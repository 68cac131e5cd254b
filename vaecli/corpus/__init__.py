"""Corpora: the synthetic grammar, folders of text, vocabulary and length-bucketed batches."""
