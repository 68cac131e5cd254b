"""The tests and two methods on the lowest and the newest versions that pyproject.toml allows."""
