"""The files of a corpus: three in a folder, of one kind, or a single one that holds all sentences."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

from vaecli.core.errors import DataError, UsageError, near_names
from vaecli.corpus.origins import ACCEPTED, KINDS, PACKED, SPLITS, file_kind
from vaecli.corpus.text_files import TextFile

ALSO_CALLED = {"train": ("train",), "valid": ("val", "dev"), "test": ("test",)}
"""What is in the names that other programs give to the files of a split."""


def read_path(path: Path) -> dict[str, TextFile]:
    """The files of a folder by split, or the one file as ``train`` alone, unpacked.

    Raises:
        DataError: A split is missing or there twice, the kinds differ, or a file can't be read.
        UsageError: A library that unpacks is missing.
    """
    return {part: read_file(file) for part, file in find_files(path).items()}


def find_files(path: Path) -> dict[str, Path]:
    """The files of a folder by split, or the one file as ``train`` alone.

    Raises:
        DataError: See `read_path`.
    """
    if not path.is_dir():
        return {"train": _one_file(path)}
    names = sorted(p.name for p in path.iterdir() if not p.name.startswith("."))
    claims: dict[str, list[str]] = {part: [] for part in SPLITS}
    for name in names:
        named = file_kind(name)
        if named.kind and named.stem in claims:
            claims[named.stem].append(name)
    for part, claiming in claims.items():
        if len(claiming) > 1:
            raise DataError(f"{path}: {' and '.join(claiming)} both claim to be {part}; keep one of them there")
    kinds = {file_kind(claiming[0]).kind: claiming[0] for claiming in claims.values() if claiming}
    if len(kinds) > 1:
        raise DataError(f"{path}: {' and '.join(kinds.values())} are of different kinds; write all three splits as one")
    kind = next(iter(kinds), ".txt")
    for part, claiming in claims.items():
        if not claiming:
            raise _missing(path, f"{part}{kind}", kind, names)
    return {part: path / claiming[0] for part, claiming in claims.items()}


def _one_file(path: Path) -> Path:
    kind = file_kind(path.name)
    if not kind.kind:
        raise DataError(f"{path} (--data): not a kind of file that is read; give {ACCEPTED}")
    siblings = {file_kind(p.name).stem for p in path.parent.iterdir() if file_kind(p.name).kind == kind.kind}
    if kind.stem in SPLITS and siblings.issuperset(SPLITS):
        raise DataError(f"{path} (--data): one of three splits; give their folder, --data {path.parent}")
    return path


def read_file(path: Path) -> TextFile:
    """A file's bytes, unpacked.

    Raises:
        DataError: It is no regular file, unreadable or damaged.
        UsageError: The library that unpacks it is missing.
    """
    try:
        if not path.is_file():
            what = "a folder" if path.is_dir() else "no regular file"
            raise DataError(f"{path}: {what}, where a text file should be")
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: can't read it: {error.strerror}") from None
    kind = file_kind(path.name)
    return TextFile(path, _UNPACK[kind.packing](path, data), kind.kind)


def _gunzip(path: Path, data: bytes) -> bytes:
    try:
        return gzip.decompress(data)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: named .gz, but no whole gzip file: {error}; fetch or pack it again") from None


def _unzstd(path: Path, data: bytes) -> bytes:
    if not data:
        return data
    unpack, fault = _zstd()
    try:
        return unpack(data)
    except (fault, EOFError) as error:
        raise DataError(f"{path}: named .zst, but no whole zstd file: {error}; fetch or pack it again") from None


def _zstd() -> tuple[Callable[[bytes], bytes], type[Exception]]:
    """What unpacks zstd, of the standard library where it has it, and what it raises."""
    if sys.version_info >= (3, 14):
        from compression import zstd

        return zstd.decompress, zstd.ZstdError
    try:
        import zstandard
    except ImportError:
        raise UsageError("files that end in .zst need a library: pip install 'vaecli[zst]'") from None

    def unpack(data: bytes) -> bytes:
        # a one-shot call would stop after the first frame, and need its size written in it
        parts, frame = [], zstandard.ZstdDecompressor().decompressobj()
        while True:
            parts.append(frame.decompress(data))
            if not frame.eof:
                raise EOFError("it ends inside a frame")
            if not (data := frame.unused_data):
                return b"".join(parts)
            frame = zstandard.ZstdDecompressor().decompressobj()

    return unpack, zstandard.ZstdError


_UNPACK: dict[str, Callable[[Path, bytes], bytes]] = {"": lambda _, data: data, ".gz": _gunzip, ".zst": _unzstd}


def _missing(folder: Path, needed: str, kind: str, names: list[str]) -> DataError:
    """Names the file that the missing one may be called, or what the folder holds."""
    splits = {f"{part}{kind}" for part in SPLITS}
    stem = file_kind(needed).stem
    others = [name for name in names if name not in splits and (folder / name).is_file()]
    same_part = [name for name in others if any(part in name.lower() for part in ALSO_CALLED[stem])]
    near = same_part or near_names(needed, others)
    readable = [name for name in names if file_kind(name).kind]
    if len(near) == 1:
        hint = f"if {near[0]!r} is that file, rename it or link it: `ln -s {near[0]!r} {needed}` in the folder"
    elif len(readable) == 1 and not readable[0].startswith(SPLITS):
        hint = f"--data {folder / readable[0]} takes this one file, and splits it"
    elif files := [name for name in names if (folder / name).is_file()]:
        hint = f"it holds {', '.join(files[:8])}{', ...' if len(files) > 8 else ''}"
    elif names:
        folders = f"{', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"
        hint = f"it holds folders only ({folders}), of which one may be a corpus"
    else:
        hint = "it is empty"
    rule = " and".join(", ".join(f"{part}{kind}" for part in SPLITS).rsplit(",", 1))
    kinds = f"; {', '.join(KINDS)} and {' or '.join(PACKED)} of each are read" if not readable else ""
    return DataError(f"{folder}: no {needed} (a corpus is {rule}{kinds}); {hint}")
