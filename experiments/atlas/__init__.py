"""The atlas of collapse: many small trials by a design, in one table that grows; see docs/atlas.md."""
