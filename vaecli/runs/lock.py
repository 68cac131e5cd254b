"""One writer a folder: a lock that decides, and a file beside it that says who has it."""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from inspect import signature
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from vaecli.core.errors import UsageError
from vaecli.core.files import closed, sweep, write_atomic

LOCK, OWNER = ".lock", ".owner.json"
"""The locked file, which stays when the lock is released, and who holds it, which doesn't."""

PATIENCE = 1.0
"""Seconds for which a lock is tried: whoever looks at a folder holds it for a moment."""

GLANCE = 0.1
"""Seconds for which a lock without a living owner is tried by whoever looks whether it is held."""

HEARTBEAT, SILENCE = 15.0, 120.0
"""Seconds between two signs of life of an owner, and without one after which it counts as dead; they decide only where
a file system has no locks."""

NO_LOCKS = frozenset(getattr(errno, name) for name in ("ENOLCK", "ENOSYS", "EOPNOTSUPP", "ENOTSUP"))
"""What a file system without locks answers, such as a network one without its lock server."""


OF_THE_SYSTEM: dict[str, Any] = (
    {"fallback_to_soft": False} if "fallback_to_soft" in signature(FileLock.__init__).parameters else {}
)
"""What keeps the library, from 4 on, from taking a file that is there for a lock where the system has none: such a file
outlives its owner."""


class FolderLock:
    """The right to write in a folder; the system takes it back when its process dies.

    Args:
        folder: Made when the lock is taken, if need be.
        inside: Its folders that are written under the same lock.
    """

    def __init__(self, folder: Path, inside: tuple[str, ...] = ()) -> None:
        self.folder, self.inside = folder, inside
        self._lock = FileLock(folder / LOCK, timeout=PATIENCE, **OF_THE_SYSTEM)
        self._depth = 0

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Holds the lock; may be nested. What killed writers left half written is swept away.

        Raises:
            UsageError: Another process holds it, by number and host; or the folder's name is that of a file.
            UnwritableError: The folder can't be made or written.
        """
        if not self._depth:
            self._take()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth:
                self._give_back()

    def _take(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._acquire()
        except Timeout:
            raise UsageError(in_use_message(self.folder)) from None
        except OSError as error:
            raise closed(self.folder, error) from None
        for folder in (self.folder, *(self.folder / name for name in self.inside)):
            sweep(folder)
        since = datetime.now(UTC).isoformat(timespec="seconds")
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": since, "machine": this_machine()}
        try:
            write_atomic(self.folder / OWNER, json.dumps(owner))
        except BaseException:
            self._lock.release()
            raise
        self._ended = threading.Event()
        threading.Thread(target=_beat, args=(self.folder / OWNER, self._ended), daemon=True).start()

    def _acquire(self) -> None:
        try:
            self._lock.acquire(timeout=PATIENCE)
        except (OSError, NotImplementedError) as error:  # the latter of the library before 4, for ENOSYS
            if isinstance(error, OSError) and (isinstance(error, Timeout) or error.errno not in NO_LOCKS):
                raise
            if beats(self.folder):
                raise Timeout(str(self.folder / LOCK)) from None

    def _give_back(self) -> None:
        self._ended.set()
        with suppress(OSError):  # the folder can't be written any more; the lock is what counts
            (self.folder / OWNER).unlink(missing_ok=True)
        self._lock.release()


def _beat(owner: Path, ended: threading.Event) -> None:
    while not ended.wait(HEARTBEAT):
        with suppress(OSError):  # a network that is away for a moment; the next sign may reach the disk
            os.utime(owner)


def in_use(folder: Path) -> bool:
    """Whether a process holds the folder's lock; whatever the owner file says, which may name a process long gone."""
    lock = folder / LOCK
    if not lock.exists():
        return False
    probe = FileLock(lock, timeout=0, **OF_THE_SYSTEM)
    try:
        probe.acquire(timeout=0)
    except Timeout:
        return sign_of_owner(folder) == "alive" or not _comes_free(probe)
    except (OSError, NotImplementedError):  # no locks here, or a folder that may only be read
        return beats(folder)
    probe.release()
    return False


def _comes_free(probe: FileLock) -> bool:
    """Whether a lock is let go of at once, as by somebody else who looks whether it is held."""
    try:
        probe.acquire(timeout=GLANCE, poll_interval=0.01)
    except Timeout:
        return False
    probe.release()
    return True


def beats(folder: Path) -> bool:
    """Whether the folder's owner has given a sign of life lately."""
    try:
        return time.time() - (folder / OWNER).stat().st_mtime < SILENCE
    except OSError:
        return False


def read_owner(folder: Path) -> dict[str, Any] | None:
    """``pid``, ``host`` and ``since`` of the last process that held the lock and didn't release it in order."""
    try:
        owner = json.loads((folder / OWNER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return owner if isinstance(owner, dict) and isinstance(owner.get("pid"), int) else None


Sign = Literal["alive", "silent", "gone", "none"]
"""What is seen of a folder's owner: that it lives; that it has given no sign of life for `SILENCE`; that its process,
one of this machine, has ended without giving the lock back; that there is no owner."""


def sign_of_owner(folder: Path) -> Sign:
    """What is seen of the owner of a folder without touching its lock, by a reader who must not stand in the way."""
    owner = read_owner(folder)
    if owner is None:
        return "none"
    machine = this_machine()
    if machine and owner.get("machine") == machine and not _is_process(owner["pid"]):
        return "gone"
    return "alive" if beats(folder) else "silent"


def this_machine() -> str:
    """What sets the process numbers seen here apart from those of other machines and containers; empty if unknown.

    The kernel's start and the namespace of process numbers: hosts share names, and containers share kernels.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _is_process(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


def in_use_message(folder: Path) -> str:
    """``runs/x is in use by process 4711 on host since ...; wait for it, or stop it``."""
    owner = read_owner(folder)
    if owner is None:
        return f"{folder} is in use by another process, which holds {folder / LOCK}; wait for it, or stop it"
    who = f"process {owner['pid']} on {owner.get('host')} since {owner.get('since')}"
    return f"{folder} is in use by {who}; wait for it, or stop it (kill {owner['pid']} there)"
