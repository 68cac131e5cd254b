"""The corpus that the settings name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vaecli.config import CorpusConfig
from vaecli.core.errors import UsageError
from vaecli.core.seeds import stable_seed
from vaecli.corpus import cache, oracle, synthetic
from vaecli.corpus.arrow_rows import hub_files
from vaecli.corpus.encode import RawSplit, encode_corpus
from vaecli.corpus.origins import EMBEDDED, ORACLE, SPLITS, SYNTHETIC, corpus_title, is_hub, locate
from vaecli.corpus.split_files import read_path
from vaecli.corpus.text import parse_files
from vaecli.corpus.text_files import TextFile
from vaecli.corpus.tokenizers import get_tokenizer
from vaecli.corpus.tokenizers.tokenizer import Tokenizer
from vaecli.corpus.types import Corpus
from vaecli.corpus.words import Numbering, Words

TEXT_SETTINGS = (
    "tokenizer",
    "max_vocab",
    "min_freq",
    "max_length",
    "text_column",
    "label_column",
    "unknown_words",
)
"""Settings that decide how the files of a folder become ids."""


def load_corpus(config: CorpusConfig, tokenizer: Tokenizer | None = None) -> Corpus:
    """Loads ``synthetic`` or ``oracle``, the three files of a folder, one file, or a dataset of the hub; see `origins`.

    Args:
        config: Which text, and how it becomes ids.
        tokenizer: What the settings name, with what it has learned; without, it learns from train.

    Raises:
        DataError: There is no such corpus, or its text can't be used.
        UsageError: The tokenizer is unknown, lacks its library or doesn't fit the corpus.
    """
    if tokenizer is None and config in KEPT:
        return KEPT[config]
    if config.data in EMBEDDED:
        return load_raw(config)[0]
    return _load_files(config, tokenizer)


KEPT: dict[CorpusConfig, Corpus] = {}
"""Corpora of a process whose copies all take them."""


def keep_corpus(config: CorpusConfig) -> None:
    """Loads a corpus once and for all, what is exactly known of it included.

    Raises:
        DataError: See `load_corpus`.
        UsageError: See `load_corpus`.
    """
    if config not in KEPT:
        corpus = load_corpus(config)
        if corpus.truth is not None and corpus.truth.nll(corpus.test) is None:
            assert corpus.truth.entropy
        KEPT[config] = corpus


def load_raw(config: CorpusConfig) -> tuple[Corpus, dict[str, RawSplit], list[str]]:
    """What `load_corpus` gives, the words that it was made of, and notes on the reading; without the cache.

    Raises:
        DataError: See `load_corpus`.
        UsageError: See `load_corpus`.
    """
    if config.data == SYNTHETIC:
        raw, words = _synthetic_words(config)
        return encode_corpus(SYNTHETIC, raw, words, config, synthetic.synthetic_truth()), raw, []
    if config.data == ORACLE:
        raw, words = _oracle_words(config)
        return encode_corpus(ORACLE, raw, words, config, oracle.oracle_truth(), types=words), raw, []
    tokenizer = get_tokenizer(config.tokenizer, config.max_vocab)
    raw, words, notes = parse_files(corpus_files(config.data), config, tokenizer)
    return encode_corpus(_name(config.data), raw, words, config, notes=notes, tokenizer=tokenizer), raw, notes


def _name(data: str) -> str:
    """Of a corpus that isn't embedded; a link to a folder stands for the folder."""
    path = Path(data).expanduser()
    return (path.resolve().name if path.is_dir() else corpus_title(data)) or "corpus"


def _synthetic_words(config: CorpusConfig) -> tuple[dict[str, RawSplit], Sequence[str]]:
    get_tokenizer(config.tokenizer)  # an unknown name is the better message
    if config.tokenizer != "split":
        raise UsageError(f"corpus.tokenizer: {config.tokenizer!r} doesn't fit the synthetic corpus; use split")
    grammar = synthetic.synthetic_grammar()
    sizes = {"train": config.train_size, "valid": config.valid_size, "test": config.test_size}
    raw, numbering = {}, Numbering()
    for part in SPLITS:
        seed = stable_seed(SYNTHETIC, synthetic.VERSION, config.corpus_seed, part)
        sample = grammar.sample(sizes[part], seed)
        names = grammar.label_names
        labels = {name: [names[name][i] for i in values.tolist()] for name, values in sample.labels.items()}
        words = numbering.sentences(sample.sentences, config.max_length)
        raw[part] = RawSplit(f"{SYNTHETIC} {part}", words, labels)
    return raw, numbering.spellings


def _oracle_words(config: CorpusConfig) -> tuple[dict[str, RawSplit], Sequence[str]]:
    """The oracle's sentences, labelled by the quadrant of their codes; all of its words are known.

    Raises:
        UsageError: A setting would take words away, so that the true likelihood would be of another text.
    """
    least = {"max_length": oracle.LENGTH}
    fixed = {"tokenizer": "split", "max_vocab": 0, "min_freq": 1}
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


def corpus_files(data: str) -> dict[str, TextFile]:
    """The files of a corpus that isn't embedded, unpacked: all three splits, or fewer where others are made of train.

    Raises:
        DataError: There is no such corpus, or a file can't be read.
        UsageError: A library that reads it is missing.
    """
    return hub_files(data) if is_hub(data) else read_path(locate(data))


def _load_files(config: CorpusConfig, learned: Tokenizer | None) -> Corpus:
    # a wrong name is told before any file is read, cached or not
    tokenizer = learned or get_tokenizer(config.tokenizer, config.max_vocab)
    files = corpus_files(config.data)
    name = _name(config.data)
    store = cache.cache_folder()
    key = _key(files, config) if store else ""
    damaged = kept = ""
    if store:
        corpus, damaged = cache.load(store, key, name)
        if corpus is not None and (learned is None or corpus.vocabulary.tokenizer.kept == learned.kept):
            return corpus
    raw, words, notes = parse_files(files, config, tokenizer)
    corpus = encode_corpus(name, raw, words, config, notes=notes, tokenizer=tokenizer)
    if store and learned is None:
        kept = cache.store(store, key, corpus)
    return replace(corpus, notes=(*corpus.notes, *filter(None, (damaged, kept))))


def _key(files: Mapping[str, TextFile], config: CorpusConfig) -> str:
    """What an encoded corpus is kept under; the rule that splits counts where it is used."""
    settings = config.model_dump(include=set(TEXT_SETTINGS))
    kind = files["train"].kind
    settings |= {"kind": kind} if kind != ".txt" else {}
    settings |= {"corpus_seed": config.corpus_seed} if len(files) < len(SPLITS) else {}
    return cache.cache_key({part: file.data for part, file in files.items()}, settings)
