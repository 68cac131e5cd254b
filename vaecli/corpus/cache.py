"""Encoded corpora on disk: the second load of a text reads tensors instead of words.

The folder is ``$VAE_CACHE``, else ``$XDG_CACHE_HOME/vae``, else ``~/.cache/vae``; ``VAE_CACHE=off`` switches it off.
One safetensors file a corpus holds the splits, and as JSON in its header the words, classes and notes. It may be
deleted at any time. A cache that can't be read or written costs time and a note, never a result.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from vaecli.core.errors import DataError
from vaecli.core.files import write_atomic
from vaecli.corpus.encode import fingerprint
from vaecli.corpus.origins import SPLITS
from vaecli.corpus.tokenizers import restored
from vaecli.corpus.types import Corpus, Split
from vaecli.corpus.vocabulary import SPECIALS, WordVocabulary

FORMAT = 8
"""Raised when the same files and settings would be encoded otherwise, or the layout changes."""


def cache_key(contents: Mapping[str, bytes], settings: Mapping[str, object]) -> str:
    """SHA-256 over the bytes of the files and the settings that decide how they are encoded."""
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    text = json.dumps([FORMAT, hashes, dict(settings)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _path(folder: Path, key: str) -> Path:
    return folder / f"corpus-{key[:32]}.safetensors"


def load(folder: Path, key: str, name: str) -> tuple[Corpus | None, str]:
    """Looks for an encoded corpus.

    Args:
        folder: Of the cache.
        key: What `cache_key` gave.
        name: The corpus's name.

    Returns:
        The corpus, or None; and a note where a file was there but damaged.
    """
    path = _path(folder, key)
    try:
        if not path.is_file():
            return None, ""
        return _read(path, key, name), ""
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None, f"cache: {path} is damaged or can't be read; the corpus is encoded anew"


def _read(path: Path, key: str, name: str) -> Corpus:
    with safe_open(path, framework="pt") as file:
        facts = json.loads((file.metadata() or {})["corpus"])
        tensors = {tensor: file.get_tensor(tensor) for tensor in file.keys()}  # noqa: SIM118  (it is no mapping)
    if facts["key"] != key:
        raise ValueError("made from other files or settings")
    names = {field: tuple(classes) for field, classes in facts["label_names"].items()}
    splits = {part: _split(part, tensors, names, facts["raw_words"][part]) for part in SPLITS}
    vocabulary = WordVocabulary(facts["words"], restored(facts["tokenizer"]))
    if fingerprint(splits, vocabulary) != facts["fingerprint"]:
        raise ValueError("its content is not what was written")
    return Corpus(
        name=name,
        vocabulary=vocabulary,
        train=splits["train"],
        valid=splits["valid"],
        test=splits["test"],
        fingerprint=facts["fingerprint"],
        notes=tuple(facts["notes"]),
    )


def _split(
    part: str, tensors: Mapping[str, Tensor], names: Mapping[str, tuple[str, ...]], raw_words: float | None
) -> Split:
    labels = {field: tensors[f"{part}.label.{field}"] for field in names}
    return Split(part, tensors[f"{part}.tokens"], tensors[f"{part}.offsets"], labels, dict(names), raw_words)


def store(folder: Path, key: str, corpus: Corpus) -> str:
    """Keeps an encoded corpus for the next time.

    Returns:
        A note where it could not be written, else nothing.
    """
    tensors: dict[str, Tensor] = {}
    for part in SPLITS:
        split = corpus.split(part)
        tensors |= {f"{part}.tokens": split.tokens, f"{part}.offsets": split.offsets}
        tensors |= {f"{part}.label.{field}": label for field, label in split.labels.items()}
    facts = {
        "key": key,
        "fingerprint": corpus.fingerprint,
        "notes": corpus.notes,
        "label_names": corpus.train.label_names,
        "raw_words": {part: corpus.split(part).raw_words for part in SPLITS},
        "tokenizer": corpus.vocabulary.tokenizer.kept,
        "words": corpus.vocabulary.words[len(SPECIALS) :],
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(_path(folder, key), save(tensors, {"corpus": json.dumps(facts)}))
    except (OSError, DataError, SafetensorError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return f"cache: not kept in {folder} ({reason}); VAE_CACHE names another folder, or `off`"
    return ""
