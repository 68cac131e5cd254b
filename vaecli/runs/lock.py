"""One writer a folder: a lock that names its owner."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from vaecli.core.errors import UsageError
from vaecli.core.files import sweep, write_atomic

LOCK, OWNER = ".lock", ".owner.json"
"""The locked file, which stays when the lock is released, and who holds it, which doesn't."""


class FolderLock:
    """The right to write in a folder; the system takes it back when its process dies.

    Args:
        folder: Made when the lock is taken, if need be.
        inside: Its folders that are written under the same lock.
    """

    def __init__(self, folder: Path, inside: tuple[str, ...] = ()) -> None:
        self.folder, self.inside = folder, inside
        self._lock = FileLock(folder / LOCK, timeout=0)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Holds the lock; may be nested. What killed writers left half written is swept away.

        Raises:
            UsageError: Another process holds it, by number and host; or the folder can't be written.
        """
        outermost = not self._lock.is_locked
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout:
            raise UsageError(
                f"{self.folder} is in use by {describe_owner(self.folder)}; wait for it or stop it"
            ) from None
        except OSError as error:
            raise UsageError(f"{self.folder}: can't write there: {error.strerror}") from None
        try:
            if outermost:
                for folder in (self.folder, *(self.folder / name for name in self.inside)):
                    sweep(folder)
                since = datetime.now(UTC).isoformat(timespec="seconds")
                owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
                write_atomic(self.folder / OWNER, json.dumps(owner))
            yield
        finally:
            if outermost:
                (self.folder / OWNER).unlink(missing_ok=True)
            self._lock.release()


def read_owner(folder: Path) -> dict[str, Any] | None:
    """``pid``, ``host`` and ``since`` of the last process that held the lock and didn't release it in order."""
    try:
        owner = json.loads((folder / OWNER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return owner if isinstance(owner, dict) and isinstance(owner.get("pid"), int) else None


def describe_owner(folder: Path) -> str:
    """``process 4711 on host``."""
    owner = read_owner(folder)
    return f"process {owner['pid']} on {owner.get('host')}" if owner else "another process"


def owner_lives(folder: Path) -> bool:
    """Whether the owner may still be at work: on another host that can't be known, and is taken for true."""
    owner = read_owner(folder)
    if owner is None:
        return False
    if owner.get("host") != socket.gethostname():
        return True
    try:
        os.kill(owner["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives and belongs to someone else
        pass
    return True
