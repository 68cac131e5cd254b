"""Writes what the package ships of the atlas: its trials, its corpora, the rule of the early warning."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.atlas import design
from experiments.atlas.texts import REAL, absent, write_slices
from vaecli.atlas import trials_table as shipped
from vaecli.config import CorpusConfig
from vaecli.core.files import write_atomic
from vaecli.corpus.load import load_corpus
from vaecli.runs.identity import shortened
from vaecli.training import early_rule

UPDATES = -(-design.SENTENCES // design.BATCH)
"""Of an epoch."""


def trials_text(frame: pd.DataFrame) -> str:
    """The trials with a verdict and without noise, with the columns that are shipped, as CSV.

    Args:
        frame: The whole table.
    """
    from experiments.atlas.table import judged, without_noise
    from experiments.growing_table import DIGITS as FIGURE_DIGITS

    known = without_noise(judged(frame))
    known = known.assign(updates=known["epochs"] * UPDATES, batch_size=design.BATCH)
    whole = ("trial", "knob_level", "decoder_size", "latent_size", "epochs", "seed", "sentences", "tokens")
    known = known.astype({name: "Int64" for name in whole})
    text: str = known[list(shipped.COLUMNS)].to_csv(
        index=False, float_format=f"%.{FIGURE_DIGITS}g", lineterminator="\n"
    )
    return text


def repeats_text(frame: pd.DataFrame, repeats: pd.DataFrame) -> str:
    """The mi of trials and of their repeats, where both have one that says something, as CSV.

    Args:
        frame: The whole table.
        repeats: That of the repeats.
    """
    from experiments.atlas.table import sound
    from experiments.growing_table import DIGITS as FIGURE_DIGITS

    again = sound(repeats)[["trial", "mi"]].rename(columns={"mi": "again"})
    pairs = sound(frame)[["trial", "method", "mi"]].merge(again, on="trial", how="inner").dropna()
    pairs = pairs.astype({"trial": "int64"}).sort_values("trial")
    text: str = pairs.to_csv(index=False, float_format=f"%.{FIGURE_DIGITS}g", lineterminator="\n")
    return text


def corpora_table(root: Path | None, kept: Path = shipped.CORPORA) -> pd.DataFrame:
    """The features of the design's corpora; those of real text that isn't there are as they were.

    Args:
        root: The folder that holds the real ones; None without.
        kept: The table as it was.

    Raises:
        DataError: A corpus is too small.
    """
    rows: list[Mapping[Hashable, Any]] = []
    before = pd.read_csv(kept) if kept.exists() else pd.DataFrame(columns=["corpus"])
    with tempfile.TemporaryDirectory() as folder:
        there = tuple(name for name in REAL if name not in absent(root))
        if root is not None:
            write_slices(root, there, Path(folder))
        for name in design.CORPORA_2:
            if name in design.CORPORA or name in there:
                rows.append(features_of(name, Path(folder)))
            else:
                rows += before[before["corpus"] == name].to_dict("records")
    return pd.DataFrame(rows)


def features_of(name: str, texts: Path) -> Mapping[Hashable, Any]:
    """A row of the corpora."""
    sizes = {"train_size": design.SENTENCES, "valid_size": design.HELD_OUT, "test_size": design.HELD_OUT}
    data = name if name in design.CORPORA else str(texts / name)
    corpus = load_corpus(CorpusConfig(data=data, **sizes))
    features = {key: float(f"{value:.6g}") for key, value in shipped.corpus_features(corpus).items()}
    row: dict[Hashable, Any] = {"corpus": name, "fingerprint": shortened(corpus.fingerprint)}
    return row | dict(features)


def ship_corpora(root: Path | None) -> Path:
    """Writes the features of the corpora."""
    text = corpora_table(root).to_csv(index=False, float_format="%.6g", lineterminator="\n")
    write_atomic(shipped.CORPORA, text)
    return shipped.CORPORA


def generated(frame: pd.DataFrame) -> dict[Path, str]:
    """The shipped files that follow from the table and that of repeats alone, by path."""
    from experiments.atlas import table
    from experiments.atlas.early import shipped_rule

    text = trials_text(frame)
    rule = shipped_rule(frame, shipped.read_trials(io.StringIO(text)))
    repeats = repeats_text(frame, table.read_table(table.REPEATS))
    return {shipped.TRIALS: text, shipped.REPEATS: repeats, early_rule.FILE: json.dumps(rule, indent=2) + "\n"}


def ship(frame: pd.DataFrame) -> list[Path]:
    """Writes them."""
    files = generated(frame)
    for path, text in files.items():
        write_atomic(path, text)
    return list(files)
