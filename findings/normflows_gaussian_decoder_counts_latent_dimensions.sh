#!/usr/bin/env bash
# normflows 1.7.3: `NNDiagGaussianDecoder.log_prob(x, z)` has log(2 pi) / 2 once for every latent dimension and not for every dimension of x.
# Guess before: the log density of the normal distribution whose mean and standard deviation the decoder returns.
# Seen: x of 3 dimensions and 2 latent ones: 0.92 nats more than that density, 16 latent ones: 11.95 less; with 3 it is right
# What follows for a user: among models of other latent sizes, the likelihoods differ by 0.92 nats a latent dimension with the same decoder,
# against the larger code; bounds can't be compared across latent sizes, nor with another package.
# Here the decoder's likelihood is of words.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check normflows==1.7.3 torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import importlib.metadata
import math

import torch
from normflows.distributions import NNDiagGaussianDecoder

torch.manual_seed(0)
differences = {}
for latent_size in (2, 3, 16):
    decoder = NNDiagGaussianDecoder(torch.nn.Linear(latent_size, 6))
    z, x = torch.randn(1, latent_size), torch.randn(1, 3)
    with torch.no_grad():
        mean, deviation = decoder(z)
        density = torch.distributions.Normal(mean, deviation).log_prob(x).sum().item()
        differences[latent_size] = decoder.log_prob(x, z).item() - density
print("version", importlib.metadata.version("normflows"), "more than the density", differences)
for latent_size, difference in differences.items():
    assert abs(difference - (3 - latent_size) * math.log(2 * math.pi) / 2) < 1e-4, "it counts the dimensions of x from now"
PY
