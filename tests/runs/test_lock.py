"""The lock of a folder on systems that have none."""

import errno
import json
import os
import threading
import time

import pytest
from filelock import FileLock

from vaecli.core.errors import UsageError
from vaecli.runs import lock
from vaecli.runs.lock import LOCK, OWNER, FolderLock, in_use


@pytest.mark.parametrize("said_by", ["the system", "the library"])
def test_where_there_is_no_flock_a_sign_of_life_decides(tmp_path, monkeypatch, said_by):
    """The library says so before version 4, and from there on would take the file itself for a lock."""

    def missing(*arguments, **options):
        raise OSError(errno.ENOSYS, "Function not implemented")

    def refused(self, *arguments, **options):
        raise NotImplementedError("FileSystem does not appear to support flock; use SoftFileLock instead")

    if said_by == "the system":
        monkeypatch.setattr("fcntl.flock", missing)
    else:
        monkeypatch.setattr("filelock.FileLock.acquire", refused)
        monkeypatch.setattr("filelock.FileLock.release", lambda self, force=False: None)
    (tmp_path / LOCK).touch()
    owner = tmp_path / OWNER
    owner.write_text(json.dumps({"pid": 1, "host": "another", "since": "2026-01-01"}))
    assert in_use(tmp_path)
    with pytest.raises(UsageError, match="in use by process 1 on another"):
        FolderLock(tmp_path).hold().__enter__()
    os.utime(owner, (1, 1))
    assert not in_use(tmp_path)
    with FolderLock(tmp_path).hold():
        assert json.loads(owner.read_text())["pid"] == os.getpid()
        assert in_use(tmp_path)
    assert not owner.exists()


def test_who_looks_is_not_taken_for_an_owner(tmp_path, monkeypatch):
    """Two reports at a time of a run whose process was killed."""
    other = FileLock(tmp_path / LOCK, thread_local=False)
    other.acquire()
    assert in_use(tmp_path), "somebody holds it, whoever that is"
    monkeypatch.setattr(lock, "GLANCE", 60.0)  # on a machine that is busy
    threading.Timer(0.03, other.release).start()
    assert not in_use(tmp_path)
    with FolderLock(tmp_path).hold():
        assert in_use(tmp_path)


def test_a_sign_of_life_that_fails_is_not_the_last(tmp_path, monkeypatch):
    """As where a network is away for a moment; an owner without signs would count as dead for good."""
    real, failures = os.utime, [OSError(errno.EIO, "Input/output error")]

    def unsteady(path, *rest, **more):
        if failures:
            raise failures.pop()
        real(path, *rest, **more)

    monkeypatch.setattr(lock, "HEARTBEAT", 0.01)
    with FolderLock(tmp_path).hold():
        real(tmp_path / OWNER, (1, 1))
        monkeypatch.setattr(lock.os, "utime", unsteady)
        deadline = time.monotonic() + 60
        while (failures or (tmp_path / OWNER).stat().st_mtime == 1) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not failures
        assert (tmp_path / OWNER).stat().st_mtime > 1
