"""Pictures of an experiment: what they show, apart from how it is drawn."""
