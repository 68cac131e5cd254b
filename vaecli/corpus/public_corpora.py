"""The corpora of the literature: ``public_corpora.toml``, a part of the package wherever it is installed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from vaecli.core.errors import unknown


@dataclass(frozen=True)
class PublishedFile:
    """One download.

    Attributes:
        name: Of the file in the folder of downloads, and below a mirror's address.
        sha256: Of its content; empty where it isn't known.
        urls: Where it is published, to be tried in this order.
    """

    name: str
    sha256: str
    urls: tuple[str, ...]


@dataclass(frozen=True)
class PublicCorpus:
    """A corpus as the literature uses it.

    Attributes:
        name: For `vae data fetch`.
        title: What it is.
        paper: Who made and who used it.
        terms: Of its use.
        preset: The preset with the sizes that papers use on it.
        files: What is downloaded.
        splits: By split, the name of a download, or the end of the path of an archive's member.
        sentences: By split, how many sentences it is known to have.
    """

    name: str
    title: str
    paper: str
    terms: str
    preset: str
    files: tuple[PublishedFile, ...]
    splits: Mapping[str, str]
    sentences: Mapping[str, int]


def public_corpora() -> dict[str, PublicCorpus]:
    """All corpora that can be fetched, by name."""
    text = files("vaecli.corpus").joinpath("public_corpora.toml").read_text(encoding="utf-8")
    return {name: _corpus(name, entry) for name, entry in tomllib.loads(text).items()}


def _corpus(name: str, entry: Mapping[str, Any]) -> PublicCorpus:
    values = {"sentences": {}, **entry}
    listed = [PublishedFile(file["name"], file["sha256"], tuple(file["urls"])) for file in values.pop("files")]
    return PublicCorpus(name=name, files=tuple(listed), **values)


def public_corpus(name: str) -> PublicCorpus:
    """The corpus of a name; ``yelp-short`` is ``yelp_short``.

    Raises:
        UsageError: There is none.
    """
    corpora = public_corpora()
    spelt = name.lower().replace("-", "_")
    if spelt not in corpora:
        raise unknown("corpus", name, corpora, "vae data fetch")
    return corpora[spelt]
