"""Published tables run again: their rows as grids, a budget, and obtained figures beside printed ones."""
