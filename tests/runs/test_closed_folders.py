"""Folders that can't be written, which is the machine's affair, and links, which are not followed."""

import errno
import os
from pathlib import Path

import pytest

from vaecli.config import RunConfig, build_config
from vaecli.core.errors import UnwritableError, UsageError
from vaecli.runs.folder import RunFolder, run_path


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_can_not_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UnwritableError, match="can't write there: Permission denied; name a place that you may"):
        RunFolder(tmp_path / "a").create(RunConfig())


@pytest.mark.parametrize(
    ("number", "kind", "told"),
    [
        (errno.ENOSPC, UnwritableError, "No space left on device; free some space"),
        (errno.EROFS, UnwritableError, "Read-only file system; name a place on a disk that can be written$"),
        (errno.ENOTDIR, UsageError, "Not a directory$"),
    ],
)
def test_a_folder_that_can_not_be_made_is_the_machine_s_affair(tmp_path, monkeypatch, number, kind, told):
    def refuse(self, *arguments, **options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(kind, match=f"seed-0: can't write there: {told}") as caught:
        RunFolder(tmp_path / "exp" / "bn" / "seed-0").create(RunConfig())
    assert caught.value.exit_code == (6 if kind is UnwritableError else 2)


def test_linked_checkpoints_are_not_written_in(tmp_path):
    folder = RunFolder(tmp_path / "exp" / "bn" / "seed-0").create(build_config({"method": "bn"}))
    folder.checkpoint_path.symlink_to(tmp_path)
    with pytest.raises(UsageError, match="checkpoint is a link to"):
        folder.lock()


@pytest.mark.parametrize("level", ["experiment", "method"])
def test_linked_folders_are_not_written_in(tmp_path, level):
    path = run_path(tmp_path / "runs", "e", "bn", 0)
    linked = {"experiment": path.parent.parent, "method": path.parent}[level]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    linked.parent.mkdir(parents=True)
    linked.symlink_to(elsewhere)
    with pytest.raises(UsageError, match=rf"{linked.name} is a link to .*elsewhere; an experiment's folder"):
        RunFolder(path).create(build_config({"method": "bn"}))
    assert list(elsewhere.iterdir()) == []


def test_a_linked_out_folder_is_fine(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "runs").symlink_to(tmp_path / "disk")
    RunFolder(run_path(tmp_path / "runs", "e", "bn", 0)).create(build_config({"method": "bn"}))
