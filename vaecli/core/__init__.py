"""What everything rests on: errors, atomic files, seeds, names."""
