"""The text VAE: encoder, posterior, prior, decoder and the fused output layer."""
