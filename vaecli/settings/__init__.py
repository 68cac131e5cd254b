"""All reading of settings: layers, TOML files, presets."""
