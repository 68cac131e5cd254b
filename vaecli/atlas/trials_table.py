"""The trials that are shipped: `trials.csv`, a row a trial that has a verdict, and beside it two smaller tables.

`corpora.csv` has a row a corpus, `repeats.csv` one for each trial that was run with another seed too. All are written
by ``python -m experiments.atlas`` from its own tables and never by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
import pandas as pd

from vaecli.training.early_rule import SGD_FACTOR

if TYPE_CHECKING:
    from vaecli.corpus.types import Corpus

TRIALS = Path(__file__).parent / "trials.csv"
CORPORA = Path(__file__).parent / "corpora.csv"
REPEATS = Path(__file__).parent / "repeats.csv"

SETTINGS = ("method", "knob", "knob_value", "knob_level", "learning_rate", "optimizer", "decoder_size", "latent_size")
COLUMNS = (
    *("trial", *SETTINGS, "epochs", "updates", "batch_size", "corpus", "seed"),
    *("verdict", "kl", "mi", "neg_elbo", "sentences", "tokens"),
)
"""Of the trials; ``updates`` are those planned, ``sentences`` and ``tokens`` those of the split that was measured."""

FEATURES = ("train_sentences", "mean_length", "vocabulary", "entropy")
"""Of the corpora; see `corpus_features`."""

UNSOUND = ("diverged", "worse than uniform")
"""Verdicts of trials whose kl and mi say nothing."""

TEXTS = ("method", "knob", "knob_value", "optimizer", "corpus", "verdict")


def read_trials(path: Path | IO[str] = TRIALS, corpora: Path = CORPORA) -> pd.DataFrame:
    """The trials with the features of their corpora; trials on a corpus without features are left out.

    Returns:
        `COLUMNS`, `FEATURES`, and `rate`: the learning rate on Adam's scale.
    """
    kinds = dict.fromkeys(TEXTS, str)
    missing = {name: [""] for name in COLUMNS if name not in TEXTS}
    frame = pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values=missing)
    frame = frame.merge(read_corpora(corpora), on="corpus", how="inner").sort_values("trial", ignore_index=True)
    return frame.assign(rate=adam_rate(frame))


def read_corpora(path: Path = CORPORA) -> pd.DataFrame:
    """The corpora: ``corpus`` and `FEATURES`."""
    return pd.read_csv(path)[["corpus", *FEATURES]]


def read_repeats(path: Path = REPEATS) -> pd.DataFrame:
    """Runs that differ in the seed alone: ``trial``, ``method``, ``mi`` and ``again``, the mi of the repeat."""
    return pd.read_csv(path)


def sound(frame: pd.DataFrame) -> pd.DataFrame:
    """The trials whose kl and mi say something: not those that diverged, at the latest in a figure, or left the data.

    A code that makes the decoder worse than a uniform guess has whatever kl and mi its density comes to there.
    """
    return frame[~frame["verdict"].isin(UNSOUND)]


@cache
def shipped() -> pd.DataFrame:
    """`read_trials` of what this package brings; not to be changed."""
    return read_trials()


def adam_rate(frame: pd.DataFrame) -> pd.Series[float]:
    """Learning rates on Adam's scale: those of SGD stand beside a hundredth of theirs."""
    return frame["learning_rate"].where(frame["optimizer"] != "sgd", frame["learning_rate"] / SGD_FACTOR)


def corpus_features(corpus: Corpus) -> Mapping[str, float]:
    """What is seen of a corpus before any training, of its train split.

    Returns:
        Its sentences, the mean of predicted tokens a sentence, the word types of the vocabulary, and the entropy of
        words alone (unigrams, the end of a sentence one of them) in nats a token, as the shares of train have it.
    """
    train = corpus.train
    counts = np.bincount(train.tokens.numpy())
    shares = np.append(counts[counts > 0], len(train)) / train.predicted_tokens
    return {
        "train_sentences": float(len(train)),
        "mean_length": train.predicted_tokens / len(train),
        "vocabulary": float(len(corpus.vocabulary)),
        "entropy": float(-(shares * np.log(shares)).sum()),
    }
