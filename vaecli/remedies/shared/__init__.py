"""What several remedies are made of."""
