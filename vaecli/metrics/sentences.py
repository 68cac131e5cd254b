"""The figures of single sentences, which the tables only have the means of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaecli.corpus.types import UNK
from vaecli.metrics.columns.elbo import ElboTerms, elbo_terms
from vaecli.metrics.columns.iw import importance_weighted_nll
from vaecli.metrics.scoring import Scoring
from vaecli.model.vae import VAE

if TYPE_CHECKING:
    import pandas as pd


def sentence_scores(model: VAE, scoring: Scoring, rec_samples: int, iw_samples: int) -> pd.DataFrame:
    """``rec``, ``kl``, ``neg_elbo`` and ``iw_nll`` of each sentence in nats, beside its words.

    Args:
        model: On the device; its mode and torch's global generators stay as they are.
        scoring: Which N sentences are scored, and how.
        rec_samples: Samples of z a sentence for ``rec``.
        iw_samples: Samples of the importance-weighted bound; 0 leaves it out.

    Returns:
        A row a sentence in the order of the split, with its ``words`` and how many are ``unknown``; a figure without a
        definition is missing.
    """
    terms = elbo_terms(model, scoring, rec_samples)
    table = bound_scores(scoring, terms)
    nll = None if model.has_latent else terms.rec
    if iw_samples and terms.posterior is not None and terms.posterior.has_density:
        nll = importance_weighted_nll(model, scoring, terms.posterior, iw_samples)
    table["iw_nll"] = float("nan") if nll is None else nll.cpu().numpy()
    return table


def bound_scores(scoring: Scoring, terms: ElboTerms) -> pd.DataFrame:
    """The words of each sentence and the terms of its -ELBO; see `sentence_scores`."""
    import pandas as pd

    split = scoring.split
    figures = {"rec": terms.rec, "kl": None if terms.kl is None else terms.kl.sum(1), "neg_elbo": terms.neg_elbo}
    missing = [float("nan")] * len(split)
    return pd.DataFrame(
        {
            "words": (split.lengths - 1).tolist(),
            "unknown": [sum(word == UNK for word in split.sentence(n)) for n in range(len(split))],
            **{name: missing if value is None else value.cpu().numpy() for name, value in figures.items()},
        }
    )
