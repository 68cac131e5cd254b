"""Published tables, run again: what `vae reproduce` left, and the pages' tables of it."""
