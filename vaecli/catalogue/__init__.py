"""What is known of every method: cards, published figures, compositions."""
