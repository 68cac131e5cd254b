"""Downloads of public files: several addresses in turn, resumed, verified, and never seen half written."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

from vaecli.core.errors import DataError, UsageError
from vaecli.core.files import cache_folder, closed, write_atomic
from vaecli.core.resources import REMEDIES_OF
from vaecli.corpus.public_corpora import PublishedFile

CHUNK = 1 << 16
"""Bytes that are written together."""

PATIENCE = (10, 60)
"""Seconds until a server must answer, and between two pieces of its answer."""

DIGESTS = "digests.json"
"""The digests of files of which none was known before they were downloaded, by name."""

Progress = Callable[[str, int, int], None]
"""Takes a file's name, the bytes that are there, and those that there are in all, 0 where that isn't known."""


def downloads_folder() -> Path:
    """Where downloads are kept: ``downloads`` in the cache; where caching is off, in the user's own cache folder."""
    store = cache_folder()
    return (store if store is not None else Path(_pooch().os_cache("vae"))) / "downloads"


def _pooch() -> Any:
    try:
        import pooch
    except ImportError:
        raise UsageError("vae data fetch needs a library: pip install 'vaecli[fetch]'") from None
    return pooch


def obtain(file: PublishedFile, folder: Path, mirrors: Sequence[str], progress: Progress) -> tuple[Path, str]:
    """A public file: the one that is in the folder, by an earlier download or by hand, or a new one.

    Args:
        file: Which.
        folder: Of downloads.
        mirrors: Addresses of folders that have it too, tried first.
        progress: Is told what has come.

    Returns:
        The file, verified; and a line on how, where that isn't plain.

    Raises:
        DataError: It can't be had, or isn't what it should be.
        UnwritableError: It can't be kept.
        UsageError: The library that downloads is missing.
    """
    path = folder / file.name
    if not path.is_file():
        _download(file, path, mirrors, progress)
    return path, _verified(file, path)


def _verified(file: PublishedFile, path: Path) -> str:
    """Checks a file's digest; one that nobody knew is recorded, and holds from then on."""
    digest = _sha256(path)
    known = _recorded(path.parent)
    expected = file.sha256 or known.get(file.name, "")
    if expected and digest != expected:
        which = "published" if file.sha256 else "first downloaded"
        raise DataError(
            f"{path}: not the file that was {which} (sha256 {digest[:16]}..., not {expected[:16]}...); delete it"
        )
    if not expected:
        write_atomic(path.parent / DIGESTS, json.dumps({**known, file.name: digest}, indent=2) + "\n")
    if file.sha256:
        return ""
    said = "recorded now" if not expected else "that of the first download"
    return f"{file.name}: no digest of the public file was known to check it against; sha256 {digest} is {said}"


def _recorded(folder: Path) -> dict[str, str]:
    try:
        content = json.loads((folder / DIGESTS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / DIGESTS}: damaged: {error}; delete it to trust the files that are there") from None
    return {str(name): str(digest) for name, digest in content.items()} if isinstance(content, dict) else {}


def _sha256(path: Path) -> str:
    with open(path, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _download(file: PublishedFile, path: Path, mirrors: Sequence[str], progress: Progress) -> None:
    """Tries the addresses in turn."""
    pooch = _pooch()
    pooch.get_logger().setLevel("ERROR")
    failures = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise closed(path.parent, error) from None
    for url in (*(f"{mirror.rstrip('/')}/{file.name}" for mirror in mirrors), *file.urls):
        part = path.with_name(f".{file.name}.{crc32(url.encode()):08x}.part")
        known = f"sha256:{file.sha256}" if file.sha256 else None
        try:
            pooch.retrieve(
                url, known, fname=path.name, path=path.parent, downloader=_Resuming(part, progress, file.name)
            )
            return
        except (OSError, ValueError) as error:  # requests' errors are OSErrors; a wrong digest is a ValueError
            if isinstance(error, OSError) and error.errno in REMEDIES_OF:  # of this machine, which theirs don't say
                raise closed(path.parent, error) from None
            failures.append(f"{url}: {_reason(error)}")
    raise DataError("\n  ".join([_by_hand(file, path), *failures]))


def _reason(error: Exception) -> str:
    if isinstance(error, ValueError) and "hash" in str(error).lower():
        return "another file than the published one (its sha256 differs)"
    cause = getattr(error, "args", ("",))[0]
    inner = getattr(cause, "reason", cause)  # without the names of classes that urllib3 puts round it
    return " ".join(str(inner).split())[:160] or type(error).__name__


def _by_hand(file: PublishedFile, path: Path) -> str:
    digest = f", sha256 {file.sha256}" if file.sha256 else ""
    return (
        f"{file.name}: can't be downloaded; where there is a network, fetch it from one of the addresses below, put it "
        f"at {path}{digest}, and run this again; or name a folder on a server that has it, --mirror URL"
    )


class _Resuming:
    """Downloads for pooch: what came before a connection broke is kept, and the rest is asked for.

    Args:
        part: Where the beginning is kept until the whole is there.
        progress: Is told what has come.
        name: Of the file, for it.
    """

    def __init__(self, part: Path, progress: Progress, name: str) -> None:
        self._part, self._progress, self._name = part, progress, name

    def __call__(self, url: str, output: str, pooch: Any) -> None:
        """Writes what an address gives into a file."""
        import requests

        start = self._part.stat().st_size if self._part.exists() else 0
        headers = {"Range": f"bytes={start}-"} if start else {}
        with requests.get(url, stream=True, timeout=PATIENCE, headers=headers) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                self._part.unlink()
                raise OSError("what was kept of it isn't a beginning of this file; run it again")
            answer.raise_for_status()
            if answer.headers.get("Content-Type", "").startswith("text/html"):
                raise OSError("a web page instead of the file: a quota, a login or a notice")
            resumed = answer.status_code == requests.codes.partial_content
            self._write(answer.iter_content(CHUNK), start if resumed else 0, _length(answer))
        os.replace(self._part, output)

    def _write(self, chunks: Iterable[bytes], start: int, length: int) -> None:
        done, total = start, start + length if length else 0
        with open(self._part, "ab" if start else "wb") as file:
            for chunk in chunks:
                file.write(chunk)
                done += len(chunk)
                self._progress(self._name, done, total)
        if total and done < total:
            raise OSError(f"the connection ended after {done:,} of {total:,} bytes; run it again to go on")


def _length(answer: Any) -> int:
    """Bytes of an answer, 0 where it doesn't say."""
    packed = answer.headers.get("Content-Encoding", "identity") != "identity"  # what is counted then is unpacked
    length = answer.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() and not packed else 0
