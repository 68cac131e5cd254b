"""The corpus that the settings name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from vaecli.config import CorpusConfig
from vaecli.core.errors import UsageError
from vaecli.core.files import at_home, cache_folder
from vaecli.corpus import cache, fillers
from vaecli.corpus.arrow_rows import hub_files
from vaecli.corpus.embedded import CORPORA
from vaecli.corpus.encode import RawSplit, encode_corpus
from vaecli.corpus.origins import EMBEDDED, SPLITS, corpus_title, is_hub, locate
from vaecli.corpus.split_files import read_path
from vaecli.corpus.text import parse_files
from vaecli.corpus.text_files import TextFile
from vaecli.corpus.tokenizers import get_tokenizer
from vaecli.corpus.tokenizers.tokenizer import Tokenizer
from vaecli.corpus.types import Corpus

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
    """Loads an embedded corpus, the three files of a folder, one file, or a dataset of the hub; see `origins`.

    Args:
        config: Which text, and how it becomes ids.
        tokenizer: What the settings name, with what it has learned; without, it learns from train.

    Raises:
        DataError: There is no such corpus, or its text can't be used.
        UsageError: The tokenizer is unknown, lacks its library or doesn't fit the corpus, or the corpus has no noise.
    """
    if tokenizer is None and config in KEPT:
        return KEPT[config]
    if config.data in EMBEDDED:
        return _load_embedded(config)
    _check_noise(config)
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
    if config.data in EMBEDDED:
        embedded = CORPORA[config.data]
        raw, words = embedded.write(config)
        types = words if embedded.whole else ()
        return encode_corpus(config.data, raw, words, config, embedded.truth(config), types=types), raw, []
    _check_noise(config)
    tokenizer = get_tokenizer(config.tokenizer, config.max_vocab)
    files = corpus_files(config.data)
    raw, words, notes = parse_files(files, config, tokenizer)
    corpus = encode_corpus(_name(config.data), raw, words, config, notes=notes, tokenizer=tokenizer)
    told = _seed_note(files, config)
    return replace(corpus, notes=(*corpus.notes, *told)), raw, [*notes, *told]


def _check_noise(config: CorpusConfig) -> None:
    if config.noise:
        raise UsageError(
            f"corpus.noise: {config.data} is no text of the program's own, and stays as it is; leave it out, or take "
            "--data synthetic or mixture"
        )


def _seed_note(files: Mapping[str, TextFile], config: CorpusConfig) -> list[str]:
    """A line where a seed is said by which nothing is divided; none of the default."""
    if len(files) < len(SPLITS) or config.corpus_seed == CorpusConfig().corpus_seed:
        return []
    return [f"corpus.corpus_seed={config.corpus_seed} changes nothing: {config.data} has all three splits"]


def _name(data: str) -> str:
    """Of a corpus that isn't embedded; a link to a folder stands for the folder."""
    path = at_home(data)
    return (path.resolve().name if path.is_dir() else corpus_title(data)) or "corpus"


def _load_embedded(config: CorpusConfig) -> Corpus:
    """An embedded corpus, from the cache where writing it takes long."""
    corpus = CORPORA[config.data]
    if not corpus.kept:
        return load_raw(config)[0]
    sizes = ("train_size", "valid_size", "test_size", "corpus_seed")
    settings = config.model_dump(include={*TEXT_SETTINGS, *sizes})
    settings |= {"noise": config.noise, "fillers": fillers.VERSION} if config.noise else {}
    key = cache.cache_key({}, {config.data: corpus.version, **settings})
    return _through_cache(key, config.data, lambda: load_raw(config)[0])


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
    key = _key(files, config) if cache_folder() else ""

    def encoded() -> Corpus:
        raw, words, notes = parse_files(files, config, tokenizer)
        return encode_corpus(name, raw, words, config, notes=notes, tokenizer=tokenizer)

    corpus = _through_cache(key, name, encoded, learned)
    return replace(corpus, notes=(*corpus.notes, *_seed_note(files, config)))


def _through_cache(key: str, name: str, make: Callable[[], Corpus], learned: Tokenizer | None = None) -> Corpus:
    """A corpus from the cache, or made and kept there; one whose tokenizer brings what it has learned isn't kept."""
    store = cache_folder()
    damaged = kept = ""
    if store:
        corpus, damaged = cache.load(store, key, name)
        if corpus is not None and (learned is None or corpus.vocabulary.tokenizer.kept == learned.kept):
            return corpus
    corpus = make()
    if store and learned is None:
        kept = cache.store(store, key, corpus)
    return replace(corpus, notes=(*corpus.notes, *filter(None, (damaged, kept))))


def _key(files: Mapping[str, TextFile], config: CorpusConfig) -> str:
    """What an encoded corpus is kept under; the rule that splits counts where it is used, and the name in notes."""
    settings = config.model_dump(include=set(TEXT_SETTINGS)) | {"name": files["train"].path.name}
    kind = files["train"].kind
    settings |= {"kind": kind} if kind != ".txt" else {}
    settings |= {"corpus_seed": config.corpus_seed} if len(files) < len(SPLITS) else {}
    return cache.cache_key({part: file.data for part, file in files.items()}, settings)
