"""Files that are never seen half written."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from errno import EEXIST, ENAMETOOLONG, ENOENT, ENOTDIR
from pathlib import Path
from typing import Any

from vaecli.core.errors import UnwritableError, UsageError, VaeError
from vaecli.core.resources import REMEDIES_OF

TEMPORARY = re.compile(r"\..+\.\d+\.tmp")
"""Names of the files that a write makes and renames: ``.NAME.PID.tmp``."""


def write_atomic(path: Path, content: str | bytes, *, lasting: bool = True) -> None:
    """Writes a file so that a reader, and the disk after a crash, hold the old or the new one, never a part.

    Args:
        path: Of the file.
        content: All of it.
        lasting: False doesn't wait for the disk: after a crash of the machine the file may be empty.

    Raises:
        UnwritableError: The disk is full or the folder can't be written; the old file is intact.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            if lasting:
                os.fsync(file.fileno())
        os.replace(temporary, path)
        if lasting:
            sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):  # a file system that is only read refuses even this
            temporary.unlink(missing_ok=True)
        raise unwritable(path, len(data), error) from None


def unwritable(path: Path, size: int, error: OSError) -> UnwritableError:
    """The error of a file that can't be written, with the way out where the folder is there.

    Args:
        path: Of the file.
        size: Bytes that were to be written.
        error: Of the system.
    """
    return UnwritableError(f"{path}: can't write {size:,} bytes: {_reason(error)}")


def closed(path: Path, error: OSError) -> VaeError:
    """The error of a folder that can't be made or written in; a `UsageError` where its name is what is wrong.

    Args:
        path: Of the folder, or of a file that is to be in it.
        error: Of the system.
    """
    kind = UsageError if error.errno in (EEXIST, ENOTDIR, ENAMETOOLONG) else UnwritableError
    return kind(f"{path}: can't write there: {_reason(error)}")


def _reason(error: OSError) -> str:
    """What the system says, with the way out."""
    remedy = "" if error.errno in (ENOENT, ENOTDIR) else REMEDIES_OF.get(error.errno or 0, "")
    return f"{error.strerror}; {remedy}" if remedy else str(error.strerror)


def write_output(path: Path, content: str | bytes) -> None:
    """Writes a file that a user has named: whole or not at all, but for a device or a pipe, which nothing replaces.

    Raises:
        UnwritableError: It can't be written; an old file is intact.
    """
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    if path.is_file() or not path.exists():
        write_atomic(path.resolve(), data)  # of a link, what it points to
        return
    try:
        path.write_bytes(data)
    except OSError as error:
        raise unwritable(path, len(data), error) from None


def sync_folder(folder: Path) -> None:
    """Makes a rename in the folder last through a crash, where the system can."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network file systems refuse; the rename itself is done
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> list[Path]:
    """Removes what killed writers left in a folder; only its one writer may call this.

    Returns:
        The files removed.
    """
    if not folder.is_dir():
        return []
    orphans = [p for p in folder.iterdir() if TEMPORARY.fullmatch(p.name) and p.is_file() and not p.is_symlink()]
    for path in orphans:
        path.unlink(missing_ok=True)
    return orphans


def dump_json(values: Mapping[str, Any]) -> str:
    """Indented JSON; ``"inf"``, ``"-inf"`` and ``"nan"`` stand for what is not finite, which JSON lacks."""
    return json.dumps(_encode(values), indent=2, allow_nan=False) + "\n"


def load_json(path: Path) -> dict[str, Any] | None:
    """What `dump_json` wrote; None where there is no file, or no object in it.

    Raises:
        ValueError: It is not JSON.
        OSError: It can't be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if "\\ud" in text.lower():  # half a character, which no file and no terminal takes, raises here
        json.dumps(data, ensure_ascii=False).encode()
    return _decode(data) if isinstance(data, dict) else None


def _encode(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _decode(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _decode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_decode(item) for item in value]
    return float(value) if value in ("inf", "-inf", "nan") else value


def cache_folder() -> Path | None:
    """Where encoded corpora and compiled kernels are kept; None where caching is off."""
    own = os.environ.get("VAE_CACHE", "")
    if own.lower() == "off":
        return None
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        if own:
            return Path(own).expanduser()
        return Path(base) / "vae" if base else Path.home() / ".cache" / "vae"
    except RuntimeError:  # a user without a home, or whom nobody knows
        return None


def at_home(path: str) -> Path:
    """A path with a user's home for a ``~`` at its start; one of whom nobody knows stays as it is."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)
