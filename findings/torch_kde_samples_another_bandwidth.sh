#!/usr/bin/env bash
# torch-kde 0.1.5: `KernelDensity(bandwidth=h).sample` adds noise of standard deviation h * h to the data, where its density has h; by Scott's and Silverman's
# rules the density is wider than scipy's of the same name, for the factor of a standard deviation is taken for that of a variance.
# Guess before: samples have the standard deviation h, as those of scikit-learn's class, whose analogue it says it is (its source told otherwise); Scott's
# density is that of scipy's gaussian_kde.
# Seen: data at 0, bandwidth 0.1: samples of 0.0100, 0.5: 0.249, 2: 4.00, while the log density is the normal one of h; 10,000 rows of standard deviation 1 by
#       "scott": a density of 1.076 (scipy 1.013), 100 rows: 1.186 (1.081); samples by "scott" in two dimensions are an error
# What follows for a user: sentences decoded from a density of codes are near copies of the training set's below a bandwidth of 1 and far out above it, and
# their likelihood by the same object doesn't tell; a negative log likelihood by the rules is of an oversmoothed density.
# Here the density of all codes is the mixture of the encoder's posteriors (vaecli/remedies/shared/aggregate.py), without a bandwidth.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torch-kde==0.1.5 torch==2.13.0 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import numpy as np
import torch
from scipy.stats import gaussian_kde, norm
from torchkde import KernelDensity

torch.manual_seed(0)
grid = torch.linspace(-6, 6, 1201)[:, None]


def spread(density):
    """Standard deviation of a density on the grid."""
    return float(np.sqrt((density * grid[:, 0].numpy() ** 2).sum() / density.sum()))


of_samples, of_density = {}, {}
for bandwidth in (0.1, 0.5, 1.0, 2.0):
    kernel = KernelDensity(bandwidth=bandwidth).fit(torch.zeros(2, 1))  # all data at 0, so the density is the kernel's
    of_samples[bandwidth] = kernel.sample(100_000).std().item()
    assert abs(kernel.score_samples(torch.zeros(1, 1)).item() - norm(0, bandwidth).logpdf(0)) < 1e-4
for count in (100, 10_000):
    rows = torch.randn(count, 1)
    rows /= rows.std()
    ours = KernelDensity(bandwidth="scott").fit(rows).score_samples(grid).exp().numpy()
    of_density[count] = spread(ours), spread(gaussian_kde(rows[:, 0].numpy(), "scott")(grid[:, 0].numpy()))
print("version", version("torch-kde"), "standard deviation of samples by bandwidth", of_samples)
print("standard deviation of Scott's density of rows of 1, and scipy's, by their number", of_density)
assert all(abs(std - bandwidth**2) < 0.02 * bandwidth**2 for bandwidth, std in of_samples.items()), "samples are of the density from now"
assert of_density[10_000][0] > 1.05 and of_density[10_000][1] < 1.02, "Scott's rule is scipy's from now"
assert of_density[100][0] > of_density[100][1] + 0.05
PY
