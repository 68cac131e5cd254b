#!/usr/bin/env bash
# torch 2.13.0: samples of `LKJCholesky` aren't of the distribution whose density `log_prob` gives. That density doesn't change when dimensions
# change places, so every correlation has the variance 1 / (2 concentration + dim - 1); of the samples only the first has it. The Beta
# variables of later rows have the first parameter i - 1/2 where the onion method has i/2.
# Guess before: all correlations of three dimensions at concentration 1 have mean 0 and variance 0.25.
# Seen: variances 0.251, 0.300 and 0.300; of four dimensions at concentration 10, where they are 0.0435, from 0.044 to 0.066
# What follows for a user: a prior of correlations between latent dimensions is wider than its density says, more so the more concentrated it
# is, and other dimensions come first. Samples of two dimensions are right.
# Here no latent variable has a prior of its covariance.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import torch
from torch.distributions import LKJCholesky

torch.manual_seed(0)
print("version", torch.__version__)
for dim, concentration in ((2, 1.0), (3, 1.0), (4, 10.0)):
    distribution = LKJCholesky(dim, concentration)
    factors = distribution.sample((40_000,))
    correlations = factors @ factors.mT
    rows, columns = torch.tril_indices(dim, dim, -1)
    variances = correlations[:, rows, columns].var(0)
    expected = 1 / (2 * concentration + dim - 1)
    print(f"dim {dim} concentration {concentration}: {variances.tolist()}, expected {expected:.4f}")
    assert abs(variances[0] / expected - 1) < 0.03, "the first is right"
    if dim > 2:
        assert (variances[1:] > 1.15 * expected).all(), "the samples are of the density from now"

    # the density of the matrix, which is that of its factor over the change of variables, is the same in another order
    matrix = torch.eye(dim)
    matrix[0, 1] = matrix[1, 0] = 0.5
    order = torch.arange(dim).flip(0)
    densities = []
    for one in (matrix, matrix[order][:, order]):
        factor = torch.linalg.cholesky(one)
        powers = dim - 1 - torch.arange(dim)
        densities.append((distribution.log_prob(factor) - (powers * factor.diagonal().log()).sum()).item())
    print("log density in two orders", densities)
    assert abs(densities[0] - densities[1]) < 1e-4
PY
