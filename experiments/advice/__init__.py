"""What `vae advise` said of a text, held against a comparison that was run on it afterwards."""
