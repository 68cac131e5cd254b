#!/usr/bin/env bash
# torch 2.13.0, float32: log densities with large parameters are off by whole nats, since they are differences of log gamma functions:
# StudentT of 10^7 degrees of freedom has the density 1 at 0, not 0.40; Poisson(10^7) gains 9 nats; KL of Beta(10^6, 10^6) to its
# neighbour Beta(1.0001 10^6, 10^6) is 5.3 nats, not 0.0025. float64 has them right, with the same functions.
# Guess before: precise to a few digits; StudentT to 0.001, Poisson and Binomial to 0.01 nats.
# Seen, float32 and float64: StudentT(1e7) at 0: 0.000, -0.919; Poisson(1e7): 0.000, -8.978; Binomial(1e7, 0.5): -16.000, -8.285;
#       KL of the Betas: 5.315, 0.0025
# What follows for a user: a KL that seems to be kept up, or a decoder that seems better than the normal one it is close to.
# Here normalisers and KLs of distributions on the sphere are computed in float64 with SciPy's functions.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import torch
from torch.distributions import Beta, Binomial, Poisson, StudentT, kl_divergence

print("version", torch.__version__)


def off(figure):
    """float32 and float64 of a figure."""
    return tuple(figure(kind).item() for kind in (torch.float32, torch.float64))


def number(value, kind):
    return torch.tensor(value, dtype=kind)


FIGURES = {
    "StudentT(1e7) at 0": lambda kind: StudentT(number(1e7, kind)).log_prob(number(0.0, kind)),
    "Poisson(1e7) at 1e7": lambda kind: Poisson(number(1e7, kind)).log_prob(number(1e7, kind)),
    "Binomial(1e7, 0.5) at 5e6": lambda kind: Binomial(number(1e7, kind), number(0.5, kind)).log_prob(number(5e6, kind)),
    "KL of Beta(1e6, 1e6) to Beta(1.0001e6, 1e6)": lambda kind: kl_divergence(
        Beta(number(1e6, kind), number(1e6, kind)), Beta(number(1.0001e6, kind), number(1e6, kind))
    ),
    "StudentT(10) at 0": lambda kind: StudentT(number(10.0, kind)).log_prob(number(0.0, kind)),
}
for name, figure in FIGURES.items():
    single, double = off(figure)
    print(f"{name}: float32 {single:.5f}, float64 {double:.5f}")
    if "(10)" in name:
        assert abs(single - double) < 1e-4
    else:
        assert abs(single - double) > 0.5, "float32 is as good as float64 from now"
PY
