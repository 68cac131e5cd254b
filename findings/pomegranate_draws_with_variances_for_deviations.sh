#!/usr/bin/env bash
# pomegranate 1.1.2: draws of a diagonal `Normal` have its variance for their standard deviation, those of `StudentT` the variance for their centre and the
# mean for their degrees of freedom; the density of `LogNormal` is that of the logarithm, without 1 / x; `HalfNormal` fits the variance of the folded values.
# Guess before: (by the documentation, though the source had been read) draws have the distribution whose log probability the object gives, and densities integrate to one.
# Seen: Normal of variances 4 and 0.25: draws deviate by 4.00 and 0.25, with a full covariance by 1.99 and 0.50. A mixture fitted to codes of deviation 0.1 in 4
#       dimensions draws codes of deviation 0.010, whose mean log density is 4.78 where that of the data is 2.80. StudentT fitted at 2.98 draws around 4.08.
#       LogNormal of mean 1 and variance 0.25 integrates to 3.08. HalfNormal of variance 4 is fitted as 1.46 to 1.47
# What follows for a user: a mixture fitted to the codes of an autoencoder, to sample from it, gives near copies of its centres that look better than data by
# their likelihood; with `covariance_type="full"` it doesn't.
# Here nothing uses it: the mixture prior draws with the scales of its density (tests/model/test_mixture.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pomegranate==1.1.2 torch==2.13.0 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import torch
from pomegranate.distributions import HalfNormal, LogNormal, Normal, StudentT
from pomegranate.gmm import GeneralMixtureModel

torch.manual_seed(0)
diagonal = Normal([0.0, 0.0], [4.0, 0.25], covariance_type="diag").sample(20_000).std(0).tolist()
full = Normal([0.0, 0.0], [[4.0, 0.0], [0.0, 0.25]]).sample(20_000).std(0).tolist()
codes = torch.cat([0.1 * torch.randn(2000, 4) - 1, 0.1 * torch.randn(2000, 4) + 1])
mixture = GeneralMixtureModel([Normal(covariance_type="diag") for _ in range(2)]).fit(codes)
draws = mixture.sample(20_000)
spread = (draws.abs() - 1).std().item()
densities = [mixture.log_probability(one).mean().item() for one in (codes, draws)]
student = StudentT(5).fit(2 * torch.randn(5000, 1) + 3)
centres = student.means.item(), student.sample(20_000).median().item()
grid = torch.linspace(1e-3, 400, 400_000).unsqueeze(1)
mass = (LogNormal([1.0], [0.25], covariance_type="diag").log_probability(grid).exp().sum() * 1e-3).item()
half = HalfNormal(covariance_type="diag").fit((2 * torch.randn(20_000, 3)).abs()).covs.tolist()
print("version", version("pomegranate"), "diagonal", diagonal, "full", full, "mixture", spread, densities, "StudentT", centres, "LogNormal", mass, "half", half)
assert abs(diagonal[0] - 4) < 0.1 and abs(diagonal[1] - 0.25) < 0.01, "the deviation is the root of the variance from now"
assert abs(full[0] - 2) < 0.1 and abs(full[1] - 0.5) < 0.02
assert spread < 0.02 and densities[1] > densities[0] + 1.5
assert abs(centres[0] - 3) < 0.2 < 0.8 < abs(centres[1] - 3), "draws are about the mean from now"
assert mass > 3 and all(1.3 < one < 1.6 for one in half), "the density integrates to one from now"
PY
