#!/usr/bin/env bash
# torch 2.13.0: a quarter of the samples of Beta(0.001, 0.001) are exactly 0.5, in float64 too, where all but 0.5 % should lie within 0.01
# of 0 or 1: both of its gamma variables are below the least float then. The gradient of `rsample` there, averaged, is two orders
# of magnitude above that of the mean. From 0.01 on both are right. Dirichlet, which it is made of, does the same.
# Guess before: samples at the ends; gradients noisy, and right in the mean.
# Seen: Beta(0.001, 0.001): 0.2446 of the samples are 0.5; gradient of the mean 3.1e+04 for 2.5e+02; Beta(0.01, 0.01): 0.0000; 25 for 25
# What follows for a user: a sparse Dirichlet or Beta posterior or prior below about 0.003 gets uniform codes among its sparse ones, and
# its encoder gradients that point along their noise.
# Here no remedy has a Beta or Dirichlet latent variable; angles of the power spherical distribution come from a table of quantiles.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import torch
from torch.distributions import Beta

torch.manual_seed(0)
print("version", torch.__version__)
seen = {}
for concentration in (0.001, 0.01):
    a = torch.full((100_000,), concentration, dtype=torch.float64, requires_grad=True)
    samples = Beta(a, torch.full_like(a, concentration).detach()).rsample()
    samples.sum().backward()
    half, between = (samples == 0.5).double().mean().item(), ((samples > 0.01) & (samples < 0.99)).double().mean().item()
    gradient, exact = a.grad.mean().item(), 1 / (4 * concentration)  # d/da a / (a + b) at a = b
    print(f"Beta({concentration}): exactly 0.5 {half:.4f}, between 0.01 and 0.99 {between:.4f}, gradient {gradient:.4g} for {exact:.4g}")
    seen[concentration] = half, gradient / exact
assert seen[0.001][0] > 0.2, "samples of a small concentration are right from now"
assert seen[0.001][1] > 20, "gradients of a small concentration are right from now"
assert seen[0.01][0] == 0
assert abs(seen[0.01][1] - 1) < 0.3
PY
