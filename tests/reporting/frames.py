"""Small results tables: ``from reporting.frames import trial, table``."""

from __future__ import annotations

import pandas as pd


def trial(method, seed=0, rec=None, kl=None, mi=None, *, status="done", **figures):
    """A row of a results table; neg_elbo is rec + kl."""
    row = {"experiment": "quick", "corpus": "synthetic", "method": method, "seed": seed, "status": status}
    row |= {
        "split": "test",
        "sentences": 2000,
        "rec": rec,
        "kl": kl,
        "mi": mi,
        "mi_ceiling": None if mi is None else 7.6,
    }
    row["neg_elbo"] = None if rec is None else rec + (kl or 0.0)
    return row | figures


def table(*rows):
    """Rows as the table that a report reads."""
    return pd.DataFrame(list(rows))


def three_methods():
    """lm and vanilla with one seed, bn with two."""
    return table(
        trial("lm", rec=20.0),
        trial("vanilla", rec=20.1, kl=0.01, mi=0.004, au=0),
        trial("bn", 0, rec=18.0, kl=2.9, mi=2.0, au=16),
        trial("bn", 1, rec=18.4, kl=3.1, mi=2.2, au=16),
    )
