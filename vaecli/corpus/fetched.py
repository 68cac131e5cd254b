"""A public corpus as a folder of three text files: downloaded, taken out of archives, and written."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO

from vaecli.core.errors import DataError, UnwritableError, UsageError
from vaecli.core.files import closed, write_atomic
from vaecli.core.messages import counted
from vaecli.corpus.downloads import Progress, downloads_folder, obtain
from vaecli.corpus.origins import SPLITS
from vaecli.corpus.public_corpora import PublicCorpus
from vaecli.corpus.records import count_sentences

LARGEST = 1 << 30
"""Bytes of a split at most; what an archive says to hold may be a lie."""


def fetch_corpus(
    corpus: PublicCorpus, folder: Path, mirrors: Sequence[str], overwrite: bool, progress: Progress
) -> tuple[dict[str, int], list[str]]:
    """Writes ``train.txt``, ``valid.txt`` and ``test.txt`` of a public corpus into a folder.

    Args:
        corpus: Which.
        folder: Made where it isn't there.
        mirrors: Addresses of folders that have the public files too, tried first.
        overwrite: Whether files of other content may be replaced.
        progress: Is told what has come.

    Returns:
        The sentences of each split, and notes.

    Raises:
        DataError: A file can't be had, is damaged or isn't what it should be.
        UnwritableError: A file can't be kept or written.
        UsageError: The folder has such files already, of other content; or a library is missing.
    """
    obtained = _obtained(corpus, downloads_folder(), mirrors, progress)
    texts = split_texts(corpus, [path for path, _ in obtained])
    counts = {part: count_sentences(text) for part, text in texts.items()}
    for part, expected in corpus.sentences.items():
        if counts[part] != expected:
            raise DataError(
                f"{corpus.name}: {part} has {counted(counts[part], 'sentence')}, not {expected:,}: another corpus"
            )
    _write(texts, folder, overwrite)
    return counts, [note for _, note in obtained if note]


def _obtained(
    corpus: PublicCorpus, downloads: Path, mirrors: Sequence[str], progress: Progress
) -> list[tuple[Path, str]]:
    """All files of a corpus; where one can't be had, the message names the others that are still to come too."""
    obtained: list[tuple[Path, str]] = []
    for file in corpus.files:
        try:
            obtained.append(obtain(file, downloads, mirrors, progress))
        except UnwritableError:
            raise
        except DataError as error:
            missing = [other for other in corpus.files if other != file and not (downloads / other.name).exists()]
            more = [
                f"also needed there: {f.name}{f', sha256 {f.sha256}' if f.sha256 else ''}: {f.urls[0]}" for f in missing
            ]
            raise DataError("\n  ".join([str(error), *more])) from None
    return obtained


def split_texts(corpus: PublicCorpus, downloads: Sequence[Path]) -> dict[str, bytes]:
    """The text of each split, out of downloaded files and archives; nothing else of an archive is looked at.

    Raises:
        DataError: An archive is damaged, or a split isn't in any.
    """
    texts = {}
    for part in SPLITS:
        wanted = corpus.splits[part]
        matches = [text for path in downloads for text in _matching(path, wanted)]
        if len(matches) != 1:
            what = "isn't in" if not matches else "is several times in"
            raise DataError(f"{wanted} {what} {', '.join(map(str, downloads))}: another file than the published one")
        texts[part] = matches[0]
    return texts


def _matching(path: Path, wanted: str) -> Iterator[bytes]:
    """The download itself, or members of an archive whose path ends so."""
    if path.name == wanted:
        yield path.read_bytes()
        return
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for info in archive.infolist():
                    if not info.is_dir() and f"/{info.filename}".endswith(f"/{wanted}"):
                        with archive.open(info) as member:
                            yield _bounded(path, wanted, member)
        elif tarfile.is_tarfile(path):
            with tarfile.open(path) as tar:
                for entry in tar:
                    content = tar.extractfile(entry) if entry.isfile() else None
                    if content is not None and f"/{entry.name}".endswith(f"/{wanted}"):
                        with closing(content):
                            yield _bounded(path, wanted, content)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise DataError(f"{path}: damaged: {error}; delete it, and run this again") from None


def _bounded(path: Path, wanted: str, member: IO[bytes]) -> bytes:
    text = member.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise DataError(f"{path}: {wanted} holds more than {LARGEST:,} bytes: another file than the published one")
    return text


def _write(texts: Mapping[str, bytes], folder: Path, overwrite: bool) -> None:
    """Writes the three files; those that are there already with the same content stay."""
    paths = {part: folder / f"{part}.txt" for part in texts}
    differ = [part for part, path in paths.items() if not path.exists() or path.read_bytes() != texts[part]]
    taken = [str(paths[part]) for part in differ if paths[part].exists()]
    if taken and not overwrite:
        raise UsageError(
            f"{', '.join(taken)}: there already, with another text; give --to another folder, or --overwrite"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise closed(folder, error) from None
    for part in differ:
        write_atomic(paths[part], texts[part])
