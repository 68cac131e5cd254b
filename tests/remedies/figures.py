"""The laws that the figures of every posterior and prior obey, on a tiny model."""

from __future__ import annotations

import math

import torch
from support import tiny_split

from vaecli.config import EvaluationConfig
from vaecli.metrics.measure import evaluate


def check_figures(model, n=60):
    """All figures of the model on n sentences, checked against one another; returns the values.

    Sampled figures are allowed four standard errors; with nothing else known, -E log of the mean of K weights is at
    most the expected -log of one.
    """
    config = EvaluationConfig(iw_samples=20, rec_samples=2, batch_size=17)
    values = evaluate(model, tiny_split(n, seed=5), config, seed=1, device=torch.device("cpu"), full=True).values
    assert all(math.isfinite(v) for k, v in values.items() if v is not None), values
    missing = {k for k, v in values.items() if v is None}
    assert missing == {"excess_nll", "excess_nll_se"}
    assert values["kl"] >= -4 * values["kl_se"]
    assert values["neg_elbo"] > values["kl"]
    assert abs(values["neg_elbo"] - values["rec"] - values["kl"]) < 1e-9
    assert -4 * values["mi_se"] - 1e-9 <= values["mi"] <= values["mi_ceiling"] + 1e-9
    assert values["mi_batch"] <= math.log(32) + 1e-9
    noise = math.hypot(values["neg_elbo_se"], values["iw_nll_se"])
    assert values["iw_nll"] <= values["neg_elbo"] + noise
    return values
