"""The corpus that the settings name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vaecli.config import CorpusConfig
from vaecli.core.errors import DataError, UsageError, nearest
from vaecli.core.seeds import stable_seed
from vaecli.corpus import cache, synthetic
from vaecli.corpus.encode import SPLITS, RawSplit, encode_corpus
from vaecli.corpus.text import parse_files
from vaecli.corpus.text_files import read_folder
from vaecli.corpus.tokenizers import get_tokenizer
from vaecli.corpus.tokenizers.tokenizer import Tokenizer
from vaecli.corpus.types import Corpus
from vaecli.corpus.words import Numbering

SYNTHETIC = "synthetic"
"""Name of the embedded corpus; a folder of this name is ``./synthetic``."""

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
    """Loads ``synthetic``, or a folder with ``train.txt``, ``valid.txt`` and ``test.txt``.

    Args:
        config: Which text, and how it becomes ids.
        tokenizer: What the settings name, with what it has learned; without, it learns from train.

    Raises:
        DataError: There is no such corpus, or its text can't be used.
        UsageError: The tokenizer is unknown, lacks its library or doesn't fit the corpus.
    """
    if config.data == SYNTHETIC:
        return _load_synthetic(config)
    return _load_folder(_folder(config.data), config, tokenizer)


def _load_synthetic(config: CorpusConfig) -> Corpus:
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
    return encode_corpus(SYNTHETIC, raw, numbering.spellings, config, synthetic.synthetic_truth())


def _folder(data: str) -> Path:
    """The folder that the user named."""
    try:
        path = Path(data).expanduser()
        if data.strip() and path.is_dir():
            return path
        if data.strip() and path.exists():
            raise DataError(f"{data} (--data): a file; give its folder, with train.txt, valid.txt and test.txt")
        near = [str(p) for p in path.parent.iterdir() if p.is_dir()] if path.parent.is_dir() else []
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"{data!r} (--data): can't be opened: {error}") from None
    hint = nearest(data, [SYNTHETIC, *near])
    hint = f"; {hint}" if hint.startswith("did you mean") else ""
    raise DataError(
        f"unknown corpus {data!r} (--data): give `{SYNTHETIC}` or a folder with train.txt, valid.txt and test.txt{hint}"
    )


def _load_folder(folder: Path, config: CorpusConfig, learned: Tokenizer | None) -> Corpus:
    # a wrong name is told before any file is read, cached or not
    tokenizer = learned or get_tokenizer(config.tokenizer, config.max_vocab)
    files = read_folder(folder)
    name = folder.resolve().name or "corpus"
    settings = config.model_dump(include=set(TEXT_SETTINGS))
    store = cache.cache_folder()
    key = cache.cache_key({part: file.data for part, file in files.items()}, settings) if store else ""
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
