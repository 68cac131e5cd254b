#!/usr/bin/env bash
# bayesian-torch 0.5.0: the KL of a layer, "kl divergence between two gaussians (Q || P)", is the mean over its weights plus the mean over its biases, and
# `get_kl_loss` adds those of all layers; `prior_variance` is the prior's standard deviation.
# Guess before: (by the documentation, though the source had been read) the sum over weights, as a product of densities has; sqrt(v) for a variance v.
# Seen: 784 to 400 units: 5.06 where torch's divergences add up to 794,635 nats; the gradient of a bias is 784 times that of a weight at the same value;
#       prior_variance=4: a standard deviation of 4. `kl / batch_size`, as the README has it, is 0.04 nats a sentence at 128 sentences, where a corpus of
#       10,000 would have 79
# What follows for a user: the loss is no bound on the evidence and can't be compared with another library's; weights are all but free of the prior, and more
# so the larger the layer. The sum has to be taken from the parameters.
# Here nothing uses it: a KL is summed over the latent dimensions, weights have no prior (vaecli/model/posterior.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check bayesian-torch==0.5.0 torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import torch
from bayesian_torch.layers import LinearReparameterization
from bayesian_torch.models.dnn_to_bnn import get_kl_loss
from torch.distributions import Normal, kl_divergence

torch.manual_seed(0)
layer = LinearReparameterization(784, 400)
kl = layer.kl_loss()
kl.backward()


def exact(part):
    mean, rho = getattr(layer, f"mu_{part}"), getattr(layer, f"rho_{part}")
    prior = Normal(getattr(layer, f"prior_{part}_mu"), getattr(layer, f"prior_{part}_sigma"))
    return kl_divergence(Normal(mean, torch.nn.functional.softplus(rho)), prior).sum().item()


total = exact("weight") + exact("bias")
ratio = ((layer.mu_bias.grad / layer.mu_bias).mean() / (layer.mu_weight.grad / layer.mu_weight).mean()).item()
stack = get_kl_loss(torch.nn.Sequential(layer, torch.nn.ReLU(), LinearReparameterization(400, 10))).item()
deviation = LinearReparameterization(2, 2, prior_variance=4).prior_weight_sigma[0, 0].item()
print("version", version("bayesian-torch"), "kl", kl.item(), "exact", total, "bias to weight", ratio, "two layers", stack, "prior_variance=4", deviation)
assert kl.item() < 10 and total > 700_000, "the KL is a sum from now"
assert abs(ratio - 784) < 1 and stack < 20
assert deviation == 4, "a variance is one from now"
PY
