"""The embedded corpora: texts that the program writes itself, from a seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from vaecli.config import CorpusConfig
from vaecli.core.errors import UsageError
from vaecli.core.seeds import stable_seed
from vaecli.corpus import fillers, mixture_text, oracle, synthetic
from vaecli.corpus.encode import RawSplit
from vaecli.corpus.origins import MIXTURE, ORACLE, SPLITS, SYNTHETIC
from vaecli.corpus.tokenizers import get_tokenizer
from vaecli.corpus.types import Truth
from vaecli.corpus.words import Numbering, Words

Sentences = tuple[Sequence[Sequence[str]], Mapping[str, Sequence[str]]]
"""The words of each sentence, and for each label field the class of each."""

Draw = Callable[[int, str, int], Sentences]
"""The sentences of a split from the corpus seed, its name and their number."""

Written = tuple[dict[str, RawSplit], Sequence[str]]
"""Splits, and the words that their numbers stand for."""


@dataclass(frozen=True)
class Embedded:
    """A corpus that the program writes.

    Attributes:
        version: Raised when the sentences drawn from a seed would change.
        write: The splits that the settings name, and the words that their numbers stand for.
        truth: What is exactly known of the text that the settings name; None where nothing is.
        kept: Whether writing it takes long enough for the cache.
        whole: Whether the vocabulary holds all words of the corpus, and not those of train alone.
    """

    version: int
    write: Callable[[CorpusConfig], Written]
    truth: Callable[[CorpusConfig], Truth | None] = lambda _: None
    kept: bool = False
    whole: bool = False


def _of_grammar(seed: int, part: str, count: int) -> Sentences:
    grammar = synthetic.synthetic_grammar()
    sample = grammar.sample(count, stable_seed(SYNTHETIC, synthetic.VERSION, seed, part))
    names = grammar.label_names
    return sample.sentences, {name: [names[name][i] for i in values.tolist()] for name, values in sample.labels.items()}


def _of_mixture(seed: int, part: str, count: int) -> Sentences:
    drawn = mixture_text.draw_split(seed, part, count)
    sentences = [list(map(str, words)) for words in drawn.words.tolist()]
    return sentences, {"cluster": [mixture_text.CLUSTERS[k] for k in drawn.clusters.tolist()]}


def _check_columns(config: CorpusConfig) -> None:
    """Refuses what says which column is the sentence, or the label, of a text that has none.

    Raises:
        UsageError: Names the setting.
    """
    for key in ("text_column", "label_column"):
        if getattr(config, key) != getattr(CorpusConfig(), key):
            raise UsageError(f"corpus.{key}: the corpus {config.data} has no columns; leave it out")


def _numbered(draw: Draw, config: CorpusConfig) -> Written:
    """The splits of a corpus whose sentences are drawn as words.

    Raises:
        UsageError: The tokenizer is unknown or doesn't fit, or a column is named.
    """
    _check_columns(config)
    get_tokenizer(config.tokenizer)  # an unknown name is the better message
    if config.tokenizer != "split":
        raise UsageError(f"corpus.tokenizer: {config.tokenizer!r} doesn't fit the {config.data} corpus; use split")
    sizes = {"train": config.train_size, "valid": config.valid_size, "test": config.test_size}
    raw, numbering = {}, Numbering()
    for part in SPLITS:
        sentences, labels = draw(config.corpus_seed, part, sizes[part])
        if config.noise:
            seed = stable_seed(config.data, fillers.VERSION, config.corpus_seed, part, "noise")
            sentences = fillers.with_fillers(sentences, config.noise, seed)
        words = numbering.sentences(sentences, config.max_length)
        raw[part] = RawSplit(f"{config.data} {part}", words, labels)
    return raw, numbering.spellings


def _of_oracle(config: CorpusConfig) -> Written:
    """The oracle's sentences, labelled by the quadrant of their codes; all of its words are known.

    Raises:
        UsageError: A setting would take words away, so that the true likelihood would be of another text, or names a
            column.
    """
    _check_columns(config)
    least = {"max_length": oracle.LENGTH}
    fixed = {"tokenizer": "split", "max_vocab": 0, "min_freq": 1, "unknown_words": "", "noise": 0.0}
    wrong = [name for name, value in fixed.items() if getattr(config, name) != value]
    wrong += [name for name, value in least.items() if getattr(config, name) < value]
    if wrong:
        told = ", ".join(f"corpus.{name}" for name in wrong)
        raise UsageError(f"{told}: the corpus oracle is taken whole, words and sentences; leave it out")
    sizes = {"train": config.train_size, "valid": config.valid_size, "test": config.test_size}
    raw = {}
    for part in SPLITS:
        seed = stable_seed(ORACLE, oracle.VERSION, config.corpus_seed, part)
        words, z = oracle.the_oracle().sample(sizes[part], seed)
        quadrant = (z > 0) @ np.array([2, 1])
        labels = {"quadrant": [oracle.QUADRANTS[i] for i in quadrant.tolist()]}
        lengths = np.full(len(words), oracle.LENGTH)
        raw[part] = RawSplit(f"{ORACLE} {part}", Words(words.ravel(), lengths), labels)
    return raw, oracle.word_types()


def _truth_of_grammar(config: CorpusConfig) -> Truth:
    clean = synthetic.synthetic_truth()
    return fillers.NoisyTruth(clean, clean.grammar.mean_words, config.noise) if config.noise else clean


CORPORA: Mapping[str, Embedded] = {
    SYNTHETIC: Embedded(synthetic.VERSION, partial(_numbered, _of_grammar), _truth_of_grammar),
    MIXTURE: Embedded(mixture_text.VERSION, partial(_numbered, _of_mixture), kept=True),
    ORACLE: Embedded(oracle.VERSION, _of_oracle, lambda _: oracle.oracle_truth(), whole=True),
}
"""By the name that ``--data`` takes."""
